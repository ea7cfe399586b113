// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/abi/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void every_name_is_found_again_by_its_number(void **state)
{
	(void)state;
	for (unsigned i = 0; i < WEIR_N_PRIORITIES; i++)
		assert_int_equal(weir_priority_find(weir_priority_name(i)), i);
	for (unsigned i = 0; i < WEIR_N_CHANNELS; i++)
		assert_int_equal(weir_channel_find(weir_channel_name(i)), i);
	for (unsigned i = 0; i < WEIR_N_PROTOCOLS; i++)
		assert_int_equal(weir_protocol_find(weir_protocol_name(i)), i);
	assert_int_equal(weir_channel_find("16"), -1);
	assert_string_equal(weir_reason_name(WEIR_N_REASONS), "?");
}

static void a_country_is_two_upper_case_letters_and_nothing_else(void **state)
{
	char text[3];

	(void)state;
	for (unsigned i = 0; i < WEIR_N_COUNTRIES; i++) {
		weir_country_format(i, text);
		assert_int_equal(weir_country_find(text), i);
	}
	assert_int_equal(weir_country_find("ZZ"), WEIR_COUNTRY_ZZ);
	assert_int_equal(weir_country_find("de"), -1);
	assert_int_equal(weir_country_find("A\0"), -1);
	assert_int_equal(weir_country_find("A["), -1);
}

static void each_reason_belongs_to_a_disposition(void **state)
{
	(void)state;
	assert_int_equal(weir_reason_disposition(WEIR_REASON_NO_LISTENER), WEIR_EXCEPTION);
	assert_int_equal(weir_reason_disposition(WEIR_REASON_BLOCKED_SOURCE), WEIR_DROP);
	assert_int_equal(weir_reason_disposition(WEIR_REASON_NATIVE_AUTH), WEIR_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_name_is_found_again_by_its_number),
		cmocka_unit_test(a_country_is_two_upper_case_letters_and_nothing_else),
		cmocka_unit_test(each_reason_belongs_to_a_disposition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
