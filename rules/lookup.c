// SPDX-License-Identifier: BSD-3-Clause
//
// Look-ups in an opened table. table_open has checked every index, so nothing is checked here. The
// burst forms take one step of every look-up before the next step of any, and prefetch what that next
// step reads: bucket, class, block, row, cell, leaf.

#include "rules/lookup.h"

#include <immintrin.h>

enum { BURST = 64 };

// Way of `id` in a bucket, or -1. An id of 0 is in no bucket.
static inline int bucket_find(const struct tenant_bucket *bucket, uint32_t id)
{
	__m256i ids = _mm256_load_si256((const __m256i *)(const void *)bucket->id);
	__m256i equal = _mm256_cmpeq_epi32(ids, _mm256_set1_epi32((int)id));
	unsigned mask = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(equal));

	return mask != 0 && id != 0 ? __builtin_ctz(mask) : -1;
}

uint32_t table_find_tenant(const struct table *table, uint32_t id, uint32_t *class)
{
	uint32_t at = tenant_hash1(id) & table->bucket_mask;
	const struct tenant_bucket *bucket = &table->buckets[at];
	int way = bucket_find(bucket, id);

	if (way < 0 && bucket->id[TABLE_WAYS - 1] != 0) {
		at = tenant_hash2(id) & table->bucket_mask;
		bucket = &table->buckets[at];
		way = bucket_find(bucket, id);
	}
	*class = way < 0 ? 0 : bucket->class[way];
	return way < 0 ? TENANT_SLOT_NONE : at * TABLE_WAYS + (uint32_t)way;
}

void table_find_tenants(const struct table *table, const uint32_t *id, unsigned n, uint32_t *slot, uint32_t *class)
{
	for (unsigned i = 0; i < n; i++)
		__builtin_prefetch(&table->buckets[tenant_hash1(id[i]) & table->bucket_mask]);
	for (unsigned i = 0; i < n; i++)
		slot[i] = table_find_tenant(table, id[i], &class[i]);
	for (unsigned i = 0; i < n; i++)
		__builtin_prefetch(&table->tenant_classes[class[i]]);
}

// Number of bounds that are at most `size`: the step that it falls on.
static inline unsigned leaf_step(const struct table_leaf *leaf, uint16_t size)
{
	__m128i bounds = _mm_load_si128((const __m128i *)(const void *)leaf->bound);
	__m128i sizes = _mm_set1_epi16((short)size);
	__m128i reached = _mm_cmpeq_epi16(_mm_max_epu16(bounds, sizes), sizes);

	return (unsigned)__builtin_popcount((unsigned)_mm_movemask_epi8(reached)) / 2;
}

static inline uint32_t cell_verdict(const struct table *table, uint32_t cell, uint16_t size)
{
	while (cell & TABLE_LEAF) {
		const struct table_leaf *leaf = &table->leaves[cell & ~TABLE_LEAF];

		cell = leaf->cell[leaf_step(leaf, size)];
	}
	return cell;
}

static inline const uint16_t *block_dir(const struct table *table, uint32_t block, unsigned country_class)
{
	return &table->dirs[table->blocks[block].dir + country_class];
}

static inline const uint32_t *block_cell(const struct table *table, uint32_t block, uint16_t row, unsigned small_class)
{
	uint64_t at = (uint64_t)table->blocks[block].row + row;

	return &table->cells[at * table->header->n_small_classes + small_class];
}

uint32_t table_find_verdict(const struct table *table, const struct triage_key *key)
{
	const struct tenant_class *class = &table->tenant_classes[key->class];
	unsigned country = table->header->country_class[key->country];
	unsigned small = table->header->small_class[key->small];
	uint16_t group_row = *block_dir(table, class->group_block, country);
	uint16_t named_row = *block_dir(table, class->named_block, country);
	uint32_t group = cell_verdict(table, *block_cell(table, class->group_block, group_row, small), key->size);
	uint32_t named = cell_verdict(table, *block_cell(table, class->named_block, named_row, small), key->size);

	return named < group ? named : group;
}

// One burst between the steps of its look-ups; g is of the group block, n of the named one.
struct verdict_burst {
	uint32_t g_dir[BURST], n_dir[BURST];   // index into DIRS
	uint32_t g_cell[BURST], n_cell[BURST]; // index into CELLS, of the block's first row; then the cell
};

// Tenant class → blocks → where the row numbers are.
static inline void find_dirs(const struct table *table, const struct triage_key *key, unsigned n,
			     struct verdict_burst *burst)
{
	const struct table_header *header = table->header;
	uint32_t width = header->n_small_classes;

	for (unsigned i = 0; i < n; i++) {
		const struct tenant_class *class = &table->tenant_classes[key[i].class];
		uint32_t country = header->country_class[key[i].country];
		struct class_block group = table->blocks[class->group_block];
		struct class_block named = table->blocks[class->named_block];
		uint32_t small = header->small_class[key[i].small];

		burst->g_dir[i] = group.dir + country;
		burst->n_dir[i] = named.dir + country;
		burst->g_cell[i] = group.row * width + small;
		burst->n_cell[i] = named.row * width + small;
		__builtin_prefetch(&table->dirs[group.dir + country]);
		__builtin_prefetch(&table->dirs[named.dir + country]);
	}
}

// Row numbers → where the cells are.
static inline void find_cells(const struct table *table, unsigned n, struct verdict_burst *burst)
{
	uint32_t width = table->header->n_small_classes;

	for (unsigned i = 0; i < n; i++) {
		uint32_t group = burst->g_cell[i] + table->dirs[burst->g_dir[i]] * width;
		uint32_t named = burst->n_cell[i] + table->dirs[burst->n_dir[i]] * width;

		burst->g_cell[i] = group;
		burst->n_cell[i] = named;
		__builtin_prefetch(&table->cells[group]);
		__builtin_prefetch(&table->cells[named]);
	}
}

static inline uint64_t has_leaf(uint32_t group, uint32_t named)
{
	return (group | named) >> 31;
}

// Cells → verdicts. Returns the keys that have steps over size, one bit each, and prefetches those.
static inline uint64_t find_plain(const struct table *table, unsigned n, struct verdict_burst *burst, uint32_t *verdict)
{
	uint64_t stepped = 0;

	for (unsigned i = 0; i < n; i++) {
		uint32_t group = table->cells[burst->g_cell[i]], named = table->cells[burst->n_cell[i]];

		burst->g_cell[i] = group;
		burst->n_cell[i] = named;
		verdict[i] = named < group ? named : group;
		stepped |= has_leaf(group, named) << i;
	}
	for (uint64_t left = stepped; left != 0; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctzll(left);
		uint32_t group = burst->g_cell[i], named = burst->n_cell[i];

		__builtin_prefetch(&table->leaves[(group > named ? group : named) & ~TABLE_LEAF]);
	}
	return stepped;
}

// Takes one step down from the larger of the two cells, which is a leaf. Returns the keys that still have one.
static inline uint64_t find_stepped(const struct table *table, const struct triage_key *key, uint64_t stepped,
				    struct verdict_burst *burst, uint32_t *verdict)
{
	uint64_t again = 0;

	for (uint64_t left = stepped; left != 0; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctzll(left);
		uint32_t a = burst->g_cell[i], b = burst->n_cell[i];
		uint32_t low = a < b ? a : b, high = a < b ? b : a;
		const struct table_leaf *leaf = &table->leaves[high & ~TABLE_LEAF];

		high = leaf->cell[leaf_step(leaf, key[i].size)];
		burst->g_cell[i] = low;
		burst->n_cell[i] = high;
		verdict[i] = low < high ? low : high;
		again |= has_leaf(low, high) << i;
	}
	return again;
}

void table_find_verdicts(const struct table *table, const struct triage_key *key, unsigned n, uint32_t *verdict)
{
	struct verdict_burst burst;
	uint64_t stepped;

	find_dirs(table, key, n, &burst);
	find_cells(table, n, &burst);
	stepped = find_plain(table, n, &burst, verdict);
	while (stepped != 0)
		stepped = find_stepped(table, key, stepped, &burst, verdict);
}

bool table_blocks4(const struct table *table, uint32_t address)
{
	uint64_t low = 0, high = table_count(table, TABLE_BLOCKED4);

	if (!(table->header->blocked4_any[address >> 22] >> (address >> 16 & 63) & 1))
		return false;
	while (low < high) { // first range that ends at or after the address
		uint64_t middle = low + (high - low) / 2;

		if (table->blocked4[middle].last < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < table_count(table, TABLE_BLOCKED4) && table->blocked4[low].first <= address;
}

static inline bool below6(const uint64_t a[2], uint64_t high, uint64_t low)
{
	return a[0] < high || (a[0] == high && a[1] < low);
}

bool table_blocks6(const struct table *table, uint64_t high, uint64_t low)
{
	uint64_t from = 0, to = table_count(table, TABLE_BLOCKED6);
	const uint64_t *first;

	if (!(table->header->blocked6_any[high >> 54] >> (high >> 48 & 63) & 1))
		return false;
	while (from < to) {
		uint64_t middle = from + (to - from) / 2;

		if (below6(table->blocked6[middle].last, high, low))
			from = middle + 1;
		else
			to = middle;
	}
	if (from == table_count(table, TABLE_BLOCKED6))
		return false;
	first = table->blocked6[from].first;
	return first[0] < high || (first[0] == high && first[1] <= low);
}
