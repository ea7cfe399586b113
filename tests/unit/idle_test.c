// SPDX-License-Identifier: BSD-3-Clause
//
// Rules that can never decide, against an oracle that sends every message through a linear scan.

// cmocka.h needs these three before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "rules/idle.h"
#include "tests/kit/tables.h"

enum { MAX_RULES = 32 };

static void mark(void *context, uint32_t tenant, uint16_t country, uint32_t verdict)
{
	bool *decides = context;

	decides[verdict] = true;
}

static void idle_rules_are_those_that_no_message_meets(void **state)
{
	uint64_t random = kit_seed();
	unsigned n_idle = 0;

	for (unsigned i = 0; i < 120; i++) {
		struct kit_rules_shape shape = kit_rules_shape_random(kit_random(&random));
		bool wanted[MAX_RULES + 1] = {false}, found[MAX_RULES + 1] = {false};
		struct kit_table kit;

		shape.n_rules %= 20;
		shape.n_tenants %= 6;
		kit_table_open(&kit, &shape, kit_random(&random));
		kit_rules_visit(kit.rules, mark, wanted);
		assert_int_equal(idle_find(&kit.table, found), 0);
		assert_memory_equal(found, wanted, sizeof(found));
		for (uint32_t r = 0; r < kit.rules->n_rules; r++)
			n_idle += !found[r];
		kit_table_close(&kit);
	}
	print_message("%u idle rules\n", n_idle);
	assert_true(n_idle > 20);
}

static void warning_names_the_rule_that_comes_first(void **state)
{
	struct kit_rules_shape shape = {.n_rules = 2, .n_tenants = 1, .n_pools = 1, .wide_percent = 100,
					.any_country_percent = 100};
	struct rule_set *rules = kit_rules_random(&shape, 5);
	struct kit_table kit;

	rules->rules[0].match = rules->rules[2].match;
	kit_table_compile(&kit, rules);
	assert_int_equal(kit.diags.n_errors, 0);
	assert_int_equal(kit.diags.n_warnings, 1);
	assert_int_equal(kit.diags.list[0].line, rules->rules[1].where.line);
	assert_string_equal(kit.diags.list[0].text,
			    "rule \"rule1\" can never decide: rule \"rule0\" (line 100) takes all that it asks for");
	kit_table_close(&kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idle_rules_are_those_that_no_message_meets),
		cmocka_unit_test(warning_names_the_rule_that_comes_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
