// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/checksum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

// RFC 1071, a pair of bytes at a time.
static uint16_t slow_sum(const uint8_t *bytes, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return __builtin_bswap16((uint16_t)sum);
}

static void a_sum_of_any_length_is_that_of_the_slow_way(void **state)
{
	for (size_t n = 0; n < 300; n++) {
		uint8_t *exact = malloc(n ? n : 1); // so that the sanitizer sees a byte too many

		for (unsigned round = 0; round < 20; round++) {
			for (size_t i = 0; i < n; i++)
				exact[i] = round == 0 ? 0xff : (uint8_t)rand();
			assert_int_equal(checksum_fold(checksum_add_any(0, exact, n)), slow_sum(exact, n));
		}
		free(exact);
	}
}

static void folding_keeps_the_sum_of_all_ones_and_of_nothing(void **state)
{
	assert_int_equal(checksum_fold(0), 0);
	assert_int_equal(checksum_fold(UINT64_MAX), 0xffff);
	assert_int_equal(checksum_fold(UINT64_C(0xffff0000)), 0xffff);
	assert_int_equal(checksum_fold(UINT64_C(0x8000800080008000)), 2);
	assert_int_equal(checksum_add(UINT64_MAX, 1), 1);
}

static void the_header_of_rfc_1071s_kind_has_the_known_checksum(void **state)
{
	// A header of which the checksum is known: 0xb861.
	uint8_t header[20] = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
			      0x00, 0x00, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};
	uint16_t value = checksum_finish(checksum_plain_header(header));

	assert_int_equal(__builtin_bswap16(value), 0xb861);
	memcpy(header + 10, &value, 2);
	assert_true(checksum_holds(checksum_plain_header(header)));
	assert_true(checksum_holds(checksum_add_bytes(0, header, 20)));
	header[19] ^= 1;
	assert_false(checksum_holds(checksum_plain_header(header)));
}

static void no_carry_of_a_header_is_lost(void **state)
{
	static const uint8_t ends[] = {0, 1, 0x7f, 0x80, 0xfe, 0xff};
	uint8_t header[20];

	for (unsigned round = 0; round < 100000; round++) {
		memset(header, 0xff, sizeof(header));
		for (unsigned i = 0; i < 6; i++)
			header[rand() % 20] = ends[rand() % 6];
		assert_int_equal(checksum_fold(checksum_plain_header(header)), slow_sum(header, 20));
	}
}

static void the_pseudo_header_is_that_of_the_slow_way(void **state)
{
	uint8_t ip[40], pseudo[40] = {0};

	for (unsigned round = 0; round < 100000; round++) {
		uint16_t length = (uint16_t)rand();

		for (unsigned i = 0; i < sizeof(ip); i++)
			ip[i] = round % 2 ? 0xff : (uint8_t)rand();
		memcpy(pseudo, ip + 8, 32);
		pseudo[34] = (uint8_t)(length >> 8);
		pseudo[35] = (uint8_t)length;
		pseudo[39] = 17;
		assert_int_equal(checksum_fold(checksum_pseudo6(ip, length)) % 0xffff, slow_sum(pseudo, 40) % 0xffff);
		assert_int_equal(checksum_fold(checksum_pseudo4(ip, length)) % 0xffff,
				 checksum_fold(checksum_add(checksum_load64(ip + 12), // its part of the slow one
							    slow_sum(pseudo + 32, 8))) % 0xffff);
	}
}

static void a_udp_checksum_is_never_sent_as_zero(void **state)
{
	assert_int_equal(checksum_finish(0xffff), 0);
	assert_int_equal(checksum_finish_udp(0xffff), 0xffff);
	assert_int_equal(checksum_finish_udp(0xfffe), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sum_of_any_length_is_that_of_the_slow_way),
		cmocka_unit_test(folding_keeps_the_sum_of_all_ones_and_of_nothing),
		cmocka_unit_test(the_header_of_rfc_1071s_kind_has_the_known_checksum),
		cmocka_unit_test(no_carry_of_a_header_is_lost),
		cmocka_unit_test(the_pseudo_header_is_that_of_the_slow_way),
		cmocka_unit_test(a_udp_checksum_is_never_sent_as_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
