// SPDX-License-Identifier: BSD-3-Clause
//
// Token buckets. A bucket is found by a hash of its name that is seeded at the start, so that nobody can choose
// names that share a place. One thread.
#include "controlplane/agents/guard.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/clock.h"

enum { PLACES = 4096, NAME = 48 };
#define SECOND UINT64_C(1000000) // in microseconds

struct bucket {
	char name[NAME];
	uint64_t at_us;  // when `left` was right
	uint64_t left;   // microseconds that were saved up; one costs every_us
};

struct guard {
	uint64_t seed;
	struct bucket bucket[GUARD_KINDS][PLACES];
};

// Of each kind: one more each so many microseconds, and at most so many at once.
static const struct { uint64_t every_us, most; } kinds[GUARD_KINDS] = {
	[GUARD_BAD_TOKENS] = { 6 * SECOND, 10 },
	[GUARD_REQUESTS] = { SECOND / 1000, 2000 },
	[GUARD_PAGES] = { SECOND / 100, 1000 },
};

struct guard *guard_create(void)
{
	struct guard *guard = calloc(1, sizeof(*guard));

	if (guard && gnutls_rnd(GNUTLS_RND_NONCE, &guard->seed, sizeof(guard->seed)) < 0)
		guard->seed = (uint64_t)time(NULL);
	return guard;
}

void guard_destroy(struct guard *guard)
{
	free(guard);
}

static unsigned place(const struct guard *guard, const char *name)
{
	uint64_t hash = guard->seed ^ UINT64_C(0xcbf29ce484222325); // FNV-1a

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	return (unsigned)((hash ^ hash >> 32) % PLACES);
}

unsigned guard_take(struct guard *guard, const char *name, enum guard_kind kind)
{
	struct bucket *bucket = &guard->bucket[kind][place(guard, name)];
	uint64_t now = clock_ns(CLOCK_MONOTONIC) / 1000, every = kinds[kind].every_us, most = kinds[kind].most * every;

	if (strncmp(bucket->name, name, NAME - 1) != 0) {
		*bucket = (struct bucket){ .at_us = now, .left = most };
		strncpy(bucket->name, name, NAME - 1);
	}
	bucket->left = now - bucket->at_us >= most - bucket->left ? most : bucket->left + (now - bucket->at_us);
	bucket->at_us = now;
	if (bucket->left < every)
		return (unsigned)((every - bucket->left + SECOND - 1) / SECOND);
	bucket->left -= every;
	return 0;
}
