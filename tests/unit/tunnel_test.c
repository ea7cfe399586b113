// SPDX-License-Identifier: BSD-3-Clause
//
// Messages in tunnels, as parse sees them: taken by the listeners that ask, and by no other.
#include "dataplane/tunnel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/parse.h"
#include "dataplane/reassembly.h"
#include "tests/kit/frame.h"

enum { ALL = WEIR_TUNNEL_IPIP | WEIR_TUNNEL_GUE | WEIR_TUNNEL_VXLAN, WAYS = 12 };

static struct listeners listeners;
static struct frame inner, frame;
static struct packet packet;

static void listen(uint8_t tunnels)
{
	const struct listener any = {.port = 5700, .protocol = WEIR_NATIVE, .tunnels = tunnels};

	assert_int_equal(listeners_init(&listeners, &any, 1), 0);
}

// In a buffer of exactly its size; what `packet` points to is gone afterwards.
static uint8_t parse(enum parse_sums sums)
{
	uint8_t *exact = malloc(frame.length ? frame.length : 1);

	memcpy(exact, frame.bytes, frame.length);
	parse_frame(&listeners, exact, frame.length, sums, &packet);
	packet.data = frame.bytes + (packet.data - exact);
	free(exact);
	return packet.reason;
}

// What is inside now in its tunnel.
static void again(unsigned way)
{
	frame_tunnel(&frame, &inner, way & 2 ? 6 : 4, 1u << way / 4);
}

// Each kind of tunnel, over and with each family, in turn.
static unsigned make(unsigned way)
{
	frame_message(&inner, way & 1 ? 6 : 4, 9);
	again(way);
	return 1u << way / 4;
}

static unsigned without_a_tunnel(unsigned way)
{
	return way >= 4 ? WEIR_REASON_NO_LISTENER : WEIR_REASON_NOT_UDP;
}

static void a_message_in_a_tunnel_is_the_message_that_it_is_without(void **state)
{
	struct packet plain;

	listen(ALL);
	for (unsigned way = 0; way < WAYS; way++) {
		unsigned tunnel = make(way);

		assert_int_equal(parse(false), WEIR_REASON_NONE);
		assert_int_equal(packet_tunnel(&packet), tunnel);
		tunnel_link(&packet, frame.bytes + (packet.data - frame.bytes));
		assert_int_equal(packet.length, inner.length);
		assert_memory_equal(packet.data, inner.bytes, inner.length);
		parse_frame(&listeners, inner.bytes, inner.length, false, &plain);
		assert_int_equal(packet.l3, plain.l3);
		assert_int_equal(packet.payload, plain.payload);
		assert_int_equal(packet.payload_length, plain.payload_length);
		assert_int_equal(packet.ip_version, plain.ip_version);
		assert_int_equal(packet.listener, plain.listener);
		assert_int_equal(packet.flags % PACKET_TUNNEL, plain.flags);
	}
}

static void tags_of_the_outer_frame_are_those_of_the_message(void **state)
{
	listen(ALL);
	frame_ethernet(&inner);
	frame_vlan(&inner, 0x88a8, 5);
	frame_vlan(&inner, 0x8100, 7);
	frame_ipv6(&inner);
	frame_udp(&inner, 5700);
	frame_native(&inner, 3);
	frame_finish(&inner);
	again(0);
	assert_int_equal(parse(false), WEIR_REASON_NONE);
	assert_int_equal(packet.n_vlan, 2);
	tunnel_link(&packet, frame.bytes + (packet.data - frame.bytes));
	assert_memory_equal(packet.data, inner.bytes, inner.length);
}

static void a_listener_that_does_not_ask_is_as_before(void **state)
{
	for (unsigned asks = 0; asks <= ALL; asks++) {
		listen((uint8_t)asks);
		for (unsigned way = 0; way < WAYS; way++) {
			bool asked = asks & make(way);

			assert_int_equal(parse(false), asked ? WEIR_REASON_NONE : without_a_tunnel(way));
			assert_int_equal(packet_tunnel(&packet) != 0, asked);
		}
	}
}

static void a_tunnel_ends_only_where_a_listener_asks_and_only_for_it(void **state)
{
	struct listener list[2] = {{.port = 5700, .family = 4, .address = {10, 0, 0, 2}, .tunnels = ALL},
				   {.port = 5701, .family = 4, .address = {10, 0, 0, 3}}};

	assert_int_equal(listeners_init(&listeners, list, 2), 0);
	make(0);
	assert_int_equal(parse(false), WEIR_REASON_NONE);
	frame.bytes[frame.ip + 19] = 9; // outer destination
	frame_mend(&frame);
	assert_int_equal(parse(false), WEIR_REASON_NOT_UDP);
	make(0);
	inner.bytes[inner.ip + 19] = 3;
	frame_put16(&inner, inner.udp + 2, 5701);
	frame_mend(&inner);
	again(0);
	assert_int_equal(parse(false), WEIR_REASON_NOT_UDP);
	list[1].tunnels = WEIR_TUNNEL_GUE;
	assert_int_equal(listeners_init(&listeners, list, 2), 0);
	assert_int_equal(parse(false), WEIR_REASON_NOT_UDP);
	list[1].tunnels = WEIR_TUNNEL_IPIP;
	assert_int_equal(listeners_init(&listeners, list, 2), 0);
	assert_int_equal(parse(false), WEIR_REASON_NONE);
	assert_int_equal(packet.listener, 1);
}

static void one_level_of_tunnels_is_opened(void **state)
{
	static struct frame outer;

	listen(ALL);
	for (unsigned way = 0; way < 3 * WAYS; way++) {
		make(way % WAYS);
		frame_tunnel(&outer, &frame, 4, 1u << way / WAYS);
		frame = outer;
		assert_int_equal(parse(false), way >= WAYS ? WEIR_REASON_NO_LISTENER : WEIR_REASON_NOT_UDP);
		assert_int_equal(packet_tunnel(&packet), 0);
	}
}

static void what_carries_no_message_is_what_it_was(void **state)
{
	listen(ALL);
	for (unsigned way = 0; way < WAYS; way++) {
		make(way);
		frame_put16(&inner, inner.udp + 2, 5701);
		frame_mend(&inner);
		again(way);
		assert_int_equal(parse(false), without_a_tunnel(way));
		frame_message(&inner, way & 1 ? 6 : 4, 9);
		inner.bytes[inner.next] = 6;
		frame_mend(&inner);
		again(way);
		assert_int_equal(parse(false), without_a_tunnel(way));
		assert_int_equal(packet.data - frame.bytes, 0);
		assert_int_equal(packet.length, frame.length);
	}
}

static void what_is_wrong_inside_is_named_as_outside(void **state)
{
	listen(ALL);
	for (unsigned way = 0; way < WAYS; way++) {
		make(way);
		inner.bytes[inner.payload + 16] ^= 1;
		again(way);
		assert_int_equal(parse(false), WEIR_REASON_UDP_CHECKSUM);
		assert_int_equal(packet.data - frame.bytes, 0);
		assert_int_equal(packet_tunnel(&packet), 0);
		assert_int_equal(parse(true), WEIR_REASON_NONE);
		assert_int_equal(parse(PARSE_SUMMED), WEIR_REASON_UDP_CHECKSUM); // the NIC sums what is outside
		make(way);
		inner.bytes[inner.ip] ^= 0x10;
		frame.bytes[frame.length - (inner.length - inner.ip)] ^= 0x10;
		frame_mend(&frame);
		assert_int_equal(parse(false), WEIR_REASON_IP_HEADER);
		make(way & ~1u);
		inner.bytes[inner.ip + 8] ^= 1;
		again(way);
		assert_int_equal(parse(false), WEIR_REASON_IP_CHECKSUM);
	}
}

static void a_message_that_ends_inside_its_tunnel_is_truncated(void **state)
{
	uint32_t whole;

	listen(ALL);
	for (unsigned way = 0; way < WAYS; way++) {
		make(way);
		for (whole = inner.length - 1; whole >= inner.ip; whole--) {
			inner.length = whole;
			again(way);
			assert_int_equal(parse(false), WEIR_REASON_TRUNCATED);
		}
		make(way);
		for (whole = frame.length; frame.length > 0;) {
			frame.length--;
			assert_int_equal(parse(false), WEIR_REASON_TRUNCATED);
		}
		assert_true(whole > inner.length);
	}
}

static void bytes_behind_the_inner_packet_have_no_meaning(void **state)
{
	listen(ALL);
	for (unsigned way = 0; way < WAYS; way++) {
		make(way);
		frame_push(&inner, "padding", 7);
		again(way);
		frame_push(&frame, "more", 4);
		assert_int_equal(parse(false), WEIR_REASON_NONE);
		assert_int_equal(packet.length, inner.length);
	}
}

// GUE's own header, over IPv4 and with IPv4 inside.
static uint8_t parse_gue(const uint8_t *header, size_t size)
{
	make(4);
	frame.length = frame.payload;
	frame_push(&frame, header, size);
	frame_push(&frame, inner.bytes + inner.ip, inner.length - inner.ip);
	frame_finish(&frame);
	return parse(false);
}

static void a_gue_header_is_read_as_the_draft_has_it(void **state)
{
	static const uint8_t private_data[4 + 31 * 4] = {31, 4, [4] = 0xff};
	static const uint8_t control[4] = {0x20, 1}, flagged[4] = {0, 4, 0x80, 0}, flagged_too[4] = {0, 4, 0, 1};
	static const uint8_t tcp[4] = {0, 6}, six[4] = {0, 41}, two[4] = {0x80, 4}, three[4] = {0xc0, 4}, one[4] = {0x50, 4};

	listen(ALL);
	assert_int_equal(parse_gue(private_data, sizeof(private_data)), WEIR_REASON_NONE);
	assert_int_equal(parse_gue(private_data, 0), WEIR_REASON_NONE); // variant 1: the packet itself
	assert_int_equal(parse_gue(control, 4), WEIR_REASON_NO_LISTENER);
	assert_int_equal(parse_gue(tcp, 4), WEIR_REASON_NO_LISTENER);
	assert_int_equal(parse_gue(six, 4), WEIR_REASON_IP_HEADER);
	assert_int_equal(parse_gue(flagged, 4), WEIR_REASON_TUNNEL_HEADER);
	assert_int_equal(parse_gue(flagged_too, 4), WEIR_REASON_TUNNEL_HEADER);
	assert_int_equal(parse_gue(one, 4), WEIR_REASON_TUNNEL_HEADER);
	assert_int_equal(parse_gue(two, 4), WEIR_REASON_TUNNEL_HEADER);
	assert_int_equal(parse_gue(three, 4), WEIR_REASON_TUNNEL_HEADER);
	frame.length = frame.payload;
	frame_finish(&frame);
	assert_int_equal(parse(false), WEIR_REASON_TRUNCATED); // no header at all
}

// VXLAN's header and the inner Ethernet header with its tags, over IPv4 and with IPv4 inside; then `rest` bytes of that.
static uint8_t parse_vxlan(const uint8_t *header, size_t size, uint32_t rest)
{
	make(8);
	frame.length = frame.payload;
	frame_push(&frame, header, size);
	frame_push(&frame, inner.bytes + inner.ip, rest);
	frame_finish(&frame);
	return parse(false);
}

enum { VXLAN_HEADERS = 8 + 14, WHOLE = 20 + 8 + 16 + 9 };

static void of_a_vxlan_header_the_flag_of_the_vni_alone_counts(void **state)
{
	listen(ALL);
	for (unsigned at = 0; at < 8 + 12; at++) // the inner addresses too
		for (unsigned value = 0; value < 256; value++) {
			uint8_t header[VXLAN_HEADERS] = {8, [20] = 8, 0};

			header[at] = (uint8_t)value;
			assert_int_equal(parse_vxlan(header, sizeof(header), WHOLE),
					 at == 0 && !(value & 8) ? WEIR_REASON_TUNNEL_HEADER : WEIR_REASON_NONE);
		}
}

static void tags_inside_vxlan_are_passed_over_as_those_outside(void **state)
{
	static const uint8_t tags[3][4] = {{0x81, 0, 0, 7}, {0x88, 0xa8, 0xff, 0xff}, {0x81, 0, 0, 0}};
	uint8_t header[VXLAN_HEADERS + 12] = {8};

	listen(ALL);
	for (unsigned n = 0; n <= 3; n++) {
		memcpy(header + 20, tags, sizeof(tags));
		memcpy(header + 20 + 4 * n, "\x08\x00", 2);
		assert_int_equal(parse_vxlan(header, VXLAN_HEADERS + 4 * n, WHOLE),
				 n < 3 ? WEIR_REASON_NONE : WEIR_REASON_NO_LISTENER);
		if (n == 3)
			continue;
		assert_int_equal(packet.n_vlan, 0); // the frame keeps its own, and it has none
		tunnel_link(&packet, frame.bytes + (packet.data - frame.bytes));
		assert_memory_equal(packet.data, inner.bytes, inner.length);
		for (uint32_t left = VXLAN_HEADERS + 4 * n; left-- > 0;)
			assert_int_equal(parse_vxlan(header, left, 0), WEIR_REASON_TRUNCATED);
	}
	memset(header, 0, 8);
	assert_int_equal(parse_vxlan(header, 7, 0), WEIR_REASON_TRUNCATED);
	assert_int_equal(parse_vxlan(header, 8, 0), WEIR_REASON_TUNNEL_HEADER);
}

static void a_frame_inside_vxlan_that_is_not_ip_is_what_it_was(void **state)
{
	static const uint16_t types[] = {0x0806, 0x0000, 0x05dc, 0x86dc, 0x8847, 0xffff};
	uint8_t header[VXLAN_HEADERS] = {8};

	listen(ALL);
	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		header[20] = (uint8_t)(types[i] >> 8);
		header[21] = (uint8_t)types[i];
		assert_int_equal(parse_vxlan(header, sizeof(header), WHOLE), WEIR_REASON_NO_LISTENER);
		assert_int_equal(packet_tunnel(&packet), 0);
		assert_int_equal(packet.length, frame.length);
	}
	memcpy(header + 20, "\x86\xdd", 2);
	assert_int_equal(parse_vxlan(header, sizeof(header), WHOLE), WEIR_REASON_IP_HEADER); // IPv4 of IPv6's type
}

static void the_outer_checksum_is_judged_as_the_rfcs_say(void **state)
{
	listen(ALL);
	for (unsigned way = 4; way < WAYS; way++) {
		make(way);
		frame_put16(&frame, frame.udp + 6, 0); // RFC 768; RFC 6935 and RFC 6936 for tunnels over IPv6
		assert_int_equal(parse(false), WEIR_REASON_NONE);
		make(way);
		frame.bytes[frame.udp + 6] ^= 1;
		assert_int_equal(parse(false), WEIR_REASON_UDP_CHECKSUM);
		assert_int_equal(parse(true), WEIR_REASON_NONE);
	}
	make(6);
	frame_put16(&frame, frame.udp + 6, 0);
	frame_put16(&frame, frame.udp + 2, 6081); // no tunnel's port
	assert_int_equal(parse(false), WEIR_REASON_UDP_CHECKSUM);
	listen(WEIR_TUNNEL_IPIP);
	frame_put16(&frame, frame.udp + 2, 6080);
	assert_int_equal(parse(false), WEIR_REASON_UDP_CHECKSUM);
	frame_put16(&frame, frame.udp + 2, 4789);
	assert_int_equal(parse(false), WEIR_REASON_UDP_CHECKSUM);
	listen(WEIR_TUNNEL_GUE);
	assert_int_equal(parse(false), WEIR_REASON_UDP_CHECKSUM);
	listen(ALL);
	frame_message(&inner, 6, 9);
	frame_put16(&inner, inner.udp + 6, 0); // a message's own over IPv6 must be there
	frame_tunnel(&frame, &inner, 6, WEIR_TUNNEL_GUE);
	assert_int_equal(parse(false), WEIR_REASON_UDP_CHECKSUM);
}

static void a_fragment_in_a_tunnel_is_one_of_that_tunnel(void **state)
{
	struct whole whole = {.data = inner.bytes, .tunnel = WEIR_TUNNEL_GUE};

	listen(ALL);
	for (unsigned way = 0; way < WAYS; way += 4) {
		unsigned tunnel = make(way);

		inner.bytes[inner.ip + 6] = 0x20; // more fragments
		frame_mend(&inner);
		again(way);
		assert_int_equal(parse(false), WEIR_REASON_FRAGMENT);
		assert_int_equal(packet_tunnel(&packet), tunnel);
	}
	listen(WEIR_TUNNEL_IPIP);
	make(0);
	whole.length = inner.length;
	parse_whole(&listeners, &whole, false, &packet);
	assert_int_equal(packet.reason, WEIR_REASON_NO_LISTENER); // who asks for IP in IP does not for GUE
	whole.tunnel = WEIR_TUNNEL_IPIP;
	parse_whole(&listeners, &whole, false, &packet);
	assert_int_equal(packet.reason, WEIR_REASON_NONE);
	assert_int_equal(packet_tunnel(&packet), WEIR_TUNNEL_IPIP);
	assert_int_equal(packet.outer, 0);
	whole = (struct whole){.data = frame.bytes, .length = frame.length, .tunnel = WEIR_TUNNEL_IPIP};
	parse_whole(&listeners, &whole, false, &packet);
	assert_int_equal(packet.reason, WEIR_REASON_NOT_UDP); // no tunnel in a tunnel
	whole.tunnel = 0;
	parse_whole(&listeners, &whole, false, &packet);
	assert_int_equal(packet.reason, WEIR_REASON_NONE); // a tunnel's packet that came in fragments
	assert_int_not_equal(packet.outer, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_in_a_tunnel_is_the_message_that_it_is_without),
		cmocka_unit_test(tags_of_the_outer_frame_are_those_of_the_message),
		cmocka_unit_test(a_listener_that_does_not_ask_is_as_before),
		cmocka_unit_test(a_tunnel_ends_only_where_a_listener_asks_and_only_for_it),
		cmocka_unit_test(one_level_of_tunnels_is_opened),
		cmocka_unit_test(what_carries_no_message_is_what_it_was),
		cmocka_unit_test(what_is_wrong_inside_is_named_as_outside),
		cmocka_unit_test(a_message_that_ends_inside_its_tunnel_is_truncated),
		cmocka_unit_test(bytes_behind_the_inner_packet_have_no_meaning),
		cmocka_unit_test(a_gue_header_is_read_as_the_draft_has_it),
		cmocka_unit_test(of_a_vxlan_header_the_flag_of_the_vni_alone_counts),
		cmocka_unit_test(tags_inside_vxlan_are_passed_over_as_those_outside),
		cmocka_unit_test(a_frame_inside_vxlan_that_is_not_ip_is_what_it_was),
		cmocka_unit_test(the_outer_checksum_is_judged_as_the_rfcs_say),
		cmocka_unit_test(a_fragment_in_a_tunnel_is_one_of_that_tunnel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
