// SPDX-License-Identifier: BSD-3-Clause
//
// The worker's end of the way to the kernel interfaces, see lane.h. lane_send runs on the worker, the
// rest on the main thread while no worker runs.
#include "dataplane/lane.h"

#include <errno.h>
#include <stdio.h>

#include "dataplane/worker.h"

// Frames under way to the kernel hold mbufs that reception wants: few.
enum { RING_SIZE = 512 };

static struct rte_ring *ring_make(const char *what, unsigned index)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "weir-%s-%u", what, index); // lint: allow snprintf start-up
	return rte_ring_create(name, RING_SIZE, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

int lane_init(struct lane *lane, unsigned index)
{
	lane->up = ring_make("up", index);
	lane->down = index == 0 ? ring_make("down", index) : NULL;
	return lane->up && (lane->down || index > 0) ? 0 : -ENOMEM;
}

static void ring_free(struct rte_ring *ring)
{
	void *mbuf;

	while (ring && rte_ring_dequeue(ring, &mbuf) == 0)
		rte_pktmbuf_free(mbuf);
	rte_ring_free(ring);
}

void lane_fini(struct lane *lane)
{
	ring_free(lane->up);
	ring_free(lane->down);
	lane->up = lane->down = NULL;
}

void lane_send(struct worker *worker)
{
	struct rte_mbuf *frame[BURST_MAX];
	struct lane *lane = &worker->lane;
	unsigned n;

	if (!lane->down)
		return;
	n = rte_ring_sc_dequeue_burst(lane->down, (void **)frame, BURST_MAX, NULL);
	for (unsigned i = 0; i < n; i++) {
		lane_count(&lane->down_sent[frame[i]->port], 1);
		tx_push(worker, frame[i]->port, frame[i], TX_KERNEL, 0);
	}
}
