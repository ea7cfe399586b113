// SPDX-License-Identifier: BSD-3-Clause
#include "controlplane/agents/registry.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/kit/folder.h"

static char *folder, path[300];
static struct registry *registry;
static const char *const desk[] = { "desk" }, *const everything[] = { "*" };

static int begin(void **state)
{
	(void)state;
	folder = folder_make();
	snprintf(path, sizeof(path), "%s/agents.json", folder);
	registry = registry_open(path);
	return registry ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	registry_close(registry);
	folder_remove(folder);
	return 0;
}

static void again(void)
{
	registry_close(registry);
	registry = registry_open(path);
	assert_non_null(registry);
}

static int find(const char *token, const struct registry_agent **agent)
{
	return registry_find(registry, token, strlen(token), agent);
}

static char *read_file(void)
{
	FILE *in = fopen(path, "r");
	char *text = calloc(1, 65536);

	assert_non_null(in);
	assert_true(fread(text, 1, 65535, in) > 0);
	fclose(in);
	return text;
}

static void a_token_finds_its_agent_also_after_a_restart(void **state)
{
	const struct registry_agent *agent;
	char token[REGISTRY_TOKEN + 1], other[REGISTRY_TOKEN + 1];

	(void)state;
	assert_int_equal(registry_add(registry, "anna", desk, 1, false, token), 0);
	assert_int_equal(registry_add(registry, "boss", NULL, 0, true, other), 0);
	assert_string_not_equal(token, other);
	assert_int_equal(strlen(token), REGISTRY_TOKEN);
	for (int i = 0; i < 2; i++, again()) {
		assert_int_equal(find(token, &agent), 0);
		assert_string_equal(agent->name, "anna");
		assert_true(registry_sees(agent, "desk"));
		assert_false(registry_sees(agent, "other"));
		registry_put(agent);
		assert_int_equal(find(other, &agent), 0);
		assert_true(agent->is_operator);
		assert_true(registry_sees(agent, "other"));
		registry_put(agent);
	}
}

static void no_token_is_kept(void **state)
{
	char token[REGISTRY_TOKEN + 1], *text;

	(void)state;
	assert_int_equal(registry_add(registry, "anna", desk, 1, false, token), 0);
	text = read_file();
	assert_null(strstr(text, token));
	assert_null(strstr(text, token + 5));
	assert_non_null(strstr(text, "\"sha256\""));
	free(text);
}

static void what_is_no_token_finds_nobody(void **state)
{
	const struct registry_agent *agent;
	char token[REGISTRY_TOKEN + 1], longer[1000];

	(void)state;
	assert_int_equal(find("", &agent), -ENOKEY);
	assert_int_equal(registry_add(registry, "anna", desk, 1, false, token), 0);
	token[20] ^= 1;
	assert_int_equal(find(token, &agent), -ENOKEY);
	memset(longer, 'a', sizeof(longer));
	assert_int_equal(registry_find(registry, longer, sizeof(longer), &agent), -ENOKEY);
}

static void a_revoked_agent_is_told_so_and_its_name_may_be_given_again(void **state)
{
	const struct registry_agent *agent, *before;
	char token[REGISTRY_TOKEN + 1], next[REGISTRY_TOKEN + 1];
	uint64_t changes = registry_changes(registry);

	(void)state;
	assert_int_equal(registry_add(registry, "anna", desk, 1, false, token), 0);
	assert_int_equal(registry_add(registry, "anna", desk, 1, false, next), -EEXIST);
	assert_int_equal(find(token, &before), 0);
	assert_false(registry_is_over(registry, before));
	assert_int_equal(registry_revoke(registry, "anna"), 0);
	assert_true(registry_is_over(registry, before));
	registry_put(before);
	assert_true(registry_changes(registry) > changes);
	assert_int_equal(registry_revoke(registry, "anna"), -EALREADY);
	assert_int_equal(registry_revoke(registry, "bert"), -ENOENT);
	again();
	assert_int_equal(find(token, &agent), -EKEYREVOKED);
	assert_int_equal(registry_add(registry, "anna", everything, 1, false, next), 0);
	assert_int_equal(find(token, &agent), -ENOKEY);
	assert_int_equal(find(next, &agent), 0);
	assert_true(registry_sees(agent, "whatever"));
	registry_put(agent);
}

static void names_and_queues_that_cannot_be_are_refused(void **state)
{
	const char *many[REGISTRY_QUEUES + 1];
	char token[REGISTRY_TOKEN + 1];

	(void)state;
	for (unsigned i = 0; i <= REGISTRY_QUEUES; i++)
		many[i] = "q";
	assert_int_equal(registry_add(registry, "", desk, 1, false, token), -EINVAL);
	assert_int_equal(registry_add(registry, "a b", desk, 1, false, token), -EINVAL);
	assert_int_equal(registry_add(registry, "a23456789012345678901234567890123", desk, 1, false, token), -EINVAL);
	assert_int_equal(registry_add(registry, "anna", NULL, 0, false, token), -EINVAL);
	assert_int_equal(registry_add(registry, "anna", many, REGISTRY_QUEUES + 1, false, token), -EINVAL);
}

static void a_file_that_is_wrong_lets_nobody_in_and_is_left_as_it_is(void **state)
{
	static const char *const files[] = { "nonsense", "{}", "{\"agents\": [{}]}", ("{\"agents\": [{\"name\": \"x\", "
		"\"role\": \"king\", \"queues\": [], \"sha256\": \"00\", \"created\": 1, \"revoked\": null}]}") };
	const struct registry_agent *agent;
	char token[REGISTRY_TOKEN + 1], next[REGISTRY_TOKEN + 1], *text;

	(void)state;
	assert_int_equal(registry_add(registry, "anna", desk, 1, false, token), 0);
	for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		FILE *out = fopen(path, "w");

		fputs(files[i], out);
		fclose(out);
		again();
		assert_int_equal(find(token, &agent), -ENOKEY);
		assert_int_equal(registry_add(registry, "bert", desk, 1, false, next), -EBADF);
		assert_int_equal(registry_revoke(registry, "anna"), -EBADF);
		text = read_file();
		assert_string_equal(text, files[i]);
		free(text);
	}
}

// Writes `text` with `more` put in behind the first `mark`.
static void write_with(const char *text, const char *mark, const char *more)
{
	const char *at = strstr(text, mark) + strlen(mark);
	FILE *out = fopen(path, "w");

	fprintf(out, "%.*s%s%s", (int)(at - text), text, more, at);
	fclose(out);
}

static void a_file_of_a_newer_weir_which_says_more_lets_nobody_in_and_is_left_as_it_is(void **state)
{
	static const char *const marks[] = { "{", "\"agents\": [\n  {" };
	const struct registry_agent *agent;
	char token[REGISTRY_TOKEN + 1], next[REGISTRY_TOKEN + 1], *good, *text;

	(void)state;
	assert_int_equal(registry_add(registry, "anna", desk, 1, false, token), 0);
	good = read_file();
	for (unsigned i = 0; i < 2; i++) {
		assert_non_null(strstr(good, marks[i]));
		write_with(good, marks[i], " \"until\": 5,");
		again();
		assert_int_equal(find(token, &agent), -ENOKEY);
		assert_int_equal(registry_add(registry, "bert", desk, 1, false, next), -EBADF);
		text = read_file();
		assert_non_null(strstr(text, "until"));
		free(text);
	}
	write_with(good, "{", "");
	again();
	assert_int_equal(find(token, &agent), 0);
	registry_put(agent);
	free(good);
}

static void what_cannot_be_written_is_not_done(void **state)
{
	const struct registry_agent *agent;
	char token[REGISTRY_TOKEN + 1];

	(void)state;
	snprintf(path, sizeof(path), "%s/none/agents.json", folder);
	again();
	assert_int_equal(registry_add(registry, "anna", desk, 1, false, token), -ENOENT);
	assert_int_equal(find(token, &agent), -ENOKEY);
}

static void the_list_for_people_has_no_hashes(void **state)
{
	char token[REGISTRY_TOKEN + 1];
	json_t *list;

	(void)state;
	assert_int_equal(registry_add(registry, "anna", desk, 1, false, token), 0);
	list = registry_json(registry);
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "name")), "anna");
	assert_null(json_object_get(json_array_get(list, 0), "sha256"));
	json_decref(list);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_token_finds_its_agent_also_after_a_restart),
		T(no_token_is_kept),
		T(what_is_no_token_finds_nobody),
		T(a_revoked_agent_is_told_so_and_its_name_may_be_given_again),
		T(names_and_queues_that_cannot_be_are_refused),
		T(a_file_that_is_wrong_lets_nobody_in_and_is_left_as_it_is),
		T(a_file_of_a_newer_weir_which_says_more_lets_nobody_in_and_is_left_as_it_is),
		T(what_cannot_be_written_is_not_done),
		T(the_list_for_people_has_no_hashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
