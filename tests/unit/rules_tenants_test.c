// SPDX-License-Identifier: BSD-3-Clause
#include "rules/csv.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rules/read.h"
#include "tests/kit/faults.h"

#define HEADER "id,name,domains,groups,home,rate,burst\n"

// Reads a rule file that names the tenant file "t.csv" with `csv` in it.
static struct rule_set *read_with(const char *csv, size_t length, const char *more,
				  struct diags *diags)
{
	char text[1024];

	diags_init(diags);
	snprintf(text, sizeof(text), "%stenant_files = \"t.csv\";\n%s", RULES_HEAD, more);
	rules_kit_write("t.csv", csv, length);
	return rules_read(rules_kit_write("tenants.conf", text, strlen(text)), diags);
}

static struct rule_set *read_good(const char *csv)
{
	struct diags diags;
	struct rule_set *rules = read_with(csv, strlen(csv), "", &diags);

	diags_print(&diags, stderr);
	assert_int_equal(diags.n, 0);
	assert_non_null(rules);
	diags_fini(&diags);
	return rules;
}

static void a_tenant_file_is_read_with_all_its_columns(void **state)
{
	struct rule_set *rules = read_good(
		HEADER
		"7,acme,a.example;B.example,gold; silver ,DE,1000,\n4294967295,\"x, \"\"y\"\"\",,,,,\n");

	(void)state;
	assert_int_equal(rules->n_tenants, 2);
	assert_int_equal(rules->tenants[0].id, 7);
	assert_int_equal(rules->tenants[0].n_domains, 2);
	assert_string_equal(rules->tenants[0].domains[1], "b.example");
	assert_int_equal(rules->tenants[0].groups->n, 2);
	assert_string_equal(rules->groups[1], "silver");
	assert_int_equal(rules->tenants[0].home, weir_country_find("DE"));
	assert_int_equal(rules->tenants[0].rate, 1000);
	assert_int_equal(rules->tenants[0].burst, 10);
	assert_int_equal(rules->tenants[1].id, 4294967295u);
	assert_string_equal(rules->tenants[1].name, "x, \"y\"");
	assert_int_equal(rules->tenants[1].where.line, 3);
	assert_int_equal(rules->tenants[1].where.file, 1);
	rules_destroy(rules);
}

static void line_ends_of_windows_a_utf8_mark_and_no_last_line_end_are_fine(void **state)
{
	struct rule_set *rules = read_good(
		"\xef\xbb\xbfid,name,domains,groups,home,rate,burst\r\n1,a,,,,,\r\n\r\n2,\"b\",,,,5,\"6\"");

	(void)state;
	assert_int_equal(rules->n_tenants, 2);
	assert_string_equal(rules->tenants[1].name, "b");
	assert_int_equal(rules->tenants[1].burst, 6);
	assert_int_equal(rules->tenants[1].where.line, 4);
	rules_destroy(rules);
}

static void a_header_alone_is_a_file_of_no_tenants(void **state)
{
	struct rule_set *rules = read_good(HEADER);

	(void)state;
	assert_int_equal(rules->n_tenants, 0);
	rules_destroy(rules);
}

static void each_fault_of_a_row_has_its_line(void **state)
{
	static const struct fault faults[] = {
		{ "", 1,
		  "t.csv:1: error: the tenant file is empty (the first line must be id,name," },
		{ "id,name\n", 1, "the header is missing or another one" },
		{ "name,id,domains,groups,home,rate,burst\n", 1,
		  "the header is missing or another one" },
		{ HEADER "1,a,,,,\n", 2, "the row has 6 fields, not 7 (the columns are id,name" },
		{ HEADER "1,a,,,,,,\n", 2, "the row has 8 fields, not 7" },
		{ HEADER ",a,,,,,\n", 2, "the row has no id" },
		{ HEADER "1,,,,,,\n", 2, "the row has no name" },
		{ HEADER "0,a,,,,,\n", 2,
		  "tenant \"a\": id \"0\" is not a number of 1 to 4294967295" },
		{ HEADER "-1,a,,,,,\n", 2, "id \"-1\" is not a number" },
		{ HEADER "4294967296,a,,,,,\n", 2, "id \"4294967296\" is not a number" },
		{ HEADER "1x,a,,,,,\n", 2, "id \"1x\" is not a number" },
		{ HEADER "1,a,,,,0,\n", 2, "rate \"0\" is not a number of 1 to" },
		{ HEADER "1,a,,,,,5\n", 2, "tenant \"a\": burst without rate" },
		{ HEADER "1,a,,,de,,\n", 2, "\"de\" is no country code" },
		{ HEADER "1,a,,@g,,,\n", 2, "the group \"@g\" begins with '@'" },
		{ HEADER "1,a,x y,,,,\n", 2, "the domain \"x y\" is not a domain name" },
		{ HEADER "1,unknown,,,,,\n", 2, "which stands for ids that are not in the table" },
		{ HEADER "1,a\xff,,,,,\n", 2, "the name is not valid UTF-8" },
		{ HEADER "1,a,,,,,\n\n1,b,,,,,\n", 4, "the id 1 is taken by tenant \"a\" at" },
		{ HEADER "1,a,,,,,\n2,a,,,,,\n", 3, "the name is taken by tenant \"a\" at" },
		{ HEADER "1,a,x.example,,,,\n2,b,x.example,,,,\n", 3,
		  "the domain \"x.example\" is taken by tenant \"a\" at" },
		{ HEADER "1,\"a\"b,,,,,\n", 2, "text behind a closing quote" },
		{ HEADER "1,a\"b,,,,,\n", 2, "a quote within a field that is not in quotes" },
		{ HEADER "1,\"a,,,,,\n", 2, "a quote is opened and never closed" },
		{ HEADER "1,a,,,,,,,,,,,,,,,,,\n", 2, "more fields than any header has" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct diags diags;

		assert_null(read_with(faults[i].text, strlen(faults[i].text), "", &diags));
		if (diags.n_errors != 1 ||
		    !rules_kit_has(&diags, DIAG_ERROR, faults[i].line, faults[i].part)) {
			print_error("%s\nexpected on line %u: %s\n", faults[i].text, faults[i].line,
				    faults[i].part);
			diags_print(&diags, stderr);
			fail();
		}
		diags_fini(&diags);
	}
}

static void a_nul_byte_in_a_row_is_an_error(void **state)
{
	static const char text[] = HEADER "1,a\0b,,,,,\n2,c,,,,,\n";
	struct diags diags;

	(void)state;
	assert_null(read_with(text, sizeof(text) - 1, "", &diags));
	assert_int_equal(diags.n_errors, 1);
	assert_true(rules_kit_has(&diags, DIAG_ERROR, 2, "a NUL byte"));
	diags_fini(&diags);
}

static void names_and_ids_are_unique_over_all_sources(void **state)
{
	static const char csv[] = HEADER "1,b,,,,,\n5,a,,,,,\n6,c,X.example,,,,\n";
	struct diags diags;

	(void)state;
	assert_null(read_with(csv, strlen(csv),
			      "tenants = ( { id = 1; name = \"a\"; domains = \"x.example\"; } );",
			      &diags));
	assert_int_equal(diags.n_errors, 3);
	assert_true(rules_kit_has(&diags, DIAG_ERROR, 2, "the id 1 is taken by tenant \"a\" at"));
	assert_true(rules_kit_has(&diags, DIAG_ERROR, 3, "the name is taken by tenant \"a\" at"));
	assert_true(rules_kit_has(&diags, DIAG_ERROR, 4, "the domain \"x.example\" is taken"));
	diags_fini(&diags);
}

static void a_tenant_file_that_is_missing_is_one_error_and_no_reference_dangles(void **state)
{
	static const char more[] =
		"rules = ( { name = \"r\"; match = { tenant = ( \"a\", 5, \"@g\" ); }; action = { drop = \"x\"; }; } );";
	static const char text[] = RULES_HEAD "tenant_files = ( \"none.csv\" );\n%s";
	struct diags diags;
	char whole[600];

	(void)state;
	snprintf(whole, sizeof(whole), text, more);
	diags_init(&diags);
	assert_null(rules_read(rules_kit_write("none.conf", whole, strlen(whole)), &diags));
	assert_int_equal(diags.n_errors, 1);
	assert_true(rules_kit_has(
		&diags, DIAG_ERROR, 2,
		"none.csv cannot be read: No such file or directory (paths are relative to the file they stand in)"));
	diags_fini(&diags);
}

static void a_file_named_twice_is_an_error(void **state)
{
	static const char text[] = RULES_HEAD "tenant_files = ( \"t.csv\",\n\"t.csv\" );\n";
	struct diags diags;

	(void)state;
	rules_kit_write("t.csv", HEADER, strlen(HEADER));
	diags_init(&diags);
	assert_null(rules_read(rules_kit_write("twice.conf", text, strlen(text)), &diags));
	assert_int_equal(diags.n_errors, 1);
	assert_true(rules_kit_has(&diags, DIAG_ERROR, 3, "is read already (leave one out)"));
	diags_fini(&diags);
}

static void an_unassigned_home_is_one_warning_a_file(void **state)
{
	static const char csv[] = HEADER "1,a,,,XX,,\n2,b,,,XX,,\n3,c,,,ZZ,,\n4,d,,,UK,,\n";
	struct diags diags;
	struct rule_set *rules = read_with(csv, strlen(csv), "", &diags);

	(void)state;
	assert_non_null(rules);
	assert_int_equal(diags.n_warnings, 3);
	assert_true(rules_kit_has(&diags, DIAG_WARNING, 4, "home \"ZZ\" says nothing"));
	assert_int_equal(rules->tenants[2].home, WEIR_COUNTRY_NONE);
	assert_true(rules_kit_has(&diags, DIAG_WARNING, 2, "\"XX\""));
	assert_true(rules_kit_has(&diags, DIAG_WARNING, 5, "\"UK\" (did you mean \"GB\"?)"));
	rules_destroy(rules);
	diags_fini(&diags);
}

static void records_are_cut_as_rfc_4180_says(void **state)
{
	char text[] = "a,,\"b \"\" ,\r\n c\"\r\n\n\"\",d\r,e";
	struct csv_record record;
	const char *why = NULL;
	struct csv csv;

	(void)state;
	csv_init(&csv, text, strlen(text));
	assert_int_equal(csv_next(&csv, &record, &why), 1);
	assert_int_equal(record.n, 3);
	assert_string_equal(record.field[1], "");
	assert_string_equal(record.field[2], "b \" ,\r\n c");
	assert_int_equal(record.length[2], 9);
	assert_int_equal(csv_next(&csv, &record, &why), 1);
	assert_int_equal(record.line, 4);
	assert_int_equal(record.n, 3);
	assert_string_equal(record.field[0], "");
	assert_string_equal(record.field[1], "d\r");
	assert_string_equal(record.field[2], "e");
	assert_int_equal(csv_next(&csv, &record, &why), 0);
}

static void reading_goes_on_behind_a_malformed_record(void **state)
{
	char text[] = "a,\"x\nb\n";
	struct csv_record record;
	const char *why = NULL;
	struct csv csv;

	(void)state;
	csv_init(&csv, text, strlen(text));
	assert_int_equal(csv_next(&csv, &record, &why), -EINVAL);
	assert_non_null(why);
	assert_int_equal(csv_next(&csv, &record, &why), 1);
	assert_string_equal(record.field[0], "b");
	assert_int_equal(record.line, 2);
}

static void a_quote_that_is_never_closed_costs_one_row(void **state)
{
	static const char csv[] = HEADER "1,a,\"x.example,,,,\n2,b,,,,,\n";
	static const char more[] = "rules = ( { name = \"r\"; match = { tenant = \"b\"; };\n"
				   "action = { drop = \"x\"; }; } );";
	struct diags diags;

	(void)state;
	assert_null(read_with(csv, strlen(csv), more, &diags));
	assert_int_equal(diags.n_errors, 1);
	assert_true(rules_kit_has(&diags, DIAG_ERROR, 2, "a quote is opened and never closed"));
	diags_fini(&diags);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tenant_file_is_read_with_all_its_columns),
		cmocka_unit_test(line_ends_of_windows_a_utf8_mark_and_no_last_line_end_are_fine),
		cmocka_unit_test(a_header_alone_is_a_file_of_no_tenants),
		cmocka_unit_test(each_fault_of_a_row_has_its_line),
		cmocka_unit_test(a_nul_byte_in_a_row_is_an_error),
		cmocka_unit_test(names_and_ids_are_unique_over_all_sources),
		cmocka_unit_test(
			a_tenant_file_that_is_missing_is_one_error_and_no_reference_dangles),
		cmocka_unit_test(a_file_named_twice_is_an_error),
		cmocka_unit_test(an_unassigned_home_is_one_warning_a_file),
		cmocka_unit_test(records_are_cut_as_rfc_4180_says),
		cmocka_unit_test(reading_goes_on_behind_a_malformed_record),
		cmocka_unit_test(a_quote_that_is_never_closed_costs_one_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
