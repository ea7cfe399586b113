// SPDX-License-Identifier: BSD-3-Clause
//
// Walks over the cells of an opened table, step by step of payload size.

#include "rules/walk.h"

uint32_t walk_step(const struct table *table, uint32_t cell, uint32_t size, uint32_t *end)
{
	while (cell & TABLE_LEAF) {
		const struct table_leaf *leaf = &table->leaves[cell & ~TABLE_LEAF];
		unsigned step = 0;

		while (step < TABLE_STEPS - 1 && leaf->bound[step] <= size)
			step++;
		if (step < TABLE_STEPS - 1 && leaf->bound[step] < *end)
			*end = leaf->bound[step];
		cell = leaf->cell[step];
	}
	return cell;
}

void walk_pair(const struct table *table, uint32_t group, uint32_t named, walk_visit *visit, void *context)
{
	for (uint32_t size = 0, end; size < WALK_SIZES; size = end) {
		uint32_t by_group, by_name;

		end = WALK_SIZES;
		by_group = walk_step(table, group, size, &end);
		by_name = walk_step(table, named, size, &end);
		visit(context, by_name < by_group ? by_name : by_group);
	}
}
