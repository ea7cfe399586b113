// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/decode/decode.h"
#include "dataplane/parse.h"
#include "tests/kit/frame.h"

static struct frame frame;
static struct packet packet;
static uint8_t out[ANSWER_MAX + 64];

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static unsigned get32(const uint8_t *p)
{
	return get16(p) << 16 | get16(p + 2);
}

// One's-complement sum, byte pair by byte pair: other code than the product's.
static unsigned sum(const uint8_t *p, size_t n, unsigned from)
{
	for (size_t i = 0; i < n; i++)
		from += i % 2 ? p[i] : (unsigned)p[i] << 8;
	while (from >> 16)
		from = (from & 0xffff) + (from >> 16);
	return from;
}

// A flagged message of `body` bytes with `n_vlan` tags over IP of `version`, parsed and decoded.
static void make(unsigned n_vlan, unsigned version, unsigned options, uint16_t body)
{
	static const struct listener any = { .port = 5700, .protocol = WEIR_NATIVE };
	struct listeners listeners;

	frame_ethernet(&frame);
	if (n_vlan == 2)
		frame_vlan(&frame, 0x88a8, 0x6123);
	if (n_vlan > 0)
		frame_vlan(&frame, 0x8100, 0x2007);
	if (version == 4)
		frame_ipv4(&frame, options);
	else
		frame_ipv6(&frame);
	if (version == 6 && options)
		frame_extension(&frame, 0, options);
	frame_udp(&frame, 5700);
	frame_native(&frame, body);
	frame_finish(&frame);
	frame.bytes[frame.payload + 1] |= 1;
	frame_mend(&frame);
	listeners_init(&listeners, &any, 1);
	packet.data = frame.bytes;
	packet.length = frame.length;
	parse_frame(&listeners, frame.bytes, frame.length, false, &packet);
	assert_int_equal(packet.reason, WEIR_REASON_NONE);
	decode_native(&packet);
	assert_int_equal(packet.reason, WEIR_REASON_NONE);
}

// Checks addresses, lengths and sums of the answer in `out`; returns where its native header is.
static const uint8_t *check_layers(size_t length, unsigned n_vlan, unsigned version)
{
	const uint8_t *ip = out + 14 + 4 * n_vlan, *udp = ip + (version == 4 ? 20 : 40);
	unsigned addresses = version == 4 ? 12 : 8, size = version == 4 ? 4 : 16;
	unsigned udp_length = get16(udp + 4);

	assert_memory_equal(out, frame.bytes + 6, 6);
	assert_memory_equal(out + 6, frame.bytes, 6);
	assert_memory_equal(out + 12, frame.bytes + 12, 4 * n_vlan + 2);
	assert_memory_equal(ip + addresses, frame.bytes + packet.l3 + addresses + size, size);
	assert_memory_equal(ip + addresses + size, frame.bytes + packet.l3 + addresses, size);
	assert_int_equal(get16(udp), 5700);
	assert_int_equal(get16(udp + 2), 40000);
	if (version == 4) {
		assert_int_equal(ip[0], 0x45);
		assert_int_equal(get16(ip + 2), 20 + udp_length);
		assert_int_equal(sum(ip, 20, 0), 0xffff);
	} else {
		assert_int_equal(ip[0], 0x60);
		assert_int_equal(get16(ip + 4), udp_length);
		assert_int_equal(ip[6], 17);
	}
	assert_int_not_equal(get16(udp + 6), 0);
	assert_int_equal(sum(udp, udp_length, sum(ip + addresses, 2 * size, 17 + udp_length)),
			 0xffff);
	assert_int_equal(length, (udp - out) + udp_length < 60 ? 60 : (udp - out) + udp_length);
	for (const uint8_t *p = udp + udp_length; p < out + length; p++)
		assert_int_equal(*p, 0);
	assert_int_equal(out[length], 0xee);
	return udp + 8;
}

static const uint8_t *answer(unsigned n_vlan, unsigned version, unsigned options, unsigned status,
			     const char *text)
{
	struct answer_to to;
	struct answer told = { .status = (uint8_t)status, .retry_after = 0x01020304, .text = text,
			       .text_length = (uint16_t)strlen(text) };

	make(n_vlan, version, options, 9);
	answer_to_packet(&to, &packet);
	assert_true(answer_allowed(&to));
	memset(out, 0xee, sizeof(out));
	return check_layers(answer_write(out, &to, &told), n_vlan, version);
}

static void an_answer_is_a_right_frame_over_each_kind_of_layers(void **state)
{
	char text[513] = "";

	for (unsigned length = 0; length <= 512; length += length < 40 ? 1 : 59) {
		memset(text, 'a' + (int)length % 26, length);
		for (unsigned n_vlan = 0; n_vlan <= 2; n_vlan++) {
			answer(n_vlan, 4, 0, WEIR_STATUS_ACCEPTED, text);
			answer(n_vlan, 4, 12, WEIR_STATUS_REFUSED, text);
			answer(n_vlan, 6, 0, WEIR_STATUS_BUSY, text);
			answer(n_vlan, 6, 16, WEIR_STATUS_ACCEPTED, text);
		}
	}
}

static void an_answer_says_which_message_it_answers(void **state)
{
	for (unsigned status = 0; status < WEIR_N_STATUSES; status++) {
		const uint8_t *native = answer(1, 4, 0, status, "text"),
			      *asked = frame.bytes + packet.payload;
		unsigned seconds = status == WEIR_STATUS_BUSY ? 4 : 0;

		assert_int_equal(native[0], 0x57);
		assert_int_equal(native[1], 0x12);
		assert_int_equal(native[2], status);
		assert_memory_equal(native + 3, asked + 3, 7); // channel, tenant, country
		assert_memory_equal(native + 12, asked + 12, 4);
		assert_int_equal(get16(native + 10), seconds + 4);
		assert_memory_equal(native + 16 + seconds, "text", 4);
	}
}

static void a_busy_answer_begins_with_its_seconds(void **state)
{
	const uint8_t *native = answer(0, 6, 0, WEIR_STATUS_BUSY, "");

	assert_int_equal(get16(native + 10), 4);
	assert_int_equal(get32(native + 16), 0x01020304);
}

static void the_shortest_answer_fills_a_frame(void **state)
{
	answer(0, 4, 0, WEIR_STATUS_ACCEPTED, ""); // 58 bytes, and 60 is the least
	assert_int_equal(out[58] | out[59], 0);
	assert_int_equal(out[60], 0xee);
}

static void a_sum_of_zero_is_sent_as_all_ones(void **state)
{
	struct answer_to to;
	char text[2];
	struct answer told = { .status = WEIR_STATUS_ACCEPTED, .text = text, .text_length = sizeof(text) };
	unsigned all_ones = 0;

	make(0, 4, 0, 2);
	answer_to_packet(&to, &packet);
	for (unsigned word = 0; word < 0x10000; word++) { // one of these makes the sum zero
		text[0] = (char)(word >> 8);
		text[1] = (char)word;
		memset(out, 0xee, sizeof(out));
		check_layers(answer_write(out, &to, &told), 0, 4);
		all_ones += get16(out + 14 + 20 + 6) == 0xffff;
	}
	assert_in_range(all_ones, 1, 2);
}

static void a_record_gives_the_same_answer_as_its_frame(void **state)
{
	for (unsigned shape = 0; shape < 6; shape++) {
		unsigned version = shape % 2 ? 6 : 4, v6 = version == 6, n_vlan = shape / 2;
		struct answer_to from_packet, from_record;
		struct weir_record record = { 0 };
		const uint8_t *ip;

		make(n_vlan, version, 0, 5);
		ip = frame.bytes + packet.l3;
		memcpy(record.mac_destination, frame.bytes, 6);
		memcpy(record.mac_source, frame.bytes + 6, 6);
		record.n_vlan = (uint8_t)n_vlan;
		memcpy(record.vlan, frame.bytes + 12, 4 * n_vlan);
		record.ip_version = (uint8_t)version;
		memcpy(record.ip_source, ip + (v6 ? 8 : 12), v6 ? 16 : 4);
		memcpy(record.ip_destination, ip + (v6 ? 24 : 16), v6 ? 16 : 4);
		record.udp_source = 40000;
		record.udp_destination = 5700;
		answer_to_packet(&from_packet, &packet);
		answer_to_record(&from_record, &record, frame.bytes + packet.payload);
		assert_memory_equal(&from_packet, &from_record, sizeof(from_packet));
	}
}

static void a_payload_that_is_there_makes_the_same_frame(void **state)
{
	uint8_t again[sizeof(out)];
	char text[80];

	memset(text, 'a', sizeof(text));
	for (unsigned shape = 0; shape < 6; shape++)
		for (unsigned length = 0; length < 80; length++) {
			struct answer told = { .status = WEIR_STATUS_ACCEPTED, .text = text,
					       .text_length = (uint16_t)length };
			struct answer_to to;
			const uint8_t *payload;
			size_t n;

			make(shape / 2, shape % 2 ? 6 : 4, 0, 5);
			answer_to_packet(&to, &packet);
			memset(again, 0xee, sizeof(again));
			memset(out, 0xee, sizeof(out));
			n = answer_write(out, &to, &told);
			payload = out + 14 + 4 * (shape / 2) + (shape % 2 ? 40 : 20) + 8;
			assert_int_equal(answer_write_payload(again, &to, payload, 16 + length), n);
			assert_memory_equal(again, out, sizeof(out));
		}
}

static bool allowed4(unsigned source, unsigned destination)
{
	struct answer_to to = { .ip_version = 4, .udp_destination = 5, .udp_source = 5700 };

	for (unsigned i = 0; i < 4; i++) {
		to.ip_source[i] = (uint8_t)(source >> (24 - 8 * i));
		to.ip_destination[i] = (uint8_t)(destination >> (24 - 8 * i));
	}
	return answer_allowed(&to);
}

static void nobody_is_answered_who_cannot_be_one_host(void **state)
{
	static const unsigned wrong[] = { 0, 0x00010203, 0x7f000001, 0x7fffffff, 0xe0000001,
					  0xefffffff, 0xf0000001, 0xffffffff };
	static const unsigned right[] = { 0x01000001, 0x0a000001, 0x7effffff, 0x80000001, 0xdffffffe };

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_false(allowed4(0x0a000001, wrong[i]));
		assert_false(allowed4(wrong[i], 0x0a000001));
	}
	for (unsigned i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		assert_true(allowed4(right[i], 0x0a000001) && allowed4(0x0a000001, right[i]));
}

static void nobody_is_answered_over_ipv6_who_cannot_be_one_host(void **state)
{
	static const uint8_t wrong[][16] = { { 0 }, { [15] = 1 }, { 0xff, 2, [15] = 1 }, { 0xff } };
	static const uint8_t right[][16] = { { [15] = 2 }, { 0x20, 1 }, { 0xfe, 0x80, [15] = 1 } };
	struct answer_to good = { .ip_version = 6, .udp_destination = 5,
				  .ip_source = { 0x20 }, .ip_destination = { 0x20 } };
	struct answer_to to;

	assert_true(answer_allowed(&good));
	for (unsigned i = 0; i < 4; i++) {
		to = good;
		memcpy(to.ip_destination, wrong[i], 16);
		assert_false(answer_allowed(&to));
		to = good;
		memcpy(to.ip_source, wrong[i], 16);
		assert_false(answer_allowed(&to));
	}
	for (unsigned i = 0; i < 3; i++) {
		to = good;
		memcpy(to.ip_destination, right[i], 16);
		assert_true(answer_allowed(&to));
	}
}

static void no_answer_goes_to_port_0_or_to_or_from_a_group_address(void **state)
{
	struct answer_to good, to;

	make(0, 4, 0, 0);
	answer_to_packet(&good, &packet);
	assert_true(answer_allowed(&good));
	to = good;
	to.udp_destination = 0;
	assert_false(answer_allowed(&to));
	to = good;
	to.mac_destination[0] |= 1;
	assert_false(answer_allowed(&to));
	to = good;
	memset(to.mac_source, 0xff, 6);
	assert_false(answer_allowed(&to));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_a_right_frame_over_each_kind_of_layers),
		cmocka_unit_test(an_answer_says_which_message_it_answers),
		cmocka_unit_test(a_busy_answer_begins_with_its_seconds),
		cmocka_unit_test(the_shortest_answer_fills_a_frame),
		cmocka_unit_test(a_sum_of_zero_is_sent_as_all_ones),
		cmocka_unit_test(a_record_gives_the_same_answer_as_its_frame),
		cmocka_unit_test(a_payload_that_is_there_makes_the_same_frame),
		cmocka_unit_test(nobody_is_answered_who_cannot_be_one_host),
		cmocka_unit_test(nobody_is_answered_over_ipv6_who_cannot_be_one_host),
		cmocka_unit_test(no_answer_goes_to_port_0_or_to_or_from_a_group_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
