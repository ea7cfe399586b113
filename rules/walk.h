// SPDX-License-Identifier: BSD-3-Clause
//
// Walks over the cells of an opened table, for proofs over all of them (idle.c, residency.c).
#pragma once

#include "rules/table.h"

enum { WALK_SIZES = 0x10000 }; // payload sizes, from 0

// Number of the row of a block for a country class.
static inline uint32_t walk_row(const struct table *table, uint32_t block, unsigned country_class)
{
	const struct class_block *at = &table->blocks[block];

	return at->row + table->dirs[at->dir + country_class];
}

static inline const uint32_t *walk_cells(const struct table *table, uint32_t row)
{
	return &table->cells[(uint64_t)row * table->header->n_small_classes];
}

// Verdict of a cell at a payload size. `end` is lowered to the first size at which it may change.
uint32_t walk_step(const struct table *table, uint32_t cell, uint32_t size, uint32_t *end);

// Calls `visit` for each verdict that comes out of a group cell and a named cell together (the
// smaller at each size).
typedef void walk_visit(void *context, uint32_t verdict);
void walk_pair(const struct table *table, uint32_t group, uint32_t named, walk_visit *visit, void *context);
