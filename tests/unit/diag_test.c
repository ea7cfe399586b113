// SPDX-License-Identifier: BSD-3-Clause
#include "rules/diag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *print(const struct diags *diags)
{
	size_t length;
	char *text;
	FILE *out = open_memstream(&text, &length);

	diags_print(diags, out);
	fclose(out);
	return text;
}

static void a_diagnostic_has_file_line_kind_text_and_hint(void **state)
{
	struct diags diags;
	char *text;

	(void)state;
	diags_init(&diags);
	diags_push(&diags, DIAG_ERROR, "rules/site.conf", 41, "swap them?",
		   "rule \"%s\": size.min %d above size.max %d", "orders", 700, 512);
	diags_push(&diags, DIAG_WARNING, "rules/site.conf", 42, NULL, "something");
	diags_push(&diags, DIAG_ERROR, "x.conf", 0, NULL, "cannot be read");
	text = print(&diags);
	assert_string_equal(
		text,
		"rules/site.conf:41: error: rule \"orders\": size.min 700 above size.max 512 (swap them?)\n"
		"rules/site.conf:42: warning: something\n"
		"x.conf: error: cannot be read\n");
	assert_int_equal(diags.n_errors, 2);
	assert_int_equal(diags.n_warnings, 1);
	free(text);
	diags_fini(&diags);
	assert_int_equal(diags.n, 0);
}

static void they_are_printed_by_file_and_line_and_else_as_found(void **state)
{
	struct diags diags;
	char *text;

	(void)state;
	diags_init(&diags);
	diags_push(&diags, DIAG_ERROR, "z", 9, NULL, "a");
	diags_push(&diags, DIAG_ERROR, "b", 1, NULL, "b");
	diags_push(&diags, DIAG_ERROR, "z", 2, NULL, "d");
	diags_push(&diags, DIAG_ERROR, "z", 2, NULL, "c");
	text = print(&diags);
	assert_string_equal(text, "z:2: error: d\nz:2: error: c\nz:9: error: a\nb:1: error: b\n");
	free(text);
	diags_fini(&diags);
}

static void no_control_character_of_the_input_reaches_the_terminal(void **state)
{
	struct diags diags;

	(void)state;
	diags_init(&diags);
	diags_push(&diags, DIAG_ERROR, "f\x1b", 1, "h\x07", "%s",
		   "a\x1b[2Jb\n\x7f\xff\xc2\x9b\xc3\xa4");
	assert_string_equal(diags.list[0].text, "a?[2Jb?????\xc3\xa4");
	assert_string_equal(diags.list[0].file, "f?");
	assert_string_equal(diags.list[0].hint, "h?");
	diags_fini(&diags);
}

static void what_is_too_much_is_counted_and_errors_go_before_warnings(void **state)
{
	struct diags diags;
	char *text;

	(void)state;
	diags_init(&diags);
	for (unsigned i = 0; i < DIAGS_MAX + 5; i++)
		diags_push(&diags, DIAG_WARNING, "f", i + 1, NULL, "w");
	for (unsigned i = 0; i < 3; i++)
		diags_push(&diags, DIAG_ERROR, "f", 5, NULL, "e");
	assert_int_equal(diags.n, DIAGS_MAX);
	assert_int_equal(diags.n_errors, 3);
	assert_int_equal(diags.n_warnings, DIAGS_MAX + 5);
	assert_int_equal(diags.suppressed, 8);
	assert_int_equal(diags.list[DIAGS_MAX - 1].kind, DIAG_ERROR);
	text = print(&diags);
	assert_non_null(strstr(text, "and 8 more like these, not shown\n"));
	free(text);
	diags_fini(&diags);
}

static void a_long_text_is_cut(void **state)
{
	char longest[5000], out[64];
	struct diags diags;

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	diags_init(&diags);
	diags_push(&diags, DIAG_ERROR, "f", 1, NULL, "%s", longest);
	assert_in_range(strlen(diags.list[0].text), 100, 2000);
	assert_ptr_equal(diag_format(&diags.list[0], out, sizeof(out)), out);
	assert_int_equal(strlen(out), sizeof(out) - 1);
	diags_fini(&diags);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_diagnostic_has_file_line_kind_text_and_hint),
		cmocka_unit_test(they_are_printed_by_file_and_line_and_else_as_found),
		cmocka_unit_test(no_control_character_of_the_input_reaches_the_terminal),
		cmocka_unit_test(what_is_too_much_is_counted_and_errors_go_before_warnings),
		cmocka_unit_test(a_long_text_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
