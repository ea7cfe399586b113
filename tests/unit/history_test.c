// SPDX-License-Identifier: BSD-3-Clause
#include "controlplane/history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "tests/kit/folder.h"

static char *folder, path[600];

static int setup(void **state)
{
	(void)state;
	folder = folder_make();
	snprintf(path, sizeof(path), "%s/history", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	folder_remove(folder);
	return 0;
}

static void append(int number)
{
	json_t *entry = json_pack("{s:i}", "generation", number);

	assert_int_equal(history_append(path, entry), 0);
	json_decref(entry);
}

static int generation(const json_t *entries, size_t at)
{
	return (int)json_integer_value(json_object_get(json_array_get(entries, at), "generation"));
}

static void entries_come_back_oldest_first_and_only_the_last_are_shown(void **state)
{
	json_t *entries;

	(void)state;
	entries = history_read(path, HISTORY_SHOWN);
	assert_int_equal(json_array_size(entries), 0);
	json_decref(entries);
	for (int i = 0; i < HISTORY_SHOWN + 5; i++)
		append(i);
	entries = history_read(path, HISTORY_SHOWN);
	assert_int_equal(json_array_size(entries), HISTORY_SHOWN);
	assert_int_equal(generation(entries, 0), 5);
	assert_int_equal(generation(entries, HISTORY_SHOWN - 1), HISTORY_SHOWN + 4);
	json_decref(entries);
}

static void the_file_stays_small(void **state)
{
	struct stat before, after;
	json_t *entries;
	FILE *file = fopen(path, "we");

	(void)state;
	for (int i = 0; i < 2 * HISTORY_KEPT - 2; i++)
		fprintf(file, "{\"generation\":%d}\n", i);
	fclose(file);
	append(1000000);
	assert_int_equal(stat(path, &before), 0);
	append(1000001);
	assert_int_equal(stat(path, &after), 0);
	assert_true(after.st_size < before.st_size * 2 / 3);
	entries = history_read(path, HISTORY_SHOWN);
	assert_int_equal(generation(entries, HISTORY_SHOWN - 1), 1000001);
	assert_int_equal(generation(entries, HISTORY_SHOWN - 2), 1000000);
	json_decref(entries);
}

static void lines_that_are_torn_are_left_out(void **state)
{
	json_t *entries;
	FILE *file = fopen(path, "we");

	(void)state;
	fputs("{\"generation\":1}\n{\"genera\n[]\n", file);
	fclose(file);
	append(2);
	entries = history_read(path, HISTORY_SHOWN);
	assert_int_equal(json_array_size(entries), 2);
	assert_int_equal(generation(entries, 1), 2);
	json_decref(entries);
}

static void an_entry_behind_a_torn_line_is_whole(void **state)
{
	json_t *entries;
	FILE *file = fopen(path, "we");

	(void)state;
	fputs("{\"generation\":1}\n{\"genera", file);
	fclose(file);
	append(2);
	append(3);
	entries = history_read(path, HISTORY_SHOWN);
	assert_int_equal(json_array_size(entries), 3);
	assert_int_equal(generation(entries, 1), 2);
	json_decref(entries);
}

static void a_folder_that_is_gone_is_an_error_and_nothing_more(void **state)
{
	json_t *entry = json_object();

	(void)state;
	assert_true(history_append("/nonexistent/history", entry) < 0);
	json_decref(entry);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(entries_come_back_oldest_first_and_only_the_last_are_shown),
		TEST(the_file_stays_small),
		TEST(lines_that_are_torn_are_left_out),
		TEST(an_entry_behind_a_torn_line_is_whole),
		TEST(a_folder_that_is_gone_is_an_error_and_nothing_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
