// SPDX-License-Identifier: BSD-3-Clause
//
// The trees of country by address: bounds from ranges, then the levels over them. What a bound has in common with the
// one before it (country and row) makes no bound.

#include "rules/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/lookup_geo.h"

struct maker {
	struct geo_build *to;
	unsigned __int128 next; // address behind the last range
	bool six, split;        // `split`: the bound that was put last is of a split /64
};

// A bound within the present /64: the bounds of that go to `split`, those before it too.
static void put_split(struct geo_build *to, uint64_t high, uint64_t low, uint16_t country, uint32_t row)
{
	to->split[to->n_splits++] =
		(struct geo_split){.high = high, .low = low, .country = country, .row = row};
}

static void put_key(struct geo_build *to, uint64_t key, uint16_t country, uint32_t row)
{
	if (to->n > 0 && country != TABLE_GEO_SPLIT && to->country[to->n - 1] == country && to->row[to->n - 1] == row)
		return;
	to->key[to->n] = key;
	to->country[to->n] = country;
	to->row[to->n++] = row;
}

// From `at` on, addresses are of `country`. Ascending.
static void put_bound(struct maker *maker, unsigned __int128 at, uint16_t country, uint32_t row)
{
	struct geo_build *to = maker->to;
	uint64_t high = maker->six ? (uint64_t)(at >> 64) : (uint64_t)at << 32, low = maker->six ? (uint64_t)at : 0;
	bool here = maker->split && to->key[to->n - 1] == high;

	if (maker->split && !here) { // what held at the end of the split /64 goes on behind it
		const struct geo_split *last = &to->split[to->n_splits - 1];
		uint64_t behind = to->key[to->n - 1] + 1;

		maker->split = false;
		if (behind < high || low != 0)
			put_key(to, behind, last->country, last->row);
	}
	if (low == 0) {
		put_key(to, high, country, row);
		return;
	}
	if (!here) {
		uint16_t before = to->country[to->n - 1];
		uint32_t before_row = to->row[to->n - 1];

		put_split(to, high, 0, before, before_row);
		if (to->key[to->n - 1] == high)
			to->n--;
		put_key(to, high, TABLE_GEO_SPLIT, TABLE_NONE);
		maker->split = true;
	}
	put_split(to, high, low, country, row);
}

static void put_ranges(struct maker *maker, const struct geo_range *range, uint32_t n)
{
	unsigned __int128 end = maker->six ? 0 : (unsigned __int128)1 << 32; // behind the last address; 0: it wraps

	for (uint32_t i = 0; i < n; i++) {
		if (i == 0 ? range[i].first > 0 : range[i].first != maker->next)
			put_bound(maker, maker->next, WEIR_COUNTRY_NONE, TABLE_NONE);
		put_bound(maker, range[i].first, range[i].country, range[i].row);
		maker->next = range[i].last + 1;
	}
	if (n > 0 && maker->next != end)
		put_bound(maker, maker->next, WEIR_COUNTRY_NONE, TABLE_NONE);
	if (maker->split && maker->to->key[maker->to->n - 1] != UINT64_MAX) {
		const struct geo_split *last = &maker->to->split[maker->to->n_splits - 1];

		put_key(maker->to, maker->to->key[maker->to->n - 1] + 1, last->country, last->row);
	}
}

static uint64_t count_blocks(uint64_t n)
{
	uint64_t level = geo_leaf_blocks(n), total = level;

	while (level > 1) {
		level = geo_blocks_over(level);
		total += level;
	}
	return total;
}

int geo_build_init(struct geo_build *to, const struct geo_range *range, uint32_t n, bool six)
{
	struct maker maker = {.to = to, .six = six};
	size_t most = 4 * (size_t)n + 4; // begin, gap, and both again behind split /64s

	to->key = malloc(most * sizeof(*to->key));
	to->country = malloc(most * sizeof(*to->country));
	to->row = malloc(most * sizeof(*to->row));
	to->split = malloc(most * sizeof(*to->split));
	if (to->key == NULL || to->country == NULL || to->row == NULL || to->split == NULL)
		return -ENOMEM;
	put_ranges(&maker, range, n);
	to->n_blocks = count_blocks(to->n);
	return 0;
}

void geo_build_fini(struct geo_build *build)
{
	free(build->key);
	free(build->country);
	free(build->row);
	free(build->split);
}

static void fill_tree(struct image_work *work, const struct geo_build *from, enum table_section_id blocks)
{
	struct geo_block *block = image_section(work, blocks), *level = block;
	uint64_t below = geo_leaf_blocks(from->n), width = 1;

	memset(block, 0xff, from->n_blocks * sizeof(*block));
	if (from->n == 0)
		return;
	memcpy(block, from->key, from->n * sizeof(*from->key));
	memcpy(image_section(work, blocks + 1), from->country, from->n * sizeof(*from->country));
	memcpy(image_section(work, blocks + 2), from->row, from->n * sizeof(*from->row));
	while (below > 1) {
		level += below;
		for (uint64_t child = 0; child < below; child++) {
			uint64_t branch = child % (TABLE_GEO_WAYS + 1);

			if (branch > 0)
				level[child / (TABLE_GEO_WAYS + 1)].key[branch - 1] = block[child * width].key[0];
		}
		below = geo_blocks_over(below);
		width *= TABLE_GEO_WAYS + 1;
	}
}

void image_fill_geo(struct image_work *work)
{
	struct geo_source *file = image_section(work, TABLE_GEO_FILES);
	const struct rule_set *rules = work->rules;

	static_assert(TABLE_GEO4_COUNTRIES == TABLE_GEO4_BLOCKS + 1 && TABLE_GEO4_ROWS == TABLE_GEO4_BLOCKS + 2 &&
		      TABLE_GEO6_COUNTRIES == TABLE_GEO6_BLOCKS + 1 && TABLE_GEO6_ROWS == TABLE_GEO6_BLOCKS + 2,
		      "fill_tree finds the sections by order");
	fill_tree(work, &work->geo4, TABLE_GEO4_BLOCKS);
	fill_tree(work, &work->geo6, TABLE_GEO6_BLOCKS);
	memcpy(image_section(work, TABLE_GEO_SPLITS), work->geo6.split, work->geo6.n_splits * sizeof(struct geo_split));
	for (uint32_t i = 0; i < rules->n_geo_files; i++)
		file[i] = (struct geo_source){.path = image_put_string(work, rules->geo_files[i].path),
					      .kind = rules->geo_files[i].kind};
}
