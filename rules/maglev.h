// SPDX-License-Identifier: BSD-3-Clause
//
// Consistent hashing of a pool's members, see maglev.c: the member of each slot, by name and weight alone,
// so that the same members give the same slots whoever computes them. Used by the compiler for a table's
// own slots and by routes_make for those of the members that live. libc only; any thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
	MAGLEV_SLOTS = 65537,
	MAGLEV_SLOTS_MAX = 262139
}; // default for more than one member; both are prime

struct maglev_member {
	const char *name;
	uint16_t weight; // 0: takes no slot
};

// Whether a pool may have so many slots: 1, or a prime up to MAGLEV_SLOTS_MAX.
bool maglev_slots_good(uint32_t n);

// How many slots the members have in a pool of `slots`: none where no member takes any, one where one
// does, else all.
uint32_t maglev_count(const struct maglev_member *member, unsigned n_members, uint32_t slots);

// Writes the member number of each of the `n` slots that maglev_count gave, n not 0. 0 or -ENOMEM.
int maglev_fill(const struct maglev_member *member, unsigned n_members, uint16_t *slot, uint32_t n);
