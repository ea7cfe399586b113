// SPDX-License-Identifier: BSD-3-Clause
//
// Stage tx, see tx.h. Runs on the worker. A frame is in at most one queue; the messages staged are
// the queues' lengths and never above limit; per priority, frames leave in the order they came.
#include "dataplane/tx.h"

#include <errno.h>
#include <rte_ethdev.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/act.h"
#include "dataplane/worker.h"

// The kind travels in the mbuf's hash word, which no PMD reads on transmit.
static void kind_set(struct rte_mbuf *mbuf, enum tx_kind kind)
{
	mbuf->hash.usr = kind;
}

enum tx_kind tx_kind_of(const struct rte_mbuf *mbuf)
{
	return (enum tx_kind)mbuf->hash.usr;
}

int tx_init(struct tx *tx, uint16_t port, uint16_t queue_id, uint32_t limit)
{
	uint32_t size = rte_align32pow2(limit);

	tx->port = port;
	tx->queue_id = queue_id;
	tx->limit = limit;
	tx->mask = size - 1;
	tx->frame_max = UINT32_MAX;
	for (unsigned p = 0; p < TX_N_QUEUES; p++) {
		tx->queue[p].frame =
			calloc(size, sizeof(struct rte_mbuf *)); // lint: allow calloc start-up
		if (!tx->queue[p].frame)
			return -ENOMEM;
	}
	return 0;
}

void tx_fini(struct tx *tx)
{
	for (unsigned p = 0; p < TX_N_QUEUES; p++) {
		struct tx_queue *queue = &tx->queue[p];

		while (queue->frame && queue->head != queue->tail)
			rte_pktmbuf_free(queue->frame[queue->head++ & tx->mask]);
		free(queue->frame); // lint: allow free at the end
		queue->frame = NULL;
	}
}

// Corrects the count of a frame that was staged and will not be sent; `why`, where it is tx_full.
static void give_up_for(struct worker *worker, struct rte_mbuf *mbuf, enum weir_disposition disposition,
			enum weir_reason why)
{
	struct weir_counters *counters = &worker->counters[mbuf->port];
	enum tx_kind kind = tx_kind_of(mbuf);

	if (kind == TX_KERNEL) {
		lane_give_up(&worker->lane, mbuf->port);
	} else if (kind == TX_ANSWER) {
		counters->answers--;
		counters->answers_lost++;
	} else if (kind != TX_AGENT && kind != TX_PART) {
		counters->disposition[kind == TX_REPLY ? WEIR_REPLY : WEIR_FORWARD]--;
		counters->disposition[disposition]++;
		counters->reason[why] += disposition == WEIR_TX_FULL;
		counters->answers -= kind == TX_REPLY;
	}
	if (kind == TX_FORWARD_ACK)
		act_given_up(worker, mbuf);
	else
		rte_pktmbuf_free(mbuf);
}

static void give_up(struct worker *worker, struct rte_mbuf *mbuf, enum weir_disposition disposition)
{
	give_up_for(worker, mbuf, disposition, WEIR_REASON_NO_ROOM);
}

static bool queue_empty(const struct tx *tx, unsigned queue)
{
	return tx->queue[queue].head == tx->queue[queue].tail;
}

static uint32_t messages_staged(const struct tx *tx)
{
	return tx_staged(tx) - tx_length(&tx->queue[TX_ANSWERS]);
}

static void put(struct tx *tx, unsigned queue, struct rte_mbuf *mbuf)
{
	tx->queue[queue].frame[tx->queue[queue].tail++ & tx->mask] = mbuf;
}

// Takes out the youngest of the messages staged in the lowest queue below `queue`; NULL where all
// stand as high.
static struct rte_mbuf *evict_below(struct tx *tx, unsigned queue)
{
	for (unsigned q = TX_N_QUEUES - 1; q > queue; q--) {
		if (q != TX_ANSWERS && !queue_empty(tx, q)) {
			return tx->queue[q].frame[--tx->queue[q].tail & tx->mask];
		}
	}
	return NULL;
}

// How a message that finds staging full of its equals and betters ends.
static enum weir_disposition refused_as(const struct tx *tx, unsigned queue)
{
	for (unsigned q = 0; q < queue; q++)
		if (q != TX_ANSWERS && !queue_empty(tx, q))
			return WEIR_SHED;
	return WEIR_TX_FULL;
}

static void push_answer(struct worker *worker, struct tx *tx, struct rte_mbuf *mbuf)
{
	if (tx_length(&tx->queue[TX_ANSWERS]) == tx->limit) {
		give_up(worker, mbuf, WEIR_TX_FULL);
		return;
	}
	put(tx, TX_ANSWERS, mbuf);
}

void tx_push(struct worker *worker, unsigned port, struct rte_mbuf *mbuf, enum tx_kind kind,
	     unsigned priority)
{
	struct tx *tx = &worker->tx[port];
	struct rte_mbuf *victim = NULL;
	unsigned queue = tx_queue_of(priority);

	kind_set(mbuf, kind);
	if (unlikely(kind >= TX_ANSWER)) {
		push_answer(worker, tx, mbuf);
		return;
	}
	if (unlikely(messages_staged(tx) == tx->limit)) {
		victim = evict_below(tx, queue);
		if (!victim) {
			give_up(worker, mbuf, refused_as(tx, queue));
			return;
		}
	}
	put(tx, queue, mbuf);
	if (unlikely(victim != NULL))
		give_up(worker, victim, WEIR_SHED);
}

bool tx_port_has_room(const struct worker *worker, unsigned port, unsigned n)
{
	return messages_staged(&worker->tx[port]) + n <= worker->tx[port].limit;
}

bool tx_has_room(const struct worker *worker, unsigned n)
{
	for (unsigned port = 0; port < worker->n_ports; port++)
		if (!tx_port_has_room(worker, port, n))
			return false;
	return true;
}

// Copies the first `n` frames of a queue.
static void copy_frames(const struct tx *tx, const struct tx_queue *queue, unsigned n, struct rte_mbuf **out)
{
	uint32_t start = queue->head & tx->mask, to_end = tx->mask + 1 - start, first = n < to_end ? n : to_end;

	memcpy(out, queue->frame + start, first * sizeof(*out));
	memcpy(out + first, queue->frame, (n - first) * sizeof(*out));
}

// Gathers up to BURST_MAX staged frames, highest priority first, without taking them.
static unsigned gather(const struct tx *tx, struct rte_mbuf **out)
{
	unsigned n = 0;

	for (unsigned q = 0; q < TX_N_QUEUES; q++) {
		uint32_t length = tx_length(&tx->queue[q]), of_it = length < BURST_MAX - n ? length : BURST_MAX - n;

		if (of_it == 0)
			continue;
		copy_frames(tx, &tx->queue[q], of_it, out + n);
		n += of_it;
	}
	return n;
}

// Takes the first `n` frames out, in gather's order.
static void take(struct tx *tx, unsigned n)
{
	for (unsigned p = 0; n > 0; p++) {
		struct tx_queue *queue = &tx->queue[p];
		uint32_t length = queue->tail - queue->head, of_it = n < length ? n : length;

		queue->head += of_it;
		n -= of_it;
	}
}

// A device refuses a frame that is too long for it each time, and all that come after it.
static void port_flush(struct worker *worker, struct tx *tx)
{
	struct rte_mbuf *frame[BURST_MAX];

	while (tx_staged(tx) > 0) {
		unsigned n = gather(tx, frame);
		unsigned sent = rte_eth_tx_burst(tx->port, tx->queue_id, frame, (uint16_t)n);

		take(tx, sent);
		if (sent == n)
			continue;
		if (sent > 0 || likely(frame[0]->pkt_len <= tx->frame_max))
			return;
		take(tx, 1);
		give_up_for(worker, frame[0], WEIR_TX_FULL, WEIR_REASON_MTU);
	}
}

void tx(struct worker *worker)
{
	for (unsigned port = 0; port < worker->n_ports; port++)
		if (tx_staged(&worker->tx[port]) > 0)
			port_flush(worker, &worker->tx[port]);
}

static void queue_abandon(struct worker *worker, struct tx *tx, unsigned queue)
{
	struct tx_queue *from = &tx->queue[queue];

	while (from->head != from->tail)
		give_up(worker, from->frame[from->head++ & tx->mask], WEIR_TX_FULL);
}

void tx_abandon(struct worker *worker)
{
	for (unsigned port = 0; port < worker->n_ports; port++) {
		for (unsigned q = 0; q < TX_N_QUEUES; q++)
			if (q != TX_ANSWERS)
				queue_abandon(worker, &worker->tx[port], q);
		tx(worker); // the answers to their senders
	}
	for (unsigned port = 0; port < worker->n_ports; port++)
		queue_abandon(worker, &worker->tx[port], TX_ANSWERS);
}

void tx_each(const struct worker *worker,
	     void (*each)(void *context, const struct rte_mbuf *mbuf, enum tx_kind kind),
	     void *context)
{
	for (unsigned port = 0; port < worker->n_ports; port++) {
		const struct tx *tx = &worker->tx[port];

		for (unsigned p = 0; p < TX_N_QUEUES; p++)
			for (uint32_t at = tx->queue[p].head; at != tx->queue[p].tail; at++)
				each(context, tx->queue[p].frame[at & tx->mask],
				     tx_kind_of(tx->queue[p].frame[at & tx->mask]));
	}
}
