// SPDX-License-Identifier: BSD-3-Clause
//
// The dispatching lcore, see dispatch.h. A frame that is handed over is the worker's from then on, and counted by
// it: here it is only `handed`, and whoever reads the segment shows as held what was handed over and is not received
// yet. All else ends here: sent to a sibling, or shed where a ring is full (and answered: dispatch_answer.c). Nothing
// here allocates, locks or logs; the one system call, a nap, is made only where the dispatcher shares its CPU with
// those it would wait for.
#include "dataplane/dispatch.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_prefetch.h>
#include <string.h>

#include "dataplane/dispatch_look.h"
#include "dataplane/request.h"

enum {
	HOUSEKEEPING = 256,
	PATIENCE_MS = 1000,
	TORN_CYCLES = 65536,
	NATIVE_PRIORITY = 2,
};

static_assert((int)STEER_NATIVE == (int)WEIR_NATIVE && (int)STEER_SIP == (int)WEIR_SIP &&
		      (int)STEER_COAP == (int)WEIR_COAP && (int)STEER_OTHER == (int)WEIR_N_PROTOCOLS,
	      "what a listener speaks, by one number");

static bool is_emergency(const struct dispatch *dispatch, const struct rte_mbuf *mbuf)
{
	struct steered steered;
	struct request request;
	const uint8_t *payload;

	dispatch_look(dispatch, mbuf, &steered);
	if (steered.protocol == STEER_OTHER)
		return false;
	payload = steered.layers.udp + LAYERS_UDP_SIZE;
	if (payload + steered.layers.payload_length > steered.layers.end)
		return false;
	if (steered.protocol == STEER_NATIVE)
		return steered.layers.payload_length >= STEER_NATIVE_SIZE && payload[NATIVE_PRIORITY] == WEIR_EMERGENCY;
	return request_parse(steered.protocol, payload, steered.layers.payload_length, &request) ==
		       WEIR_REASON_NONE &&
	       request_priority(steered.protocol, &request) == WEIR_EMERGENCY;
}

static void count(struct dispatch *dispatch, unsigned port, const struct rte_mbuf *mbuf,
		  enum weir_disposition disposition)
{
	struct weir_counters *counters = &dispatch->counters[port];

	counters->rx++;
	counters->bytes += mbuf->pkt_len;
	counters->disposition[disposition]++;
}

// A frame that ends here for want of room.
static void give_up(struct dispatch *dispatch, unsigned port, struct rte_mbuf *mbuf,
		    enum weir_disposition disposition)
{
	count(dispatch, port, mbuf, disposition);
	dispatch->counters[port].reason[WEIR_REASON_NO_ROOM] += disposition == WEIR_TX_FULL;
	if (!dispatch_answer(dispatch, port, mbuf))
		rte_pktmbuf_free(mbuf);
}

// What waited is sent: a message is forwarded now, an answer was never received.
static void count_sent(struct dispatch *dispatch, unsigned port, enum tx_kind kind)
{
	struct weir_counters *counters = &dispatch->counters[port];

	if (kind == TX_ANSWER) {
		counters->answers++;
		return;
	}
	counters->disposition[WEIR_HELD]--;
	counters->disposition[WEIR_FORWARD]++;
}

void dispatch_flush(struct dispatch *dispatch, unsigned port)
{
	struct outlet *outlet = &dispatch->outlets[port];
	uint16_t n, sent;

	do {
		uint16_t received[BURST_MAX];
		enum tx_kind kind[BURST_MAX];

		n = (uint16_t)RTE_MIN(outlet->n, (uint32_t)BURST_MAX);
		for (unsigned i = 0; i < n; i++) {
			received[i] = outlet->frame[i]->port;
			kind[i] = tx_kind_of(outlet->frame[i]);
		}
		sent = rte_eth_tx_burst(dispatch->ports[port].id, (uint16_t)dispatch->n_workers,
					outlet->frame, n);
		for (unsigned i = 0; i < sent; i++)
			count_sent(dispatch, received[i], kind[i]);
		outlet->n -= sent;
		memmove(outlet->frame, outlet->frame + sent, outlet->n * sizeof(outlet->frame[0]));
	} while (sent == n && outlet->n > 0);
}

static bool from_sibling(const struct dispatch *dispatch, const uint8_t *frame)
{
	for (unsigned i = 0; i < dispatch->n_siblings; i++)
		if (memcmp(frame + 6, dispatch->siblings[i].mac, 6) == 0)
			return true;
	return false;
}

// Sends a message to the sibling that its bucket names. False: it stays here, for it is none that may leave.
static bool move(struct dispatch *dispatch, unsigned port, struct rte_mbuf *mbuf, unsigned sibling,
		 enum steer_protocol protocol)
{
	const struct gateway_sibling *to = &dispatch->siblings[sibling];
	struct outlet *outlet = &dispatch->outlets[to->port];
	uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);

	if (protocol == STEER_OTHER || !dispatch->sends[to->port] || from_sibling(dispatch, frame))
		return false;
	if (outlet->n == DISPATCH_OUTLET)
		dispatch_flush(dispatch, to->port);
	if (outlet->n == DISPATCH_OUTLET) {
		give_up(dispatch, port, mbuf, WEIR_TX_FULL);
		return true;
	}
	memcpy(frame, to->mac, 6);
	memcpy(frame + 6, dispatch->ports[to->port].mac, 6);
	mbuf->port = (uint16_t)port;
	mbuf->hash.usr = TX_FORWARD;
	count(dispatch, port, mbuf, WEIR_HELD);
	outlet->frame[outlet->n++] = mbuf;
	return true;
}

// Lets those run whom the dispatcher keeps from their CPU, until the ring has room; not for one that stands still.
static void wait_for_room(const struct dispatch *dispatch, unsigned worker,
			  const struct rte_ring *ring, unsigned n)
{
	uint64_t end = rte_rdtsc() + rte_get_tsc_hz() / 1000 * PATIENCE_MS;

	while (rte_ring_free_count(ring) < n + DISPATCH_RESERVE && rte_rdtsc() < end &&
	       !atomic_load_explicit(&dispatch->steering->out[worker], memory_order_relaxed))
		worker_nap(0);
}

// The ring is nearly full: emergencies have what is left of it, everything else is shed.
static __attribute__((noinline)) void hand_over_some(struct dispatch *dispatch, unsigned port,
						     unsigned worker)
{
	struct hand *hand = &dispatch->hands[worker];
	struct rte_ring *ring = dispatch->ring[port][worker];
	unsigned room, n = 0;

	if (dispatch->shares_cpu)
		wait_for_room(dispatch, worker, ring, hand->n);
	room = rte_ring_free_count(ring);
	for (unsigned i = 0; i < hand->n; i++) {
		struct rte_mbuf *mbuf = hand->frame[i];

		if (room > DISPATCH_RESERVE || (room > 0 && is_emergency(dispatch, mbuf))) {
			hand->frame[n++] = mbuf;
			room--;
		} else {
			give_up(dispatch, port, mbuf, WEIR_SHED);
		}
	}
	dispatch->counters[port].handed +=
		rte_ring_sp_enqueue_bulk(ring, (void **)hand->frame, n, NULL);
	hand->n = 0;
}

static inline void hand_over(struct dispatch *dispatch, unsigned port, unsigned worker)
{
	struct hand *hand = &dispatch->hands[worker];
	struct rte_ring *ring = dispatch->ring[port][worker];

	if (unlikely(rte_ring_free_count(ring) < hand->n + DISPATCH_RESERVE)) {
		hand_over_some(dispatch, port, worker);
		return;
	}
	rte_ring_sp_enqueue_bulk(ring, (void **)hand->frame, hand->n, NULL);
	dispatch->counters[port].handed += hand->n;
	hand->n = 0;
}

// Finds each frame's taker.
static inline void steer(struct dispatch *dispatch, unsigned port, struct rte_mbuf **frames,
			 unsigned n)
{
	const struct steering_table *table = dispatch->table;
	struct hand *hands = dispatch->hands;

	for (unsigned i = 0; i < n; i++) {
		const uint8_t *data = rte_pktmbuf_mtod(frames[i], const uint8_t *);
		enum steer_protocol protocol = STEER_NATIVE;
		uint32_t bucket;
		uint8_t to;

		if (likely(dispatch_is_plain_native(dispatch, data, frames[i]->data_len)))
			bucket = steer_native(data + PLAIN_PAYLOAD, dispatch->seed);
		else
			bucket = dispatch_bucket(dispatch, frames[i], &protocol);
		to = table->to[bucket];
		if (unlikely(to & WEIR_STEER_SIBLING)) {
			if (move(dispatch, port, frames[i], to ^ WEIR_STEER_SIBLING, protocol))
				continue;
			to = table->local[bucket];
		}
		hands[to].frame[hands[to].n++] = frames[i];
	}
}

// Deals the frames into the workers' hands; a sibling's leave here.
static inline void deal(struct dispatch *dispatch, unsigned port, struct rte_mbuf **frames,
			unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(frames[i], const uint8_t *));
	steer(dispatch, port, frames, n);
}

static inline void hand_all(struct dispatch *dispatch, unsigned port)
{
	for (unsigned w = 0; w < dispatch->n_workers; w++)
		if (dispatch->hands[w].n > 0)
			hand_over(dispatch, port, w);
}

void dispatch_burst(struct dispatch *dispatch, unsigned port, struct rte_mbuf **frames, unsigned n)
{
	deal(dispatch, port, frames, n);
	hand_all(dispatch, port);
}

// Cycles of a burst of which all frames were handed over. One that the scheduler cut in two says nothing.
static void note_stages(struct dispatch *dispatch, unsigned n,
			const uint64_t at[N_DISPATCH_STAGES + 1])
{
	if (at[N_DISPATCH_STAGES] - at[0] > TORN_CYCLES)
		return;
	for (unsigned s = 0; s < N_DISPATCH_STAGES; s++)
		dispatch->stage_cycles[s] += at[s + 1] - at[s];
	dispatch->stage_frames += n;
}

// One burst from a queue of a port; returns its frames. `timed` is a constant where this is inlined.
static inline __attribute__((always_inline)) unsigned poll_queue(struct dispatch *dispatch,
								 unsigned port, unsigned queue,
								 bool timed)
{
	const struct port_queue *from = &dispatch->ports[port].queue[queue];
	const uint64_t handed = dispatch->counters[port].handed;
	uint64_t at[N_DISPATCH_STAGES + 1] = { timed ? rte_rdtsc() : 0 };
	struct rte_mbuf *frames[BURST_MAX];
	unsigned n = rte_eth_rx_burst(from->device, from->number, frames, BURST_MAX);

	if (n == 0)
		return 0;
	at[DISPATCH_STEER] = timed ? rte_rdtsc() : 0;
	deal(dispatch, port, frames, n);
	at[DISPATCH_HAND] = timed ? rte_rdtsc() : 0;
	hand_all(dispatch, port);
	at[N_DISPATCH_STAGES] = timed ? rte_rdtsc() : 0;
	if (timed && dispatch->counters[port].handed == handed + n)
		note_stages(dispatch, n, at);
	return n;
}

static inline __attribute__((always_inline)) unsigned poll_port(struct dispatch *dispatch,
								unsigned port, bool timed)
{
	unsigned n = 0;

	for (unsigned queue = 0; queue < dispatch->ports[port].n_queues; queue++)
		n += poll_queue(dispatch, port, queue, timed);
	return n;
}

void dispatch_housekeep(struct dispatch *dispatch)
{
	for (uint32_t port = 0; port < dispatch->n_ports; port++)
		segment_counters_put(&dispatch->published[port], &dispatch->counters[port]);
	atomic_store_explicit(&dispatch->shared->turns, dispatch->turns, memory_order_relaxed);
	atomic_store_explicit(&dispatch->shared->busy_cycles, dispatch->busy_cycles,
			      memory_order_relaxed);
	atomic_store_explicit(&dispatch->shared->cycles, rte_rdtsc() - dispatch->started,
			      memory_order_relaxed);
	dispatch->table = atomic_load_explicit(&dispatch->steering->current, memory_order_acquire);
	atomic_store_explicit(&dispatch->steering->used, dispatch->table->version,
			      memory_order_release);
}

static void outlets_flush(struct dispatch *dispatch)
{
	for (unsigned port = 0; port < dispatch->n_ports; port++)
		if (dispatch->outlets[port].n > 0)
			dispatch_flush(dispatch, port);
}

static inline __attribute__((always_inline)) void run(struct dispatch *dispatch, bool timed)
{
	while (!atomic_load_explicit(&dispatch->handover->stop, memory_order_relaxed)) {
		unsigned all = 0;

		for (unsigned turn = 0; turn < HOUSEKEEPING; turn++) {
			uint64_t before = rte_rdtsc();
			unsigned n = 0;

			for (unsigned i = 0; i < dispatch->n_polls; i++)
				n += poll_port(dispatch, dispatch->poll[i], timed);
			outlets_flush(dispatch);
			dispatch->turns++;
			if (n > 0)
				dispatch->busy_cycles += rte_rdtsc() - before;
			all += n;
		}
		dispatch_housekeep(dispatch);
		if (all == 0 && dispatch->shares_cpu)
			worker_nap(0);
	}
}

// Gives up what no port has taken.
static void outlets_abandon(struct dispatch *dispatch)
{
	for (unsigned port = 0; port < dispatch->n_ports; port++) {
		struct outlet *outlet = &dispatch->outlets[port];

		for (unsigned i = 0; i < outlet->n; i++) {
			struct weir_counters *counters =
				&dispatch->counters[outlet->frame[i]->port];

			if (tx_kind_of(outlet->frame[i]) == TX_ANSWER) {
				counters->answers_lost++;
			} else {
				counters->disposition[WEIR_HELD]--;
				counters->disposition[WEIR_TX_FULL]++;
				counters->reason[WEIR_REASON_NO_ROOM]++;
			}
			rte_pktmbuf_free(outlet->frame[i]);
		}
		outlet->n = 0;
	}
}

int dispatch_run(void *argument)
{
	struct dispatch *dispatch = argument;

	dispatch->started = rte_rdtsc();
	dispatch_housekeep(dispatch);
	if (dispatch->time_stages)
		run(dispatch, true);
	else
		run(dispatch, false);
	outlets_flush(dispatch);
	outlets_abandon(dispatch);
	dispatch_housekeep(dispatch);
	atomic_store_explicit(&dispatch->handover->dispatched, true, memory_order_release);
	return 0;
}
