// SPDX-License-Identifier: BSD-3-Clause
//
// Two tables compared, against look-ups of random messages in both.

// cmocka.h needs these three before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/diff.h"
#include "rules/lookup.h"
#include "tests/kit/tables.h"

enum { MAX_SEEN = 4096, PAIR_TEXT = 4 * DIFF_TEXT };

static struct kit_table before, after;

struct seen {
	unsigned n_items[4]; // by enum diff_change
	char last_item[DIFF_TEXT];
	char *decisions[MAX_SEEN]; // "rule: verdict -> rule: verdict"
	unsigned n_decisions;
};

static void pair_format(char out[PAIR_TEXT], const struct diff_decision *d)
{
	snprintf(out, PAIR_TEXT, "%s: %s -> %s: %s", d->rule_before, d->verdict_before, d->rule_after, d->verdict_after);
}

static uint32_t find(const struct table *table, const struct kit_key *key)
{
	struct triage_key look = { .country = key->country, .size = key->size,
				   .small = triage_small(key->protocol, key->priority, key->channel) };

	table_find_tenant(table, key->tenant, &look.class);
	return table_find_verdict(table, &look);
}

// What becomes of a message in both tables. False where it is decided alike.
static bool compare_by_look_up(const struct kit_key *key, char out[PAIR_TEXT])
{
	uint32_t a = find(&before.table, key), b = find(&after.table, key);
	char verdict[2][DIFF_TEXT];
	struct diff_decision d = { .rule_before = table_string(&before.table, before.table.rule_names[a]),
				   .rule_after = table_string(&after.table, after.table.rule_names[b]),
				   .verdict_before = verdict[0],
				   .verdict_after = verdict[1] };

	table_verdict_format(&before.table, a, verdict[0], DIFF_TEXT);
	table_verdict_format(&after.table, b, verdict[1], DIFF_TEXT);
	pair_format(out, &d);
	return strcmp(verdict[0], verdict[1]) != 0;
}

static void on_item(void *argument, const struct diff_item *item)
{
	struct seen *seen = argument;

	assert_true(item->before != NULL || item->after != NULL);
	seen->n_items[item->change]++;
	snprintf(seen->last_item, sizeof(seen->last_item), "%s %s", item->kind, item->name);
}

static void on_decision(void *argument, const struct diff_decision *d)
{
	const struct kit_key example = { d->tenant, d->country, d->size, d->priority, d->channel, d->protocol };
	char reported[PAIR_TEXT], looked_up[PAIR_TEXT];
	struct seen *seen = argument;

	pair_format(reported, d);
	assert_true(compare_by_look_up(&example, looked_up));
	assert_string_equal(reported, looked_up);
	assert_true(d->n_tenants > 0 || d->tenant == 0);
	assert_in_range(seen->n_decisions, 0, MAX_SEEN - 1);
	seen->decisions[seen->n_decisions++] = strdup(reported);
}

static void compare(struct seen *seen)
{
	const struct diff_events events = { on_item, on_decision, seen };

	memset(seen, 0, sizeof(*seen));
	assert_int_equal(table_diff(&before.table, &after.table, &events), 0);
}

static void seen_clear(struct seen *seen)
{
	while (seen->n_decisions > 0)
		free(seen->decisions[--seen->n_decisions]);
}

static bool is_seen(const struct seen *seen, const char *pair)
{
	for (unsigned i = 0; i < seen->n_decisions; i++)
		if (strcmp(seen->decisions[i], pair) == 0)
			return true;
	return false;
}

static void every_message_that_is_decided_otherwise_is_reported_and_no_other(void **state)
{
	uint64_t random = kit_seed();
	unsigned differed = 0;
	static struct seen seen;

	(void)state;
	for (unsigned i = 0; i < 60; i++) {
		struct kit_rules_shape shape = kit_rules_shape_random(kit_random(&random));
		uint64_t seed = kit_random(&random);

		kit_table_open(&before, &shape, seed);
		shape.n_rules = 1 + kit_random_below(&random, shape.n_rules + 1);
		kit_table_open(&after, &shape, i % 4 == 0 ? kit_random(&random) : seed);
		compare(&seen);
		for (unsigned k = 0; k < 400; k++) {
			struct kit_key key = kit_rules_key(k % 2 ? before.rules : after.rules, &random);
			char pair[PAIR_TEXT];

			if (!compare_by_look_up(&key, pair))
				continue;
			differed++;
			assert_true(is_seen(&seen, pair));
		}
		seen_clear(&seen);
		kit_table_close(&before);
		kit_table_close(&after);
	}
	assert_in_range(differed, 1000, UINT32_MAX);
}

static void open_two(uint64_t seed)
{
	struct kit_rules_shape shape = { .n_rules = 8, .n_tenants = 20, .n_pools = 3, .n_groups = 2, .n_queues = 1,
					 .named_percent = 30, .grouped_percent = 30 };

	kit_table_open(&before, &shape, seed);
	kit_table_compile(&after, kit_rules_random(&shape, seed));
}

static void close_two(void)
{
	kit_table_close(&before);
	kit_table_close(&after);
}

static unsigned sum(const struct seen *seen)
{
	return seen->n_items[0] + seen->n_items[1] + seen->n_items[2] + seen->n_items[3];
}

static void a_table_does_not_differ_from_itself(void **state)
{
	static struct seen seen;

	(void)state;
	open_two(5);
	compare(&seen);
	assert_int_equal(sum(&seen) + seen.n_decisions, 0);
	close_two();
}

static void rules_change_places(uint32_t a, uint32_t b)
{
	struct kit_rules_shape shape = { .n_rules = 8, .n_tenants = 20, .n_pools = 3, .n_groups = 2, .n_queues = 1,
					 .named_percent = 30, .grouped_percent = 30 };
	struct rule_set *rules = kit_rules_random(&shape, 5);
	struct rule_def moved = rules->rules[a];

	memmove(&rules->rules[a], &rules->rules[a + 1], (b - a) * sizeof(moved));
	rules->rules[b] = moved;
	kit_table_compile(&after, rules);
}

static void a_rule_that_moves_is_one_that_moved(void **state)
{
	static struct seen seen;
	char name[DIFF_TEXT];

	(void)state;
	open_two(5);
	kit_table_close(&after);
	rules_change_places(1, 6);
	snprintf(name, sizeof(name), "rule %s", before.rules->rules[1].name);
	compare(&seen);
	assert_int_equal(sum(&seen), 1);
	assert_int_equal(seen.n_items[DIFF_MOVED], 1);
	assert_string_equal(seen.last_item, name);
	seen_clear(&seen);
	close_two();
}

static void a_tenant_that_comes_or_goes_is_named_by_its_id(void **state)
{
	struct kit_rules_shape shape = { .n_rules = 2, .n_tenants = 9, .n_pools = 1 };
	struct rule_set *rules = kit_rules_random(&shape, 7);
	static struct seen seen;

	(void)state;
	kit_table_open(&before, &shape, 7);
	rules->tenants[8].id = 4000000000;
	kit_table_compile(&after, rules);
	compare(&seen);
	assert_int_equal(sum(&seen), 2);
	assert_int_equal(seen.n_items[DIFF_ADDED], 1);
	assert_int_equal(seen.n_items[DIFF_REMOVED], 1);
	assert_string_equal(seen.last_item, "tenant 4000000000");
	seen_clear(&seen);
	close_two();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_that_is_decided_otherwise_is_reported_and_no_other),
		cmocka_unit_test(a_table_does_not_differ_from_itself),
		cmocka_unit_test(a_rule_that_moves_is_one_that_moved),
		cmocka_unit_test(a_tenant_that_comes_or_goes_is_named_by_its_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
