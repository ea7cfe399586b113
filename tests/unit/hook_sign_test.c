// SPDX-License-Identifier: BSD-3-Clause
#include "controlplane/agents/hook_sign.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "tests/kit/folder.h"

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define OTHER  "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static const char example[] = "{\"test\": 2432232314}";

static int parse(const char *text, struct hook_secrets *secrets, char why[200])
{
	return hook_secrets_parse(text, strlen(text), secrets, why, 200);
}

static void the_example_of_the_specification_is_signed_as_it_says(void **state)
{
	char why[200], signatures[HOOK_SIGNATURES + 1];
	struct hook_secrets secrets;

	(void)state;
	assert_int_equal(parse(SECRET, &secrets, why), 0);
	assert_int_equal(hook_sign(&secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, example, strlen(example),
				   signatures),
			 0);
	assert_string_equal(signatures, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

static void each_secret_signs_so_that_one_can_be_replaced(void **state)
{
	char why[200], signatures[HOOK_SIGNATURES + 1];
	struct hook_secrets secrets;

	(void)state;
	assert_int_equal(parse("# old and new\n\n" OTHER "\r\n" SECRET " \n", &secrets, why), 0);
	assert_int_equal(secrets.n, 2);
	assert_int_equal(hook_sign(&secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, example, strlen(example),
				   signatures),
			 0);
	assert_memory_equal(signatures, "v1,", 3);
	assert_string_equal(strchr(signatures, ' '), " v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
	assert_int_equal(parse(SECRET "\n" SECRET "\n" SECRET "\n" SECRET, &secrets, why), 0);
	assert_int_equal(hook_sign(&secrets, "1", UINT64_MAX, "", 0, signatures), 0);
	assert_int_equal(strlen(signatures), HOOK_SIGNATURES - 1);
}

static void what_is_no_secret_is_refused_and_never_repeated(void **state)
{
	static const struct {
		const char *text, *part;
	} wrong[] = {
		{ "", "there is no secret" },
		{ "\n#" SECRET "\n", "there is no secret" },
		{ "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "no secret (whsec_" },
		{ "whsec_", "no secret (whsec_" },
		{ "whsec_!!!!", "no base64" },
		{ "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "" }, // 23 bytes and a bit
		{ "whsec_AAAAAAAAAAAAAAAAAAAAAA==", "24 to 64 bytes" },
		{ SECRET "\n" SECRET "\n" SECRET "\n" SECRET "\n" SECRET, "more than 4" },
		{ SECRET " " SECRET, "no base64" },
	};
	struct hook_secrets secrets;
	char why[200];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(parse(wrong[i].text, &secrets, why), -EINVAL);
		assert_non_null(strstr(why, wrong[i].part));
		assert_null(strstr(why, "AAAA"));
		assert_int_equal(secrets.n, 0);
	}
}

static void a_file_that_others_can_read_is_refused(void **state)
{
	static const struct {
		mode_t mode;
		int err;
	} modes[] = { { 0600, 0 }, { 0400, 0 }, { 0640, 0 }, { 0440, 0 }, { 0644, -EACCES }, { 0601, -EACCES },
		      { 0660, -EACCES }, { 0606, -EACCES } };
	char *folder = folder_make(), path[300], why[200];
	struct hook_secrets secrets;
	FILE *file;

	(void)state;
	snprintf(path, sizeof(path), "%s/secret", folder);
	assert_int_equal(hook_secrets_read(path, &secrets, why, sizeof(why)), -ENOENT);
	assert_int_equal(hook_secrets_read(folder, &secrets, why, sizeof(why)), -EISDIR);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(SECRET "\n", file);
	assert_int_equal(fclose(file), 0);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(path, modes[i].mode), 0);
		assert_int_equal(hook_secrets_read(path, &secrets, why, sizeof(why)), modes[i].err);
		assert_int_equal(secrets.n, modes[i].err == 0);
	}
	assert_non_null(strstr(why, "chmod 640"));
	folder_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_specification_is_signed_as_it_says),
		cmocka_unit_test(each_secret_signs_so_that_one_can_be_replaced),
		cmocka_unit_test(what_is_no_secret_is_refused_and_never_repeated),
		cmocka_unit_test(a_file_that_others_can_read_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
