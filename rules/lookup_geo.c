// SPDX-License-Identifier: BSD-3-Clause
//
// Country by address: down a tree of nine ways with a cache line a level, then the country of the bound. A burst
// takes one level of every look-up before the next level of any. Measured against a table of 2^24 entries and DPDK's
// fib in docs/decisions/040-country-by-address.md.

#include "rules/lookup_geo.h"

#include <immintrin.h>
#include <string.h>

struct geo_address geo_address_make(unsigned version, const void *bytes)
{
	struct geo_address address = {.version = (uint8_t)version};
	uint64_t word[2] = {0};
	uint32_t half;

	if (version == 4) {
		memcpy(&half, bytes, sizeof(half));
		address.high = (uint64_t)__builtin_bswap32(half) << 32;
		return address;
	}
	memcpy(word, bytes, sizeof(word));
	address.high = __builtin_bswap64(word[0]);
	address.low = __builtin_bswap64(word[1]);
	return address;
}

// Number of keys that are at most `key`. Comparisons are of signed numbers, so both sides are moved.
static inline unsigned count_keys(const struct geo_block *block, uint64_t key)
{
	const __m256i move = _mm256_set1_epi64x(INT64_MIN);
	const __m256i *keys = (const __m256i *)(const void *)block->key;
	__m256i than = _mm256_xor_si256(_mm256_set1_epi64x((long long)key), move);
	__m256i low = _mm256_cmpgt_epi64(_mm256_xor_si256(_mm256_load_si256(&keys[0]), move), than);
	__m256i high = _mm256_cmpgt_epi64(_mm256_xor_si256(_mm256_load_si256(&keys[1]), move), than);
	unsigned above = (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(low)) |
			 (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(high)) << 4;

	return TABLE_GEO_WAYS - (unsigned)__builtin_popcount(above);
}

// From block `at` of `level` to one of the level below. A key of all ones counts the unused ones too, and would pass
// the last block.
static inline uint32_t step_down(const struct geo_tree *tree, unsigned level, uint32_t at, uint64_t key)
{
	uint32_t last = tree->level[level] - tree->level[level - 1] - 1; // levels lie one behind the other
	uint32_t to = at * (TABLE_GEO_WAYS + 1) + count_keys(&tree->blocks[tree->level[level] + at], key);

	return to < last ? to : last;
}

static inline uint32_t bound_in(const struct geo_tree *tree, uint32_t at, uint64_t key)
{
	uint32_t bound = at * TABLE_GEO_WAYS + count_keys(&tree->blocks[at], key) - 1;

	return bound < tree->n ? bound : tree->n - 1;
}

static inline uint32_t find_bound(const struct geo_tree *tree, uint64_t key)
{
	uint32_t at = 0;

	for (unsigned level = tree->n_levels - 1; level > 0; level--)
		at = step_down(tree, level, at, key);
	return bound_in(tree, at, key);
}

// The last bound at or before an address whose /64 is split; there is one.
static const struct geo_split *find_split(const struct table *table, const struct geo_address *address)
{
	uint64_t from = 0, to = table_count(table, TABLE_GEO_SPLITS);

	while (to - from > 1) {
		uint64_t middle = from + (to - from) / 2;
		const struct geo_split *split = &table->geo_splits[middle];

		if (split->high < address->high || (split->high == address->high && split->low <= address->low))
			from = middle;
		else
			to = middle;
	}
	return &table->geo_splits[from];
}

static inline const struct geo_tree *tree_of(const struct table *table, const struct geo_address *address)
{
	return address->version == 4 ? &table->geo4 : &table->geo6;
}

static inline uint16_t bound_country(const struct table *table, const struct geo_tree *tree, uint32_t bound,
				     const struct geo_address *address)
{
	uint16_t country = tree->countries[bound];

	return country != TABLE_GEO_SPLIT ? country : find_split(table, address)->country;
}

uint16_t table_find_address_country(const struct table *table, unsigned version, const void *bytes)
{
	struct geo_address address = geo_address_make(version, bytes);
	const struct geo_tree *tree = tree_of(table, &address);

	if (tree->n == 0)
		return WEIR_COUNTRY_NONE;
	return bound_country(table, tree, find_bound(tree, address.high), &address);
}

uint32_t table_find_address_row(const struct table *table, const struct geo_address *address)
{
	const struct geo_tree *tree = tree_of(table, address);
	uint32_t bound;

	if (tree->n == 0)
		return TABLE_NONE;
	bound = find_bound(tree, address->high);
	return tree->countries[bound] == TABLE_GEO_SPLIT ? find_split(table, address)->row : tree->rows[bound];
}

// The addresses of one family, whose numbers are in `which`.
static inline void find_family(const struct table *table, const struct geo_tree *tree,
			       const struct geo_address *address, const uint8_t *which, unsigned n, uint16_t *country)
{
	uint32_t at[GEO_BURST] = {0};

	for (unsigned level = tree->n_levels - 1; level > 0; level--)
		for (unsigned i = 0; i < n; i++) {
			at[i] = step_down(tree, level, at[i], address[which[i]].high);
			__builtin_prefetch(&tree->blocks[tree->level[level - 1] + at[i]]);
		}
	for (unsigned i = 0; i < n; i++) {
		at[i] = bound_in(tree, at[i], address[which[i]].high);
		__builtin_prefetch(&tree->countries[at[i]]);
	}
	for (unsigned i = 0; i < n; i++)
		country[which[i]] = bound_country(table, tree, at[i], &address[which[i]]);
}

void table_find_address_countries(const struct table *table, const struct geo_address *address, unsigned n,
				  uint16_t *country)
{
	uint8_t four[GEO_BURST], six[GEO_BURST];
	unsigned n4 = 0, n6 = 0;

	for (unsigned i = 0; i < n; i++) {
		country[i] = WEIR_COUNTRY_NONE;
		four[n4] = six[n6] = (uint8_t)i;
		n4 += address[i].version == 4;
		n6 += address[i].version != 4;
	}
	if (n4 > 0 && table->geo4.n > 0)
		find_family(table, &table->geo4, address, four, n4, country);
	if (n6 > 0 && table->geo6.n > 0)
		find_family(table, &table->geo6, address, six, n6, country);
}
