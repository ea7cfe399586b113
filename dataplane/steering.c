// SPDX-License-Identifier: BSD-3-Clause
//
// Steering, see steering.h. Main thread. `current` always points to a whole table; the other of the two is written only
// when the dispatcher has said that it uses `current`, so it never reads a table that changes.
#include "dataplane/steering.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/log.h"
#include "ebpf/steer.h"

// A main thread that was away itself must not blame the workers: of the time between two looks no more than STEP
// counts.
enum { STALLED_MS = 500, STEP_MS = 50 };

static_assert((int)STEER_BUCKETS == (int)WEIR_STEER_BUCKETS, "one table");
static_assert((int)GATEWAY_MAX_WORKERS < (int)WEIR_STEER_SIBLING,
	      "a byte tells workers from siblings");

// The workers that may be dealt to, in `list`: those that run and that somebody wants to have something, else those
// that run, else all.
static unsigned takers(const struct steering *steering, uint8_t list[GATEWAY_MAX_WORKERS])
{
	bool wanted[GATEWAY_MAX_WORKERS] = { false };
	unsigned n = 0;

	for (unsigned b = 0; b < WEIR_STEER_BUCKETS; b++)
		if (!(steering->wanted[b] & WEIR_STEER_SIBLING))
			wanted[steering->wanted[b]] = true;
	for (unsigned pass = 0; n == 0 && pass < 3; pass++)
		for (unsigned w = 0; w < steering->n_workers; w++)
			if (pass == 2 || (!steering->out[w] && (pass == 1 || wanted[w])))
				list[n++] = (uint8_t)w;
	return n;
}

static void table_fill(const struct steering *steering, struct steering_table *table)
{
	uint8_t list[GATEWAY_MAX_WORKERS];
	unsigned n = takers(steering, list), orphans = 0, moved = 0;

	for (unsigned b = 0; b < WEIR_STEER_BUCKETS; b++) {
		uint8_t to = steering->wanted[b];

		if (to & WEIR_STEER_SIBLING) {
			table->to[b] = to;
			table->local[b] = list[moved++ % n];
			continue;
		}
		if (steering->out[to])
			to = list[orphans++ % n];
		table->to[b] = table->local[b] = to;
	}
}

static void publish(struct steering *steering)
{
	const struct steering_table *before =
		atomic_load_explicit(&steering->current, memory_order_relaxed);
	struct steering_table *next = &steering->tables[before == &steering->tables[0]];

	table_fill(steering, next);
	next->version = before ? before->version + 1 : 1;
	atomic_store_explicit(&steering->current, next, memory_order_release);
	steering->dirty = false;
	if (steering->published)
		steering->published(steering->argument, next);
}

void steering_init(struct steering *steering, const struct gateway *gateway)
{
	memset(steering, 0, sizeof(*steering));
	steering->n_workers = gateway->n_workers;
	steering->n_siblings = gateway->n_siblings;
	steering->dispatches = steering->steers = gateway_has_dispatcher(gateway);
	for (unsigned i = 0; i < gateway->n_ports; i++)
		steering->steers |= gateway->ports[i].type == GATEWAY_PORT_XDP;
	for (unsigned b = 0; b < WEIR_STEER_BUCKETS; b++)
		steering->wanted[b] = (uint8_t)(b % steering->n_workers);
	publish(steering);
}

static bool exists(const struct steering *steering, uint8_t to)
{
	return to & WEIR_STEER_SIBLING ? (to ^ WEIR_STEER_SIBLING) < (int)steering->n_siblings
				       : to < steering->n_workers;
}

int steering_want(struct steering *steering, const uint8_t bucket[WEIR_STEER_BUCKETS], char *why,
		  size_t why_size)
{
	if (!steering->steers) {
		snprintf(
			why, why_size,
			"no port is dispatched (dataplane.dispatch_cpu in gateway.conf) or of type xdp");
		return -EOPNOTSUPP;
	}
	if (steering->asked) {
		snprintf(why, why_size, "another steering table is being taken over");
		return -EBUSY;
	}
	for (unsigned b = 0; b < WEIR_STEER_BUCKETS; b++) {
		if (exists(steering, bucket[b]))
			continue;
		snprintf(
			why, why_size,
			"bucket %u goes to %s %u, which is not there (one gateway.conf for both daemons?)",
			b, bucket[b] & WEIR_STEER_SIBLING ? "sibling" : "worker",
			bucket[b] & ~(unsigned)WEIR_STEER_SIBLING);
		return -EINVAL;
	}
	memcpy(steering->wanted, bucket, sizeof(steering->wanted));
	steering->dirty = steering->asked = true;
	return 0;
}

static void worker_out(struct steering *steering, struct weir_worker *shared, unsigned w)
{
	uint64_t stalls = atomic_load_explicit(&shared->stalls, memory_order_relaxed);

	steering->out[w] = true;
	steering->dirty = true;
	atomic_store_explicit(&shared->stalls, stalls + 1, memory_order_relaxed);
	atomic_store_explicit(&shared->out, 1, memory_order_relaxed);
	log_line("worker %u stands still%s", w,
		 steering->dispatches ? ": what is dispatched goes to the others" : "");
}

static void worker_back(struct steering *steering, struct weir_worker *shared, unsigned w)
{
	steering->out[w] = false;
	steering->dirty = true;
	atomic_store_explicit(&shared->out, 0, memory_order_relaxed);
	log_line("worker %u runs again", w);
}

void steering_watch(struct steering *steering, const struct weir_segment *segment, uint64_t now_ms)
{
	struct weir_worker *shared = (struct weir_worker *)((uintptr_t)segment + segment->worker);
	uint64_t step = steering->seen_ms ? now_ms - steering->seen_ms : 0;

	steering->seen_ms = now_ms;
	for (unsigned w = 0; w < steering->n_workers; w++) {
		uint64_t turns = atomic_load_explicit(&shared[w].turns, memory_order_relaxed);

		if (turns != steering->turns[w]) {
			steering->turns[w] = turns;
			steering->quiet_ms[w] = 0;
			if (steering->out[w])
				worker_back(steering, &shared[w], w);
			continue;
		}
		steering->quiet_ms[w] += step < STEP_MS ? step : STEP_MS;
		if (steering->quiet_ms[w] >= STALLED_MS && !steering->out[w])
			worker_out(steering, &shared[w], w);
	}
}

static bool current_is_used(struct steering *steering)
{
	const struct steering_table *current =
		atomic_load_explicit(&steering->current, memory_order_relaxed);

	return !steering->running ||
	       atomic_load_explicit(&steering->used, memory_order_acquire) == current->version;
}

bool steering_poll(struct steering *steering)
{
	if (!current_is_used(steering))
		return false;
	if (steering->dirty) {
		publish(steering);
		if (!current_is_used(steering))
			return false;
	}
	if (!steering->asked)
		return false;
	steering->asked = false;
	return true;
}
