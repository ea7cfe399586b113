// SPDX-License-Identifier: BSD-3-Clause
//
// Proof of residency. What each verdict needs is a set of zones (of its pool, its queue, the queue of
// its copies, the queue of what exceeds its rate or finds no live member), and "no zone" for a pool that
// stands in none. What each country forbids is a set of zones as well. Rows carry the needs of all their
// verdicts together, so that a block whose rows need nothing forbidden is proven without a look into its
// cells; only in the others are cells taken apart, step by step of payload size, as a look-up would take them.

#include "rules/residency.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/intern.h"
#include "rules/walk.h"

enum { ZONE_WORDS = (RESIDENCY_NO_ZONE + 63) / 64 };

struct zones { // bit z: zone z; bit RESIDENCY_NO_ZONE: a pool without one
	uint64_t word[ZONE_WORDS];
};

struct told { // of one verdict and effect
	struct country_set countries; // in a violation already
	uint32_t last;                // the last such violation
};

struct residency {
	const struct rule_set *rules;
	const struct table *table;
	struct zones *verdict;                   // needs, by verdict index; "no rule" needs nothing
	struct zones *row, *leaf;                // needs of all their cells
	struct zones forbids[WEIR_N_COUNTRIES];  // by country; ZZ is by home
	struct zones *class_forbids;             // by country class, of all its countries but ZZ
	struct zones no_home;                    // what ZZ forbids for a tenant without home
	uint8_t *block;                          // 0: not looked at, 1: proven, 2: to be taken apart
	struct intern pairs, pairs_zz;             // combinations taken apart already
	struct intern effects;                     // (verdict, effect) with a violation
	struct told *told;                       // of each of them
	uint32_t told_capacity;
	struct residency_report *report;

	uint32_t class; // being taken apart
	unsigned country;
	const struct zones *forbidden;
	int err;
};

static bool zones_meet(const struct zones *a, const struct zones *b)
{
	uint64_t any = 0;

	for (unsigned i = 0; i < ZONE_WORDS; i++)
		any |= a->word[i] & b->word[i];
	return any != 0;
}

static void zones_add(struct zones *to, const struct zones *from)
{
	for (unsigned i = 0; i < ZONE_WORDS; i++)
		to->word[i] |= from->word[i];
}

static void zones_put(struct zones *zones, unsigned zone)
{
	zones->word[zone / 64] |= UINT64_C(1) << (zone % 64);
}

int residency_zone(const struct table *table, uint32_t index, enum residency_effect effect)
{
	const struct verdict *verdict = &table->verdicts[index];
	uint16_t queue = TABLE_NONE16;

	if (effect == RESIDENCY_TARGET && verdict->action == WEIR_ACT_FORWARD)
		return verdict->zone == TABLE_NONE16 ? RESIDENCY_NO_ZONE : verdict->zone;
	if (effect == RESIDENCY_TARGET && verdict->action == WEIR_ACT_AGENTS)
		queue = verdict->target;
	if (effect == RESIDENCY_COPY)
		queue = verdict->copy;
	if (effect == RESIDENCY_EXCEED && verdict->exceed == WEIR_ACT_AGENTS)
		queue = verdict->exceed_target;
	if (queue == TABLE_NONE16 || table->queues[queue].zone == TABLE_NONE16)
		return -1;
	return table->queues[queue].zone;
}

static void find_verdict_needs(struct residency *res)
{
	for (uint32_t v = 0; v <= res->table->header->n_rules; v++)
		for (unsigned effect = 0; effect < RESIDENCY_N_EFFECTS; effect++) {
			int zone = residency_zone(res->table, v, (enum residency_effect)effect);

			if (zone >= 0)
				zones_put(&res->verdict[v], (unsigned)zone);
		}
}

static const struct zones *cell_needs(const struct residency *res, uint32_t cell)
{
	return cell & TABLE_LEAF ? &res->leaf[cell & ~TABLE_LEAF] : &res->verdict[cell];
}

static void find_row_needs(struct residency *res)
{
	const struct table *table = res->table;
	unsigned width = table->header->n_small_classes;
	uint64_t n_cells = table_count(table, TABLE_CELLS);

	for (uint64_t i = table_count(table, TABLE_LEAVES); i-- > 0;)
		for (unsigned s = 0; s < TABLE_STEPS; s++)
			zones_add(&res->leaf[i], cell_needs(res, table->leaves[i].cell[s]));
	for (uint64_t i = 0; i < n_cells; i++)
		zones_add(&res->row[i / width], cell_needs(res, table->cells[i]));
}

static void find_forbidden(struct residency *res)
{
	const struct rule_set *rules = res->rules;

	for (unsigned c = 0; c < WEIR_N_COUNTRIES; c++) {
		zones_put(&res->forbids[c], RESIDENCY_NO_ZONE);
		for (unsigned z = 0; z < rules->n_zones; z++)
			if (!country_set_has(&rules->zones[z].countries, c))
				zones_put(&res->forbids[c], z);
	}
	for (uint32_t i = 0; i < rules->n_exceptions; i++) {
		const struct residency_exception *exception = &rules->exceptions[i];

		res->forbids[exception->country].word[exception->zone / 64] &=
			~(UINT64_C(1) << (exception->zone % 64));
	}
	zones_put(&res->no_home, RESIDENCY_NO_ZONE);
	for (unsigned c = 0; c < WEIR_N_COUNTRIES; c++)
		if (c != WEIR_COUNTRY_ZZ)
			zones_add(&res->class_forbids[res->table->header->country_class[c]], &res->forbids[c]);
}

// Whether some row of the block needs what some country of the row's class forbids.
static bool block_suspect(struct residency *res, uint32_t block)
{
	unsigned n = res->table->header->n_country_classes;

	for (unsigned c = 0; res->block[block] == 0 && c < n; c++)
		if (zones_meet(&res->row[walk_row(res->table, block, c)], &res->class_forbids[c]))
			res->block[block] = 2;
	if (res->block[block] == 0)
		res->block[block] = 1;
	return res->block[block] == 2;
}

// What has been told of a verdict and effect; NULL when memory is out.
static struct told *told_of(struct residency *res, uint32_t verdict, enum residency_effect effect)
{
	const uint32_t key[2] = {verdict, effect};
	uint32_t number;

	if (intern_put(&res->effects, key, &number) != 0)
		return NULL;
	if (number >= res->told_capacity) {
		uint32_t capacity = number * 2 + 16;
		struct told *grown = realloc(res->told, capacity * sizeof(*grown));

		if (grown == NULL)
			return NULL;
		memset(grown + res->told_capacity, 0, (capacity - res->told_capacity) * sizeof(*grown));
		res->told = grown;
		res->told_capacity = capacity;
	}
	return &res->told[number];
}

static int report_put(struct residency_report *report, const struct residency_violation *violation)
{
	if (report->n == report->capacity) {
		uint32_t capacity = report->capacity == 0 ? 16 : report->capacity * 2;
		struct residency_violation *grown = realloc(report->list, capacity * sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		report->list = grown;
		report->capacity = capacity;
	}
	report->list[report->n++] = *violation;
	return 0;
}

// Notes one country; joins the violation that this tenant class has for the same rule and effect.
static void note(struct residency *res, uint32_t verdict, enum residency_effect effect)
{
	struct residency_violation new = {.rule = verdict, .class = res->class, .effect = effect};
	struct told *told = told_of(res, verdict, effect);

	if (told == NULL)
		res->err = -ENOMEM;
	if (told == NULL || country_set_has(&told->countries, res->country))
		return;
	country_set_put(&told->countries, res->country);
	if (told->last < res->report->n && res->report->list[told->last].rule == verdict &&
	    res->report->list[told->last].effect == effect && res->report->list[told->last].class == res->class) {
		country_set_put(&res->report->list[told->last].countries, res->country);
		return;
	}
	told->last = res->report->n;
	country_set_put(&new.countries, res->country);
	if (report_put(res->report, &new) != 0)
		res->err = -ENOMEM;
}

static void visit_verdict(void *context, uint32_t verdict)
{
	struct residency *res = context;

	if (!zones_meet(&res->verdict[verdict], res->forbidden))
		return;
	for (unsigned effect = 0; effect < RESIDENCY_N_EFFECTS; effect++) {
		int zone = residency_zone(res->table, verdict, (enum residency_effect)effect);

		if (zone >= 0 && (res->forbidden->word[zone / 64] >> (zone % 64) & 1))
			note(res, verdict, (enum residency_effect)effect);
	}
}

// Takes apart the cells of one country for the tenant class at hand.
static void take_apart(struct residency *res, unsigned country, const struct zones *forbidden)
{
	const struct table *table = res->table;
	const struct tenant_class *class = &table->tenant_classes[res->class];
	unsigned country_class = table->header->country_class[country];
	uint32_t group = walk_row(table, class->group_block, country_class);
	uint32_t named = walk_row(table, class->named_block, country_class);

	if (!zones_meet(&res->row[group], forbidden) && !zones_meet(&res->row[named], forbidden))
		return;
	res->country = country;
	res->forbidden = forbidden;
	for (unsigned s = 0; s < table->header->n_small_classes; s++) {
		uint32_t by_group = walk_cells(table, group)[s], by_name = walk_cells(table, named)[s];

		if (zones_meet(cell_needs(res, by_group), forbidden) || zones_meet(cell_needs(res, by_name), forbidden))
			walk_pair(table, by_group, by_name, visit_verdict, res);
	}
}

static bool new_pair(struct residency *res, struct intern *seen, const struct tenant_class *class, uint32_t home)
{
	const uint32_t pair[3] = {class->group_block, class->named_block, home};
	uint32_t number, n_before = seen->n;

	if (intern_put(seen, pair, &number) != 0)
		res->err = -ENOMEM;
	return seen->n > n_before;
}

static const struct zones *zz_forbids(const struct residency *res, uint16_t home)
{
	return home == WEIR_COUNTRY_NONE || home == WEIR_COUNTRY_ZZ ? &res->no_home : &res->forbids[home];
}

static void check_class(struct residency *res, uint32_t number)
{
	const struct tenant_class *class = &res->table->tenant_classes[number];
	bool suspect = block_suspect(res, class->group_block);

	suspect = block_suspect(res, class->named_block) || suspect;
	res->class = number;
	if (suspect && new_pair(res, &res->pairs, class, 0))
		for (unsigned c = 0; c < WEIR_N_COUNTRIES; c++)
			if (c != WEIR_COUNTRY_ZZ)
				take_apart(res, c, &res->forbids[c]);
	if (new_pair(res, &res->pairs_zz, class, class->home))
		take_apart(res, WEIR_COUNTRY_ZZ, zz_forbids(res, class->home));
}

static int residency_init(struct residency *res)
{
	const struct table *table = res->table;
	uint64_t n_rows = table_count(table, TABLE_CELLS) / table->header->n_small_classes;

	intern_init(&res->pairs, 3 * sizeof(uint32_t));
	intern_init(&res->pairs_zz, 3 * sizeof(uint32_t));
	intern_init(&res->effects, 2 * sizeof(uint32_t));
	res->verdict = calloc((size_t)table->header->n_rules + 2, sizeof(*res->verdict));
	res->row = calloc(n_rows + 1, sizeof(*res->row));
	res->leaf = calloc(table_count(table, TABLE_LEAVES) + 1, sizeof(*res->leaf));
	res->class_forbids = calloc(table->header->n_country_classes, sizeof(*res->class_forbids));
	res->block = calloc(table_count(table, TABLE_BLOCKS), 1);
	if (!res->verdict || !res->row || !res->leaf || !res->class_forbids || !res->block)
		return -ENOMEM;
	find_verdict_needs(res);
	find_row_needs(res);
	find_forbidden(res);
	return 0;
}

static void residency_fini(struct residency *res)
{
	intern_fini(&res->pairs);
	intern_fini(&res->pairs_zz);
	intern_fini(&res->effects);
	free(res->verdict);
	free(res->row);
	free(res->leaf);
	free(res->class_forbids);
	free(res->block);
	free(res->told);
	free(res);
}

int residency_find(const struct rule_set *rules, const struct table *table, struct residency_report *report)
{
	struct residency *res = calloc(1, sizeof(*res));
	uint64_t n_classes = table_count(table, TABLE_TENANT_CLASSES);
	int err;

	*report = (struct residency_report){0};
	if (res == NULL)
		return -ENOMEM;
	res->rules = rules;
	res->table = table;
	res->report = report;
	res->err = residency_init(res);
	for (uint64_t i = 0; res->err == 0 && i < n_classes; i++)
		check_class(res, (uint32_t)i);
	err = res->err;
	residency_fini(res);
	return err;
}

void residency_report_fini(struct residency_report *report)
{
	free(report->list);
	*report = (struct residency_report){0};
}
