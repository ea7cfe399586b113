// SPDX-License-Identifier: BSD-3-Clause
//
// Rules, pools, members, queues, replies and blocked sources of two tables, compared by name. Each
// becomes a name and a text that says all about it (diff_format.c); two texts that differ are a change. Rules have an
// order as well: those outside of the longest run that kept its order have moved.
#include "rules/diff_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct thing {
	char *name, *text;
	uint32_t at;    // position in its table
	uint32_t other; // position in the other table, UINT32_MAX: not there
};

struct things {
	struct thing *list;
	uint32_t n;
};

static int things_make(const struct table *table, uint32_t n, diff_format *format,
		       struct things *things)
{
	char name[DIFF_TEXT], text[DIFF_TEXT];

	things->list = calloc(n + 1, sizeof(*things->list));
	for (things->n = 0; things->list != NULL && things->n < n; things->n++) {
		struct thing *thing = &things->list[things->n];

		format(table, things->n, name, text);
		*thing = (struct thing){ strdup(name), strdup(text), things->n, UINT32_MAX };
		if (thing->name == NULL || thing->text == NULL) {
			things->n++;
			return -ENOMEM;
		}
	}
	return things->list == NULL ? -ENOMEM : 0;
}

static void things_free(struct things *things)
{
	for (uint32_t i = 0; i < things->n; i++) {
		free(things->list[i].name);
		free(things->list[i].text);
	}
	free(things->list);
}

static int by_name(const void *left, const void *right)
{
	const struct thing *const *a = left, *const *b = right;
	int order = strcmp((*a)->name, (*b)->name);

	return order != 0 ? order : (*a)->at < (*b)->at ? -1 : 1;
}

static struct thing **sorted(const struct things *things)
{
	struct thing **list = calloc(things->n + 1, sizeof(*list));

	for (uint32_t i = 0; list != NULL && i < things->n; i++)
		list[i] = &things->list[i];
	if (list != NULL)
		qsort(list, things->n, sizeof(*list), by_name);
	return list;
}

// Finds for each thing the one of its name in the other table; of several of one name the first has the first.
static int things_match(struct things *before, struct things *after)
{
	struct thing **a = sorted(before), **b = sorted(after);
	uint32_t i = 0, j = 0;

	while (a != NULL && b != NULL && i < before->n && j < after->n) {
		int order = strcmp(a[i]->name, b[j]->name);

		if (order == 0) {
			a[i]->other = b[j]->at;
			b[j]->other = a[i]->at;
		}
		i += order <= 0;
		j += order >= 0;
	}
	free(a);
	free(b);
	return a == NULL || b == NULL ? -ENOMEM : 0;
}

// Marks in `kept` a longest run of things that are in both tables and keep their order (patience sorting).
static int order_find(const struct things *after, bool *kept)
{
	uint32_t *tail = calloc(after->n + 1, sizeof(*tail)),
		 *before = calloc(after->n + 1, sizeof(*before));
	uint32_t n = 0;

	for (uint32_t i = 0; tail != NULL && before != NULL && i < after->n; i++) {
		uint32_t low = 0, high = n;

		if (after->list[i].other == UINT32_MAX)
			continue;
		while (low < high) { // the first run that ends at or after this one's place
			uint32_t middle = (low + high) / 2;

			if (after->list[tail[middle]].other < after->list[i].other)
				low = middle + 1;
			else
				high = middle;
		}
		before[i] = low > 0 ? tail[low - 1] : UINT32_MAX;
		tail[low] = i;
		n += low == n;
	}
	for (uint32_t i = n > 0 ? tail[n - 1] : UINT32_MAX; i != UINT32_MAX; i = before[i])
		kept[i] = true;
	free(tail);
	free(before);
	return tail == NULL || before == NULL ? -ENOMEM : 0;
}

static void report(const struct diff_work *work, const char *kind, const struct thing *before,
		   const struct thing *after)
{
	struct diff_item item = { .kind = kind, .change = DIFF_MOVED };

	item.name = before ? before->name : after->name;
	item.before = before ? before->text : NULL;
	item.after = after ? after->text : NULL;
	if (!before || !after)
		item.change = before ? DIFF_REMOVED : DIFF_ADDED;
	else if (strcmp(before->text, after->text) != 0)
		item.change = DIFF_CHANGED;
	work->events->item(work->events->argument, &item);
}

// Reports removed things, then new and changed ones in their order, and, where `kept` is given, moved ones.
static void report_all(const struct diff_work *work, const char *kind, const struct things *before,
		       const struct things *after, const bool *kept)
{
	for (uint32_t i = 0; i < before->n; i++)
		if (before->list[i].other == UINT32_MAX)
			report(work, kind, &before->list[i], NULL);
	for (uint32_t i = 0; i < after->n; i++) {
		const struct thing *thing = &after->list[i];
		const struct thing *old =
			thing->other == UINT32_MAX ? NULL : &before->list[thing->other];

		if (!old || strcmp(old->text, thing->text) != 0 || (kept && !kept[i]))
			report(work, kind, old, thing);
	}
}

static uint32_t kind_count(const struct diff_kind *kind, const struct table *table)
{
	return kind->section == TABLE_RULE_NAMES ? table->header->n_rules + 1
						 : (uint32_t)table_count(table, kind->section);
}

static int kind_diff(const struct diff_work *work, const struct diff_kind *kind)
{
	struct things side[2] = { { NULL, 0 }, { NULL, 0 } };
	bool *kept = NULL;
	int err = 0;

	for (unsigned s = 0; err == 0 && s < 2; s++)
		err = things_make(work->table[s], kind_count(kind, work->table[s]), kind->format,
				  &side[s]);
	if (err == 0)
		err = things_match(&side[0], &side[1]);
	if (err == 0 && kind->section == TABLE_RULE_NAMES) {
		kept = calloc(side[1].n + 1, sizeof(*kept));
		err = kept == NULL ? -ENOMEM : order_find(&side[1], kept);
	}
	if (err == 0)
		report_all(work, kind->name, &side[0], &side[1], kept);
	free(kept);
	things_free(&side[0]);
	things_free(&side[1]);
	return err;
}

int diff_things(const struct diff_work *work)
{
	int err = 0;

	for (unsigned i = 0; err == 0 && i < DIFF_N_KINDS; i++)
		err = kind_diff(work, &diff_kinds[i]);
	return err;
}
