// SPDX-License-Identifier: BSD-3-Clause
#include "rules/scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/kit/faults.h"

struct text_case {
	const char *text;
	uint32_t line;
	const char *part;
};

// Scans `text`; what is expected of it is reported, and libconfig may (0) or may not (-EINVAL) have it.
static void check_scan(const struct text_case *cases, size_t n, int expected)
{
	for (size_t i = 0; i < n; i++) {
		struct source source;
		struct diags diags;
		int err;

		diags_init(&diags);
		err = source_read_text(&source, "t.conf", cases[i].text, strlen(cases[i].text),
				       &diags);
		if ((err == 0) != (expected == 0) || diags.n_errors != 1 ||
		    !rules_kit_has(&diags, DIAG_ERROR, cases[i].line, cases[i].part)) {
			print_error("%s\nexpected on line %u: %s\n", cases[i].text, cases[i].line,
				    cases[i].part);
			diags_print(&diags, stderr);
			fail();
		}
		source_fini(&source);
		diags_fini(&diags);
	}
}

#define CHECK(expected, ...)                                                                       \
	do {                                                                                       \
		static const struct text_case cases[] = { __VA_ARGS__ };                           \
		check_scan(cases, sizeof(cases) / sizeof(cases[0]), expected);                     \
	} while (0)

static void a_number_that_libconfig_would_wrap_is_refused(void **state)
{
	(void)state;
	CHECK(0,
	      { "a = 4294967301;", 1,
		"the number 4294967301 does not fit in 32 bits and would be misread (write 4294967301L)" },
	      { "a = 2147483648;", 1, "(write 2147483648L)" },
	      { "a = -2147483649;", 1, "(write -2147483649L)" },
	      { "a = (\n0xffffffff );", 2, "(write 0xffffffffL)" },
	      { "a = 0x80000000;", 1, "does not fit in 32 bits" },
	      { "a = 9223372036854775808L;", 1, "9223372036854775808L does not fit in 64 bits" },
	      { "a = 99999999999999999999;", 1, "does not fit in 64 bits" },
	      { "a = 0xffffffffffffffffL;", 1, "does not fit in 64 bits" });
}

static void what_one_can_see_past_does_not_end_the_run(void **state)
{
	(void)state;
	CHECK(0,
	      { "a = ( 1, 2,\n);", 2, "a comma stands before the closing bracket (leave it out)" },
	      { "a = ( { b = 1; }\n{ b = 2; } );", 2, "'{' stands where ',' or ')' was expected" },
	      { "a = ( 1; 2 );", 1, "';' stands where ',' or ')' was expected" },
	      { "a = 1;; b = 2;", 1, "one ';' too many" },
	      { "a = acme;", 1, "acme stands without quotes (write \"acme\")" },
	      { "a = ( 1,\n@x );", 2, "@x stands without quotes (write \"@x\")" },
	      { "a = a.example;", 1, "a.example stands without quotes" },
	      { "a = 12ab;", 1, "12ab stands without quotes (write \"12ab\")" },
	      { "a = 10.0.0.0/8;", 1, "10.0.0.0/8 stands without quotes" },
	      { "a = 02:00:00:00:00:01;", 1, "02:00:00:00:00:01 stands without quotes" },
	      { "a = 1; b = 2;\na = 3;", 2, "a is given twice in one group, first at t.conf:1" },
	      { "a = [ 1, \"x\" ];", 1, "holds values of one kind only (write the list in ( ))" },
	      { "a = [ 1, 5L ];", 1, "one kind only" },
	      { "a = [ ( 1 ) ];", 1, "an array [ ] holds only scalars" },
	      { "a = \"x\\x00y\";", 1, "\\x00 in a string" });
}

static void syntax_faults_say_what_was_expected(void **state)
{
	(void)state;
	CHECK(-1, { "a 1;", 1, "1 stands where '=' was expected" },
	      { "a = ;", 1, "';' stands where a value was expected" },
	      { "a =", 1, "the end of the file stands where a value was expected" },
	      { "a", 1, "the end of the file stands where '=' was expected" },
	      { "\"a\" = 1;", 1, "(names of settings stand without quotes)" },
	      { "a = 1; }", 1, "'}' closes nothing" },
	      { "a = (\n1 };", 2, "'}' cannot close the '(' of line 1" },
	      { "a = 1;\nb = {\n c = 1;\n", 2, "this '{' is never closed" },
	      { "a = \"x", 1, "a string is opened here and never closed" },
	      { "a = 1; /* x\n\n", 1, "a comment is opened here and never closed" },
	      { "a = 'x';", 1, "unexpected character ''' (strings stand in double quotes)" },
	      { "a.b = 1;", 1, "a.b stands where the name of a setting was expected" },
	      { "1a = 1;", 1, "1a stands where the name of a setting was expected" },
	      { "@a = 1;", 1, "@a stands where the name of a setting was expected" },
	      { "a = \"x;\nb = \"; c", 2, "a quote is missing in line 1?" },
	      { "a = -;", 1, "unexpected character '-'" },
	      { "\xc3\xa4 = 1;", 1, "unexpected byte 0xc3" },
	      { "\xff\xfe"
		"a",
		1, "UTF-16" },
	      { "@include x", 1, "@include without a file name" },
	      { "@include \"x.conf\"", 1, "@include is not possible here" },
	      { "*a = 1;", 1, "*a stands where the name of a setting was expected" });
}

static void nul_bytes_are_refused_where_they_stand(void **state)
{
	static const char *const texts[] = { "a = 1;\n\0b = 2;\n", "a = \"x\n\0\";" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct source source;
		struct diags diags;

		diags_init(&diags);
		assert_int_not_equal(source_read_text(&source, "t.conf", texts[i], 12, &diags), 0);
		assert_true(rules_kit_has(&diags, DIAG_ERROR, 2, "a NUL byte"));
		source_fini(&source);
		diags_fini(&diags);
	}
}

static void deep_nesting_is_refused(void **state)
{
	struct source source;
	struct diags diags;
	char text[100000];

	(void)state;
	memset(text, '(', sizeof(text));
	memcpy(text, "a = ", 4);
	diags_init(&diags);
	assert_int_not_equal(source_read_text(&source, "t.conf", text, sizeof(text), &diags), 0);
	assert_true(rules_kit_has(&diags, DIAG_ERROR, 1, "nested more than 32 deep"));
	source_fini(&source);
	diags_fini(&diags);
}

// What libconfig would read of `text`, cleaned.
static const char *clean(const char *text, struct source *source)
{
	struct diags diags;

	diags_init(&diags);
	assert_int_equal(source_read_text(source, "t.conf", text, strlen(text), &diags), 0);
	assert_int_equal(diags.n, 0);
	diags_fini(&diags);
	return source->text;
}

static void comments_and_the_utf8_mark_are_left_out_of_the_copy(void **state)
{
	struct source source;

	(void)state;
	assert_string_equal(clean("\xef\xbb\xbf# one\n/* two\n*/a = 1; // three", &source),
			    "\n\na = 1 ;\n");
	source_fini(&source);
	assert_string_equal(clean("", &source), "\n");
	source_fini(&source);
	assert_string_equal(clean("\xef\xbb\xbf", &source), "\n");
	source_fini(&source);
}

static void a_string_and_the_mark_behind_it_stay_together(void **state)
{
	struct source source;

	(void)state;
	assert_string_equal(clean("a = ( \"x\"\n,\n\"y\"\n);\nb = 2;", &source),
			    " a = ( \"x\" ,\n\n\"y\" )\n;\nb = 2 ;\n");
	source_fini(&source);
}

static void strings_may_be_continued_and_hold_anything_but_nul(void **state)
{
	struct source source;

	(void)state;
	assert_string_equal(clean("a = \"x\\\"\\\\\" \"y\n# z\";", &source),
			    " a = \"x\\\"\\\\\" \"y\n# z\" ;\n");
	source_fini(&source);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_that_libconfig_would_wrap_is_refused),
		cmocka_unit_test(what_one_can_see_past_does_not_end_the_run),
		cmocka_unit_test(syntax_faults_say_what_was_expected),
		cmocka_unit_test(nul_bytes_are_refused_where_they_stand),
		cmocka_unit_test(deep_nesting_is_refused),
		cmocka_unit_test(comments_and_the_utf8_mark_are_left_out_of_the_copy),
		cmocka_unit_test(a_string_and_the_mark_behind_it_stay_together),
		cmocka_unit_test(strings_may_be_continued_and_hold_anything_but_nul),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
