// SPDX-License-Identifier: BSD-3-Clause
//
// Checks of a table image: classes, blocks, dirs, cells and leaves. What holds afterwards: whatever
// the key, a look-up ends after at most TABLE_MAX_LEAF_DEPTH leaves in a verdict that exists.
//
// Leaves are walked from the last to the first, since a leaf only points at later ones; each gets a
// note (its depth, and whether it can end in "no rule"). Rows and dirs get notes from those of their
// cells, so that each element is looked at once however often it is shared.

#include "rules/table_check.h"

#include <errno.h>
#include <stdlib.h>

#define NOTE_NO_RULE 0x80u // can end in verdict n_rules + 1; the rest of a note is the depth

struct notes {
	uint8_t *leaf, *row, *block;
	uint16_t *dir; // largest row number in it
	uint64_t n_rows, n_dirs;
};

static int check_classes(struct table_check *check)
{
	const struct table_header *header = check->table->header;

	if (header->n_country_classes == 0 || header->n_country_classes > WEIR_N_COUNTRIES)
		return table_refuse(check, "%u country classes", header->n_country_classes);
	if (header->n_small_classes == 0 || header->n_small_classes > TABLE_SMALL)
		return table_refuse(check, "%u small classes", header->n_small_classes);
	for (unsigned i = 0; i < WEIR_N_COUNTRIES; i++)
		if (header->country_class[i] >= header->n_country_classes)
			return table_refuse(check, "country %u: no such class", i);
	for (unsigned i = 0; i < TABLE_SMALL; i++)
		if (header->small_class[i] >= header->n_small_classes)
			return table_refuse(check, "small key %u: no such class", i);
	return 0;
}

// Merges what `cell` leads to into `note`; false when it leads nowhere. `after` is the lowest leaf
// index that it may name.
static bool note_cell(const struct table *t, const struct notes *notes, uint32_t cell, uint64_t after,
		      uint8_t *note)
{
	uint32_t leaf = cell & ~TABLE_LEAF, n_rules = t->header->n_rules;
	uint8_t depth = *note & ~NOTE_NO_RULE, child;

	if (!(cell & TABLE_LEAF)) {
		if (cell == n_rules + 1)
			*note |= NOTE_NO_RULE;
		return cell <= n_rules + 1;
	}
	if (leaf < after || leaf >= table_count(t, TABLE_LEAVES))
		return false;
	child = notes->leaf[leaf] & ~NOTE_NO_RULE;
	depth = child > depth ? child : depth;
	*note = depth | (*note & NOTE_NO_RULE) | (notes->leaf[leaf] & NOTE_NO_RULE);
	return true;
}

static int check_leaves(struct table_check *check, struct notes *notes)
{
	const struct table *t = check->table;

	for (uint64_t i = table_count(t, TABLE_LEAVES); i-- > 0;) {
		const struct table_leaf *leaf = &t->leaves[i];
		uint8_t note = 0;

		for (unsigned s = 1; s < TABLE_STEPS - 1; s++)
			if (leaf->bound[s] < leaf->bound[s - 1])
				return table_refuse(check, "leaf %u: bounds out of order", (unsigned)i);
		for (unsigned s = 0; s < TABLE_STEPS; s++)
			if (!note_cell(t, notes, leaf->cell[s], i + 1, &note))
				return table_refuse(check, "leaf %u: step %u leads nowhere", (unsigned)i, s);
		note++;
		if ((note & ~NOTE_NO_RULE) > TABLE_MAX_LEAF_DEPTH)
			return table_refuse(check, "leaf %u: too deep", (unsigned)i);
		notes->leaf[i] = note;
	}
	return 0;
}

static int check_rows(struct table_check *check, struct notes *notes)
{
	const struct table *t = check->table;
	const uint32_t *cell = t->cells;

	for (uint64_t row = 0; row < notes->n_rows; row++)
		for (unsigned s = 0; s < t->header->n_small_classes; s++)
			if (!note_cell(t, notes, *cell++, 0, &notes->row[row]))
				return table_refuse(check, "row %u: cell %u leads nowhere", (unsigned)row, s);
	return 0;
}

static int check_blocks(struct table_check *check, struct notes *notes)
{
	const struct table *t = check->table;
	unsigned width = t->header->n_country_classes;

	for (uint64_t i = 0; i < table_count(t, TABLE_DIRS); i++)
		if (t->dirs[i] > notes->dir[i / width])
			notes->dir[i / width] = t->dirs[i];
	for (uint64_t i = 0; i < table_count(t, TABLE_BLOCKS); i++) {
		const struct class_block *block = &t->blocks[i];

		if (block->dir % width != 0 || block->dir / width >= notes->n_dirs)
			return table_refuse(check, "block %u: no such dir", (unsigned)i);
		if ((uint64_t)block->row + notes->dir[block->dir / width] >= notes->n_rows)
			return table_refuse(check, "block %u: no such row", (unsigned)i);
	}
	return 0;
}

// Group blocks decide always.
static int check_group_blocks(struct table_check *check, struct notes *notes)
{
	const struct table *t = check->table;

	for (uint64_t i = 0; i < table_count(t, TABLE_TENANT_CLASSES); i++) {
		uint32_t at = t->tenant_classes[i].group_block;
		const struct class_block *block;

		if (at >= table_count(t, TABLE_BLOCKS))
			return table_refuse(check, "tenant class %u: no such block", (unsigned)i);
		if (notes->block[at])
			continue;
		notes->block[at] = 1;
		block = &t->blocks[at];
		for (unsigned c = 0; c < t->header->n_country_classes; c++)
			if (notes->row[block->row + t->dirs[block->dir + c]] & NOTE_NO_RULE)
				return table_refuse(check, "block %u: a group block that does not decide", at);
	}
	return 0;
}

static int check_noted(struct table_check *check, struct notes *notes)
{
	int err = check_leaves(check, notes);

	if (err == 0)
		err = check_rows(check, notes);
	if (err == 0)
		err = check_blocks(check, notes);
	return err != 0 ? err : check_group_blocks(check, notes);
}

int table_check_cells(struct table_check *check)
{
	const struct table *t = check->table;
	struct notes notes = {0};
	int err = check_classes(check);

	if (err != 0)
		return err;
	if (table_count(t, TABLE_CELLS) % t->header->n_small_classes != 0 ||
	    table_count(t, TABLE_DIRS) % t->header->n_country_classes != 0)
		return table_refuse(check, "a row of cells or a dir is cut off");
	if (table_count(t, TABLE_CELLS) > UINT32_MAX || table_count(t, TABLE_DIRS) > UINT32_MAX)
		return table_refuse(check, "more cells or dirs than an index can say");
	if (table_count(t, TABLE_TENANT_CLASSES) == 0 || table_count(t, TABLE_LEAVES) >= TABLE_LEAF)
		return table_refuse(check, "no tenant classes or too many leaves");
	notes.n_rows = table_count(t, TABLE_CELLS) / t->header->n_small_classes;
	notes.n_dirs = table_count(t, TABLE_DIRS) / t->header->n_country_classes;
	notes.leaf = calloc(table_count(t, TABLE_LEAVES) + 1, 1);
	notes.row = calloc(notes.n_rows + 1, 1);
	notes.block = calloc(table_count(t, TABLE_BLOCKS) + 1, 1);
	notes.dir = calloc(notes.n_dirs + 1, sizeof(*notes.dir));
	if (notes.leaf != NULL && notes.row != NULL && notes.block != NULL && notes.dir != NULL) {
		err = check_noted(check, &notes);
	} else {
		table_refuse(check, "no memory to check the table");
		err = -ENOMEM;
	}
	free(notes.leaf);
	free(notes.row);
	free(notes.block);
	free(notes.dir);
	return err;
}
