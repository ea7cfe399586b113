// SPDX-License-Identifier: BSD-3-Clause
//
// The corridor. A worker takes a burst from each of its ports in turn down all stages, then sends
// what is staged. Every HOUSEKEEPING turns it looks up: publishes its counters, takes back consumed
// slots, takes what the kernel and what agents send, switches to the table that the main thread has left, and
// reports quiescence. Nothing here or below allocates, locks, logs or makes a system call; but for
// a nap where the CPU is shared with the main thread or a dispatcher, which is for trying things.
#include "dataplane/worker.h"

#include <rte_cycles.h>
#include <rte_lcore.h>
#include <string.h>

#include "dataplane/reassemble.h"

enum { HOUSEKEEPING = 256 };

// Cycles since the last call go to `stage`, when stages are timed at all.
static inline void stage_ends(struct worker *worker, bool timed, enum stage_id stage,
			      uint64_t *since)
{
	if (timed) {
		uint64_t now = rte_rdtsc();

		worker->stage_cycles[stage] += now - *since;
		*since = now;
	}
}

// The burst has its verdicts, `cycles` after it was received.
static inline void triage_ends(struct worker *worker, uint64_t cycles)
{
	uint64_t bin = cycles / worker->burst.n / TRIAGE_STEP;

	worker->triaged[bin < TRIAGE_BINS ? bin : TRIAGE_BINS - 1] += worker->burst.n;
}

// One burst from one port; returns its frames. `timed` is a constant where this is inlined.
static inline __attribute__((always_inline)) unsigned corridor(struct worker *worker, unsigned port,
							       bool timed)
{
	struct burst *burst = &worker->burst;
	uint64_t since = timed ? rte_rdtsc() : 0, received;

	if (rx(worker, burst, port) == 0)
		return 0;
	stage_ends(worker, timed, STAGE_RX, &since);
	received = since;
	parse(worker, burst);
	stage_ends(worker, timed, STAGE_PARSE, &since);
	decode(worker, burst);
	stage_ends(worker, timed, STAGE_DECODE, &since);
	classify(worker, burst);
	stage_ends(worker, timed, STAGE_CLASSIFY, &since);
	if (timed)
		triage_ends(worker, since - received);
	police(worker, burst);
	stage_ends(worker, timed, STAGE_POLICE, &since);
	act(worker, burst);
	if (burst->n_done > 0)
		rte_pktmbuf_free_bulk(burst->done, burst->n_done);
	stage_ends(worker, timed, STAGE_ACT, &since);
	tx(worker);
	stage_ends(worker, timed, STAGE_TX, &since);
	worker->stage_frames += timed ? burst->n : 0;
	return burst->n;
}

// A turn begins at `now`: how long the one before took, with what housekeeping came after it. That in which a new table
// was taken up belongs to the old one.
static inline void turn_begins(struct worker *worker, uint64_t now)
{
	struct turn_window *window = worker->window;
	uint64_t generation = worker->live->generation;

	if (window) {
		if (now - window->last > window->longest)
			window->longest = now - window->last;
		window->last = now;
	}
	if (!window || window->generation != generation) {
		window = &worker->windows[generation % TURN_WINDOWS];
		*window = (struct turn_window){ .generation = generation, .began = now, .last = now };
		worker->window = window;
	}
}

static void show_as_held(void *context, const struct rte_mbuf *mbuf, enum tx_kind kind)
{
	struct weir_counters *shown = context;

	if (kind == TX_KERNEL || kind == TX_AGENT || kind == TX_PART)
		return;
	shown += mbuf->port;
	if (kind == TX_ANSWER) {
		shown->answers--;
		return;
	}
	shown->disposition[kind == TX_REPLY ? WEIR_REPLY : WEIR_FORWARD]--;
	shown->answers -= kind == TX_REPLY;
	shown->disposition[WEIR_HELD]++;
}

// What is staged was counted as sent when it was staged: shown as held until it is.
static void publish(struct worker *worker)
{
	struct weir_counters shown[GATEWAY_MAX_PORTS];

	memcpy(shown, worker->counters, worker->n_ports * sizeof(shown[0]));
	tx_each(worker, show_as_held, shown);
	for (uint32_t port = 0; port < worker->n_ports; port++)
		segment_counters_put(&worker->published[port], &shown[port]);
	atomic_store_explicit(&worker->shared->turns, worker->turns, memory_order_relaxed);
	atomic_store_explicit(&worker->shared->busy_cycles, worker->busy_cycles,
			      memory_order_relaxed);
	atomic_store_explicit(&worker->shared->cycles, rte_rdtsc() - worker->started,
			      memory_order_relaxed);
}

static void take_up(struct worker *worker, struct paths *paths)
{
	worker->paths = paths;
	worker->live = paths->live;
	atomic_store_explicit(&worker->shared->generation, paths->live->generation, memory_order_release);
}

// Quiescence is reported before the table is looked at: whoever sees our report of a token knows
// that we use nothing older than the table that stood there when the token was drawn.
static void housekeep(struct worker *worker)
{
	struct paths *current;

	punt_reclaim(worker);
	lane_send(worker);
	agent_lane_send(worker);
	reassemble_expire(worker);
	publish(worker);
	rte_rcu_qsbr_quiescent(worker->handover->qsbr, worker->index);
	current = atomic_load_explicit(&worker->handover->current, memory_order_acquire);
	if (current != worker->paths)
		take_up(worker, current);
}

static inline __attribute__((always_inline)) void run(struct worker *worker, bool timed)
{
	unsigned naps = 0;

	while (!atomic_load_explicit(&worker->handover->stop, memory_order_relaxed)) {
		unsigned all = 0;

		for (unsigned turn = 0; turn < HOUSEKEEPING; turn++) {
			uint64_t before = rte_rdtsc();
			unsigned n = 0;

			if (timed)
				turn_begins(worker, before);
			for (unsigned i = 0; i < worker->n_polls; i++)
				n += corridor(worker, worker->poll[i], timed);
			worker->turns++;
			if (n > 0)
				worker->busy_cycles += rte_rdtsc() - before;
			else
				tx(worker); // what a full port left over
			all += n;
		}
		housekeep(worker);
		if (all > 0)
			naps = 0;
		else if (worker->shares_cpu)
			worker_nap(naps++);
	}
}

// Takes what the dispatcher handed over before it ended.
static void drain(struct worker *worker)
{
	bool last;

	do {
		last = atomic_load_explicit(&worker->handover->dispatched, memory_order_acquire);
		for (unsigned i = 0; i < worker->n_polls; i++)
			while (worker->ring[worker->poll[i]] &&
			       corridor(worker, worker->poll[i], false) > 0)
				;
		if (!last && worker->shares_cpu)
			worker_nap(0);
	} while (!last);
}

int worker_run(void *argument)
{
	struct worker *worker = argument;

	rte_rcu_qsbr_thread_online(worker->handover->qsbr, worker->index);
	worker->started = rte_rdtsc();
	take_up(worker, atomic_load_explicit(&worker->handover->current, memory_order_acquire));
	if (worker->time_stages)
		run(worker, true);
	else
		run(worker, false);
	drain(worker);
	reassemble_end(worker);
	punt_end(worker);
	agent_lane_send(worker);
	tx(worker);
	agent_lane_send(worker); // those have left
	tx_abandon(worker);
	publish(worker);
	rte_rcu_qsbr_thread_offline(worker->handover->qsbr, worker->index);
	return 0;
}
