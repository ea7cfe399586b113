// SPDX-License-Identifier: BSD-3-Clause
//
// Stage tx: frames for a port wait in one queue per priority and leave highest priority first.
// While the port keeps up the queues empty each turn. When it backs up, they fill to `limit`
// together, and then a new frame pushes out one of the lowest priority staged (`shed`), or, where
// nothing staged is lower, is itself given up (`shed` when it is lower than something staged,
// `tx_full` when all are its equals). Answers to senders have a queue and a limit of their own,
// behind emergencies: giving up a message must not cost its answer. What the kernel sends goes with them: it takes
// no room from messages, and an overload of messages ends no BGP session.
//
// A staged frame is already counted as what it will be (forward, reply, an answer); worker_publish
// shows it as `held` until it is sent, tx_give_up corrects the count when it is not.
#pragma once

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>

#include "dataplane/abi/names.h"

struct worker;

enum tx_kind {
	TX_FORWARD,     // counted `forward`
	TX_FORWARD_ACK, // the same, and its sender is to be told when it is given up (burst.h:
			// frame_origin)
	TX_REPLY,       // counted `reply`
	TX_PART,        // of a message in fragments, whose last one is counted (reassemble.h)
	TX_ANSWER,      // counted beside a frame that ended otherwise
	TX_KERNEL,      // of the kernel interface, never in the equation (lane.h)
	TX_AGENT,       // an agent's answer, likewise (agent_lane.h)
};

// Queues in the order of leaving: emergency, answers, urgent, normal, non-urgent.
enum { TX_ANSWERS = 1, TX_N_QUEUES = WEIR_N_PRIORITIES + 1 };

struct tx_queue {
	struct rte_mbuf **frame; // [tx.mask + 1]
	uint32_t head, tail;     // free-running
};

struct tx {
	struct tx_queue queue[TX_N_QUEUES]; // in the order of leaving
	uint32_t limit;                     // of the answers, and of all others together
	uint32_t mask;
	uint16_t port; // of DPDK
	uint16_t queue_id;
	uint32_t frame_max; // longest frame that the port can be sure to take: a longer one that it refuses is given up
};

// At most `limit` messages and `limit` answers are staged. frame_max is the caller's to lower. 0 or -ENOMEM.
int tx_init(struct tx *tx, uint16_t port, uint16_t queue_id, uint32_t limit);
void tx_fini(struct tx *tx); // frees what is still staged, uncounted: only after tx_abandon

// Stages `mbuf` (taken over) for port index `port`. Its ->port is the index received on. `priority`
// has no meaning from TX_ANSWER on.
void tx_push(struct worker *worker, unsigned port, struct rte_mbuf *mbuf, enum tx_kind kind,
	     unsigned priority);

// Whether a port has room for `n` more frames of messages.
bool tx_port_has_room(const struct worker *worker, unsigned port, unsigned n);

// Whether every port has room for `n` more messages: then tx_put may stage them without asking again.
bool tx_has_room(const struct worker *worker, unsigned n);

static inline uint32_t tx_length(const struct tx_queue *queue)
{
	return queue->tail - queue->head;
}

// Frames staged in all queues, answers included.
static inline uint32_t tx_staged(const struct tx *tx)
{
	uint32_t n = 0;

	for (unsigned q = 0; q < TX_N_QUEUES; q++)
		n += tx_length(&tx->queue[q]);
	return n;
}

// Queue of a message of `priority`.
static inline unsigned tx_queue_of(unsigned priority)
{
	return priority + (priority >= TX_ANSWERS);
}

// tx_push for a message that finds room for certain.
static inline void tx_put(struct tx *tx, struct rte_mbuf *mbuf, enum tx_kind kind,
			  unsigned priority)
{
	struct tx_queue *queue = &tx->queue[tx_queue_of(priority)];

	mbuf->hash.usr = kind; // no PMD reads it on transmit
	queue->frame[queue->tail++ & tx->mask] = mbuf;
}

// Sends what is staged, as far as the ports take it.
void tx(struct worker *worker);

// At the end: gives up every staged frame (`tx_full`); senders that asked are answered where their
// port still takes frames.
void tx_abandon(struct worker *worker);

// Calls `each` for every staged frame of every port.
void tx_each(const struct worker *worker,
	     void (*each)(void *context, const struct rte_mbuf *mbuf, enum tx_kind kind),
	     void *context);

enum tx_kind tx_kind_of(const struct rte_mbuf *mbuf);
