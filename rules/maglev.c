// SPDX-License-Identifier: BSD-3-Clause
//
// Consistent hashing of a pool's members (Maglev, NSDI 2016, section 3.4): each member has a
// permutation of the slots made from its name, and the members take turns at their next free slot. The
// heaviest takes one at each turn, the others as their share of its weight fills up. A member that goes
// leaves the others nearly where they were.
#include "rules/maglev.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/table.h"

struct turn { // a member's way through the slots
	uint32_t at, skip;
	uint32_t weight, credit;
	uint16_t member;
};

bool maglev_slots_good(uint32_t n)
{
	if (n == 0 || n > MAGLEV_SLOTS_MAX)
		return false;
	for (uint32_t i = 2; i * i <= n; i++)
		if (n % i == 0)
			return false;
	return true;
}

static unsigned count_takers(const struct maglev_member *member, unsigned n_members)
{
	unsigned n = 0;

	for (unsigned i = 0; i < n_members; i++)
		n += member[i].weight > 0;
	return n;
}

uint32_t maglev_count(const struct maglev_member *member, unsigned n_members, uint32_t slots)
{
	unsigned takers = count_takers(member, n_members);

	return takers > 1 ? slots : takers;
}

// FNV-1a, then mixed so that both halves are good.
static uint64_t hash_name(const char *name)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *name != '\0'; name++)
		hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	hash = (hash ^ hash >> 32) * UINT64_C(0xd6e8feb86659fd93);
	hash = (hash ^ hash >> 32) * UINT64_C(0xd6e8feb86659fd93);
	return hash ^ hash >> 32;
}

static struct turn make_turn(const struct maglev_member *member, unsigned number, uint32_t n)
{
	uint64_t hash = hash_name(member->name);

	return (struct turn){
		.at = (uint32_t)(hash >> 32) % n,
		.skip = n == 1 ? 1 : (uint32_t)hash % (n - 1) + 1,
		.weight = member->weight,
		.member = (uint16_t)number,
	};
}

static void take_slot(struct turn *turn, uint16_t *slot, uint32_t n)
{
	while (slot[turn->at] != TABLE_NONE16) {
		turn->at += turn->skip;
		turn->at -= turn->at >= n ? n : 0;
	}
	slot[turn->at] = turn->member;
}

static void take_turns(struct turn *turn, unsigned n_turns, uint16_t *slot, uint32_t n)
{
	uint32_t taken = 0, heaviest = 0;

	for (unsigned i = 0; i < n_turns; i++)
		heaviest = turn[i].weight > heaviest ? turn[i].weight : heaviest;
	while (taken < n)
		for (unsigned i = 0; i < n_turns && taken < n; i++) {
			turn[i].credit += turn[i].weight;
			if (turn[i].credit < heaviest)
				continue;
			turn[i].credit -= heaviest;
			take_slot(&turn[i], slot, n);
			taken++;
		}
}

int maglev_fill(const struct maglev_member *member, unsigned n_members, uint16_t *slot, uint32_t n)
{
	unsigned n_turns = 0;
	struct turn *turn = calloc(n_members, sizeof(*turn));

	if (turn == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < n_members; i++)
		if (member[i].weight > 0)
			turn[n_turns++] = make_turn(&member[i], i, n);
	memset(slot, 0xff, n * sizeof(*slot));
	take_turns(turn, n_turns, slot, n);
	free(turn);
	return 0;
}
