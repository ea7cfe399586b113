// SPDX-License-Identifier: BSD-3-Clause
//
// One row: for the rules that matter to one kind of tenant and one country class, the first match of
// every small class and payload size.
//
// The small classes are kept in parts. The first part is untouched: no rule has decided anything in
// it. A rule without size limits decides its share of a part for good; one with limits splits its share off
// as a part of its own, which remembers in steps which sizes are decided. A part without undecided
// sizes is written to the row and dropped. When no part is left, later rules can add nothing.

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/build.h"

#define UNDECIDED 0xffffffffu
enum { END_OF_SIZES = SIZE_MAX_BYTES + 1 };

struct part {
	uint64_t small[SMALL_WORDS]; // its small classes
	struct step *step;           // never two neighbours alike
	uint32_t n, capacity, n_undecided;
};

struct row_state {
	struct build *build;
	struct part *part;
	uint32_t n, capacity;
	uint32_t row[TABLE_SMALL];
};

int rule_list_put(struct rule_list *list, uint32_t rule)
{
	if (list->n == list->capacity) {
		uint32_t capacity = list->capacity == 0 ? 16 : list->capacity * 2;
		uint32_t *grown = realloc(list->rule, capacity * sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		list->rule = grown;
		list->capacity = capacity;
	}
	list->rule[list->n++] = rule;
	return 0;
}

static bool share(const struct part *part, const uint64_t *small, uint64_t out[SMALL_WORDS])
{
	uint64_t any = 0;

	for (unsigned i = 0; i < SMALL_WORDS; i++)
		any |= out[i] = part->small[i] & small[i];
	return any != 0;
}

static int reserve_steps(struct part *part, uint32_t n)
{
	struct step *step;

	if (n <= part->capacity)
		return 0;
	n = n < 2 * part->capacity ? 2 * part->capacity : n;
	step = realloc(part->step, n * sizeof(*step));
	if (step == NULL)
		return -ENOMEM;
	part->step = step;
	part->capacity = n;
	return 0;
}

// Adds a part of `small` with a copy of the steps of part `of`.
static int split_part(struct row_state *state, uint32_t of, const uint64_t small[SMALL_WORDS])
{
	struct part part = {0};

	if (state->n == state->capacity) {
		uint32_t capacity = state->capacity * 2;
		struct part *grown = realloc(state->part, capacity * sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		state->part = grown;
		state->capacity = capacity;
	}
	if (reserve_steps(&part, state->part[of].n + 4) != 0)
		return -ENOMEM;
	part.n = state->part[of].n;
	part.n_undecided = state->part[of].n_undecided;
	memcpy(part.step, state->part[of].step, part.n * sizeof(*part.step));
	memcpy(part.small, small, sizeof(part.small));
	for (unsigned i = 0; i < SMALL_WORDS; i++)
		state->part[of].small[i] &= ~small[i];
	state->part[state->n++] = part;
	return 0;
}

// Position of the step that `size` falls on.
static uint32_t find_step(const struct part *part, uint32_t size)
{
	uint32_t low = 0, high = part->n;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (part->step[middle].from <= size)
			low = middle;
		else
			high = middle;
	}
	return low;
}

// Whether `part` has undecided sizes from min to max.
static bool wants(const struct part *part, uint32_t min, uint32_t max)
{
	for (uint32_t i = find_step(part, min); i < part->n && part->step[i].from <= max; i++)
		if (part->step[i].verdict == UNDECIDED)
			return true;
	return false;
}

static void push_step(struct part *part, uint32_t from, uint32_t verdict)
{
	if (part->n > 0 && part->step[part->n - 1].verdict == verdict)
		return;
	part->step[part->n++] = (struct step){.from = from, .verdict = verdict};
	part->n_undecided += verdict == UNDECIDED;
}

// Gives the undecided sizes from min to max to `rule`.
static int decide(struct part *part, uint32_t min, uint32_t max, uint32_t rule)
{
	struct part out = {0};

	if (reserve_steps(&out, part->n + 2) != 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < part->n; i++) {
		uint32_t from = part->step[i].from, verdict = part->step[i].verdict;
		uint32_t end = i + 1 < part->n ? part->step[i + 1].from : END_OF_SIZES;

		if (verdict != UNDECIDED || from > max || end <= min) {
			push_step(&out, from, verdict);
			continue;
		}
		if (from < min)
			push_step(&out, from, UNDECIDED);
		push_step(&out, from < min ? min : from, rule);
		if (end > max + 1)
			push_step(&out, max + 1, UNDECIDED);
	}
	free(part->step);
	part->step = out.step;
	part->n = out.n;
	part->capacity = out.capacity;
	part->n_undecided = out.n_undecided;
	return 0;
}

static void write_cells(struct row_state *state, const uint64_t small[SMALL_WORDS], uint32_t cell)
{
	for (unsigned i = 0; i < SMALL_WORDS; i++)
		for (uint64_t left = small[i]; left != 0; left &= left - 1)
			state->row[i * 64 + (unsigned)__builtin_ctzll(left)] = cell;
}

// Writes a decided part to the row.
static int finish_part(struct row_state *state, const struct part *part)
{
	uint32_t cell;
	int err = build_leaf(state->build, part->step, part->n, &cell);

	if (err == 0)
		write_cells(state, part->small, cell);
	return err;
}

static void drop_part(struct row_state *state, uint32_t at)
{
	free(state->part[at].step);
	state->part[at] = state->part[--state->n];
}

// Takes `small` away from a part, for good when nothing is left of it.
static void shrink_part(struct row_state *state, uint32_t at, const uint64_t small[SMALL_WORDS])
{
	uint64_t left = 0;

	for (unsigned i = 0; i < SMALL_WORDS; i++)
		left |= state->part[at].small[i] &= ~small[i];
	if (left == 0)
		drop_part(state, at);
}

// Gives the rule its share of the part at `at`. A part that comes to lie at a place that has had its
// turn, or has it twice, is none the worse: the rule can add nothing a second time.
static int apply_to_part(struct row_state *state, uint32_t rule, uint32_t at, const uint64_t common[SMALL_WORDS])
{
	const struct rule_mask *mask = &state->build->mask[rule];
	int err = 0;

	if (state->part[at].n == 1 && mask->min == 0 && mask->max == SIZE_MAX_BYTES) {
		write_cells(state, common, rule);
		shrink_part(state, at, common);
		return 0;
	}
	if (memcmp(common, state->part[at].small, sizeof(state->part[at].small)) != 0) {
		err = split_part(state, at, common);
		at = state->n - 1;
	}
	if (err == 0)
		err = decide(&state->part[at], mask->min, mask->max, rule);
	if (err != 0 || state->part[at].n_undecided != 0)
		return err;
	err = finish_part(state, &state->part[at]);
	drop_part(state, at);
	return err;
}

static int apply(struct row_state *state, uint32_t rule, bool *used)
{
	const struct rule_mask *mask = &state->build->mask[rule];
	int err = 0;

	*used = false;
	for (uint32_t at = 0; err == 0 && at < state->n;) {
		uint64_t common[SMALL_WORDS];

		if (share(&state->part[at], mask->small, common) && wants(&state->part[at], mask->min, mask->max)) {
			*used = true;
			err = apply_to_part(state, rule, at, common);
		} else {
			at++;
		}
	}
	return err;
}

static int start(struct row_state *state, struct build *build)
{
	struct part untouched = {.n = 1, .n_undecided = 1};

	*state = (struct row_state){.build = build, .capacity = 16};
	state->part = calloc(state->capacity, sizeof(*state->part));
	if (state->part == NULL || reserve_steps(&untouched, 4) != 0)
		return -ENOMEM;
	untouched.step[0] = (struct step){.from = 0, .verdict = UNDECIDED};
	for (unsigned i = 0; i < build->n_small_classes; i++)
		bits_put(untouched.small, i);
	state->part[state->n++] = untouched;
	return 0;
}

static int finish(struct row_state *state, uint32_t otherwise, uint32_t *row)
{
	int err = 0;

	for (uint32_t i = 0; err == 0 && i < state->n; i++) {
		err = decide(&state->part[i], 0, SIZE_MAX_BYTES, otherwise);
		if (err == 0)
			err = finish_part(state, &state->part[i]);
	}
	return err != 0 ? err : intern_put(&state->build->rows, state->row, row);
}

int build_row(struct build *build, const struct rule_list *list, uint32_t otherwise, struct rule_list *used,
	      uint32_t *row)
{
	struct row_state state;
	bool decided;
	int err = start(&state, build);

	for (uint32_t i = 0; err == 0 && i < list->n && state.n > 0; i++) {
		err = apply(&state, list->rule[i], &decided);
		if (err == 0 && decided && used != NULL)
			err = rule_list_put(used, list->rule[i]);
	}
	if (err == 0)
		err = finish(&state, otherwise, row);
	for (uint32_t i = 0; i < state.n; i++)
		free(state.part[i].step);
	free(state.part);
	return err;
}
