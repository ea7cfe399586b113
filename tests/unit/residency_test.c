// SPDX-License-Identifier: BSD-3-Clause
//
// The proof of residency against an oracle that sends every message there is through a linear scan.

// cmocka.h needs these three before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/residency.h"
#include "tests/kit/tables.h"

enum { MAX_RULES = 32, MAX_EXCEPTIONS = 4 };

static struct residency_exception exceptions[MAX_EXCEPTIONS];

struct oracle {
	const struct rule_set *rules;
	struct country_set seen; // countries that represent
	struct country_set forbidden[MAX_RULES + 1][RESIDENCY_N_EFFECTS];
};

static bool zone_holds(const struct rule_set *rules, uint16_t zone, uint32_t tenant, uint16_t country)
{
	if (country == WEIR_COUNTRY_ZZ && tenant != UINT32_MAX && rules->tenants[tenant].home != WEIR_COUNTRY_NONE)
		country = rules->tenants[tenant].home;
	if (zone == RULES_NO_INDEX)
		return false;
	if (country == WEIR_COUNTRY_ZZ || country_set_has(&rules->zones[zone].countries, country))
		return true;
	for (uint32_t i = 0; i < rules->n_exceptions; i++)
		if (rules->exceptions[i].country == country && rules->exceptions[i].zone == zone)
			return true;
	return false;
}

static bool queue_holds(const struct rule_set *rules, uint16_t queue, uint32_t tenant, uint16_t country)
{
	return queue == RULES_NO_INDEX || rules->queues[queue].zone == RULES_NO_INDEX ||
	       zone_holds(rules, rules->queues[queue].zone, tenant, country);
}

static void judge(void *context, uint32_t tenant, uint16_t country, uint32_t verdict)
{
	struct oracle *oracle = context;
	const struct rule_set *rules = oracle->rules;
	const struct action_def *action = &rules->rules[verdict].action;
	bool good = true;

	country_set_put(&oracle->seen, country);
	if (action->kind == WEIR_ACT_FORWARD)
		good = zone_holds(rules, rules->pools[action->target].zone, tenant, country);
	if (action->kind == WEIR_ACT_AGENTS)
		good = queue_holds(rules, action->target, tenant, country);
	if (!good)
		country_set_put(&oracle->forbidden[verdict][RESIDENCY_TARGET], country);
	if (!queue_holds(rules, action->copy, tenant, country))
		country_set_put(&oracle->forbidden[verdict][RESIDENCY_COPY], country);
	if (action->exceed == WEIR_ACT_AGENTS &&
	    !queue_holds(rules, action->exceed_target, tenant, country))
		country_set_put(&oracle->forbidden[verdict][RESIDENCY_EXCEED], country);
}

static void add_exceptions(struct rule_set *rules, uint64_t *random)
{
	rules->exceptions = exceptions;
	for (; rules->n_zones > 0 && rules->n_exceptions < MAX_EXCEPTIONS; rules->n_exceptions++)
		exceptions[rules->n_exceptions] = (struct residency_exception){
			.country = kit_rules_key(rules, random).country,
			.zone = (uint16_t)kit_random_below(random, rules->n_zones)};
}

static void compare(const struct oracle *oracle, const struct residency_report *report)
{
	static struct country_set found[MAX_RULES + 1][RESIDENCY_N_EFFECTS];

	memset(found, 0, sizeof(found));
	for (uint32_t i = 0; i < report->n; i++)
		for (unsigned c = 0; c < WEIR_N_COUNTRIES; c++)
			if (country_set_has(&report->list[i].countries, c) && country_set_has(&oracle->seen, c)) {
				assert_false(country_set_has(&found[report->list[i].rule][report->list[i].effect], c));
				country_set_put(&found[report->list[i].rule][report->list[i].effect], c);
			}
	for (uint32_t rule = 0; rule <= oracle->rules->n_rules; rule++)
		for (unsigned effect = 0; effect < RESIDENCY_N_EFFECTS; effect++)
			assert_memory_equal(&found[rule][effect], &oracle->forbidden[rule][effect],
					    sizeof(found[rule][effect]));
}

static void proof_finds_what_a_scan_of_all_messages_finds(void **state)
{
	static struct oracle oracle;
	uint64_t random = kit_seed();
	unsigned n_violations = 0, n_clean = 0;

	for (unsigned i = 0; i < 150; i++) {
		struct kit_rules_shape shape = kit_rules_shape_random(kit_random(&random));
		struct residency_report report;
		struct kit_table kit;
		struct rule_set *rules;

		shape.n_rules %= i % 3 == 0 ? 3 : 14;
		shape.n_tenants %= 5;
		rules = kit_rules_random(&shape, kit_random(&random));
		add_exceptions(rules, &random);
		kit_table_compile(&kit, rules);
		oracle = (struct oracle){.rules = rules};
		kit_rules_visit(rules, judge, &oracle);
		assert_int_equal(residency_find(rules, &kit.table, &report), 0);
		compare(&oracle, &report);
		n_violations += report.n;
		n_clean += report.n == 0;
		residency_report_fini(&report);
		kit_table_close(&kit);
	}
	print_message("%u violations, %u sets without\n", n_violations, n_clean);
	assert_true(n_violations > 100 && n_clean > 5);
}

static void enforced_violation_refuses_the_table_and_names_its_place(void **state)
{
	struct kit_rules_shape shape = {.n_rules = 1, .n_tenants = 1, .n_zones = 1, .n_pools = 1};
	struct rule_set *rules = kit_rules_random(&shape, 1);
	struct table_image image;
	struct diags diags;

	diags_init(&diags);
	rules->enforce_residency = true;
	rules->zones[0].countries = (struct country_set){{0}};
	country_set_put(&rules->zones[0].countries, (unsigned)weir_country_find("DE"));
	rules->pools[0].zone = 0;
	rules->tenants[0].home = WEIR_COUNTRY_NONE;
	for (unsigned i = 0; i < 2; i++)
		rules->rules[i].action = (struct action_def){.kind = i == 0 ? WEIR_ACT_FORWARD : WEIR_ACT_DROP,
							     .set_priority = 0xff, .exceed = WEIR_ACT_DROP,
							     .copy = RULES_NO_INDEX};
	rules->rules[0].match = rules->rules[1].match;
	rules->rules[0].match.countries = rules->zones[0].countries;
	assert_int_equal(rules_compile(rules, &image, &diags), 0);
	table_image_fini(&image);

	country_set_put(&rules->rules[0].match.countries, (unsigned)weir_country_find("IN"));
	assert_int_equal(rules_compile(rules, &image, &diags), -EINVAL);
	assert_null(image.data);
	assert_int_equal(diags.n_errors, 1);
	assert_int_equal(diags.list[diags.n - 1].line, rules->rules[0].where.line);
	assert_string_equal(diags.list[diags.n - 1].text,
			    "rule \"rule0\": a message of the unknown tenant from IN could be forwarded to pool \"pool0\", "
			    "whose zone \"zone0\" does not hold it");
	diags_fini(&diags);
	kit_rules_destroy(rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(proof_finds_what_a_scan_of_all_messages_finds),
		cmocka_unit_test(enforced_violation_refuses_the_table_and_names_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
