// SPDX-License-Identifier: BSD-3-Clause
//
// Look-ups in an opened table (table.h): no checks, no allocation, libc only. The burst forms hide
// memory latency by prefetching step by step over the whole burst; the single forms are the same
// functions for one key (explain, tests). Thread: any number of readers.
#pragma once

#include <nmmintrin.h>
#include <stdint.h>

#include "rules/table.h"

#define TENANT_SLOT_NONE 0xffffffffu

// small key of a message: index into table_header.small_class
static inline uint8_t triage_small(unsigned protocol, unsigned priority, unsigned channel)
{
	return (uint8_t)(protocol << 6 | priority << 4 | channel);
}

// Two hashes of different kinds, so that ids with a pattern that is bad for one are not for the other.
static inline uint32_t tenant_hash1(uint32_t id)
{
	return _mm_crc32_u32(0, id);
}

static inline uint32_t tenant_hash2(uint32_t id)
{
	return (uint32_t)((id * UINT64_C(0xc2b2ae3d27d4eb4f)) >> 32);
}

struct triage_key {
	uint32_t class;   // tenant class, 0 for unknown
	uint16_t country; // index
	uint16_t size;    // payload bytes
	uint8_t small;    // triage_small()
};

// Finds one tenant: its slot (TENANT_SLOT_NONE when not in the table) and class (0 then).
uint32_t table_find_tenant(const struct table *table, uint32_t id, uint32_t *class);

// Finds `n` tenants. slot[i], class[i] as above.
void table_find_tenants(const struct table *table, const uint32_t *id, unsigned n, uint32_t *slot, uint32_t *class);

// Verdict index (= rule position, n_rules for the default) of one message.
uint32_t table_find_verdict(const struct table *table, const struct triage_key *key);

// The keys of a burst, one array a field.
struct triage_keys {
	const uint32_t *class;
	const uint16_t *country, *size;
	const uint16_t *kind; // triage_small() in the low byte; the rest is ignored
};

// Verdict indices of `n` messages, n at most 64.
void table_find_verdicts(const struct table *table, const struct triage_keys *keys, unsigned n, uint32_t *verdict);

// Place in a pool's `n_maglev` entries of MAGLEV for a member_hash.
static inline uint32_t member_place(uint32_t hash, uint32_t n_maglev)
{
	return (uint32_t)((uint64_t)hash * n_maglev >> 32);
}

// Member number within `pool`, of which the table has slots, for a member_hash.
static inline unsigned table_find_member(const struct table *table, const struct table_pool *pool, uint32_t hash)
{
	return table->maglev[pool->maglev + member_place(hash, pool->n_maglev)];
}

// Hash of (tenant, source address folded to 32 bits): CRC-32C, whose every bit depends on all of theirs. For one
// tenant it maps sources one to one, so its members' shares are as even as its sources are many.
static inline uint32_t member_hash(uint32_t tenant, uint32_t source)
{
	return (uint32_t)_mm_crc32_u64(0, (uint64_t)tenant << 32 | source);
}

// Whether a source address is blocked. IPv4 in host order; IPv6 as two host-order words, high first.
bool table_blocks4(const struct table *table, uint32_t address);
bool table_blocks6(const struct table *table, uint64_t high, uint64_t low);
