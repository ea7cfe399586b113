// SPDX-License-Identifier: BSD-3-Clause
//
// The compiled table against a linear scan over the rules, for random rule sets and random keys.
// WEIR_SEED sets another seed; it is printed first.

// cmocka.h needs these three before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <time.h>

#include "rules/lookup.h"
#include "tests/kit/tables.h"

enum { BURST = 64, KEYS_A_SET = 4 * BURST, N_SETS = 4000, SECONDS = 20 };

// One burst of random keys by burst look-up, by single look-up, and by the scan.
static void check_burst(const struct kit_table *subject, uint64_t *random)
{
	struct kit_key key[BURST];
	struct triage_key triage[BURST];
	uint32_t id[BURST], slot[BURST], class[BURST], verdict[BURST], single;
	uint16_t country[BURST], size[BURST], kind[BURST];
	struct triage_keys keys = {class, country, size, kind};
	unsigned n = 1 + kit_random_below(random, BURST);

	for (unsigned i = 0; i < n; i++) {
		key[i] = kit_rules_key(subject->rules, random);
		id[i] = key[i].tenant;
	}
	table_find_tenants(&subject->table, id, n, slot, class);
	for (unsigned i = 0; i < n; i++) {
		triage[i] = (struct triage_key){
			.class = class[i], .country = key[i].country, .size = key[i].size,
			.small = triage_small(key[i].protocol, key[i].priority, key[i].channel)};
		country[i] = key[i].country;
		size[i] = key[i].size;
		kind[i] = (uint16_t)(triage[i].small | kit_random(random) << 8);
	}
	table_find_verdicts(&subject->table, &keys, n, verdict);
	for (unsigned i = 0; i < n; i++) {
		uint32_t tenant = kit_rules_tenant(subject->rules, id[i]);

		assert_int_equal(slot[i], table_find_tenant(&subject->table, id[i], &single));
		assert_int_equal(class[i], single);
		assert_true((slot[i] == TENANT_SLOT_NONE) == (tenant == UINT32_MAX));
		assert_int_equal(verdict[i], kit_rules_scan(subject->rules, &key[i], tenant));
		assert_int_equal(verdict[i], table_find_verdict(&subject->table, &triage[i]));
	}
}

static void table_and_scan_agree_over_random_rule_sets(void **state)
{
	time_t end = time(NULL) + SECONDS;
	uint64_t random = kit_seed();
	unsigned n_sets = 0;

	for (; n_sets < N_SETS && time(NULL) < end; n_sets++) {
		struct kit_rules_shape shape = kit_rules_shape_random(kit_random(&random));
		struct kit_table subject;

		kit_table_open(&subject, &shape, kit_random(&random));
		for (unsigned i = 0; i < KEYS_A_SET / BURST * 2; i++)
			check_burst(&subject, &random);
		kit_table_close(&subject);
	}
	print_message("%u rule sets\n", n_sets);
	assert_true(n_sets >= 200); // all of them but on a very slow machine
}

static void table_and_scan_agree_over_3000_rules_with_size_bounds(void **state)
{
	const struct kit_rules_shape shape = {.n_rules = 3000, .n_tenants = 2000, .n_groups = 12, .n_zones = 6,
					      .n_pools = 8, .n_queues = 4, .named_percent = 40,
					      .grouped_percent = 40, .any_country_percent = 10, .sized_percent = 80,
					      .wide_percent = 20, .n_bounds = 0, .names_a_rule = 10, .rare_percent = 20,
					      .zone_percent = 50};
	uint64_t random = kit_seed();
	struct kit_table subject;

	kit_table_open(&subject, &shape, random);
	for (unsigned i = 0; i < 500; i++)
		check_burst(&subject, &random);
	kit_table_close(&subject);
}

// Narrow sizes far apart, so that one cell has thousands of steps and a tree of leaves four deep.
static void table_and_scan_agree_over_thousands_of_steps(void **state)
{
	const struct kit_rules_shape shape = {.n_rules = 3000, .n_tenants = 5, .n_pools = 1, .named_percent = 20,
					      .any_country_percent = 100, .wide_percent = 100, .names_a_rule = 2};
	struct rule_set *rules = kit_rules_random(&shape, 9);
	uint64_t random = kit_seed();
	struct kit_table subject;

	for (uint32_t i = 0; i < rules->n_rules; i++) {
		rules->rules[i].match.size_min = (uint16_t)(i * 21 + kit_random_below(&random, 30));
		rules->rules[i].match.size_max = (uint16_t)(rules->rules[i].match.size_min + kit_random_below(&random, 30));
	}
	rules->rules[0].match.size_min = rules->rules[0].match.size_max = 0xffff;
	kit_table_compile(&subject, rules);
	assert_true(table_count(&subject.table, TABLE_LEAVES) > 500);
	for (unsigned i = 0; i < 500; i++)
		check_burst(&subject, &random);
	kit_table_close(&subject);
}

// More rows than a dir can number, so that later blocks count theirs from another first row.
static void table_and_scan_agree_past_65536_rows(void **state)
{
	const struct kit_rules_shape shape = {.n_rules = 6000, .n_tenants = 3000, .n_groups = 250, .n_zones = 20,
					      .n_pools = 1, .named_percent = 20, .grouped_percent = 60,
					      .any_country_percent = 2, .sized_percent = 20, .wide_percent = 10,
					      .n_bounds = 20, .names_a_rule = 5, .rare_percent = 80,
					      .zone_percent = 10};
	uint64_t random = kit_seed();
	struct kit_table subject;

	kit_table_open(&subject, &shape, 42);
	assert_true(table_count(&subject.table, TABLE_CELLS) / subject.table.header->n_small_classes > 0x10000);
	for (unsigned i = 0; i < 500; i++)
		check_burst(&subject, &random);
	kit_table_close(&subject);
}

static void same_rules_give_the_same_bytes(void **state)
{
	uint64_t random = kit_seed();

	for (unsigned i = 0; i < 100; i++) {
		struct kit_rules_shape shape = kit_rules_shape_random(kit_random(&random));
		uint64_t which = kit_random(&random);
		struct kit_table a, b;

		kit_table_open(&a, &shape, which);
		kit_table_open(&b, &shape, which);
		assert_int_equal(a.image.size, b.image.size);
		assert_memory_equal(a.image.data, b.image.data, a.image.size);
		kit_table_close(&a);
		kit_table_close(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_and_scan_agree_over_random_rule_sets),
		cmocka_unit_test(table_and_scan_agree_over_3000_rules_with_size_bounds),
		cmocka_unit_test(table_and_scan_agree_over_thousands_of_steps),
		cmocka_unit_test(table_and_scan_agree_past_65536_rows),
		cmocka_unit_test(same_rules_give_the_same_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
