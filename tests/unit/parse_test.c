// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/kit/frame.h"

static struct listeners listeners;
static struct frame frame;
static struct packet packet;

// Parses the first `length` bytes in a buffer of exactly that size.
static uint8_t parse_cut(uint32_t length, enum parse_sums sums)
{
	uint8_t *exact = malloc(length ? length : 1);

	memcpy(exact, frame.bytes, length);
	parse_frame(&listeners, exact, length, sums, &packet);
	packet.data = frame.bytes;
	free(exact);
	return packet.reason;
}

static uint8_t parse(void)
{
	return parse_cut(frame.length, false);
}

static void plain_messages_of_both_families_reach_their_listener(void **state)
{
	for (unsigned version = 4; version <= 6; version += 2) {
		for (uint16_t size = 0; size < 70; size++) {
			frame_message(&frame, version, size);
			assert_int_equal(parse(), WEIR_REASON_NONE);
			assert_int_equal(packet.ip_version, version);
			assert_int_equal(packet.l3, 14);
			assert_int_equal(packet.payload, version == 4 ? 42 : 62);
			assert_int_equal(packet.payload_length, 16 + size);
			assert_int_equal(packet.n_vlan, 0);
			assert_int_equal(packet.flags, PACKET_HAS_LISTENER);
			assert_int_equal(packet.protocol, WEIR_NATIVE);
		}
	}
}

static void two_tags_of_either_kind_are_passed_and_a_third_is_not(void **state)
{
	static const uint16_t tpid[2] = {0x8100, 0x88a8};

	for (unsigned n = 0; n <= 3; n++) {
		for (unsigned kinds = 0; kinds < 1u << n; kinds++) {
			frame_ethernet(&frame);
			for (unsigned i = 0; i < n; i++)
				frame_vlan(&frame, tpid[kinds >> i & 1], (uint16_t)(0xe000 + i));
			frame_ipv4(&frame, 0);
			frame_udp(&frame, 5700);
			frame_native(&frame, 2);
			frame_finish(&frame);
			assert_int_equal(parse(), n < 3 ? WEIR_REASON_NONE : WEIR_REASON_ETHERTYPE);
			assert_int_equal(packet.n_vlan, n < 3 ? n : 2);
			assert_true(n == 3 || packet.l3 == 14 + 4 * n);
		}
	}
}

static void a_frame_cut_anywhere_is_truncated(void **state)
{
	for (unsigned kind = 0; kind < 4; kind++) {
		frame_ethernet(&frame);
		if (kind & 1)
			frame_vlan(&frame, 0x8100, 5);
		if (kind & 2) {
			frame_ipv6(&frame);
			frame_extension(&frame, 0, 8);
			frame_extension(&frame, 60, 24);
		} else {
			frame_ipv4(&frame, 12);
		}
		frame_udp(&frame, 5700);
		frame_native(&frame, 9);
		frame_finish(&frame);
		for (uint32_t length = 0; length < frame.length; length++)
			assert_int_equal(parse_cut(length, false), WEIR_REASON_TRUNCATED);
		assert_int_equal(parse(), WEIR_REASON_NONE);
	}
}

static void other_ethernet_types_are_exceptions(void **state)
{
	frame_message(&frame, 4, 2);
	frame_put16(&frame, 12, 0x0806);
	assert_int_equal(parse(), WEIR_REASON_ETHERTYPE);
	frame_put16(&frame, 12, 46); // IEEE 802.3 length
	assert_int_equal(parse_cut(14, false), WEIR_REASON_ETHERTYPE);
}

static void an_ipv4_header_is_judged_in_the_order_of_the_contract(void **state)
{
	frame_message(&frame, 4, 2);
	frame.bytes[14] = 0x65; // version; the checksum is wrong as well by now
	assert_int_equal(parse(), WEIR_REASON_IP_HEADER);
	assert_int_equal(parse_cut(14 + 19, false), WEIR_REASON_TRUNCATED);
	frame.bytes[14] = 0x44; // header length 16
	assert_int_equal(parse(), WEIR_REASON_IP_HEADER);
	frame.bytes[14] = 0x4f; // header length 60 past total length 46, and past the frame
	assert_int_equal(parse(), WEIR_REASON_IP_HEADER);
	frame_put16(&frame, 16, 60);
	assert_int_equal(parse(), WEIR_REASON_TRUNCATED);
	frame_message(&frame, 4, 2);
	for (uint16_t total = 47; total < 80; total++) { // with a right checksum, too
		frame_put16(&frame, 16, total);
		frame_mend(&frame);
		assert_int_equal(parse(), WEIR_REASON_TRUNCATED);
	}
	frame_put16(&frame, 16, 19);
	assert_int_equal(parse(), WEIR_REASON_IP_HEADER);
	frame_message(&frame, 4, 2);
	frame.bytes[22] ^= 1; // time to live
	frame.bytes[23] = 6;
	assert_int_equal(parse(), WEIR_REASON_IP_CHECKSUM);
	frame_mend(&frame);
	assert_int_equal(parse(), WEIR_REASON_NOT_UDP);
}

static void every_bit_of_the_ip_header_is_under_its_checksum(void **state)
{
	frame_message(&frame, 4, 2);
	for (unsigned bit = 0; bit < 160; bit++) {
		frame.bytes[14 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(parse(), WEIR_REASON_NONE);
		frame.bytes[14 + bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void options_and_padding_are_passed(void **state)
{
	for (unsigned options = 0; options <= 40; options += 4) {
		frame_ethernet(&frame);
		frame_ipv4(&frame, options);
		frame_udp(&frame, 5700);
		frame_native(&frame, 3);
		frame_finish(&frame);
		frame_push(&frame, "padding of no meaning", 21);
		assert_int_equal(parse(), WEIR_REASON_NONE);
		assert_int_equal(packet.payload, 42 + options);
		assert_int_equal(packet.payload_length, 19);
	}
}

static void fragments_are_malformed_before_anything_is_said_of_udp(void **state)
{
	static const struct {
		uint16_t field;
		uint8_t reason;
	} cases[] = {{0x2000, WEIR_REASON_FRAGMENT}, {0x0001, WEIR_REASON_FRAGMENT}, {0x1fff, WEIR_REASON_FRAGMENT},
		     {0x4000, WEIR_REASON_NONE},     {0x8000, WEIR_REASON_NONE}};

	for (unsigned i = 0; i < 5; i++) {
		frame_message(&frame, 4, 2);
		frame_put16(&frame, 20, cases[i].field);
		frame_mend(&frame);
		assert_int_equal(parse(), cases[i].reason);
		if (cases[i].reason == WEIR_REASON_NONE)
			continue;
		frame.bytes[23] = 6;
		frame_mend(&frame);
		assert_int_equal(parse(), WEIR_REASON_FRAGMENT);
	}
}

static void an_ipv6_header_is_judged_in_the_order_of_the_contract(void **state)
{
	frame_message(&frame, 6, 2);
	frame.bytes[14] = 0x40;
	assert_int_equal(parse(), WEIR_REASON_IP_HEADER);
	assert_int_equal(parse_cut(53, false), WEIR_REASON_TRUNCATED);
	frame_message(&frame, 6, 2);
	frame_put16(&frame, 18, 27);
	assert_int_equal(parse(), WEIR_REASON_TRUNCATED);
	frame_message(&frame, 6, 2);
	frame.bytes[20] = 58;
	assert_int_equal(parse(), WEIR_REASON_NOT_UDP);
}

static void eight_extension_headers_are_walked_and_a_ninth_is_not(void **state)
{
	static const uint8_t kind[3] = {0, 43, 60};

	for (unsigned n = 0; n <= 9; n++) {
		frame_ethernet(&frame);
		frame_ipv6(&frame);
		for (unsigned i = 0; i < n; i++)
			frame_extension(&frame, kind[i % 3], 8 + 8 * (i % 4));
		frame_udp(&frame, 5700);
		frame_native(&frame, 2);
		frame_finish(&frame);
		assert_int_equal(parse(), n <= 8 ? WEIR_REASON_NONE : WEIR_REASON_IPV6_EXTENSIONS);
		assert_true(n > 8 || packet.payload == frame.payload);
	}
}

static void an_extension_header_past_the_ip_payload_is_truncated(void **state)
{
	frame_ethernet(&frame);
	frame_ipv6(&frame);
	frame_extension(&frame, 60, 2048);
	frame_udp(&frame, 5700);
	frame_native(&frame, 2);
	frame_finish(&frame);
	assert_int_equal(parse(), WEIR_REASON_NONE);
	frame_put16(&frame, 18, 2047);
	assert_int_equal(parse(), WEIR_REASON_TRUNCATED);
	frame_put16(&frame, 18, 7);
	assert_int_equal(parse(), WEIR_REASON_TRUNCATED);
	frame_put16(&frame, 18, 2048); // ends where UDP should begin
	assert_int_equal(parse(), WEIR_REASON_TRUNCATED);
}

static void an_ipv6_fragment_header_is_a_fragment_when_it_is_whole(void **state)
{
	frame_ethernet(&frame);
	frame_ipv6(&frame);
	frame_extension(&frame, 44, 8);
	frame_udp(&frame, 5700);
	frame_finish(&frame);
	assert_int_equal(parse(), WEIR_REASON_FRAGMENT);
	frame_put16(&frame, 18, 7);
	assert_int_equal(parse(), WEIR_REASON_TRUNCATED);
	frame_put16(&frame, 18, 8);
	assert_int_equal(parse(), WEIR_REASON_FRAGMENT);
}

static void a_udp_length_may_be_shorter_than_the_ip_payload_not_longer(void **state)
{
	for (unsigned version = 4; version <= 6; version += 2) {
		uint16_t whole;

		frame_message(&frame, version, 10);
		whole = (uint16_t)(frame.length - frame.udp);
		for (uint16_t length = 0; length <= whole + 2; length++) {
			frame_put16(&frame, frame.udp + 4, length);
			if (length >= 8)
				frame_mend(&frame);
			assert_int_equal(parse(), length < 8 || length > whole ? WEIR_REASON_TRUNCATED
									: WEIR_REASON_NONE);
			assert_true(packet.reason || packet.payload_length == length - 8);
		}
	}
}

static void a_udp_length_into_the_padding_is_truncated(void **state)
{
	for (unsigned kind = 0; kind < 3; kind++) {
		frame_ethernet(&frame);
		if (kind == 0)
			frame_ipv6(&frame);
		else
			frame_ipv4(&frame, kind == 1 ? 0 : 8);
		frame_udp(&frame, 5700);
		frame_native(&frame, 5);
		frame_finish(&frame);
		frame_push(&frame, "padding", 7);
		for (uint16_t more = 0; more < 7; more++) {
			frame_put16(&frame, frame.udp + 4, (uint16_t)(29 + more));
			frame_mend(&frame);
			assert_int_equal(parse(), more ? WEIR_REASON_TRUNCATED : WEIR_REASON_NONE);
		}
	}
}

static void every_bit_of_pseudo_header_and_datagram_is_under_the_udp_checksum(void **state)
{
	for (unsigned version = 4; version <= 6; version += 2) {
		frame_message(&frame, version, 3);
		for (uint32_t bit = (frame.ip + 8) * 8; bit < frame.length * 8; bit++) {
			frame.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_true(parse() != WEIR_REASON_NONE);
			if (bit / 8 >= frame.udp && bit / 8 != frame.udp + 4 && bit / 8 != frame.udp + 5)
				assert_int_equal(parse(), WEIR_REASON_UDP_CHECKSUM);
			assert_true(bit / 8 < frame.payload || parse_cut(frame.length, true) == WEIR_REASON_NONE);
			frame.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			// the two bytes of hop limit and next header, not under the sum
			if (version == 6 && bit / 8 == frame.ip + 7)
				bit = (frame.ip + 8) * 8;
		}
	}
}

static void no_checksum_is_legal_over_ipv4_alone(void **state)
{
	frame_message(&frame, 4, 2);
	frame_put16(&frame, frame.udp + 6, 0);
	assert_int_equal(parse(), WEIR_REASON_NONE);
	frame_message(&frame, 6, 2);
	frame_put16(&frame, frame.udp + 6, 0);
	assert_int_equal(parse(), WEIR_REASON_UDP_CHECKSUM);
	assert_int_equal(parse_cut(frame.length, true), WEIR_REASON_NONE);
}

static void a_checksum_that_comes_out_as_zero_is_sent_as_all_ones(void **state)
{
	bool seen = false;

	for (unsigned id = 0; id < 65536 && !seen; id++) {
		frame_message(&frame, 4, 0);
		frame_put16(&frame, frame.payload + 14, (uint16_t)id);
		frame_mend(&frame);
		seen = frame.bytes[frame.udp + 6] == 0xff && frame.bytes[frame.udp + 7] == 0xff;
	}
	assert_true(seen);
	assert_int_equal(parse(), WEIR_REASON_NONE);
}

static void a_datagram_for_no_listener_is_an_exception(void **state)
{
	frame_message(&frame, 4, 2);
	frame_put16(&frame, frame.udp + 2, 5701);
	frame_mend(&frame);
	assert_int_equal(parse(), WEIR_REASON_NO_LISTENER);
	assert_int_equal(packet.flags, 0);
}

static void the_source_address_is_given_in_host_order(void **state)
{
	uint64_t high, low;

	frame_message(&frame, 4, 2);
	parse();
	packet_source(&packet, &high, &low);
	assert_true(high == 0 && low == 0x0a000001);
	frame_message(&frame, 6, 2);
	parse();
	packet_source(&packet, &high, &low);
	assert_true(high == UINT64_C(0x20010db800000000) && low == 1);
}

static void the_largest_datagram_is_read_whole(void **state)
{
	frame_message(&frame, 6, 65535 - 8 - 16);
	assert_int_equal(parse(), WEIR_REASON_NONE);
	assert_int_equal(packet.payload_length, 65527);
	frame.bytes[30000] ^= 1;
	assert_int_equal(parse(), WEIR_REASON_UDP_CHECKSUM);
}

static void what_the_nic_has_summed_is_not_summed_again_where_it_had_to_be_there(void **state)
{
	for (unsigned version = 4; version <= 6; version += 2) {
		frame_message(&frame, version, 9);
		frame.bytes[frame.udp + 6] ^= 1; // a NIC would not have said so
		assert_int_equal(parse_cut(frame.length, PARSE_SUMMED), WEIR_REASON_NONE);
		assert_int_equal(parse_cut(frame.length, PARSE_VERIFY), WEIR_REASON_UDP_CHECKSUM);
		frame_put16(&frame, frame.udp + 6, 0);
		assert_int_equal(parse_cut(frame.length, PARSE_SUMMED),
				 version == 4 ? WEIR_REASON_NONE : WEIR_REASON_UDP_CHECKSUM);
		frame_message(&frame, version, 9); // an IP payload longer than the datagram: which of them did the NIC sum?
		frame_put16(&frame, frame.udp + 4, 8 + 16);
		assert_int_equal(parse_cut(frame.length, PARSE_SUMMED), WEIR_REASON_UDP_CHECKSUM);
		frame_mend(&frame);
		assert_int_equal(parse_cut(frame.length, PARSE_SUMMED), WEIR_REASON_NONE);
	}
}

int main(void)
{
	static const struct listener any = {.port = 5700, .protocol = WEIR_NATIVE};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_messages_of_both_families_reach_their_listener),
		cmocka_unit_test(two_tags_of_either_kind_are_passed_and_a_third_is_not),
		cmocka_unit_test(a_frame_cut_anywhere_is_truncated),
		cmocka_unit_test(other_ethernet_types_are_exceptions),
		cmocka_unit_test(an_ipv4_header_is_judged_in_the_order_of_the_contract),
		cmocka_unit_test(every_bit_of_the_ip_header_is_under_its_checksum),
		cmocka_unit_test(options_and_padding_are_passed),
		cmocka_unit_test(fragments_are_malformed_before_anything_is_said_of_udp),
		cmocka_unit_test(an_ipv6_header_is_judged_in_the_order_of_the_contract),
		cmocka_unit_test(eight_extension_headers_are_walked_and_a_ninth_is_not),
		cmocka_unit_test(an_extension_header_past_the_ip_payload_is_truncated),
		cmocka_unit_test(an_ipv6_fragment_header_is_a_fragment_when_it_is_whole),
		cmocka_unit_test(a_udp_length_may_be_shorter_than_the_ip_payload_not_longer),
		cmocka_unit_test(a_udp_length_into_the_padding_is_truncated),
		cmocka_unit_test(every_bit_of_pseudo_header_and_datagram_is_under_the_udp_checksum),
		cmocka_unit_test(no_checksum_is_legal_over_ipv4_alone),
		cmocka_unit_test(a_checksum_that_comes_out_as_zero_is_sent_as_all_ones),
		cmocka_unit_test(a_datagram_for_no_listener_is_an_exception),
		cmocka_unit_test(the_source_address_is_given_in_host_order),
		cmocka_unit_test(the_largest_datagram_is_read_whole),
		cmocka_unit_test(what_the_nic_has_summed_is_not_summed_again_where_it_had_to_be_there),
	};

	if (listeners_init(&listeners, &any, 1) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
