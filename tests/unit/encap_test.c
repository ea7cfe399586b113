// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/encap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rules/table.h"
#include "tests/kit/frame.h"

static struct frame frame; // the inner datagram is at frame.ip
static uint8_t out[ENCAP_MAX];

static const uint8_t v4[2][4] = { { 192, 0, 2, 1 }, { 198, 51, 100, 7 } };
static const uint8_t v6[2][16] = { { 0x20, 1, 0xd, 0xb8, 0xa, [15] = 1 },
				   { 0x20, 1, 0xd, 0xb8, 0xb, [15] = 2 } };

static uint8_t *inner(unsigned version, uint16_t size)
{
	memset(&frame, 0, sizeof(frame));
	frame_message(&frame, version, size);
	return frame.bytes + frame.ip;
}

static uint16_t inner_length(void)
{
	return (uint16_t)(frame.length - frame.ip);
}

static struct encap encap_of(unsigned mode, unsigned family)
{
	struct encap encap = {
		.mode = (uint8_t)mode, .family = (uint8_t)family, .id = 0x1234, .flow = 0x0a5bcdef
	};

	memcpy(encap.source, family == 4 ? v4[0] : v6[0], family == 4 ? 4 : 16);
	memcpy(encap.destination, family == 4 ? v4[1] : v6[1], family == 4 ? 4 : 16);
	return encap;
}

static void write(unsigned mode, unsigned family)
{
	struct encap encap = encap_of(mode, family);

	memset(out, 0xee, sizeof(out));
	encap_write(out, &encap, frame.bytes + frame.ip, inner_length());
}

// RFC 1071 a pair of bytes at a time, over two pieces of which the first is of even length.
static uint32_t slow_sum(uint32_t sum, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void expect(const uint8_t *expected, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (out[i] != expected[i])
			fail_msg("byte %zu is %02x, not %02x", i, out[i], expected[i]);
	for (size_t i = n; i < sizeof(out); i++)
		assert_int_equal(out[i], 0xee); // not a byte more
}

static void ipv4_in_ipv4(void **state)
{
	// total length 20 + 44 + 20 = 84: 28 of IP and UDP, 16 of the native header, 20 of body
	static const uint8_t expected[] = { 0x45, 0,    0,   84, 0x12, 0x34, 0,   0,  64,  4,
					    0x7c, 0x36, 192, 0,  2,    1,    198, 51, 100, 7 };

	inner(4, 20);
	write(WEIR_MODE_IPIP, 4);
	assert_int_equal(encap_size(WEIR_MODE_IPIP, 4), 20);
	assert_int_equal(slow_sum(0, out, 20), 0xffff);
	expect(expected, 20);
}

static void ipv6_in_ipv4_is_never_fragmented(void **state)
{
	inner(6, 20);
	write(WEIR_MODE_IPIP, 4);
	assert_int_equal(out[9], 41);
	assert_int_equal(out[2] << 8 | out[3], 20 + 40 + 8 + 16 + 20);
	assert_int_equal(out[4] << 8 | out[5], 0);
	assert_int_equal(out[6], 0x40);
	assert_int_equal(slow_sum(0, out, 20), 0xffff);
}

static void dont_fragment_goes_over_and_needs_no_identification(void **state)
{
	inner(4, 20)[6] = 0x40;
	write(WEIR_MODE_IPIP, 4);
	assert_int_equal(out[6], 0x40);
	assert_int_equal(out[4] << 8 | out[5], 0);
	frame.bytes[frame.ip + 6] = 0;
	write(WEIR_MODE_IPIP, 4);
	assert_int_equal(out[6], 0);
	assert_int_equal(out[4] << 8 | out[5], 0x1234);
}

static void ipv4_and_ipv6_in_ipv6(void **state)
{
	uint8_t expected[40] = { 0x60, 0x0b, 0xcd, 0xef, 0, 44 + 20, 4, 64 };

	memcpy(expected + 8, v6[0], 16);
	memcpy(expected + 24, v6[1], 16);
	inner(4, 20);
	write(WEIR_MODE_IPIP, 6);
	assert_int_equal(encap_size(WEIR_MODE_IPIP, 6), 40);
	expect(expected, 40);
	inner(6, 20);
	write(WEIR_MODE_IPIP, 6);
	expected[5] = 64 + 20;
	expected[6] = 41;
	expect(expected, 40);
}

static void gue_over_ipv4_has_no_checksum(void **state)
{
	// source port 0xc000 | flow & 0x3fff; GUE: version 0, data, no options, protocol 4
	static const uint8_t expected[12] = { 0xcd, 0xef, 6080 >> 8, 6080 & 0xff, 0, 12 + 64,
					      0,    0,    0,         4,           0, 0 };

	inner(4, 20);
	write(WEIR_MODE_GUE, 4);
	assert_int_equal(encap_size(WEIR_MODE_GUE, 4), 32);
	assert_int_equal(out[9], 17);
	assert_int_equal(out[2] << 8 | out[3], 32 + 64);
	assert_int_equal(slow_sum(0, out, 20), 0xffff);
	assert_memory_equal(out + 20, expected, 12);
	for (unsigned i = 32; i < ENCAP_MAX; i++)
		assert_int_equal(out[i], 0xee);
}

// Over IPv6: header, pseudo-header and all that follows sum up.
static void gue_over_ipv6_has_a_right_checksum_for_every_size(void **state)
{
	for (unsigned version = 4; version <= 6; version += 2)
		for (uint16_t size = 0; size < 300; size++) {
			uint8_t pseudo[8] = { [7] = 17 };
			uint32_t sum;

			inner(version, size);
			write(WEIR_MODE_GUE, 6);
			assert_int_equal(out[6], 17);
			assert_int_equal(out[40 + 9], version == 4 ? 4 : 41);
			assert_int_equal(out[4] << 8 | out[5], 12 + inner_length());
			assert_memory_equal(out + 44, out + 4, 2);
			memcpy(pseudo + 2, out + 4, 2);
			sum = slow_sum(0, out + 8, 32);
			sum = slow_sum(sum, pseudo, 8);
			sum = slow_sum(sum, out + 40, 12);
			assert_int_equal(slow_sum(sum, frame.bytes + frame.ip, inner_length()),
					 0xffff);
			assert_true(out[46] || out[47]);
		}
}

static void dscp_and_ecn_are_those_of_the_datagram_inside(void **state)
{
	for (unsigned version = 4; version <= 6; version += 2)
		for (unsigned class = 0; class < 256; class ++) {
			uint8_t *ip = inner(version, 20);

			if (version == 4) {
				ip[1] = (uint8_t) class;
			} else {
				ip[0] = (uint8_t)(0x60 | class >> 4);
				ip[1] = (uint8_t)(class << 4 | 0xf);
			}
			write(WEIR_MODE_IPIP, 4);
			assert_int_equal(out[1], class);
			write(WEIR_MODE_GUE, 6);
			assert_int_equal((out[0] << 8 | out[1]) >> 4 & 0xff, class);
			assert_int_equal(out[0] >> 4, 6);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4_in_ipv4),
		cmocka_unit_test(ipv6_in_ipv4_is_never_fragmented),
		cmocka_unit_test(dont_fragment_goes_over_and_needs_no_identification),
		cmocka_unit_test(ipv4_and_ipv6_in_ipv6),
		cmocka_unit_test(gue_over_ipv4_has_no_checksum),
		cmocka_unit_test(gue_over_ipv6_has_a_right_checksum_for_every_size),
		cmocka_unit_test(dscp_and_ecn_are_those_of_the_datagram_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
