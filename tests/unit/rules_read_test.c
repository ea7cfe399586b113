// SPDX-License-Identifier: BSD-3-Clause
#include "rules/read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "rules/reader.h"
#include "tests/kit/faults.h"

static void a_rule_file_without_tenants_and_rules_is_legal(void **state)
{
	struct rule_set *rules = rules_kit_read(RULES_HEAD);

	(void)state;
	assert_int_equal(rules->n_tenants, 0);
	assert_int_equal(rules->n_rules, 0);
	assert_string_equal(rules->rules[0].name, "default");
	assert_int_equal(rules->rules[0].action.kind, WEIR_ACT_AGENTS);
	assert_int_equal(rules->n_files, 1);
	assert_string_equal(rules->files[0], "t.conf");
	rules_destroy(rules);
}

static void a_tenant_is_read_with_all_that_it_has(void **state)
{
	struct rule_set *rules = rules_kit_read(
		RULES_HEAD
		"tenants = ( { id = 4294967295L; name = \"1001\"; domains = [ \"Mail.Example\", \"x.test\" ];\n"
		"groups = ( \"b\", \"a\", \"b\" ); home = \"CH\"; rate = 7; burst = 9;\n"
		"key = \"00112233445566778899aAbBcCdDeEfF\"; }, { id = 1; name = \"t\"; groups = ( ); } );");
	const struct tenant_def *tenant = &rules->tenants[0];

	(void)state;
	assert_int_equal(rules->n_tenants, 2);
	assert_int_equal(tenant->id, 4294967295u);
	assert_string_equal(tenant->name, "1001");
	assert_int_equal(tenant->n_domains, 2);
	assert_string_equal(tenant->domains[0], "mail.example");
	assert_int_equal(tenant->groups->n, 2);
	assert_string_equal(rules->groups[tenant->groups->group[0]], "b");
	assert_int_equal(tenant->home, weir_country_find("CH"));
	assert_int_equal(tenant->rate, 7);
	assert_int_equal(tenant->burst, 9);
	assert_int_equal(tenant->key[15], 0xff);
	assert_int_equal(tenant->where.line, 2);
	assert_int_equal(rules->tenants[1].groups->n, 0);
	assert_int_equal(rules->tenants[1].home, WEIR_COUNTRY_NONE);
	assert_null(rules->tenants[1].key);
	rules_destroy(rules);
}

static void equal_sets_of_groups_are_the_same_set(void **state)
{
	struct rule_set *rules = rules_kit_read(
		RULES_HEAD
		"tenants = ( { id = 1; name = \"a\"; groups = ( \"x\", \"y\" ); },\n"
		"{ id = 2; name = \"b\"; groups = ( \"y\", \"x\" ); }, { id = 3; name = \"c\"; },\n"
		"{ id = 4; name = \"d\"; } );");

	(void)state;
	assert_ptr_equal(rules->tenants[0].groups, rules->tenants[1].groups);
	assert_ptr_equal(rules->tenants[2].groups, rules->tenants[3].groups);
	assert_ptr_not_equal(rules->tenants[0].groups, rules->tenants[2].groups);
	rules_destroy(rules);
}

static void a_rate_alone_gives_a_burst_of_ten_milliseconds(void **state)
{
	struct rule_set *rules = rules_kit_read(
		RULES_HEAD
		"tenants = ( { id = 1; name = \"a\"; rate = 50; },\n"
		"{ id = 2; name = \"b\"; rate = 4000000000L; } );\n"
		"rules = ( { name = \"r\"; action = { agents = \"desk\"; rate = 1000; }; } );");

	(void)state;
	assert_int_equal(rules->tenants[0].burst, 1);
	assert_int_equal(rules->tenants[1].burst, 40000000);
	assert_int_equal(rules->rules[0].action.burst, 10);
	assert_int_equal(rules->rules[0].action.exceed, WEIR_ACT_DROP);
	rules_destroy(rules);
}

static void what_is_left_out_of_targets_has_its_default(void **state)
{
	struct rule_set *rules = rules_kit_read(
		RULES_HEAD
		"pools = ( { name = \"p\"; members = ( { name = \"m\"; address = \"2001:db8::1\"; mac = \"02-00-00-00-00-01\"; } ); } );\n"
		"replies = ( { name = \"b\"; status = \"busy\"; }, { name = \"a\"; status = \"accepted\"; } );");

	(void)state;
	assert_null(rules->pools[0].port_name);
	assert_int_equal(rules->pools[0].port_index, 0);
	assert_int_equal(rules->pools[0].zone, RULES_NO_INDEX);
	assert_int_equal(rules->pools[0].members[0].weight, 1);
	assert_int_equal(rules->pools[0].members[0].family, 6);
	assert_int_equal(rules->pools[0].members[0].mac[5], 1);
	assert_int_equal(rules->queues[0].routing, ROUTING_BALANCED);
	assert_int_equal(rules->queues[0].zone, RULES_NO_INDEX);
	assert_int_equal(rules->replies[0].retry_after, REPLY_RETRY_DEFAULT);
	assert_int_equal(rules->replies[1].retry_after, 0);
	assert_string_equal(rules->replies[0].text, "");
	assert_false(rules->enforce_residency);
	rules_destroy(rules);
}

static void targets_are_read_with_all_that_they_have(void **state)
{
	struct rule_set *rules = rules_kit_read(
		"version = 1; default = { reply = \"b\"; };\n"
		"zones = ( { name = \"eu\"; countries = [ \"DE\", \"FR\" ]; }, { name = \"ch\"; countries = \"CH\"; } );\n"
		"pools = ( { name = \"p\"; zone = \"ch\"; port = \"out0\"; members = (\n"
		"  { name = \"m\"; address = \"10.0.0.1\"; mac = \"02:00:00:00:00:01\"; weight = 1000; } ); } );\n"
		"queues = ( { name = \"q\"; routing = \"simultaneous\"; zone = \"eu\"; } );\n"
		"replies = ( { name = \"b\"; status = \"refused\"; text = \"no\"; } );\n"
		"residency = { enforce = true; exceptions = ( { country = \"LI\"; zone = \"ch\"; reason = \"A. B.\"; } ); };\n"
		"blocked_sources = ( \"192.0.2.0/24\", \"2001:db8::/32\", \"198.51.100.7\" );");

	(void)state;
	assert_true(country_set_has(&rules->zones[0].countries, (unsigned)weir_country_find("FR")));
	assert_false(
		country_set_has(&rules->zones[0].countries, (unsigned)weir_country_find("CH")));
	assert_string_equal(rules->pools[0].port_name, "out0");
	assert_int_equal(rules->pools[0].zone, 1);
	assert_int_equal(rules->pools[0].members[0].weight, 1000);
	assert_int_equal(rules->queues[0].routing, ROUTING_SIMULTANEOUS);
	assert_int_equal(rules->queues[0].zone, 0);
	assert_int_equal(rules->replies[0].status, WEIR_STATUS_REFUSED);
	assert_string_equal(rules->replies[0].text, "no");
	assert_true(rules->enforce_residency);
	assert_int_equal(rules->exceptions[0].country, weir_country_find("LI"));
	assert_int_equal(rules->exceptions[0].zone, 1);
	assert_int_equal(rules->n_blocked, 3);
	assert_int_equal(rules->blocked[1].family, 6);
	assert_int_equal(rules->blocked[1].length, 32);
	assert_int_equal(rules->blocked[2].length, 32);
	rules_destroy(rules);
}

static void an_absent_match_key_holds_always(void **state)
{
	struct rule_set *rules = rules_kit_read(
		RULES_HEAD "rules = ( { name = \"a\"; match = { }; action = { drop = \"x\"; }; },\n"
			   "{ name = \"b\"; action = { drop = \"x\"; }; } );");

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		const struct match_def *match = &rules->rules[i].match;

		assert_true(match->any_tenant && match->any_country);
		assert_true(country_set_has(&match->countries, WEIR_COUNTRY_ZZ));
		assert_int_equal(match->priorities, 0xf);
		assert_int_equal(match->protocols, 0x7);
		assert_int_equal(match->channels, 0xffff);
		assert_int_equal(match->size_min, 0);
		assert_int_equal(match->size_max, 0xffff);
	}
	rules_destroy(rules);
}

static void a_match_is_resolved_sorted_and_without_repeats(void **state)
{
	struct rule_set *rules = rules_kit_read(
		RULES_HEAD
		"tenants = ( { id = 7; name = \"a\"; groups = \"g\"; }, { id = 3000000000L; name = \"7\"; }, { id = 9; name = \"c\"; } );\n"
		"zones = ( { name = \"eu\"; countries = [ \"DE\", \"FR\" ]; } );\n"
		"rules = ( { name = \"r\"; match = { tenant = ( 3000000000L, \"7\", 7, \"@g\", \"unknown\", \"@g\" );\n"
		"country = ( \"@eu\", \"ZZ\" ); priority = \"urgent\"; channel = ( \"8\", 9, \"sms\" ); protocol = [ \"sip\" ];\n"
		"size = { min = 10; max = 100000; }; }; action = { agents = \"desk\"; }; } );");
	const struct match_def *match = &rules->rules[0].match;

	(void)state;
	assert_false(match->any_tenant || match->any_country);
	assert_true(match->unknown_tenant);
	assert_int_equal(match->n_tenants, 2);
	assert_int_equal(match->tenants[0], 0);
	assert_int_equal(match->tenants[1], 1);
	assert_int_equal(match->n_groups, 1);
	assert_true(country_set_has(&match->countries, (unsigned)weir_country_find("FR")));
	assert_true(country_set_has(&match->countries, WEIR_COUNTRY_ZZ));
	assert_false(country_set_has(&match->countries, (unsigned)weir_country_find("CH")));
	assert_int_equal(match->priorities, 1 << WEIR_URGENT);
	assert_int_equal(match->channels, 1 << 8 | 1 << 9 | 1 << 1);
	assert_int_equal(match->protocols, 1 << WEIR_SIP);
	assert_int_equal(match->size_min, 10);
	assert_int_equal(match->size_max, 0xffff);
	rules_destroy(rules);
}

static void an_action_is_resolved(void **state)
{
	struct rule_set *rules = rules_kit_read(
		RULES_HEAD
		"replies = ( { name = \"x\"; status = \"busy\"; }, { name = \"y\"; status = \"busy\"; } );\n"
		"rules = ( { name = \"a\"; action = { drop = \"spam\"; set_priority = \"emergency\"; copy = \"desk\"; }; },\n"
		"{ name = \"b\"; action = { drop = \"fraud\"; rate = 5; burst = 6; exceed = \"reply:y\"; }; },\n"
		"{ name = \"c\"; action = { drop = \"spam\"; rate = 5; exceed = \"agents:desk\"; }; } );");
	const struct rule_def *rule = rules->rules;

	(void)state;
	assert_int_equal(rules->n_reasons, 2);
	assert_string_equal(rules->reasons[rule[1].action.target], "fraud");
	assert_int_equal(rule[0].action.target, rule[2].action.target);
	assert_int_equal(rule[0].action.set_priority, WEIR_EMERGENCY);
	assert_int_equal(rule[0].action.copy, 0);
	assert_int_equal(rule[1].action.set_priority, 0xff);
	assert_int_equal(rule[1].action.copy, RULES_NO_INDEX);
	assert_int_equal(rule[1].action.exceed, WEIR_ACT_REPLY);
	assert_int_equal(rule[1].action.exceed_target, 1);
	assert_int_equal(rule[1].action.burst, 6);
	assert_int_equal(rule[2].action.exceed, WEIR_ACT_AGENTS);
	rules_destroy(rules);
}

static void refuse_path(const char *path, const char *part)
{
	struct diags diags;

	diags_init(&diags);
	assert_null(rules_read(path, &diags));
	assert_int_equal(diags.n_errors, 1);
	assert_true(rules_kit_has(&diags, DIAG_ERROR, 0, part));
	diags_fini(&diags);
}

static void what_cannot_be_read_is_refused_with_its_reason(void **state)
{
	char path[256];

	(void)state;
	refuse_path("/nonexistent/rules.conf",
		    "/nonexistent/rules.conf: error: cannot be read: No such file or directory");
	refuse_path("/", "it is a folder, not a file");
	refuse_path("/dev/zero", "it is a special file, not a file");
	snprintf(path, sizeof(path), "%s", rules_kit_write("huge.conf", "", 0));
	assert_int_equal(truncate(path, (off_t)1 << 31), 0);
	refuse_path(path, "it has 2147483648 bytes, more than");
	if (geteuid() != 0) {
		assert_int_equal(chmod(path, 0), 0);
		refuse_path(path, "Permission denied");
	}
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	refuse_path(path, "it is a special file, not a file");
}

static void an_include_stands_for_its_text_and_keeps_its_own_lines(void **state)
{
	static const char inner[] = "# a comment\nqueues = ( { name = \"desk\"; } );\nzones = 7;\n";
	static const char outer[] =
		"version = 1;\n@include \"inner.conf\"\ndefault = { agents = \"deks\"; };\n";
	struct diags diags;
	char path[256];

	(void)state;
	rules_kit_write("inner.conf", inner, strlen(inner));
	snprintf(path, sizeof(path), "%s", rules_kit_write("outer.conf", outer, strlen(outer)));
	diags_init(&diags);
	assert_null(rules_read(path, &diags));
	assert_int_equal(diags.n_errors, 2);
	assert_true(rules_kit_has(&diags, DIAG_ERROR, 3,
				  "outer.conf:3: error: default: there is no queue \"deks\""));
	assert_true(
		rules_kit_has(&diags, DIAG_ERROR, 3, "inner.conf:3: error: zones must be a list"));
	diags_fini(&diags);
}

static void paths_are_relative_to_the_file_they_stand_in(void **state)
{
	static const char outer[] =
		"version = 1; default = { drop = \"x\"; };\n@include \"sub/a.conf\"\n";
	static const char inner[] = "@include \"b.conf\"\ntenant_files = \"t.csv\";\n";
	static const char csv[] = "id,name,domains,groups,home,rate,burst\n5,a,,,,,\n";
	struct rule_set *rules;
	struct diags diags;
	char path[256];

	(void)state;
	snprintf(path, sizeof(path), "%s", rules_kit_write("nested.conf", outer, strlen(outer)));
	*strrchr(path, '/') = '\0';
	strcat(path, "/sub");
	assert_int_equal(mkdir(path, 0700), 0);
	rules_kit_write("sub/a.conf", inner, strlen(inner));
	rules_kit_write("sub/b.conf", "zones = ( );\n", 13);
	rules_kit_write("sub/t.csv", csv, strlen(csv));
	diags_init(&diags);
	rules = rules_read(rules_kit_write("nested.conf", outer, strlen(outer)), &diags);
	diags_print(&diags, stderr);
	assert_non_null(rules);
	assert_int_equal(rules->n_tenants, 1);
	assert_int_equal(rules->n_files, 4);
	assert_non_null(strstr(rules->files[3], "/sub/t.csv"));
	rules_destroy(rules);
	diags_fini(&diags);
}

static void an_include_that_goes_in_a_circle_is_refused(void **state)
{
	static const char text[] = "version = 1;\n@include \"circle.conf\"\n";
	struct diags diags;

	(void)state;
	diags_init(&diags);
	assert_null(rules_read(rules_kit_write("circle.conf", text, strlen(text)), &diags));
	assert_int_equal(diags.n_errors, 1);
	assert_true(rules_kit_has(&diags, DIAG_ERROR, 2, "goes round in a circle"));
	diags_fini(&diags);
}

// The place of a tenant is drawn by a fixed multiplier: the same file in every run.
static void ten_thousand_rules_with_long_lists_are_read(void **state)
{
	enum { RULES = 10000, TENANTS = 1000, LISTED = 40 };
	size_t length;
	char *text;
	FILE *out = open_memstream(&text, &length);
	struct rule_set *rules;

	(void)state;
	fprintf(out, "%stenants = (", RULES_HEAD);
	for (unsigned i = 0; i < TENANTS; i++)
		fprintf(out, "%s{ id = %u; name = \"tenant-%u\"; }", i ? "," : "", i + 1, i);
	fprintf(out, ");\nrules = (");
	for (unsigned i = 0; i < RULES; i++) {
		fprintf(out, "%s{ name = \"r%u\"; match = { tenant = (", i ? "," : "", i);
		for (unsigned k = 0; k < LISTED; k++)
			fprintf(out, "%s\"tenant-%u\"", k ? "," : "",
				(i * 2654435761u + k * 7) % TENANTS);
		fprintf(out, "); }; action = { drop = \"x%u\"; }; }\n", i % 1000);
	}
	fprintf(out, ");\n");
	assert_int_equal(fclose(out), 0);
	rules = rules_kit_read(text);
	assert_int_equal(rules->n_rules, RULES);
	assert_int_equal(rules->rules[RULES - 1].match.n_tenants, LISTED);
	assert_int_equal(rules->rules[RULES - 1].where.line, RULES + 2);
	assert_int_equal(rules->n_reasons, 1000);
	rules_destroy(rules);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_file_without_tenants_and_rules_is_legal),
		cmocka_unit_test(a_tenant_is_read_with_all_that_it_has),
		cmocka_unit_test(equal_sets_of_groups_are_the_same_set),
		cmocka_unit_test(a_rate_alone_gives_a_burst_of_ten_milliseconds),
		cmocka_unit_test(what_is_left_out_of_targets_has_its_default),
		cmocka_unit_test(targets_are_read_with_all_that_they_have),
		cmocka_unit_test(an_absent_match_key_holds_always),
		cmocka_unit_test(a_match_is_resolved_sorted_and_without_repeats),
		cmocka_unit_test(an_action_is_resolved),
		cmocka_unit_test(what_cannot_be_read_is_refused_with_its_reason),
		cmocka_unit_test(an_include_stands_for_its_text_and_keeps_its_own_lines),
		cmocka_unit_test(paths_are_relative_to_the_file_they_stand_in),
		cmocka_unit_test(an_include_that_goes_in_a_circle_is_refused),
		cmocka_unit_test(ten_thousand_rules_with_long_lists_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
