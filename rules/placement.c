// SPDX-License-Identifier: BSD-3-Clause
//
// Places the tenants in cache-line buckets: in the bucket of the first hash; where that is full, in the
// bucket of the second; where both are, a tenant of the first bucket that has room elsewhere moves.
// Buckets only ever fill, so that a tenant in its second bucket always has a full first one.

#include <errno.h>
#include <string.h>

#include "rules/build.h"
#include "rules/lookup.h"

struct placement {
	const struct rule_set *rules;
	uint32_t *tenant; // by slot: position + 1, or 0
	uint32_t mask;
};

// Between 31 and 62 ways of 100 are taken, so that few tenants need their second bucket.
unsigned placement_bits(uint32_t n_tenants)
{
	unsigned bits = 0;

	while ((UINT64_C(5) * TABLE_WAYS << bits) < UINT64_C(8) * n_tenants)
		bits++;
	return bits;
}

static uint32_t first_bucket(const struct placement *place, uint32_t tenant)
{
	return tenant_hash1(place->rules->tenants[tenant].id) & place->mask;
}

static uint32_t second_bucket(const struct placement *place, uint32_t tenant)
{
	return tenant_hash2(place->rules->tenants[tenant].id) & place->mask;
}

static bool put_in(struct placement *place, uint32_t bucket, uint32_t tenant)
{
	uint32_t *way = &place->tenant[(size_t)bucket * TABLE_WAYS];

	for (unsigned i = 0; i < TABLE_WAYS; i++)
		if (way[i] == 0) {
			way[i] = tenant + 1;
			return true;
		}
	return false;
}

// Moves some tenant out of `bucket`, where it is by its first hash, and puts `tenant` in its place.
static bool displace(struct placement *place, uint32_t bucket, uint32_t tenant)
{
	uint32_t *way = &place->tenant[(size_t)bucket * TABLE_WAYS];

	for (unsigned i = 0; i < TABLE_WAYS; i++) {
		uint32_t other = way[i] - 1;

		if (first_bucket(place, other) != bucket || second_bucket(place, other) == bucket)
			continue;
		if (put_in(place, second_bucket(place, other), other)) {
			way[i] = tenant + 1;
			return true;
		}
	}
	return false;
}

int placement_fill(const struct rule_set *rules, unsigned bits, uint32_t *tenant)
{
	struct placement place = {.rules = rules, .tenant = tenant, .mask = (UINT32_C(1) << bits) - 1};

	memset(tenant, 0, ((size_t)TABLE_WAYS << bits) * sizeof(*tenant));
	for (uint32_t t = 0; t < rules->n_tenants; t++) {
		uint32_t first = first_bucket(&place, t), second = second_bucket(&place, t);

		if (!put_in(&place, first, t) && !put_in(&place, second, t) && !displace(&place, first, t) &&
		    !displace(&place, second, t))
			return -EAGAIN;
	}
	return 0;
}
