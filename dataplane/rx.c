// SPDX-License-Identifier: BSD-3-Clause
//
// Stage rx: takes a burst from our queue of one port, or from the dispatcher where it polls the
// port. Runs on the worker. Frames are contiguous for the stages that follow: one of several segments is copied to a
// buffer of the worker's for reading, the mbuf stays.
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_prefetch.h>
#include <rte_ring.h>

#include "dataplane/worker.h"

enum { LINEAR_MAX = 65536 + 64 };

static inline void view(struct worker *worker, struct burst *burst, unsigned i)
{
	struct rte_mbuf *mbuf = burst->mbuf[i];
	struct packet *packet = &burst->packet[i];

	packet->length = mbuf->pkt_len;
	if (likely(mbuf->nb_segs == 1)) {
		packet->data = rte_pktmbuf_mtod(mbuf, const uint8_t *);
		return;
	}
	if (packet->length > LINEAR_MAX)
		packet->length = LINEAR_MAX; // longer than any IP datagram: what follows is padding
	packet->data = rte_pktmbuf_read(mbuf, 0, packet->length, worker->linear[i]);
}

static inline unsigned receive(struct worker *worker, struct burst *burst, unsigned port)
{
	const struct port_queue *queue = &worker->ports[port].queue[worker->index];
	struct rte_ring *ring = worker->ring[port];

	if (unlikely(ring != NULL))
		return rte_ring_sc_dequeue_burst(ring, (void **)burst->mbuf, BURST_MAX, NULL);
	return rte_eth_rx_burst(queue->device, queue->number, burst->mbuf, BURST_MAX);
}

unsigned rx(struct worker *worker, struct burst *burst, unsigned port)
{
	unsigned n = receive(worker, burst, port);
	uint64_t bytes = 0, alike = RTE_MBUF_F_RX_L4_CKSUM_MASK, some = 0;

	if (n == 0)
		return 0;
	burst->n = n;
	burst->port = port;
	burst->now = rte_rdtsc();
	burst->n_done = 0;
	burst->whole = burst->opened = 0;
	for (unsigned i = 0; i < n; i++) {
		view(worker, burst, i);
		rte_prefetch0(burst->packet[i].data);
		burst->mbuf[i]->port = (uint16_t)port;
		bytes += burst->packet[i].length;
		alike &= burst->mbuf[i]->ol_flags;
		some |= burst->mbuf[i]->ol_flags;
	}
	// GOOD is one bit of two: NONE has both, BAD the other.
	burst->all_summed = (alike & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD &&
			    (some & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	worker->counters[port].rx += n;
	worker->counters[port].bytes += bytes;
	return n;
}
