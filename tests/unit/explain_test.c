// SPDX-License-Identifier: BSD-3-Clause
//
// Explanations: the rule that decides, and what each earlier one missed first.

// cmocka.h needs these three before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "rules/explain.h"
#include "tests/kit/tables.h"

static struct explain_key key_of(const struct kit_key *key)
{
	return (struct explain_key){.tenant = key->tenant, .country = key->country, .size = key->size,
				    .priority = key->priority, .channel = key->channel, .protocol = key->protocol};
}

static void explanation_table_and_scan_agree(void **state)
{
	uint64_t random = kit_seed();

	for (unsigned i = 0; i < 300; i++) {
		struct kit_rules_shape shape = kit_rules_shape_random(kit_random(&random));
		struct explain_result result;
		struct kit_table kit;

		kit_table_open(&kit, &shape, kit_random(&random));
		for (unsigned k = 0; k < 50; k++) {
			struct kit_key key = kit_rules_key(kit.rules, &random);
			struct explain_key wanted = key_of(&key);
			uint32_t tenant = kit_rules_tenant(kit.rules, key.tenant);

			assert_int_equal(rules_explain(kit.rules, &kit.table, &wanted, &result), 0);
			assert_int_equal(result.tenant, tenant);
			assert_int_equal(result.rule, kit_rules_scan(kit.rules, &key, tenant));
			for (uint32_t r = 0; r < result.rule; r++)
				assert_true(result.missed[r] < EXPLAIN_HOLDS);
			explain_fini(&result);
		}
		kit_table_close(&kit);
	}
}

// Six rules, each of which misses one key more than the one before.
static void first_missed_key_is_named_in_the_order_of_keys(void **state)
{
	struct kit_rules_shape shape = {.n_rules = 6, .n_tenants = 1, .n_pools = 1};
	struct rule_set *rules = kit_rules_random(&shape, 3);
	struct explain_key key = {.tenant = rules->tenants[0].id, .country = 5, .size = 100,
				  .priority = WEIR_NORMAL, .channel = 1, .protocol = WEIR_NATIVE};
	struct explain_result result;
	struct kit_table kit;

	for (unsigned r = 0; r < 6; r++) {
		struct match_def *match = &rules->rules[r].match;

		*match = rules->rules[6].match;
		match->size_min = 101;
		match->protocols = r <= EXPLAIN_PROTOCOL ? 1 << WEIR_SIP : 7;
		match->channels = r <= EXPLAIN_CHANNEL ? 1 << 4 : 0xffff;
		match->priorities = r <= EXPLAIN_PRIORITY ? 1 << WEIR_URGENT : 0xf;
		if (r <= EXPLAIN_COUNTRY)
			match->countries = (struct country_set){{1}};
		match->any_tenant = r > EXPLAIN_TENANT;
		match->unknown_tenant = r == EXPLAIN_TENANT;
	}
	kit_table_compile(&kit, rules);
	assert_int_equal(rules_explain(rules, &kit.table, &key, &result), 0);
	assert_int_equal(result.rule, 6);
	for (unsigned r = 0; r < 6; r++)
		assert_int_equal(result.missed[r], r);
	assert_string_equal(explain_missed_name(result.missed[2]), "priority");
	explain_fini(&result);
	kit_table_close(&kit);
}

static void tenant_is_found_by_name_id_or_as_unknown(void **state)
{
	struct kit_rules_shape shape = {.n_tenants = 30, .n_pools = 1};
	struct rule_set *rules = kit_rules_random(&shape, 3);
	uint32_t id;

	assert_int_equal(explain_find_tenant(rules, "t7", &id), 0);
	assert_int_equal(id, rules->tenants[7].id);
	assert_int_equal(explain_find_tenant(rules, "4294967295", &id), 0);
	assert_int_equal(id, UINT32_MAX);
	assert_int_equal(explain_find_tenant(rules, "unknown", &id), 0);
	assert_int_equal(kit_rules_tenant(rules, id), UINT32_MAX);
	assert_int_equal(explain_find_tenant(rules, "nobody", &id), -ENOENT);
	assert_int_equal(explain_find_tenant(rules, "0", &id), -ENOENT);
	assert_int_equal(explain_find_tenant(rules, "4294967296", &id), -ENOENT);
	assert_int_equal(explain_find_tenant(rules, "12x", &id), -ENOENT);
	kit_rules_destroy(rules);
}

static void table_that_says_otherwise_is_reported(void **state)
{
	struct kit_rules_shape shape = {.n_rules = 1, .n_tenants = 1, .n_pools = 1};
	struct rule_set *rules = kit_rules_random(&shape, 3);
	struct explain_key key = {.tenant = 1};
	struct explain_result result;
	struct kit_table kit;

	rules->rules[0].match = rules->rules[1].match;
	kit_table_compile(&kit, rules);
	rules->rules[0].match.size_min = 1;
	assert_int_equal(rules_explain(rules, &kit.table, &key, &result), -EBADMSG);
	assert_int_equal(result.rule, 1);
	assert_int_equal(result.table_rule, 0);
	explain_fini(&result);
	kit_table_close(&kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(explanation_table_and_scan_agree),
		cmocka_unit_test(first_missed_key_is_named_in_the_order_of_keys),
		cmocka_unit_test(tenant_is_found_by_name_id_or_as_unknown),
		cmocka_unit_test(table_that_says_otherwise_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
