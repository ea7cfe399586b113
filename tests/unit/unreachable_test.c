// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/unreachable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/abi/socket.h"
#include "dataplane/encap.h"
#include "dataplane/parse.h"
#include "dataplane/trail.h"
#include "rules/table.h"
#include "tests/kit/frame.h"
#include "tests/kit/icmp_error.h"

static struct frame frame;
static struct icmp_error error;
static uint8_t sent[FRAME_MAX]; // the datagram as it goes to the member
static uint32_t n_sent;

static unsigned port_code(unsigned family)
{
	return family == 4 ? 3 : 4;
}

static unsigned unreachable_type(unsigned family)
{
	return family == 4 ? 3 : 1;
}

// A message over IP of `inner`, as it goes in `mode` to a member of `outer`.
static void send_message(unsigned mode, unsigned outer, unsigned inner)
{
	struct encap encap = { .mode = (uint8_t)mode,
			       .family = (uint8_t)outer,
			       .flow = 77,
			       .source = { 192, 0, 2, 1 },
			       .destination = { 192, 0, 2, 2 } };
	uint32_t length, size = 0;

	memset(&frame, 0, sizeof(frame));
	frame_message(&frame, inner, 9);
	length = frame.length - frame.ip;
	if (mode != WEIR_MODE_NAT) {
		size = encap_size(mode, outer);
		encap_write(sent, &encap, frame.bytes + frame.ip, (uint16_t)length);
	}
	memcpy(sent + size, frame.bytes + frame.ip, length);
	n_sent = size + length;
}

// Reads from memory of exactly that length, so that a sanitizer sees each byte too many.
static bool reads(const uint8_t *bytes, uint32_t length, unsigned mode, struct unreachable *read, struct message_flow *flow)
{
	uint8_t *copy = malloc(length + 1);
	bool good;

	memcpy(copy, bytes, length);
	good = unreachable_read(copy, length, read);
	if (good && flow)
		good = unreachable_flow(read, mode, flow);
	free(copy);
	return good;
}

static void is_the_flow(const struct message_flow *flow, unsigned family)
{
	static const uint8_t v4[16] = { 10, 0, 0, 1 }, v6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };

	assert_int_equal(flow->family, family);
	assert_memory_equal(flow->source, family == 4 ? v4 : v6, 16);
	assert_int_equal(flow->source_port, 40000);
	assert_int_equal(flow->port, 5700);
}

// Every way of sending, each by itself.
static void each_way(void (*then)(unsigned mode, unsigned outer, unsigned inner))
{
	static const unsigned modes[] = { WEIR_MODE_NAT, WEIR_MODE_IPIP, WEIR_MODE_GUE };

	for (unsigned m = 0; m < 3; m++)
		for (unsigned outer = 4; outer <= 6; outer += 2)
			for (unsigned inner = 4; inner <= 6; inner += 2) {
				if (modes[m] == WEIR_MODE_NAT && inner != outer)
					continue;
				send_message(modes[m], outer, inner);
				then(modes[m], outer, inner);
			}
}

static void is_read(unsigned mode, unsigned outer, unsigned inner)
{
	for (unsigned n_vlan = 0; n_vlan <= 2; n_vlan++) {
		struct message_flow flow;
		struct unreachable read;
		static const uint8_t mac[] = { 2, 0, 0, 0, 0, 0xb };

		icmp_error_make(&error, unreachable_type(outer), port_code(outer), sent, n_sent, n_vlan);
		assert_true(reads(error.bytes, error.length, mode, &read, &flow));
		assert_int_equal(read.cause, WEIR_PORT_UNREACHABLE);
		assert_int_equal(read.family, outer);
		assert_true(read.from_there);
		assert_memory_equal(read.mac, mac, 6);
		assert_memory_equal(read.destination, sent + (outer == 4 ? 16 : 24), outer == 4 ? 4 : 16);
		assert_memory_equal(read.source, sent + (outer == 4 ? 12 : 8), outer == 4 ? 4 : 16);
		is_the_flow(&flow, inner);
	}
}

static void a_message_is_found_in_what_each_way_of_sending_brings_back(void **state)
{
	(void)state;
	each_way(is_read);
}

static void is_refused_at_other_ways(unsigned mode, unsigned outer, unsigned inner)
{
	struct message_flow flow;
	struct unreachable read;

	(void)inner;
	icmp_error_make(&error, unreachable_type(outer), port_code(outer), sent, n_sent, 0);
	for (unsigned other = WEIR_MODE_L2; other < WEIR_N_FORWARD_MODES; other++) {
		bool nat_of_gue = mode == WEIR_MODE_GUE && other == WEIR_MODE_NAT; // UDP, to another port

		assert_int_equal(reads(error.bytes, error.length, other, &read, &flow),
				 other == mode || nat_of_gue);
	}
}

static void a_message_that_went_another_way_is_not_found(void **state)
{
	(void)state;
	each_way(is_refused_at_other_ways);
}

static void is_whole_or_nothing(unsigned mode, unsigned outer, unsigned inner)
{
	struct message_flow flow;
	struct unreachable read;
	uint32_t needed = encap_size(mode, outer) + (inner == 4 ? 20 : 40) + 8;

	if (mode == WEIR_MODE_NAT)
		needed = (outer == 4 ? 20 : 40) + 8;
	icmp_error_make(&error, unreachable_type(outer), port_code(outer), sent, n_sent, 1);
	for (uint32_t length = 0; length < error.length; length++)
		assert_false(reads(error.bytes, length, mode, &read, NULL));
	for (uint32_t quoted = 0; quoted < n_sent; quoted++) { // a router that quotes little
		icmp_error_make(&error, unreachable_type(outer), port_code(outer), sent, quoted, 0);
		assert_int_equal(reads(error.bytes, error.length, mode, &read, &flow), quoted >= needed);
	}
}

static void errors_of_every_length_are_read_as_far_as_they_go(void **state)
{
	(void)state;
	each_way(is_whole_or_nothing);
}

static void padding_and_what_routers_append_do_not_matter(void **state)
{
	struct message_flow flow;
	struct unreachable read;

	(void)state;
	send_message(WEIR_MODE_NAT, 4, 4);
	icmp_error_make(&error, 3, 3, sent, 28, 0);
	assert_true(reads(error.bytes, error.length + 4, WEIR_MODE_NAT, &read, &flow));
	is_the_flow(&flow, 4);
	memset(sent + n_sent, 0x20, 200); // an extension structure (RFC 4884)
	icmp_error_make(&error, 3, 3, sent, n_sent + 200, 0);
	assert_true(reads(error.bytes, error.length, WEIR_MODE_NAT, &read, &flow));
	assert_int_equal(read.length, n_sent - 20);
}

static void types_and_codes_that_say_that_nobody_is_there_are_told_from_all_others(void **state)
{
	struct unreachable read;

	(void)state;
	for (unsigned family = 4; family <= 6; family += 2) {
		unsigned good = 0;

		send_message(WEIR_MODE_NAT, family, family);
		for (unsigned what = 0; what < 65536; what++) {
			icmp_error_make(&error, what >> 8, what & 0xff, sent, 80, 0);
			if (!reads(error.bytes, error.length, 0, &read, NULL))
				continue;
			good++;
			assert_int_equal(read.cause,
					 what == 0x0301 || what == 0x0103 ? WEIR_HOST_UNREACHABLE
					 : what == 0x0302 || what == 0x0401
						 ? WEIR_PROTOCOL_UNREACHABLE
						 : WEIR_PORT_UNREACHABLE);
		}
		assert_int_equal(good, 3);
	}
}

static void one_changed_bit_of_the_error_is_refused(void **state)
{
	struct unreachable read;

	(void)state;
	for (unsigned family = 4; family <= 6; family += 2) {
		send_message(WEIR_MODE_NAT, family, family);
		icmp_error_make(&error, unreachable_type(family), port_code(family), sent, n_sent, 0);
		for (uint32_t bit = 12 * 8; bit < error.length * 8; bit++) {
			// IPv6 has no checksum over traffic class, flow label and hop limit
			bool free_bit = family == 6 && ((bit >= 14 * 8 + 4 && bit < 18 * 8) || bit / 8 == 21);

			error.bytes[bit / 8] ^= (uint8_t)(1 << (7 - bit % 8));
			assert_int_equal(reads(error.bytes, error.length, 0, &read, NULL), free_bit);
			error.bytes[bit / 8] ^= (uint8_t)(1 << (7 - bit % 8));
		}
	}
}

static void an_error_sent_to_another_than_it_quotes_is_refused(void **state)
{
	struct unreachable read;

	(void)state;
	for (unsigned family = 4; family <= 6; family += 2) {
		send_message(WEIR_MODE_NAT, family, family);
		icmp_error_make(&error, unreachable_type(family), port_code(family), sent, n_sent, 0);
		error.bytes[error.icmp - 1] ^= 1; // the outer destination
		icmp_error_mend(&error);
		assert_false(reads(error.bytes, error.length, 0, &read, NULL));
	}
}

static void an_error_from_another_than_the_member_is_told(void **state)
{
	struct unreachable read;

	(void)state;
	send_message(WEIR_MODE_NAT, 4, 4);
	icmp_error_make(&error, 3, 1, sent, n_sent, 0);
	error.bytes[error.ip + 15] ^= 1; // the outer source: a router's
	icmp_error_mend(&error);
	assert_true(reads(error.bytes, error.length, 0, &read, NULL));
	assert_false(read.from_there);
}

static void fragments_and_options_are_minded(void **state)
{
	struct message_flow flow;
	struct unreachable read;

	(void)state;
	send_message(WEIR_MODE_NAT, 4, 4);
	sent[7] = 1; // a later fragment has no UDP header
	icmp_error_make(&error, 3, 3, sent, n_sent, 0);
	assert_false(reads(error.bytes, error.length, 0, &read, NULL));
	memset(&frame, 0, sizeof(frame));
	frame_ethernet(&frame);
	frame_ipv4(&frame, 12);
	frame_udp(&frame, 5700);
	frame_native(&frame, 5);
	frame_finish(&frame);
	icmp_error_make(&error, 3, 3, frame.bytes + frame.ip, frame.length - frame.ip, 0);
	assert_true(reads(error.bytes, error.length, WEIR_MODE_NAT, &read, &flow));
	is_the_flow(&flow, 4);
}

static void parse_says_what_is_worth_reading(void **state)
{
	const struct listener any = { .port = 5700 };
	struct listeners listeners;
	struct packet packet;

	(void)state;
	listeners_init(&listeners, &any, 1);
	for (unsigned family = 4; family <= 6; family += 2) {
		send_message(WEIR_MODE_NAT, family, family);
		icmp_error_make(&error, unreachable_type(family), port_code(family), sent, n_sent, 2);
		for (uint32_t length = 0; length <= error.length; length++) {
			uint8_t *copy = malloc(length + 1);

			memcpy(copy, error.bytes, length);
			parse_frame(&listeners, copy, length, false, &packet);
			assert_int_equal(unreachable_likely(&packet), length == error.length);
			free(copy);
		}
		error.bytes[error.icmp] = 8; // echo
		parse_frame(&listeners, error.bytes, error.length, false, &packet);
		assert_false(unreachable_likely(&packet));
		parse_frame(&listeners, frame.bytes, frame.length, false, &packet);
		assert_false(unreachable_likely(&packet)); // a message
	}
}

static void a_trail_is_believed_for_its_flow_and_member_and_for_a_while(void **state)
{
	static struct trail trail;
	struct message_flow flow = { .family = 4, .source = { 10, 0, 0, 1 }, .source_port = 40000, .port = 5700 },
			    other = flow;
	uint64_t second = UINT64_C(2000000000), now = 100 * second, mark;

	(void)state;
	trail_init(&trail, 12345, second);
	mark = trail_mark(&trail, 3, &flow);
	assert_false(trail_find(&trail, mark, now));
	trail_put(&trail, mark, now);
	assert_true(trail_find(&trail, mark, now));
	assert_true(trail_find(&trail, mark, now + 3 * second));
	assert_false(trail_find(&trail, mark, now + 7 * second));
	assert_false(trail_find(&trail, trail_mark(&trail, 4, &flow), now));
	other.source_port++;
	assert_false(trail_find(&trail, trail_mark(&trail, 3, &other), now));
	other = flow;
	other.port++;
	assert_false(trail_find(&trail, trail_mark(&trail, 3, &other), now));
	other = flow;
	other.source[15]++;
	assert_false(trail_find(&trail, trail_mark(&trail, 3, &other), now));
}

static void a_mark_is_safe_for_a_moment_and_then_makes_room(void **state)
{
	static struct trail trail;
	uint64_t second = UINT64_C(2000000000), now = 100 * second;
	uint64_t first = UINT64_C(1) << 40 | 5, next = UINT64_C(2) << 40 | 5; // of one slot

	(void)state;
	trail_init(&trail, 0, second);
	trail_put(&trail, first, now);
	trail_put(&trail, next, now + second / 50);
	assert_true(trail_find(&trail, first, now + second));
	assert_false(trail_find(&trail, next, now + second));
	trail_put(&trail, next, now + second / 2);
	assert_false(trail_find(&trail, first, now + second));
	assert_true(trail_find(&trail, next, now + second));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_found_in_what_each_way_of_sending_brings_back),
		cmocka_unit_test(a_message_that_went_another_way_is_not_found),
		cmocka_unit_test(errors_of_every_length_are_read_as_far_as_they_go),
		cmocka_unit_test(padding_and_what_routers_append_do_not_matter),
		cmocka_unit_test(types_and_codes_that_say_that_nobody_is_there_are_told_from_all_others),
		cmocka_unit_test(one_changed_bit_of_the_error_is_refused),
		cmocka_unit_test(an_error_sent_to_another_than_it_quotes_is_refused),
		cmocka_unit_test(an_error_from_another_than_the_member_is_told),
		cmocka_unit_test(fragments_and_options_are_minded),
		cmocka_unit_test(parse_says_what_is_worth_reading),
		cmocka_unit_test(a_trail_is_believed_for_its_flow_and_member_and_for_a_while),
		cmocka_unit_test(a_mark_is_safe_for_a_moment_and_then_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
