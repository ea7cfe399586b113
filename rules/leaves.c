// SPDX-License-Identifier: BSD-3-Clause
//
// Leaves: the steps of a cell over payload size, nine a leaf; more steps make a tree, each leaf of
// which stands for a run of steps. Equal leaves are one. Children are put before their parents here,
// and the image reverses the order, so that a leaf there only points at later ones.

#include "rules/build.h"

#include <assert.h>

// Steps that each child of a leaf over `n` steps stands for: the smallest power of nine that suffices.
static uint32_t child_steps(uint32_t n)
{
	uint32_t steps = 1;

	while (steps * TABLE_STEPS < n)
		steps *= TABLE_STEPS;
	return steps;
}

int build_leaf(struct build *build, const struct step *step, uint32_t n, uint32_t *cell)
{
	uint32_t each = child_steps(n), at = 0;
	struct table_leaf leaf = {0};
	int err;

	if (n == 1) {
		*cell = step[0].verdict;
		return 0;
	}
	static_assert(9 * 9 * 9 * 9 * 9 * 9 > 0x10000 && TABLE_STEPS == 9, "any steps fit in TABLE_MAX_LEAF_DEPTH");
	for (unsigned i = 0; i < TABLE_STEPS; i++, at += each) {
		if (i > 0)
			leaf.bound[i - 1] = at < n ? (uint16_t)step[at].from : SIZE_MAX_BYTES;
		if (at >= n) {
			leaf.cell[i] = leaf.cell[i - 1];
			continue;
		}
		err = build_leaf(build, step + at, at + each < n ? each : n - at, &leaf.cell[i]);
		if (err != 0)
			return err;
	}
	err = intern_put(&build->leaves, &leaf, cell);
	*cell |= TABLE_LEAF;
	return err;
}
