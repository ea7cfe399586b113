// SPDX-License-Identifier: BSD-3-Clause
#include "rules/switch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rules/lookup.h"
#include "rules/read.h"
#include "rules/reader.h"
#include "tests/kit/tables.h"



// Where a pool's messages of a tenant go, said another way than rules_switch does: one step at a time, asking
// the whole list anew.
static unsigned scan_end(const struct rule_set *rules, const struct rule_switch *list, unsigned n, unsigned pool,
			 const char *tenant)
{
	for (unsigned steps = 0; steps <= n; steps++) {
		const struct rule_switch *next = NULL;

		for (unsigned i = 0; i < n; i++)
			if (strcmp(list[i].from, rules->pools[pool].name) == 0 &&
			    (list[i].tenant == NULL ? next == NULL : tenant != NULL && strcmp(list[i].tenant, tenant) == 0))
				next = &list[i];
		if (next == NULL)
			return pool;
		for (pool = 0; strcmp(rules->pools[pool].name, next->to) != 0;)
			pool++;
	}
	fail_msg("a circle");
	return 0;
}

// Switches without a circle: each goes to a pool of a higher number. One for each (pool, tenant) at most.
static unsigned make_switches(const struct rule_set *rules, struct rule_switch *list, unsigned max, uint64_t *random)
{
	unsigned n = 0;

	for (unsigned from = 0; from + 1 < rules->n_pools && n + 3 <= max; from++)
		for (unsigned k = 0; k < 3; k++) {
			const char *tenant = k == 0 || rules->n_tenants == 0 ? NULL :
				rules->tenants[k == 1 ? 0 : kit_random_below(random, rules->n_tenants)].name;
			bool taken = false;

			if (kit_random_below(random, 2) == 0)
				continue;
			for (unsigned i = 0; i < n; i++)
				taken |= strcmp(list[i].from, rules->pools[from].name) == 0 &&
					 (tenant == NULL ? list[i].tenant == NULL :
							   list[i].tenant != NULL && strcmp(list[i].tenant, tenant) == 0);
			if (taken)
				continue;
			list[n++] = (struct rule_switch){
				.from = rules->pools[from].name, .tenant = tenant,
				.to = rules->pools[from + 1 + kit_random_below(random, rules->n_pools - from - 1u)].name };
		}
	return n;
}

// The verdict of a key by the table of the switched rules is that of the scan over the file's, with its pool switched.
static void check_key(const struct rule_set *rules, const struct rule_switch *list, unsigned n, const struct table *table,
		      const struct kit_key *key)
{
	uint32_t tenant = kit_rules_tenant(rules, key->tenant), class = 0;
	const struct rule_def *rule = &rules->rules[kit_rules_scan(rules, key, tenant)];
	const struct verdict *verdict;
	unsigned target = rule->action.target;
	struct triage_key triage = { .country = key->country, .size = key->size,
				     .small = triage_small(key->protocol, key->priority, key->channel) };

	table_find_tenant(table, key->tenant, &class);
	triage.class = class;
	verdict = &table->verdicts[table_find_verdict(table, &triage)];
	if (rule->action.kind == WEIR_ACT_FORWARD)
		target = scan_end(rules, list, n, target, tenant == UINT32_MAX ? NULL : rules->tenants[tenant].name);
	assert_int_equal(verdict->action, rule->action.kind);
	assert_int_equal(verdict->target, target);
	assert_int_equal(verdict->set_priority, rule->action.set_priority);
	assert_int_equal(verdict->copy, rule->action.copy);
	assert_string_equal(table_string(table, table->rule_names[verdict - table->verdicts]), rule->name);
}

static void switched_tables_agree_with_a_scan(void **state)
{
	uint64_t random = kit_seed();
	unsigned n_switches = 0;

	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		struct kit_rules_shape shape = kit_rules_shape_random(kit_random(&random));
		struct rule_set *rules = kit_rules_random(&shape, kit_random(&random)), switched;
		struct rule_switch list[16];
		struct table_image image;
		struct table table;
		struct diags diags;
		char why[160];
		unsigned n = make_switches(rules, list, 16, &random);

		diags_init(&diags);
		rules->enforce_residency = false;
		assert_int_equal(rules_switch(rules, list, n, &switched, &diags), 0);
		assert_int_equal(rules_compile(&switched, &image, &diags), 0);
		assert_int_equal(table_open(&table, image.data, image.size, why, sizeof(why)), 0);
		for (unsigned i = 0; i < 400; i++) {
			struct kit_key key = kit_rules_key(rules, &random);

			check_key(rules, list, n, &table, &key);
		}
		n_switches += n;
		table_image_fini(&image);
		rules_switch_fini(&switched);
		diags_fini(&diags);
		kit_rules_destroy(rules);
	}
	assert_true(n_switches > 200);
}

static const char text[] =
	"version = 1;\n"
	"tenants = ( { id = 1; name = \"acme\"; home = \"CH\"; }, { id = 2; name = \"globex\"; } );\n"
	"zones = ( { name = \"eu\"; countries = [ \"DE\", \"ZZ\" ]; }, { name = \"ch\"; countries = [ \"CH\" ]; } );\n"
	"pools = ( { name = \"a\"; zone = \"eu\"; members = ( { name = \"m\"; address = \"10.0.0.1\"; } ); },\n"
	"          { name = \"b\"; zone = \"eu\"; members = ( { name = \"m\"; address = \"10.0.0.2\"; } ); },\n"
	"          { name = \"c\"; zone = \"ch\"; members = ( { name = \"m\"; address = \"10.0.0.3\"; } ); } );\n"
	"residency = { enforce = true; };\n"
	"default = { drop = \"other\"; };\n"
	"rules = ( { name = \"r\"; match = { country = \"DE\"; }; action = { forward = \"a\"; }; } );\n";

// Switches the text by `list` and compiles; the errors are the caller's.
static int try(const struct rule_switch *list, unsigned n, struct diags *diags)
{
	struct rule_set *rules, switched;
	struct table_image image;
	int err;

	diags_init(diags);
	rules = rules_read_text("rules.conf", text, sizeof(text) - 1, diags);
	assert_non_null(rules);
	err = rules_switch(rules, list, n, &switched, diags);
	if (err == 0)
		err = rules_compile(&switched, &image, diags);
	if (err == 0)
		table_image_fini(&image);
	rules_switch_fini(&switched);
	rules_destroy(rules);
	return err;
}

static void check_refused(const struct rule_switch *list, unsigned n, const char *part)
{
	struct diags diags;
	char line[600];

	assert_int_equal(try(list, n, &diags), -EINVAL);
	assert_true(diags.n_errors > 0);
	diag_format(&diags.list[0], line, sizeof(line));
	if (strstr(line, part) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", part, line);
	diags_fini(&diags);
}

static void residency_is_proven_anew(void **state)
{
	static const struct rule_switch good = { "a", "b", NULL }, bad = { "a", "c", NULL }, one = { "a", "c", "globex" };
	struct diags diags;

	(void)state;
	assert_int_equal(try(&good, 1, &diags), 0);
	diags_fini(&diags);
	check_refused(&bad, 1, "rule \"r\"");
	check_refused(&one, 1, "globex");
}

static void what_is_not_there_is_said(void **state)
{
	static const struct rule_switch from = { "x", "b", NULL }, to = { "a", "x", NULL }, tenant = { "a", "b", "x" };

	(void)state;
	check_refused(&from, 1, "there is no pool \"x\"");
	check_refused(&to, 1, "there is no pool \"x\"");
	check_refused(&tenant, 1, "there is no tenant \"x\"");
}

static void a_circle_is_refused(void **state)
{
	static const struct rule_switch two[] = { { "a", "b", NULL }, { "b", "a", NULL } };
	static const struct rule_switch mixed[] = { { "a", "b", NULL }, { "b", "a", "acme" } };

	(void)state;
	check_refused(two, 2, "go round in a circle");
	check_refused(mixed, 2, "go round in a circle");
}

static void no_switch_changes_no_byte(void **state)
{
	struct table_image before, after;
	struct rule_set *rules, switched;
	struct diags diags;

	(void)state;
	diags_init(&diags);
	rules = rules_read_text("rules.conf", text, sizeof(text) - 1, &diags);
	assert_int_equal(rules_compile(rules, &before, &diags), 0);
	assert_int_equal(rules_switch(rules, NULL, 0, &switched, &diags), 0);
	assert_int_equal(rules_compile(&switched, &after, &diags), 0);
	assert_int_equal(before.size, after.size);
	assert_memory_equal(before.data, after.data, before.size);
	table_image_fini(&before);
	table_image_fini(&after);
	rules_switch_fini(&switched);
	rules_destroy(rules);
	diags_fini(&diags);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(switched_tables_agree_with_a_scan),
		cmocka_unit_test(residency_is_proven_anew),
		cmocka_unit_test(what_is_not_there_is_said),
		cmocka_unit_test(a_circle_is_refused),
		cmocka_unit_test(no_switch_changes_no_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
