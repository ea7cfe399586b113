// SPDX-License-Identifier: BSD-3-Clause
//
// Look-ups in an opened table. table_open has checked every index, so nothing is checked here. The
// burst forms take one step of every look-up before the next step of any, and prefetch what that next
// step reads: bucket, class, block, row, cell, leaf.

#include "rules/lookup.h"

#include <immintrin.h>

// So many buckets (128 KiB) are no longer in the nearest caches: fetched before they are looked at.
enum { BURST = 64, BUCKETS_FAR = 2048 };

// A bit for each way of a bucket that holds `id`. An id of 0 is in no bucket.
static inline unsigned bucket_ways(const struct tenant_bucket *bucket, uint32_t id)
{
	__m256i ids = _mm256_load_si256((const __m256i *)(const void *)bucket->id);
	__m256i equal = _mm256_cmpeq_epi32(ids, _mm256_set1_epi32((int)id));
	unsigned ways = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(equal));

	return id != 0 ? ways : 0;
}

static inline uint32_t bucket_take(const struct table *table, uint32_t at, unsigned ways, uint32_t *class)
{
	unsigned way = (unsigned)__builtin_ctz(ways);

	*class = table->buckets[at].class[way];
	return at * TABLE_WAYS + way;
}

// A tenant that is not in its first bucket: in the second one, where the first is full, or nowhere.
static __attribute__((noinline)) uint32_t find_displaced(const struct table *table, uint32_t id, uint32_t *class)
{
	uint32_t first = tenant_hash1(id) & table->bucket_mask, second = tenant_hash2(id) & table->bucket_mask;
	unsigned ways = 0;

	if (table->buckets[first].id[TABLE_WAYS - 1] != 0)
		ways = bucket_ways(&table->buckets[second], id);
	if (ways != 0)
		return bucket_take(table, second, ways, class);
	*class = 0;
	return TENANT_SLOT_NONE;
}

static inline uint32_t find_tenant(const struct table *table, uint32_t id, uint32_t *class)
{
	uint32_t at = tenant_hash1(id) & table->bucket_mask;
	unsigned ways = bucket_ways(&table->buckets[at], id);

	if (__builtin_expect(ways != 0, 1))
		return bucket_take(table, at, ways, class);
	return find_displaced(table, id, class);
}

uint32_t table_find_tenant(const struct table *table, uint32_t id, uint32_t *class)
{
	return find_tenant(table, id, class);
}

void table_find_tenants(const struct table *table, const uint32_t *id, unsigned n, uint32_t *slot, uint32_t *class)
{
	const struct table copy = *table; // what is stored below cannot be in it

	for (unsigned i = 0; copy.bucket_mask >= BUCKETS_FAR && i < n; i++)
		__builtin_prefetch(&copy.buckets[tenant_hash1(id[i]) & copy.bucket_mask]);
	for (unsigned i = 0; i < n; i++) {
		slot[i] = find_tenant(&copy, id[i], &class[i]);
		__builtin_prefetch(&copy.tenant_classes[class[i]]);
	}
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

static inline bool may_be_named(const struct tenant_class *class, uint32_t country_class)
{
	return class->named_countries >> (country_class % 64) & 1;
}

static uint32_t block_verdict(const struct table *table, struct class_block block, const struct triage_key *key)
{
	const struct table_header *header = table->header;
	uint32_t row = block.row + table->dirs[block.dir + header->country_class[key->country]];
	uint32_t cell = table->cells[row * header->n_small_classes + header->small_class[key->small]];

	return cell_verdict(table, cell, key->size);
}

uint32_t table_find_verdict(const struct table *table, const struct triage_key *key)
{
	const struct tenant_class *class = &table->tenant_classes[key->class];
	uint32_t group = block_verdict(table, table->blocks[class->group_block], key), named;

	if (!may_be_named(class, table->header->country_class[key->country]))
		return group;
	named = block_verdict(table, table->blocks[class->named_block], key);
	return named < group ? named : group;
}

// One burst between the steps of its look-ups. The group block is asked for every key; the named block
// only for those listed in `named`, which are few in most traffic.
struct verdict_burst {
	uint32_t g_dir[BURST];  // index into DIRS
	uint32_t g_cell[BURST]; // index into CELLS of the block's first row, then of the row, then the cell itself
	uint32_t n_dir[BURST], n_at[BURST]; // likewise of the keys in `named`, in their order
	uint32_t n_cell[BURST]; // cell of the named block, or "no rule"
	uint64_t named;         // a bit for each key for which the named block may decide
};

// Tenant class → group block → where its row number is.
static inline void find_group_dirs(const struct table *table, const struct triage_keys *keys, unsigned n,
				   struct verdict_burst *burst)
{
	const struct table_header *header = table->header;
	uint32_t width = header->n_small_classes;
	uint64_t named = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct tenant_class *class = &table->tenant_classes[keys->class[i]];
		uint32_t country = header->country_class[keys->country[i]];
		struct class_block block = table->blocks[class->group_block];

		burst->g_dir[i] = block.dir + country;
		burst->g_cell[i] = block.row * width + header->small_class[(uint8_t)keys->kind[i]];
		__builtin_prefetch(&table->dirs[block.dir + country]);
		named |= (uint64_t)may_be_named(class, country) << i;
	}
	burst->named = named;
}

static inline void find_named_dirs(const struct table *table, const struct triage_keys *keys,
				   struct verdict_burst *burst)
{
	const struct table_header *header = table->header;
	uint32_t width = header->n_small_classes;
	unsigned s = 0;

	for (uint64_t left = burst->named; left != 0; left &= left - 1, s++) {
		unsigned i = (unsigned)__builtin_ctzll(left);
		struct class_block block = table->blocks[table->tenant_classes[keys->class[i]].named_block];

		burst->n_dir[s] = block.dir + header->country_class[keys->country[i]];
		burst->n_at[s] = block.row * width + header->small_class[(uint8_t)keys->kind[i]];
		__builtin_prefetch(&table->dirs[burst->n_dir[s]]);
	}
}

// Row numbers → where the cells are.
static inline void find_rows(const struct table *table, const uint32_t *dir, unsigned n, uint32_t *cell)
{
	uint32_t width = table->header->n_small_classes;

	for (unsigned i = 0; i < n; i++) {
		uint32_t at = cell[i] + table->dirs[dir[i]] * width;

		cell[i] = at;
		__builtin_prefetch(&table->cells[at]);
	}
}

static inline void find_cells(const struct table *table, unsigned n, struct verdict_burst *burst)
{
	uint32_t no_rule = table->header->n_rules + 1;
	unsigned s = 0;

	for (unsigned i = 0; i < BURST; i++)
		burst->n_cell[i] = no_rule;
	for (uint64_t left = burst->named; left != 0; left &= left - 1)
		burst->n_cell[__builtin_ctzll(left)] = table->cells[burst->n_at[s++]];
	for (unsigned i = 0; i < n; i++)
		burst->g_cell[i] = table->cells[burst->g_cell[i]];
}

static inline uint64_t has_leaf(uint32_t group, uint32_t named)
{
	return (group | named) >> 31;
}

// The smaller of each two cells. Returns the keys that have steps over size, one bit each.
static inline uint64_t find_smaller(unsigned n, const struct verdict_burst *burst, uint32_t *verdict)
{
	uint64_t stepped = 0;
	unsigned i = 0;

	for (; i + 8 <= n; i += 8) {
		__m256i group = _mm256_loadu_si256((const __m256i *)(const void *)&burst->g_cell[i]);
		__m256i named = _mm256_loadu_si256((const __m256i *)(const void *)&burst->n_cell[i]);
		__m256 either = _mm256_castsi256_ps(_mm256_or_si256(group, named)); // the top bit says "leaf"

		_mm256_storeu_si256((__m256i *)(void *)&verdict[i], _mm256_min_epu32(group, named));
		stepped |= (uint64_t)(unsigned)_mm256_movemask_ps(either) << i;
	}
	for (; i < n; i++) {
		verdict[i] = burst->n_cell[i] < burst->g_cell[i] ? burst->n_cell[i] : burst->g_cell[i];
		stepped |= has_leaf(burst->g_cell[i], burst->n_cell[i]) << i;
	}
	return stepped;
}

static inline void prefetch_leaves(const struct table *table, uint64_t stepped, const struct verdict_burst *burst)
{
	for (; stepped != 0; stepped &= stepped - 1) {
		unsigned i = (unsigned)__builtin_ctzll(stepped);
		uint32_t group = burst->g_cell[i], named = burst->n_cell[i];

		__builtin_prefetch(&table->leaves[(group > named ? group : named) & ~TABLE_LEAF]);
	}
}

// Takes one step down from the larger of the two cells, which is a leaf. Returns the keys that still have one.
static inline uint64_t find_stepped(const struct table *table, const uint16_t *size, uint64_t stepped,
				    struct verdict_burst *burst, uint32_t *verdict)
{
	uint64_t again = 0;

	for (uint64_t left = stepped; left != 0; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctzll(left);
		uint32_t a = burst->g_cell[i], b = burst->n_cell[i];
		uint32_t low = a < b ? a : b, high = a < b ? b : a;
		const struct table_leaf *leaf = &table->leaves[high & ~TABLE_LEAF];

		high = leaf->cell[leaf_step(leaf, size[i])];
		burst->g_cell[i] = low;
		burst->n_cell[i] = high;
		verdict[i] = low < high ? low : high;
		again |= has_leaf(low, high) << i;
	}
	return again;
}

void table_find_verdicts(const struct table *table, const struct triage_keys *keys, unsigned n, uint32_t *verdict)
{
	struct verdict_burst burst;
	uint64_t stepped;

	find_group_dirs(table, keys, n, &burst);
	find_named_dirs(table, keys, &burst);
	find_rows(table, burst.g_dir, n, burst.g_cell);
	find_rows(table, burst.n_dir, (unsigned)__builtin_popcountll(burst.named), burst.n_at);
	find_cells(table, n, &burst);
	stepped = find_smaller(n, &burst, verdict);
	prefetch_leaves(table, stepped, &burst);
	while (stepped != 0)
		stepped = find_stepped(table, keys->size, stepped, &burst, verdict);
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
