// SPDX-License-Identifier: BSD-3-Clause
//
// Consistent hashing of a pool's members (Maglev, NSDI 2016, section 3.4): each member has a
// permutation of the slots made from its name, and the members take turns at their next free slot, as
// many at a turn as their weight says. A member that goes leaves the others nearly where they were.

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/build.h"

static const uint32_t sizes[] = {251, 509, 1021, 2039, 4093, 8191, 16381, 32749, 65537};
enum { SLOTS_A_WEIGHT = 100 }; // shares are within a percent or so of the weights

struct turn { // a member's way through the slots
	uint32_t at, skip, weight;
};

static uint32_t divisor(uint32_t a, uint32_t b)
{
	while (b != 0) {
		uint32_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

static uint32_t common_weight(const struct pool_def *pool)
{
	uint32_t common = 0;

	for (unsigned i = 0; i < pool->n_members; i++)
		common = divisor(pool->members[i].weight, common);
	return common == 0 ? 1 : common;
}

uint32_t maglev_size(const struct pool_def *pool)
{
	uint32_t sum = 0, common = common_weight(pool);

	if (pool->n_members == 1)
		return 1;
	for (unsigned i = 0; i < pool->n_members; i++)
		sum += pool->members[i].weight / common;
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		if (sizes[i] >= SLOTS_A_WEIGHT * sum)
			return sizes[i];
	return sizes[sizeof(sizes) / sizeof(*sizes) - 1];
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

static uint32_t take_slot(struct turn *turn, uint16_t *slot, uint32_t n, uint16_t member)
{
	while (slot[turn->at] != TABLE_NONE16)
		turn->at = (turn->at + turn->skip) % n;
	slot[turn->at] = member;
	return 1;
}

int maglev_fill(const struct pool_def *pool, uint16_t *slot, uint32_t n)
{
	struct turn *turn = calloc(pool->n_members, sizeof(*turn));
	uint32_t taken = 0, common = common_weight(pool);

	if (turn == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < pool->n_members; i++) {
		uint64_t hash = hash_name(pool->members[i].name);

		turn[i].at = (uint32_t)(hash >> 32) % n;
		turn[i].skip = n == 1 ? 1 : (uint32_t)hash % (n - 1) + 1;
		turn[i].weight = pool->members[i].weight / common;
	}
	memset(slot, 0xff, n * sizeof(*slot));
	while (taken < n)
		for (unsigned i = 0; i < pool->n_members; i++)
			for (uint32_t w = 0; w < turn[i].weight && taken < n; w++)
				taken += take_slot(&turn[i], slot, n, (uint16_t)i);
	free(turn);
	return 0;
}
