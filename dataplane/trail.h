// SPDX-License-Identifier: BSD-3-Clause
//
// What was sent to members lately, as far as an ICMP error must be believed by it: that this flow did go to this
// member (docs/decisions/020-passive-ejection.md). A table of marks without collisions resolved: a slot keeps its
// mark for a moment and then takes the next, so that under any load a share of what is sent leaves a trail that
// lasts as long as an error takes. One writer, the worker; the main thread reads.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/unreachable.h"

enum {
	TRAIL_SLOTS = 4096, // 32 KiB a worker
	TRAIL_KEEP = 3,     // ticks that a mark is safe from others
	TRAIL_GOOD = 128,   // ticks that it is believed; a kernel that asks for a MAC in vain says so after 3 s
	TRAIL_HZ = 16       // ticks a second, at least; less than twice as many
};

struct trail {
	uint64_t seed;                      // so that nobody can choose a flow with another's mark
	uint8_t shift;                      // a tick is 2^shift TSC cycles
	_Atomic uint64_t slot[TRAIL_SLOTS]; // high half: of the mark; low half: the tick, 0: empty
};

// All trails that one mark is looked for in have one seed.
static inline void trail_init(struct trail *trail, uint64_t seed, uint64_t tsc_hz)
{
	trail->seed = seed;
	trail->shift = 0;
	while (tsc_hz >> (trail->shift + 1) >= TRAIL_HZ)
		trail->shift++;
}

static inline uint64_t trail_mix(uint64_t x) // the finaliser of MurmurHash3
{
	x = (x ^ x >> 33) * UINT64_C(0xff51afd7ed558ccd);
	x = (x ^ x >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return x ^ x >> 33;
}

// Stands for one flow to one member of a table.
static inline uint64_t trail_mark(const struct trail *trail, uint32_t member, const struct message_flow *flow)
{
	uint64_t half[2], ports = (uint64_t)member << 32 | (uint32_t)flow->source_port << 16 | flow->port;

	memcpy(half, flow->source, sizeof(half));
	return trail_mix(trail_mix(trail_mix(trail->seed ^ half[0]) ^ half[1]) ^ ports) + flow->family;
}

static inline uint32_t trail_tick(const struct trail *trail, uint64_t now)
{
	return (uint32_t)(now >> trail->shift) | 1; // never 0
}

// Leaves a mark; `now` is the TSC. Worker.
static inline void trail_put(struct trail *trail, uint64_t mark, uint64_t now)
{
	_Atomic uint64_t *slot = &trail->slot[mark % TRAIL_SLOTS];
	uint64_t was = atomic_load_explicit(slot, memory_order_relaxed);
	uint32_t tick = trail_tick(trail, now);

	if (tick - (uint32_t)was >= TRAIL_KEEP)
		atomic_store_explicit(slot, (mark >> 32 << 32) | tick, memory_order_relaxed);
}

// Whether the mark was left lately. Any thread.
static inline bool trail_find(const struct trail *trail, uint64_t mark, uint64_t now)
{
	uint64_t is = atomic_load_explicit(&trail->slot[mark % TRAIL_SLOTS], memory_order_relaxed);

	return (uint32_t)is != 0 && is >> 32 == mark >> 32 &&
	       trail_tick(trail, now) - (uint32_t)is <= TRAIL_GOOD;
}
