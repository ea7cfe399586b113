// SPDX-License-Identifier: BSD-3-Clause
//
// Checks of a table image: country by address. The strings are checked before.

#include "rules/lookup_geo.h"
#include "rules/table_check.h"

struct geo_check {
	struct table_check *check;
	struct geo_tree *tree;
	const char *what;
	uint64_t split; // of GEO_SPLITS that have been met
	bool six;
};

// The levels over `n` bounds must be the blocks that are there.
static int measure(struct geo_check *geo, enum table_section_id blocks, enum table_section_id countries,
		   enum table_section_id rows)
{
	const struct table *t = geo->check->table;
	uint64_t n = table_count(t, countries), n_blocks = table_count(t, blocks), at = 0;
	struct geo_tree *tree = geo->tree;

	if (n > UINT32_MAX / 2 || table_count(t, rows) != n)
		return table_refuse(geo->check, "%s addresses: not one row a country", geo->what);
	tree->n = (uint32_t)n;
	for (uint64_t level = geo_leaf_blocks(n); n > 0; level = geo_blocks_over(level)) {
		if (tree->n_levels == TABLE_GEO_LEVELS)
			return table_refuse(geo->check, "%s addresses: too many levels", geo->what);
		tree->level[tree->n_levels++] = (uint32_t)at;
		at += level;
		if (level == 1)
			break;
	}
	return at == n_blocks ? 0 : table_refuse(geo->check, "%s addresses: blocks do not fit bounds", geo->what);
}

static uint64_t key_at(const struct geo_tree *tree, uint64_t bound)
{
	return tree->blocks[bound / TABLE_GEO_WAYS].key[bound % TABLE_GEO_WAYS];
}

static int check_keys(const struct geo_check *geo)
{
	const struct geo_tree *tree = geo->tree;
	uint64_t keys = geo_leaf_blocks(tree->n) * TABLE_GEO_WAYS, unused = geo->six ? 0 : UINT32_MAX;

	if (key_at(tree, 0) != 0)
		return table_refuse(geo->check, "%s addresses: the first bound is not 0", geo->what);
	for (uint64_t i = 1; i < keys; i++)
		if (i < tree->n ? key_at(tree, i) <= key_at(tree, i - 1) || (key_at(tree, i) & unused) != 0 :
				  key_at(tree, i) != UINT64_MAX)
			return table_refuse(geo->check, "%s addresses: bound %u is out of order", geo->what,
					    (unsigned)i);
	return 0;
}

// Each key over level 0 is the first key of the leaf that its branch begins with.
static int check_branches(const struct geo_check *geo)
{
	const struct geo_tree *tree = geo->tree;
	uint64_t leaves = geo_leaf_blocks(tree->n), below = leaves, width = 1;

	for (unsigned level = 1; level < tree->n_levels; level++) {
		const struct geo_block *block = &tree->blocks[tree->level[level]];
		uint64_t blocks = geo_blocks_over(below);

		for (uint64_t i = 0; i < blocks * TABLE_GEO_WAYS; i++) {
			uint64_t child = i / TABLE_GEO_WAYS * (TABLE_GEO_WAYS + 1) + i % TABLE_GEO_WAYS + 1;
			uint64_t key = child < below ? tree->blocks[child * width].key[0] : UINT64_MAX;

			if (block[i / TABLE_GEO_WAYS].key[i % TABLE_GEO_WAYS] != key)
				return table_refuse(geo->check, "%s addresses: a branch of level %u is wrong",
						    geo->what, level);
		}
		below = blocks;
		width *= TABLE_GEO_WAYS + 1;
	}
	return 0;
}

static bool value_good(const struct table *t, uint16_t country, uint32_t row)
{
	if (country == WEIR_COUNTRY_NONE)
		return row == TABLE_NONE || row >> TABLE_GEO_ROW_BITS < table_count(t, TABLE_GEO_FILES);
	return country < WEIR_N_COUNTRIES && row >> TABLE_GEO_ROW_BITS < table_count(t, TABLE_GEO_FILES);
}

// A split bound is of one /64, whose bounds come next in GEO_SPLITS and begin at its start.
static bool split_good(struct geo_check *geo, uint32_t bound)
{
	const struct table *t = geo->check->table;
	uint64_t high = key_at(geo->tree, bound), n = table_count(t, TABLE_GEO_SPLITS);
	const struct geo_split *split = t->geo_splits + geo->split;

	if (!geo->six || geo->split == n || split->high != high || split->low != 0)
		return false;
	if (bound + 1 < geo->tree->n ? key_at(geo->tree, bound + 1) != high + 1 : high != UINT64_MAX)
		return false;
	for (uint64_t i = 0; geo->split < n && split->high == high; i++, geo->split++, split++)
		if ((i > 0 && split->low <= split[-1].low) || split->reserved != 0 ||
		    !value_good(t, split->country, split->row))
			return false;
	return geo->tree->rows[bound] == TABLE_NONE;
}

static int check_values(struct geo_check *geo)
{
	const struct table *t = geo->check->table;
	const struct geo_tree *tree = geo->tree;

	for (uint32_t i = 0; i < tree->n; i++)
		if (tree->countries[i] == TABLE_GEO_SPLIT ? !split_good(geo, i) :
							    !value_good(t, tree->countries[i], tree->rows[i]))
			return table_refuse(geo->check, "%s addresses: the country of bound %u is wrong", geo->what, i);
	return 0;
}

static int check_tree(struct geo_check *geo)
{
	int err = 0;

	if (geo->tree->n > 0)
		err = check_keys(geo);
	if (err == 0)
		err = check_branches(geo);
	return err != 0 ? err : check_values(geo);
}

static int check_files(struct table_check *check)
{
	const struct table *t = check->table;
	uint64_t n = table_count(t, TABLE_GEO_FILES);

	if (n > TABLE_GEO_MAX_FILES)
		return table_refuse(check, "more than %d files of addresses", TABLE_GEO_MAX_FILES);
	for (uint64_t i = 0; i < n; i++)
		if (!table_string_good(t, t->geo_files[i].path) || t->geo_files[i].kind > GEO_MMDB)
			return table_refuse(check, "file of addresses %u: path or kind out of range", (unsigned)i);
	return 0;
}

int table_check_geo(struct table_check *check, struct table *table)
{
	struct geo_check four = {.check = check, .tree = &table->geo4, .what = "IPv4"};
	struct geo_check six = {.check = check, .tree = &table->geo6, .what = "IPv6", .six = true};
	int err = check_files(check);

	if (err == 0)
		err = measure(&four, TABLE_GEO4_BLOCKS, TABLE_GEO4_COUNTRIES, TABLE_GEO4_ROWS);
	if (err == 0)
		err = measure(&six, TABLE_GEO6_BLOCKS, TABLE_GEO6_COUNTRIES, TABLE_GEO6_ROWS);
	if (err == 0)
		err = check_tree(&four);
	if (err == 0)
		err = check_tree(&six);
	if (err == 0 && six.split != table_count(table, TABLE_GEO_SPLITS))
		err = table_refuse(check, "IPv6 addresses: bounds of a /64 that is not split");
	return err;
}
