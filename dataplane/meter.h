// SPDX-License-Identifier: BSD-3-Clause
//
// Rate limiters that hold over all workers together. Each is a virtual scheduler (GCRA, ITU-T
// I.371): one shared word says when the limiter's next message is due; a message may come while
// that is less than `burst` messages ahead of the clock. So that workers do not contend for the
// word, each takes a chunk of messages at a time (at most rate/2000, so at most half a millisecond
// of the rate per worker is ever parked) and spends it privately.
//
// The one shared read-modify-write of the packet path is here, once a chunk: a sum of private
// counters, brought together by another thread, would be late by its period, and 2 % of a rate
// within a second must hold however traffic jumps between workers.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "rules/table.h"

// Time in ticks: 1/16 of a TSC cycle; differences are signed, so wrapping is harmless.
enum { METER_TICK_SHIFT = 4 };

struct meter_profile {      // of one (rate, burst), from the table
	uint64_t increment; // ticks a message
	uint64_t tolerance; // burst * increment
	uint32_t chunk;     // messages a worker takes at once
};

struct meters {
	uint32_t n; // limiters; 0: none, the rest is NULL
	uint32_t n_workers;
	_Atomic uint64_t *due;          // [n] shared: ticks at which the next message is due
	uint64_t *carried;              // [n] what `due` was taken over as (main thread)
	uint32_t **credit;              // [n_workers][n] private: messages taken and not yet spent
	struct meter_profile *profiles; // by index in the table's METERS
};

struct meter_rates { // what a table asks for
	const struct table_meter *list;
	uint32_t n;
	uint64_t ticks_a_second;
};

// Makes `n` limiters for `n_workers`, each of which can be used under any of `rates`. 0 or -ENOMEM.
int meters_init(struct meters *meters, uint32_t n, uint32_t n_workers,
		const struct meter_rates *rates);
void meters_fini(struct meters *meters);

// Main thread: limiter `to` of `meters` starts where `from` of `previous` stands now (`now` in
// ticks).
void meter_carry(struct meters *meters, uint32_t to, const struct meters *previous, uint32_t from,
		 uint64_t now);

// Main thread, once all workers have switched: charges what was taken from `previous` since
// meter_carry.
void meter_settle(struct meters *meters, uint32_t to, const struct meters *previous, uint32_t from);

// Takes up to profile->chunk messages of limiter `i`; the number taken, 0 when it is over its rate.
uint32_t meter_claim(_Atomic uint64_t *due, const struct meter_profile *profile, uint64_t now);

// The worker's own credits, [n]; NULL where there are no limiters.
static inline uint32_t *meters_credit(const struct meters *meters, unsigned worker)
{
	return meters->n ? meters->credit[worker] : NULL;
}

// Worker: whether one more message of limiter `i` under `profile` conforms at `now` (ticks). `credit` is its
// meters_credit.
static inline bool meter_take(struct meters *meters, uint32_t *credit, uint32_t i, uint32_t profile, uint64_t now)
{
	if (credit[i] == 0)
		credit[i] = meter_claim(&meters->due[i], &meters->profiles[profile], now);
	if (credit[i] == 0)
		return false;
	credit[i]--;
	return true;
}
