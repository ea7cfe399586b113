// SPDX-License-Identifier: BSD-3-Clause
//
// What two tables decide otherwise, by the two verdicts. Tenants that are of one class in both tables
// have the same cells, countries and small keys likewise: so each combination of classes is looked at
// once, over every step of payload size.
#include "rules/diff_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/country.h"
#include "rules/intern.h"
#include "rules/walk.h"

enum { SMALL_KEYS = WEIR_N_PROTOCOLS << 6 };

// Keys one of which stands for all that are of the same two classes.
struct samples {
	uint16_t list[WEIR_N_COUNTRIES];
	unsigned n;
};

struct tenant_pair { // of classes
	uint64_t classes;
	size_t tenant; // in the list of tenants
};

// Two verdicts, one of which takes the other's place, with the first message for which it does.
struct change {
	struct diff_decision example;
	size_t last_pair; // of tenants, that counted: 1 + index
};

struct deciding {
	const struct diff_work *work;
	const struct diff_tenant *tenants;
	struct intern pairs;    // of verdicts: uint32_t[2]
	struct change *changes; // by index in `pairs`
	uint32_t room;
	uint32_t *outcome[2]; // by verdict index: equal where the verdicts say the same
	struct samples countries, smalls;
};

struct text { // of one verdict
	char *text;
	uint32_t *outcome;
};

static int by_text(const void *left, const void *right)
{
	return strcmp(((const struct text *)left)->text, ((const struct text *)right)->text);
}

static uint32_t verdicts_of(const struct table *table)
{
	return table->header->n_rules + 1;
}

static int texts_make(struct deciding *d, struct text *texts)
{
	char text[DIFF_TEXT];

	for (unsigned side = 0; side < 2; side++) {
		const struct table *table = d->work->table[side];

		for (uint32_t i = 0; i < verdicts_of(table); i++, texts++) {
			table_verdict_format(table, i, text, sizeof(text));
			*texts = (struct text){ strdup(text), &d->outcome[side][i] };
			if (texts->text == NULL)
				return -ENOMEM;
		}
	}
	return 0;
}

// Numbers the verdicts of both tables by what they say.
static int outcomes_find(struct deciding *d)
{
	size_t n = (size_t)verdicts_of(d->work->table[0]) + verdicts_of(d->work->table[1]);
	struct text *texts = calloc(n, sizeof(*texts));
	int err = texts == NULL ? -ENOMEM : texts_make(d, texts);
	uint32_t number = 0;

	if (err == 0) {
		qsort(texts, n, sizeof(*texts), by_text);
		for (size_t i = 0; i < n; i++) {
			number += i > 0 && strcmp(texts[i].text, texts[i - 1].text) != 0;
			*texts[i].outcome = number;
		}
	}
	for (size_t i = 0; texts != NULL && i < n; i++)
		free(texts[i].text);
	free(texts);
	return err;
}

static bool countries_alike(const struct diff_work *work, unsigned a, unsigned b)
{
	for (unsigned side = 0; side < 2; side++)
		if (work->table[side]->header->country_class[a] !=
		    work->table[side]->header->country_class[b])
			return false;
	return true;
}

static bool smalls_alike(const struct diff_work *work, unsigned a, unsigned b)
{
	for (unsigned side = 0; side < 2; side++)
		if (work->table[side]->header->small_class[a] !=
		    work->table[side]->header->small_class[b])
			return false;
	return true;
}

static void sample_add(const struct diff_work *work, struct samples *samples, unsigned key,
		       bool (*alike)(const struct diff_work *work, unsigned a, unsigned b))
{
	for (unsigned i = 0; i < samples->n; i++)
		if (alike(work, samples->list[i], key))
			return;
	samples->list[samples->n++] = (uint16_t)key;
}

// Countries that there are come first: they make better examples.
static void samples_find(struct deciding *d)
{
	for (unsigned assigned = 2; assigned-- > 0;)
		for (unsigned country = 0; country < WEIR_N_COUNTRIES; country++)
			if (country_is_assigned(country) == (assigned == 1))
				sample_add(d->work, &d->countries, country, countries_alike);
	for (unsigned small = 0; small < SMALL_KEYS; small++)
		sample_add(d->work, &d->smalls, small, smalls_alike);
}

// A message's two cells in one table.
struct cells {
	const struct table *table;
	uint32_t group, named;
};

static struct cells cells_find(const struct table *table, uint32_t class, unsigned country,
			       unsigned small)
{
	const struct tenant_class *of = &table->tenant_classes[class];
	unsigned c = table->header->country_class[country], s = table->header->small_class[small];

	return (struct cells){ table, walk_cells(table, walk_row(table, of->group_block, c))[s],
			       walk_cells(table, walk_row(table, of->named_block, c))[s] };
}

static uint32_t cells_verdict(const struct cells *cells, uint32_t size, uint32_t *end)
{
	uint32_t group = walk_step(cells->table, cells->group, size, end);
	uint32_t named = walk_step(cells->table, cells->named, size, end);

	return named < group ? named : group;
}

static const char *name_of(const struct diff_work *work, const struct diff_tenant *tenant)
{
	unsigned side = tenant->slot[1] != TENANT_SLOT_NONE;

	if (tenant->id == 0)
		return "unknown";
	return table_string(work->table[side], work->table[side]->tenant_names[tenant->slot[side]]);
}

// Tenants of one pair of classes: [first, end) in the sorted pairs.
struct group {
	const struct tenant_pair *pairs;
	size_t first, end;
};

// What is known of a change of verdicts, made where it is new. NULL: out of memory.
static struct change *change_find(struct deciding *d, const uint32_t verdict[2])
{
	uint32_t i;

	if (intern_put(&d->pairs, verdict, &i) < 0)
		return NULL;
	if (i >= d->room) {
		uint32_t room = d->room ? 2 * d->room : 64;
		struct change *changes = realloc(d->changes, room * sizeof(*changes));

		if (changes == NULL)
			return NULL;
		memset(changes + d->room, 0, (room - d->room) * sizeof(*changes));
		d->changes = changes;
		d->room = room;
	}
	return &d->changes[i];
}

// Notes that messages of a group, `key` the first of them, are decided otherwise.
static int change_note(struct deciding *d, const struct group *group,
		       const struct diff_decision *key, const uint32_t verdict[2])
{
	struct change *change = change_find(d, verdict);

	if (change == NULL)
		return -ENOMEM;
	if (change->last_pair == group->first + 1)
		return 0;
	if (change->last_pair == 0) {
		const struct diff_tenant *tenant = &d->tenants[group->pairs[group->first].tenant];

		change->example = *key;
		change->example.tenant = tenant->id;
		change->example.tenant_name = name_of(d->work, tenant);
	}
	change->last_pair = group->first + 1;
	for (size_t i = group->first; i < group->end; i++)
		change->example.n_tenants += d->tenants[group->pairs[i].tenant].id != 0;
	return 0;
}

static int sizes_compare(struct deciding *d, const struct group *group, const struct cells side[2],
			 struct diff_decision *key)
{
	int err = 0;

	for (uint32_t at = 0, end; err == 0 && at < WALK_SIZES; at = end) {
		uint32_t verdict[2];

		end = WALK_SIZES;
		verdict[0] = cells_verdict(&side[0], at, &end);
		verdict[1] = cells_verdict(&side[1], at, &end);
		key->size = (uint16_t)at;
		if (d->outcome[0][verdict[0]] != d->outcome[1][verdict[1]])
			err = change_note(d, group, key, verdict);
	}
	return err;
}

static int group_compare(struct deciding *d, const struct group *group)
{
	uint64_t classes = group->pairs[group->first].classes;
	const struct table *const *table = d->work->table;
	int err = 0;

	for (unsigned c = 0; err == 0 && c < d->countries.n; c++)
		for (unsigned s = 0; err == 0 && s < d->smalls.n; s++) {
			unsigned country = d->countries.list[c], small = d->smalls.list[s];
			const struct cells side[2] = {
				cells_find(table[0], (uint32_t)(classes >> 32), country, small),
				cells_find(table[1], (uint32_t)classes, country, small),
			};
			struct diff_decision key = {
				.country = (uint16_t)country,
				.protocol = (uint8_t)(small >> 6),
				.priority = small >> 4 & 3,
				.channel = small & 15,
			};

			err = sizes_compare(d, group, side, &key);
		}
	return err;
}

static const char *rule_name(const struct table *table, uint32_t verdict)
{
	return table_string(table, table->rule_names[verdict]);
}

static void report(const struct deciding *d, struct diff_decision *decision,
		   const uint32_t verdict[2])
{
	const struct diff_work *work = d->work;
	char text[2][DIFF_TEXT];

	for (unsigned side = 0; side < 2; side++)
		table_verdict_format(work->table[side], verdict[side], text[side],
				     sizeof(text[side]));
	decision->rule_before = rule_name(work->table[0], verdict[0]);
	decision->rule_after = rule_name(work->table[1], verdict[1]);
	decision->verdict_before = text[0];
	decision->verdict_after = text[1];
	work->events->decision(work->events->argument, decision);
}

static int by_classes(const void *left, const void *right)
{
	const struct tenant_pair *a = left, *b = right;

	if (a->classes != b->classes)
		return a->classes < b->classes ? -1 : 1;
	return a->tenant < b->tenant ? -1 : 1;
}

static struct tenant_pair *pairs_make(const struct diff_work *work, const struct diff_tenant *list,
				      size_t n)
{
	struct tenant_pair *pairs = calloc(n, sizeof(*pairs));

	for (size_t i = 0; pairs != NULL && i < n; i++)
		pairs[i] =
			(struct tenant_pair){ (uint64_t)diff_class(work->table[0], list[i].slot[0])
							      << 32 |
						      diff_class(work->table[1], list[i].slot[1]),
					      i };
	if (pairs != NULL)
		qsort(pairs, n, sizeof(*pairs), by_classes);
	return pairs;
}

static int groups_compare(struct deciding *d, const struct tenant_pair *pairs, size_t n)
{
	int err = 0;

	for (size_t i = 0, next; err == 0 && i < n; i = next) {
		for (next = i; next < n && pairs[next].classes == pairs[i].classes; next++)
			;
		err = group_compare(d, &(struct group){ pairs, i, next });
	}
	return err;
}

static int compare(struct deciding *d, const struct tenant_pair *pairs, size_t n)
{
	int err = 0;

	for (unsigned side = 0; err == 0 && side < 2; side++) {
		d->outcome[side] =
			calloc(verdicts_of(d->work->table[side]), sizeof(*d->outcome[side]));
		err = d->outcome[side] == NULL ? -ENOMEM : 0;
	}
	if (err == 0)
		err = outcomes_find(d);
	if (err == 0) {
		samples_find(d);
		err = groups_compare(d, pairs, n);
	}
	for (uint32_t i = 0; err == 0 && i < d->pairs.n; i++)
		report(d, &d->changes[i].example, intern_at(&d->pairs, i));
	return err;
}

int diff_decisions(const struct diff_work *work, const struct diff_tenant *list, size_t n)
{
	struct deciding d = { .work = work, .tenants = list };
	struct tenant_pair *pairs = pairs_make(work, list, n);
	int err = pairs == NULL ? -ENOMEM : 0;

	intern_init(&d.pairs, 2 * sizeof(uint32_t));
	if (err == 0)
		err = compare(&d, pairs, n);
	intern_fini(&d.pairs);
	free(d.changes);
	free(d.outcome[0]);
	free(d.outcome[1]);
	free(pairs);
	return err;
}
