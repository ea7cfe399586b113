// SPDX-License-Identifier: BSD-3-Clause
//
// The worker's end of the way of agents' answers, see agent_lane.h. agent_lane_send runs on the worker, the rest on
// the main thread while no worker runs. A frame that finds the port's queue of answers full waits here; a staged one
// has been sent when the queue's head has passed its place, since answers leave in their order.
#include "dataplane/agent_lane.h"

#include <errno.h>
#include <stdio.h>

#include "dataplane/worker.h"

enum { RING_SIZE = 256, PLACES = WEIR_ANSWERS_A_PORT };
static_assert(RING_SIZE > GATEWAY_MAX_PORTS * WEIR_ANSWERS_A_PORT, "the ring takes all that may be on their way");
static_assert((PLACES & (PLACES - 1)) == 0, "numbers may wrap");

int agent_lane_init(struct agent_lane *lane, unsigned index)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "weir-answer-%u", index); // lint: allow snprintf start-up
	lane->down = rte_ring_create(name, RING_SIZE, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	return lane->down ? 0 : -ENOMEM;
}

void agent_lane_fini(struct agent_lane *lane)
{
	void *mbuf;

	while (lane->down && rte_ring_dequeue(lane->down, &mbuf) == 0)
		rte_pktmbuf_free(mbuf);
	for (unsigned port = 0; port < GATEWAY_MAX_PORTS; port++) {
		struct agent_queue *queue = &lane->queue[port];

		while (queue->staged != queue->taken)
			rte_pktmbuf_free(queue->frame[queue->staged++ % PLACES]);
	}
	rte_ring_free(lane->down);
	lane->down = NULL;
}

static void take(struct agent_lane *lane)
{
	struct rte_mbuf *frame[BURST_MAX];
	unsigned n = rte_ring_sc_dequeue_burst(lane->down, (void **)frame, BURST_MAX, NULL);

	for (unsigned i = 0; i < n; i++) {
		struct agent_queue *queue = &lane->queue[frame[i]->port];

		queue->frame[queue->taken++ % PLACES] = frame[i];
	}
}

static void queue_send(struct worker *worker, unsigned port)
{
	struct agent_queue *queue = &worker->agent_lane.queue[port];
	const struct tx_queue *answers = &worker->tx[port].queue[TX_ANSWERS];

	while (queue->staged != queue->taken && tx_length(answers) < worker->tx[port].limit) {
		unsigned at = queue->staged++ % PLACES;

		queue->place[at] = answers->tail;
		tx_push(worker, port, queue->frame[at], TX_AGENT, 0);
	}
	while (queue->sent != queue->staged && (int32_t)(answers->head - queue->place[queue->sent % PLACES]) > 0)
		queue->sent++;
	atomic_store_explicit(&worker->agent_lane.sent[port], queue->sent, memory_order_release);
}

void agent_lane_send(struct worker *worker)
{
	struct agent_lane *lane = &worker->agent_lane;

	take(lane);
	for (unsigned port = 0; port < worker->n_ports; port++)
		if (lane->queue[port].sent != lane->queue[port].taken)
			queue_send(worker, port);
}
