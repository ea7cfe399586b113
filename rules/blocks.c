// SPDX-License-Identifier: BSD-3-Clause
//
// Blocks: for one kind of tenant, the row of each country class. Rows are shared between blocks: a
// block counts its rows from the first row of a window of 65,536, and equal rows within a window are
// one, equal dirs are one. A row is only computed when no row of the window came from the same rules.
//
// The rules without tenant key matter to everybody. Which of them can decide anything in a country
// class is found once (`base`); a group block adds its own rules to those.

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/build.h"

#define NO_BASE 0xffffffffu
enum { WINDOW_ROWS = 0x10000 };

int build_base(struct build *build)
{
	const struct rule_set *rules = build->rules;
	struct rule_list list = {0};
	uint32_t row;
	int err = 0;

	build->base = calloc(build->n_country_classes, sizeof(*build->base));
	if (build->base == NULL)
		return -ENOMEM;
	for (unsigned class = 0; err == 0 && class < build->n_country_classes; class++) {
		list.n = 0;
		for (uint32_t i = 0; err == 0 && i < rules->n_rules; i++)
			if (rules->rules[i].match.any_tenant && rule_has_country(build, i, class))
				err = rule_list_put(&list, i);
		if (err == 0)
			err = build_row(build, &list, rules->n_rules, &build->base[class], &row);
	}
	free(list.rule);
	return err;
}

// Merges two ascending lists into `out`.
static int merge(const struct rule_list *a, const struct rule_list *b, struct rule_list *out)
{
	uint32_t i = 0, j = 0;
	int err = 0;

	out->n = 0;
	while (err == 0 && (i < a->n || j < b->n)) {
		uint32_t from_a = i < a->n ? a->rule[i] : UINT32_MAX, from_b = j < b->n ? b->rule[j] : UINT32_MAX;

		err = rule_list_put(out, from_a < from_b ? from_a : from_b);
		i += from_a <= from_b;
		j += from_b <= from_a;
	}
	return err;
}

// The rules of `from` that ask for a country class, and their interned list's number.
static int select_rules(struct build *build, const struct rule_list *from, unsigned class, struct rule_list *out,
			uint32_t *number)
{
	struct list_link link = {0};
	int err = 0;

	out->n = 0;
	*number = 0;
	for (uint32_t i = 0; err == 0 && i < from->n; i++) {
		if (!rule_has_country(build, from->rule[i], class))
			continue;
		err = rule_list_put(out, from->rule[i]);
		link = (struct list_link){.before = *number, .number = from->rule[i]};
		if (err == 0)
			err = intern_put(&build->lists, &link, number);
		++*number;
	}
	return err;
}

// Finds the memo of (base, list): its row number, or NULL in `row` where it is new.
static int find_memo(struct build *build, uint32_t base, uint32_t list, uint32_t **row)
{
	struct list_link key = {.before = base, .number = list};
	uint32_t number;
	int err = intern_put(&build->row_memo, &key, &number);

	if (err == 0 && number >= build->memo_capacity) {
		uint32_t capacity = build->memo_capacity == 0 ? 1024 : build->memo_capacity * 2;
		uint32_t *grown = realloc(build->row_of_memo, capacity * sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		memset(grown + build->memo_capacity, 0xff, (capacity - build->memo_capacity) * sizeof(*grown));
		build->row_of_memo = grown;
		build->memo_capacity = capacity;
	}
	*row = err == 0 ? &build->row_of_memo[number] : NULL;
	return err;
}

struct block_work {
	const struct rule_list *rules; // named, or extra
	bool group;
	struct rule_list selected, merged;
	uint16_t dir[WEIR_N_COUNTRIES];
};

static int make_row(struct build *build, struct block_work *work, unsigned class)
{
	uint32_t list, *row;
	int err = select_rules(build, work->rules, class, &work->selected, &list);

	if (err == 0)
		err = find_memo(build, work->group ? class : NO_BASE, list, &row);
	if (err != 0)
		return err;
	if (*row == UINT32_MAX && !work->group) {
		err = build_row(build, &work->selected, build->rules->n_rules + 1, NULL, row);
	} else if (*row == UINT32_MAX) {
		err = merge(&build->base[class], &work->selected, &work->merged);
		if (err == 0)
			err = build_row(build, &work->merged, build->rules->n_rules, NULL, row);
	}
	if (err == 0)
		work->dir[class] = (uint16_t)(*row - build->window);
	return err;
}

// Starts a new window where the rows of one more block might not fit in this one.
static void move_window(struct build *build)
{
	if (build->rows.n - build->window <= (uint32_t)(WINDOW_ROWS - WEIR_N_COUNTRIES))
		return;
	build->window = build->rows.n;
	intern_forget(&build->rows);
	intern_forget(&build->row_memo);
}

static int build_block(struct build *build, struct block_work *work, uint32_t *number)
{
	struct class_block block;
	int err = 0;

	move_window(build);
	for (unsigned class = 0; err == 0 && class < build->n_country_classes; class++)
		err = make_row(build, work, class);
	if (err == 0)
		err = intern_put(&build->dirs, work->dir, &block.dir);
	if (err != 0)
		return err;
	block.dir *= build->n_country_classes;
	block.row = build->window;
	return intern_put(&build->blocks, &block, number);
}

static int build_kind(struct build *build, const struct rule_list *list, bool group, uint32_t *block)
{
	struct block_work work = {.rules = list, .group = group};
	int err = build_block(build, &work, block);

	free(work.selected.rule);
	free(work.merged.rule);
	return err;
}

int build_named_block(struct build *build, const struct rule_list *named, uint32_t *block)
{
	return build_kind(build, named, false, block);
}

int build_group_block(struct build *build, const struct rule_list *extra, uint32_t *block)
{
	return build_kind(build, extra, true, block);
}
