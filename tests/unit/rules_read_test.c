// SPDX-License-Identifier: BSD-3-Clause
#include "rules/read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rules/reader.h"

#define SMALL "version = 1; queues = ( { name = \"desk\"; } ); default = { agents = \"desk\"; };\n"

static struct rule_set *read_good(const char *text)
{
	struct diags diags;
	struct rule_set *rules;

	diags_init(&diags);
	rules = rules_read_text("t.conf", text, strlen(text), &diags);
	diags_print(&diags, stderr);
	assert_int_equal(diags.n_errors, 0);
	assert_non_null(rules);
	diags_fini(&diags);
	return rules;
}

static void a_rule_file_without_tenants_and_rules_is_legal(void **state)
{
	struct rule_set *rules = read_good(SMALL);

	(void)state;
	assert_int_equal(rules->n_tenants, 0);
	assert_int_equal(rules->n_rules, 0);
	assert_string_equal(rules->rules[0].name, "default");
	assert_int_equal(rules->rules[0].action.kind, WEIR_ACT_AGENTS);
	assert_string_equal(rules->files[0], "t.conf");
	rules_destroy(rules);
}

static void a_rate_alone_gives_a_burst_of_ten_milliseconds(void **state)
{
	struct rule_set *rules = read_good(
		SMALL "tenants = ( { id = 1; name = \"a\"; rate = 50; }, { id = 2; name = \"b\"; "
		      "rate = 4000000000L; } );\n");

	(void)state;
	assert_int_equal(rules->tenants[0].burst, 1);
	assert_int_equal(rules->tenants[1].burst, 40000000);
	rules_destroy(rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_file_without_tenants_and_rules_is_legal),
		cmocka_unit_test(a_rate_alone_gives_a_burst_of_ten_milliseconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
