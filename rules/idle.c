// SPDX-License-Identifier: BSD-3-Clause
//
// Finds the rules that can never decide, exactly: a rule decides when it is what some tenant class
// gets out of its two blocks at some country class, small class and size.
//
// Where no rule names the tenant, each verdict of the group block counts, and each row is looked at once.
// Pairs of a group and a named block are gone through only while one of them still holds a verdict
// that nothing else has met; most rules are met early, so few pairs are.

#include "rules/idle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/intern.h"
#include "rules/walk.h"

struct idle {
	const struct table *table;
	bool *decides;
	bool *row_settled;  // every verdict of the row is known to decide
	bool *leaf_settled; // likewise
	struct intern pairs;  // (group block, named block) met so far
	struct intern rows;   // (group row, named row) met so far
};

static void visit_verdict(void *context, uint32_t verdict)
{
	struct idle *idle = context;

	idle->decides[verdict] = true;
}

static void meet_cell(struct idle *idle, uint32_t cell)
{
	const struct table_leaf *leaf = &idle->table->leaves[cell & ~TABLE_LEAF];

	if (!(cell & TABLE_LEAF)) {
		idle->decides[cell] = true;
		return;
	}
	if (idle->leaf_settled[cell & ~TABLE_LEAF])
		return;
	idle->leaf_settled[cell & ~TABLE_LEAF] = true;
	for (unsigned step = 0; step < TABLE_STEPS; step++)
		meet_cell(idle, leaf->cell[step]);
}

// All verdicts of a group block decide for a tenant that no rule names.
static void meet_block(struct idle *idle, uint32_t block)
{
	for (unsigned c = 0; c < idle->table->header->n_country_classes; c++) {
		uint32_t row = walk_row(idle->table, block, c);

		if (idle->row_settled[row])
			continue;
		idle->row_settled[row] = true;
		for (unsigned s = 0; s < idle->table->header->n_small_classes; s++)
			meet_cell(idle, walk_cells(idle->table, row)[s]);
	}
}

static bool cell_settled(struct idle *idle, uint32_t cell)
{
	uint32_t leaf = cell & ~TABLE_LEAF;
	bool settled = true;

	if (!(cell & TABLE_LEAF))
		return cell > idle->table->header->n_rules || idle->decides[cell];
	if (idle->leaf_settled[leaf])
		return true;
	for (unsigned step = 0; settled && step < TABLE_STEPS; step++)
		settled = cell_settled(idle, idle->table->leaves[leaf].cell[step]);
	idle->leaf_settled[leaf] = settled;
	return settled;
}

static bool row_settled(struct idle *idle, uint32_t row)
{
	bool settled = idle->row_settled[row];

	for (unsigned s = 0; !idle->row_settled[row] && s < idle->table->header->n_small_classes; s++) {
		settled = cell_settled(idle, walk_cells(idle->table, row)[s]);
		if (!settled)
			return false;
	}
	idle->row_settled[row] = true;
	return true;
}

static int meet_rows(struct idle *idle, uint32_t group_row, uint32_t named_row)
{
	const struct table *table = idle->table;
	const uint32_t pair[2] = {group_row, named_row};
	uint32_t number, n_before = idle->rows.n;
	int err;

	if (row_settled(idle, group_row) && row_settled(idle, named_row))
		return 0;
	err = intern_put(&idle->rows, pair, &number);
	if (err != 0 || number < n_before)
		return err;
	for (unsigned s = 0; s < table->header->n_small_classes; s++)
		walk_pair(table, walk_cells(table, group_row)[s], walk_cells(table, named_row)[s], visit_verdict, idle);
	return 0;
}

static int meet_pair(struct idle *idle, const struct tenant_class *class)
{
	const uint32_t pair[2] = {class->group_block, class->named_block};
	uint32_t number, n_before = idle->pairs.n;
	int err = intern_put(&idle->pairs, pair, &number);

	if (err != 0 || number < n_before)
		return err;
	for (unsigned c = 0; err == 0 && c < idle->table->header->n_country_classes; c++)
		err = meet_rows(idle, walk_row(idle->table, class->group_block, c),
				walk_row(idle->table, class->named_block, c));
	return err;
}

static int meet_all(struct idle *idle)
{
	const struct table *table = idle->table;
	uint64_t n = table_count(table, TABLE_TENANT_CLASSES);
	int err = 0;

	for (uint64_t i = 0; i < n; i++)
		if (table->tenant_classes[i].named_block == 0)
			meet_block(idle, table->tenant_classes[i].group_block);
	for (uint64_t i = 0; err == 0 && i < n; i++)
		if (table->tenant_classes[i].named_block != 0)
			err = meet_pair(idle, &table->tenant_classes[i]);
	return err;
}

int idle_find(const struct table *table, bool *decides)
{
	struct idle idle = {.table = table, .decides = decides};
	int err = -ENOMEM;

	intern_init(&idle.pairs, 2 * sizeof(uint32_t));
	intern_init(&idle.rows, 2 * sizeof(uint32_t));
	idle.row_settled = calloc(table_count(table, TABLE_CELLS) / table->header->n_small_classes + 1, 1);
	idle.leaf_settled = calloc(table_count(table, TABLE_LEAVES) + 1, 1);
	if (idle.row_settled != NULL && idle.leaf_settled != NULL)
		err = meet_all(&idle);
	free(idle.row_settled);
	free(idle.leaf_settled);
	intern_fini(&idle.pairs);
	intern_fini(&idle.rows);
	return err;
}

static bool has_number(const uint32_t *list, uint32_t n, uint32_t number)
{
	uint32_t low = 0;

	while (low < n) {
		uint32_t middle = low + (n - low) / 2;

		if (list[middle] == number)
			return true;
		if (list[middle] < number)
			low = middle + 1;
		else
			n = middle;
	}
	return false;
}

// Whether the tenants that `b` asks for are all asked for by `a`, as far as their lists say.
static bool covers_tenants(const struct match_def *a, const struct match_def *b)
{
	if (a->any_tenant)
		return true;
	if (b->any_tenant || b->n_tenants > a->n_tenants || (b->unknown_tenant && !a->unknown_tenant))
		return false;
	for (uint32_t i = 0; i < b->n_tenants; i++)
		if (!has_number(a->tenants, a->n_tenants, b->tenants[i]))
			return false;
	for (unsigned i = 0, j = 0; i < b->n_groups; i++) {
		while (j < a->n_groups && a->groups[j] < b->groups[i])
			j++;
		if (j == a->n_groups || a->groups[j] != b->groups[i])
			return false;
	}
	return true;
}

static bool covers(const struct match_def *a, const struct match_def *b)
{
	uint64_t outside = 0;

	if ((b->priorities & ~a->priorities) != 0 || (b->protocols & ~a->protocols) != 0 ||
	    (b->channels & ~a->channels) != 0 || a->size_min > b->size_min || a->size_max < b->size_max)
		return false;
	for (size_t i = 0; i < sizeof(a->countries.word) / sizeof(*a->countries.word); i++)
		outside |= b->countries.word[i] & ~a->countries.word[i];
	return outside == 0 && covers_tenants(a, b);
}

static bool has_tenants(const struct match_def *match, const bool *group_used)
{
	bool any = match->any_tenant || match->unknown_tenant || match->n_tenants > 0;

	for (unsigned i = 0; !any && i < match->n_groups; i++)
		any = group_used[match->groups[i]];
	return any;
}

static bool has_country(const struct match_def *match)
{
	uint64_t any = 0;

	for (size_t i = 0; i < sizeof(match->countries.word) / sizeof(*match->countries.word); i++)
		any |= match->countries.word[i];
	return any != 0;
}

static void warn(const struct rule_set *rules, uint32_t at, const bool *group_used, struct diags *diags)
{
	const struct rule_def *rule = &rules->rules[at];
	const char *file = rules->files[rule->where.file];
	uint32_t line = rule->where.line, by = 0;

	while (by < at && !covers(&rules->rules[by].match, &rule->match))
		by++;
	if (!has_tenants(&rule->match, group_used))
		diags_push(diags, DIAG_WARNING, file, line, "put a tenant in one, or remove the rule",
			   "rule \"%s\" can never decide: no tenant is in the groups that it names", rule->name);
	else if (!has_country(&rule->match))
		diags_push(diags, DIAG_WARNING, file, line, "put countries in it, or remove the rule",
			   "rule \"%s\" can never decide: the zone that it names has no country", rule->name);
	else if (by < at)
		diags_push(diags, DIAG_WARNING, file, line, "move it up, or remove it",
			   "rule \"%s\" can never decide: rule \"%s\" (line %u) takes all that it asks for",
			   rule->name, rules->rules[by].name, rules->rules[by].where.line);
	else
		diags_push(diags, DIAG_WARNING, file, line, "move it up, or remove it",
			   "rule \"%s\" can never decide: the rules before it take all that it asks for",
			   rule->name);
}

int idle_check(const struct rule_set *rules, const struct table *table, struct diags *diags)
{
	bool *decides = calloc((size_t)rules->n_rules + 2, sizeof(*decides));
	bool *group_used = calloc((size_t)rules->n_groups + 1, sizeof(*group_used));
	int err = -ENOMEM;

	if (decides != NULL && group_used != NULL)
		err = idle_find(table, decides);
	for (uint32_t t = 0; err == 0 && t < rules->n_tenants; t++)
		for (uint32_t i = 0; i < rules->tenants[t].groups->n; i++)
			group_used[rules->tenants[t].groups->group[i]] = true;
	for (uint32_t i = 0; err == 0 && i < rules->n_rules; i++)
		if (!decides[i])
			warn(rules, i, group_used, diags);
	free(decides);
	free(group_used);
	return err;
}
