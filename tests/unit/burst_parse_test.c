// SPDX-License-Identifier: BSD-3-Clause
//
// The burst forms of parse and decode against the plain ones: the same frames, the same outcome in every field.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/decode/decode.h"
#include "dataplane/decode/native_burst.h"
#include "dataplane/parse.h"
#include "rules/lookup.h"
#include "tests/kit/frame.h"

enum { ROUNDS = 20000, BURST = 64 };

static uint64_t state = 0x9e3779b97f4a7c15;
static struct listeners listeners;
static uint8_t room[BURST][FRAME_MAX + PARSE_READABLE];
static uint32_t length[BURST];

static unsigned draw(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state >> 20) % n);
}

static int setup(void **unused)
{
	static const struct listener list[] = { { .port = 5700, .protocol = WEIR_NATIVE,
						  .tunnels = WEIR_TUNNEL_IPIP | WEIR_TUNNEL_GUE | WEIR_TUNNEL_VXLAN },
						{ .port = 5060, .protocol = WEIR_SIP },
						{ .port = 5701, .family = 4, .address = { 10, 0, 0, 2 }, .protocol = WEIR_NATIVE } };

	return listeners_init(&listeners, list, 3);
}

// A message that is mostly right: short or not, spoiled in one byte, with mended checksums or not, cut, padded. Its body
// is of fewer than `size` bytes.
static void make(struct frame *frame, unsigned size, bool spoil)
{
	static const uint16_t ports[] = { 5700, 5700, 5700, 5700, 5060, 5701, 9 };

	static struct frame inner;

	frame_message(frame, spoil && draw(8) == 0 ? 6 : 4, (uint16_t)draw(spoil && draw(4) == 0 ? 200 : size));
	if (!spoil)
		return;
	if (draw(8) == 0) {
		inner = *frame;
		frame_tunnel(frame, &inner, draw(2) ? 4 : 6, 1u << draw(3));
		return;
	}
	frame_put16(frame, frame->udp + 2, ports[draw(7)]);
	if (draw(4) == 0)
		frame->bytes[draw(frame->length)] ^= (uint8_t)(1 << draw(8));
	if (draw(8) == 0)
		frame->bytes[frame->payload + draw(16)] = (uint8_t)draw(256);
	if (draw(8))
		frame_mend(frame);
	if (draw(16) == 0)
		frame_put16(frame, frame->udp + 6, 0);
	if (draw(16) == 0)
		frame->length = draw(frame->length + 1);
	if (draw(4) == 0 && frame->length < 800)
		frame->length += draw(40);
}

static void put(unsigned i, const struct frame *frame)
{
	length[i] = frame->length;
	memcpy(room[i], frame->bytes, frame->length);
	memset(room[i] + frame->length, (int)draw(256), PARSE_READABLE); // must have no influence
}

static void make_burst(unsigned n)
{
	static const unsigned sizes[] = { 6, 6, 40, 100, 600 };
	static struct frame frame;
	unsigned size = sizes[draw(5)];
	unsigned spoilt = draw(2) ? draw(8) : 64; // some bursts are plain but for a frame or two

	for (unsigned i = 0; i < n; i++) {
		make(&frame, size, draw(64) < spoilt);
		put(i, &frame);
	}
}

static void assert_same_packet(const struct packet *a, const struct packet *b)
{
	assert_int_equal(a->reason, b->reason);
	assert_int_equal(packet_tunnel(a), packet_tunnel(b));
	assert_ptr_equal(a->data, b->data);
	assert_int_equal(a->length, b->length);
	if (packet_tunnel(a))
		assert_int_equal(a->outer, b->outer);
	if (a->reason != WEIR_REASON_NONE)
		return;
	assert_int_equal(a->l3, b->l3);
	assert_int_equal(a->payload, b->payload);
	assert_int_equal(a->payload_length, b->payload_length);
	assert_int_equal(a->ip_version, b->ip_version);
	assert_int_equal(a->n_vlan, b->n_vlan);
	assert_int_equal(a->listener, b->listener);
	assert_int_equal(a->protocol, b->protocol);
	assert_int_equal(a->flags, b->flags);
}

static void a_burst_is_parsed_as_its_frames_one_by_one(void **unused)
{
	struct packet one[BURST], all[BURST];
	struct payloads payloads;
	uint64_t good;

	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned n = 1 + draw(BURST);
		enum parse_sums sums = draw(4) ? PARSE_VERIFY : draw(2) ? PARSE_TRUST : PARSE_SUMMED;

		make_burst(n);
		for (unsigned i = 0; i < n; i++) {
			parse_frame(&listeners, room[i], length[i], sums, &one[i]);
			all[i].data = room[i];
			all[i].length = length[i];
		}
		good = parse_burst(&listeners, all, n, sums, &payloads);
		for (unsigned i = 0; i < n; i++) {
			assert_same_packet(&one[i], &all[i]);
			assert_int_equal(good >> i & 1, one[i].reason == WEIR_REASON_NONE);
			assert_int_equal(payloads.tunnelled >> i & 1, packet_tunnel(&one[i]) != 0);
			if (one[i].reason != WEIR_REASON_NONE)
				continue;
			assert_ptr_equal(payloads.at[i], one[i].data + one[i].payload);
			assert_int_equal(payloads.length[i], one[i].payload_length);
			assert_int_equal(payloads.source[i], source_fold(&one[i]));
		}
	}
}

enum { LANES = 8 };

// Parses the first eight frames of the room; what goes on.
static uint64_t parse_lanes(const struct listeners *by, enum parse_sums sums, struct packet packet[LANES])
{
	struct payloads payloads;

	for (unsigned i = 0; i < LANES; i++)
		packet[i] = (struct packet){ .data = room[i], .length = length[i] };
	return parse_burst(by, packet, LANES, sums, &payloads);
}

enum { ZEROS = 20 };

// A datagram of `size` bytes of payload, whose checksum is right, and was so without its last bytes.
static void make_datagram(struct frame *frame, unsigned size, uint16_t port)
{
	static uint8_t bytes[700];

	for (unsigned i = 0; i < size; i++)
		bytes[i] = (uint8_t)(i + ZEROS < size ? draw(256) : 0);
	frame_ethernet(frame);
	frame_ipv4(frame, 0);
	frame_udp(frame, port);
	frame_push(frame, bytes, size);
	frame_finish(frame);
}

static void a_datagram_of_any_size_is_summed_to_its_last_byte(void **unused)
{
	static struct frame frame;
	struct packet packet[LANES];

	for (unsigned size = 1; size < 700; size++) {
		unsigned lane = size % LANES, last;

		for (unsigned i = 0; i < LANES; i++) { // the others: all short, or some longer
			make_datagram(&frame, i == lane ? size : draw(size % 3 && i % 2 ? 700 : 23), 5700);
			put(i, &frame);
		}
		assert_int_equal(parse_lanes(&listeners, PARSE_VERIFY, packet), 0xff);
		assert_int_equal(packet[lane].payload_length, size);
		last = length[lane] - 1;
		for (unsigned at = 42 + size - (size < ZEROS ? size : ZEROS); at <= last; at++) {
			room[lane][at] ^= 0x10;
			assert_int_equal(parse_lanes(&listeners, PARSE_VERIFY, packet), 0xff & ~(1u << lane));
			assert_int_equal(packet[lane].reason, WEIR_REASON_UDP_CHECKSUM);
			assert_int_equal(parse_lanes(&listeners, PARSE_TRUST, packet), 0xff);
			assert_int_equal(parse_lanes(&listeners, PARSE_SUMMED, packet), 0xff);
			room[lane][at] ^= 0x10;
		}
		room[lane][last] ^= 0x10;
		memset(room[lane] + 40, 0, 2); // none sent
		assert_int_equal(parse_lanes(&listeners, PARSE_VERIFY, packet), 0xff);
	}
}

static void each_frame_of_a_burst_goes_to_the_listener_of_its_port(void **unused)
{
	static const uint16_t ports[LANES] = { 5060, 5700, 5701, 9, 5700, 5060, 0, 5701 };
	static const int expected[LANES] = { 1, 0, 2, -1, 0, 1, -1, 2 };
	static struct frame frame;
	struct packet packet[LANES];
	uint64_t good;

	for (unsigned i = 0; i < LANES; i++) {
		make_datagram(&frame, 10 * i, ports[i]);
		put(i, &frame);
	}
	good = parse_lanes(&listeners, PARSE_VERIFY, packet);
	for (unsigned i = 0; i < LANES; i++) {
		assert_int_equal(good >> i & 1, expected[i] >= 0);
		assert_int_equal(packet[i].reason, expected[i] >= 0 ? WEIR_REASON_NONE : WEIR_REASON_NO_LISTENER);
		if (expected[i] < 0)
			continue;
		assert_int_equal(packet[i].listener, expected[i]);
		assert_int_equal(packet[i].protocol, expected[i] == 1 ? WEIR_SIP : WEIR_NATIVE);
	}
}

static void port_0_has_no_listener_where_all_listeners_have_an_address(void **unused)
{
	static const struct listener bound = { .port = 5701, .family = 4, .address = { 10, 0, 0, 2 } };
	static struct listeners by;
	static struct frame frame;
	struct packet packet[LANES];

	assert_int_equal(listeners_init(&by, &bound, 1), 0);
	for (unsigned i = 0; i < LANES; i++) {
		make_datagram(&frame, 20, i % 2 ? 5701 : 0);
		put(i, &frame);
	}
	assert_int_equal(parse_lanes(&by, PARSE_VERIFY, packet), 0xaa);
	assert_int_equal(packet[0].reason, WEIR_REASON_NO_LISTENER);
}

static void a_burst_is_decoded_as_its_messages_one_by_one(void **unused)
{
	static uint8_t bytes[BURST][64];
	struct payloads payloads;
	struct messages messages;
	unsigned right = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned n = 1 + draw(BURST);
		uint64_t wrong;

		for (unsigned i = 0; i < n; i++) {
			static const uint8_t good[26] = { 0x57, 0x10, 2, 1, 0, 0, 3, 0xe9, 'D', 'E', 0, 10 };

			memcpy(bytes[i], good, sizeof(good));
			payloads.length[i] = (uint16_t)(draw(8) ? 26 : draw(40));
			for (unsigned k = draw(4); k > 0; k--)
				bytes[i][draw(12)] = (uint8_t)draw(draw(2) ? 256 : 16);
			if (draw(4) == 0)
				memset(bytes[i] + 8, 0, 2);
			if (draw(8) == 0) {
				bytes[i][1] |= 0x4;
				bytes[i][11] = 2;
			}
			payloads.at[i] = bytes[i];
		}
		wrong = decode_native_burst(&payloads, n, &messages);
		for (unsigned i = 0; i < n; i++) {
			struct packet packet = { .data = bytes[i], .length = 64, .payload_length = payloads.length[i] };

			decode_native(&packet);
			assert_int_equal(wrong >> i & 1, packet.reason != WEIR_REASON_NONE);
			if (packet.reason != WEIR_REASON_NONE)
				continue;
			right++;
			assert_int_equal(messages.kind[i] & ~messages.any, 0);
			assert_int_equal(messages.tenant[i], packet.tenant);
			assert_int_equal(messages.country[i], packet.country);
			assert_int_equal(messages.size[i], packet.size);
			assert_int_equal(message_small(messages.kind[i]), triage_small(WEIR_NATIVE, packet.priority, packet.channel));
			assert_int_equal(message_priority(messages.kind[i]), packet.priority);
			assert_int_equal(message_flags(messages.kind[i]), packet.flags & ~PACKET_DECODED);
		}
		if (n < BURST)
			assert_int_equal(wrong >> n, 0);
	}
	assert_true(right > ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_is_parsed_as_its_frames_one_by_one),
		cmocka_unit_test(a_datagram_of_any_size_is_summed_to_its_last_byte),
		cmocka_unit_test(each_frame_of_a_burst_goes_to_the_listener_of_its_port),
		cmocka_unit_test(port_0_has_no_listener_where_all_listeners_have_an_address),
		cmocka_unit_test(a_burst_is_decoded_as_its_messages_one_by_one),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
