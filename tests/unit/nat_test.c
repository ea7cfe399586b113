// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/nat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/kit/frame.h"

static struct frame frame, expected;

static uint8_t *ip(void)
{
	return frame.bytes + frame.ip;
}

static uint8_t *udp(void)
{
	return frame.bytes + frame.udp;
}

static unsigned where(unsigned version, bool source)
{
	return version == 4 ? (source ? 12 : 16) : source ? 8 : 24;
}

// Exchanges the address, and expects what a whole new sum gives.
static void exchange(unsigned version, bool source, const uint8_t *address)
{
	memcpy(&expected, &frame, sizeof(frame));
	memcpy(expected.bytes + expected.ip + where(version, source), address,
	       version == 4 ? 4 : 16);
	frame_mend(&expected);
	if (source)
		nat_source(ip(), udp(), address);
	else
		nat_destination(ip(), udp(), address);
	assert_memory_equal(frame.bytes, expected.bytes, frame.length);
}

static void checksums_are_those_of_a_whole_new_sum(void **state)
{
	for (unsigned round = 0; round < 20000; round++) {
		unsigned version = round % 2 ? 4 : 6;
		uint8_t address[16];

		if (round % 16 < 2) {
			memset(&frame, 0, sizeof(frame));
			frame_message(&frame, version, (uint16_t)(rand() % 64));
		} else if (ip()[0] >> 4 != (int)version) {
			memset(&frame, 0, sizeof(frame));
			frame_message(&frame, version, 5);
		}
		for (unsigned i = 0; i < 16; i++)
			address[i] = round % 7 == 0 ? 0xff : round % 11 == 0 ? 0 : (uint8_t)rand();
		exchange(version, round / 2 % 2, address);
	}
}

// The body is chosen so that the new checksum comes to 0, which is sent as 0xffff.
static void a_checksum_that_comes_to_zero_is_sent_as_all_ones(void **state)
{
	unsigned found = 0;

	for (unsigned value = 0; value < 65536; value++) {
		const uint8_t address[16] = { 10, 9, (uint8_t)(value >> 8), (uint8_t)value };

		memset(&frame, 0, sizeof(frame));
		frame_message(&frame, 4, 3);
		nat_destination(ip(), udp(), address);
		assert_true(udp()[6] || udp()[7]);
		found += udp()[6] == 0xff && udp()[7] == 0xff;
	}
	assert_in_range(found, 1, 2);
}

static void a_datagram_that_was_sent_without_a_checksum_gets_none(void **state)
{
	const uint8_t address[4] = { 10, 1, 2, 3 };

	memset(&frame, 0, sizeof(frame));
	frame_message(&frame, 4, 20);
	udp()[6] = udp()[7] = 0;
	nat_destination(ip(), udp(), address);
	assert_int_equal(udp()[6] | udp()[7], 0);
	assert_memory_equal(ip() + 16, address, 4);
}

static void a_wrong_checksum_stays_wrong(void **state)
{
	const uint8_t address[4] = { 10, 1, 2, 3 };

	memset(&frame, 0, sizeof(frame));
	frame_message(&frame, 4, 20);
	udp()[7] ^= 1;
	nat_destination(ip(), udp(), address);
	memcpy(&expected, &frame, sizeof(frame));
	frame_mend(&expected);
	assert_memory_equal(frame.bytes + frame.ip, expected.bytes + frame.ip, 20);
	assert_memory_not_equal(udp() + 6, expected.bytes + frame.udp + 6, 2);
}

static void there_and_back_is_where_it_was(void **state)
{
	const uint8_t address[4] = { 10, 1, 2, 3 };
	uint8_t before[4];

	memset(&frame, 0, sizeof(frame));
	frame_message(&frame, 4, 20);
	memcpy(&expected, &frame, sizeof(frame));
	memcpy(before, ip() + 16, 4);
	nat_destination(ip(), udp(), address);
	nat_destination(ip(), udp(), before);
	assert_memory_equal(frame.bytes, expected.bytes, frame.length);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checksums_are_those_of_a_whole_new_sum),
		cmocka_unit_test(a_checksum_that_comes_to_zero_is_sent_as_all_ones),
		cmocka_unit_test(a_datagram_that_was_sent_without_a_checksum_gets_none),
		cmocka_unit_test(a_wrong_checksum_stays_wrong),
		cmocka_unit_test(there_and_back_is_where_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
