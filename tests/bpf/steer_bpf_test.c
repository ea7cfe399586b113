// SPDX-License-Identifier: BSD-3-Clause
//
// The XDP program in the kernel of this machine, run frame by frame without a NIC (BPF_PROG_RUN). That it
// loads at all says that the verifier takes it.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_xdp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <steer.skel.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "dataplane/abi/xdp.h"
#include "dataplane/parse.h"
#include "dataplane/xdp_parts.h"
#include "ebpf/maps.h"
#include "ebpf/steer.h"
#include "tests/kit/frame.h"

enum {
	TCP = 6,
	HOP_BY_HOP = 0,
	FRAGMENT = 44,
	NATIVE_PORT = 5700,
	BOUND_PORT = 6000,
	FRAME_LIMIT = 1792
};

static struct {
	struct gateway gateway;
	struct gateway_port port;
	struct xdp xdp;
	struct listeners listeners; // the same, for parse_frame
	struct frame frame;
	struct blocked4_range blocked4[8];
	struct blocked6_range blocked6[8];
	struct table_header header;
	struct table table;
	int socket;
} t;

static int setup(void **state)
{
	static char port_name[] = "in0", gateway_name[] = "test";
	struct listener list[8];
	uint32_t queue = 0;

	memset(&t, 0, sizeof(t));
	t.port = (struct gateway_port){
		.name = port_name, .device = port_name, .queues = 1, .blocked_max = 16
	};
	t.gateway.name = gateway_name;
	t.gateway.n_listeners = 3;
	t.gateway.listeners[0] =
		(struct gateway_listener){ .port = NATIVE_PORT, .protocol = WEIR_NATIVE };
	t.gateway.listeners[1] =
		(struct gateway_listener){ { 10, 0, 0, 2 }, 4, WEIR_SIP, BOUND_PORT, 0 };
	t.gateway.listeners[2] = (struct gateway_listener){
		{ 0x20, 1, 0xd, 0xb8, [15] = 2 }, 6, WEIR_NATIVE, BOUND_PORT, 0
	};
	for (unsigned i = 0; i < t.gateway.n_listeners; i++) {
		const struct gateway_listener *from = &t.gateway.listeners[i];

		list[i] = (struct listener){ .family = from->family,
					     .protocol = from->protocol,
					     .port = from->port };
		memcpy(list[i].address, from->address, 16);
	}
	listeners_init(&t.listeners, list, t.gateway.n_listeners);
	t.xdp = (struct xdp){ .parts = { &t.gateway, &t.port, FRAME_LIMIT },
			      .name = port_name,
			      .link = -1,
			      .lock = -1 };
	t.table.header = &t.header;
	t.table.blocked4 = t.blocked4;
	t.table.blocked6 = t.blocked6;
	t.xdp.skeleton = steer__open_and_load();
	t.socket = socket(AF_XDP, SOCK_RAW, 0);
	if (!t.xdp.skeleton || t.socket < 0 || xdp_maps_fill(&t.xdp) < 0)
		return -1;
	return bpf_map_update_elem(bpf_map__fd(t.xdp.skeleton->maps.xsks_map), &queue, &t.socket,
				   BPF_ANY);
}

static int teardown(void **state)
{
	steer__destroy(t.xdp.skeleton);
	close(t.socket);
	return 0;
}

static struct weir_port counters(void)
{
	struct weir_port port = { 0 };

	xdp_publish(&t.xdp, &port);
	return port;
}

// Runs the program on `length` bytes, `times` over; what it returned last. The frame as it left is in `out`.
static uint32_t run_times(const uint8_t *bytes, uint32_t length, unsigned times, uint8_t *out)
{
	uint8_t room[4096];
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = bytes, .data_size_in = length,
		    .data_out = out ? out : room, .data_size_out = sizeof(room),
		    .repeat = (int)times);

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(t.xdp.skeleton->progs.xsk_def_prog),
						&options),
			 0);
	return options.retval;
}

// The fate of a frame: the one counter that went up, and by one.
static enum weir_xdp_fate fate_of(const uint8_t *bytes, uint32_t length)
{
	static const uint32_t action[] = {
#define X(name, what, text) XDP_##what,
		WEIR_XDP_FATES(X)
#undef X
	};
	struct weir_port before = counters(), after;
	uint32_t returned = run_times(bytes, length, 1, NULL);
	int fate = -1;

	after = counters();
	for (int i = 0; i < WEIR_N_XDP_FATES; i++) {
		if (after.xdp[i] == before.xdp[i])
			continue;
		assert_int_equal(after.xdp[i], before.xdp[i] + 1);
		assert_int_equal(fate, -1);
		fate = i;
	}
	assert_true(fate >= 0);
	assert_int_equal(returned, action[fate]);
	return (enum weir_xdp_fate)fate;
}

static void assert_fate(enum weir_xdp_fate fate)
{
	assert_int_equal(fate_of(t.frame.bytes, t.frame.length), fate);
}

static void messages_go_to_the_socket(void **state)
{
	for (unsigned version = 4; version <= 6; version += 2) {
		frame_message(&t.frame, version, 100);
		assert_fate(WEIR_XDP_SOCKET);
	}
}

static void messages_under_one_and_two_tags_go_to_the_socket(void **state)
{
	for (unsigned tags = 1; tags <= 3; tags++) {
		frame_ethernet(&t.frame);
		for (unsigned i = 0; i < tags; i++)
			frame_vlan(&t.frame, i ? 0x8100 : 0x88a8, (uint16_t)(7 + i));
		frame_ipv4(&t.frame, 8);
		frame_udp(&t.frame, NATIVE_PORT);
		frame_native(&t.frame, 10);
		frame_finish(&t.frame);
		assert_fate(tags < 3 ? WEIR_XDP_SOCKET : WEIR_XDP_ETHERTYPE);
	}
}

static void what_is_not_ip_or_not_udp_goes_to_the_kernel(void **state)
{
	frame_message(&t.frame, 4, 10);
	frame_put16(&t.frame, 12, 0x0806);
	assert_fate(WEIR_XDP_ETHERTYPE);
	for (unsigned version = 4; version <= 6; version += 2) {
		frame_message(&t.frame, version, 10);
		t.frame.bytes[t.frame.ip + (version == 4 ? 9 : 6)] = TCP;
		assert_fate(WEIR_XDP_NOT_UDP);
	}
}

static void a_port_without_listener_goes_to_the_kernel(void **state)
{
	for (unsigned version = 4; version <= 6; version += 2) {
		frame_message(&t.frame, version, 10);
		frame_put16(&t.frame, t.frame.udp + 2, 53);
		frame_mend(&t.frame);
		assert_fate(WEIR_XDP_NO_LISTENER);
	}
}

static void a_bound_listener_takes_its_address_alone(void **state)
{
	for (unsigned version = 4; version <= 6; version += 2) {
		frame_message(&t.frame, version, 10);
		frame_put16(&t.frame, t.frame.udp + 2, BOUND_PORT);
		frame_mend(&t.frame);
		assert_fate(WEIR_XDP_SOCKET);
		t.frame.bytes[t.frame.udp - 1] ^= 4; // the last byte of the destination
		frame_mend(&t.frame);
		assert_fate(WEIR_XDP_NO_LISTENER);
	}
}

static void fragments_of_udp_go_to_the_socket_and_others_to_the_kernel(void **state)
{
	static const uint16_t offsets[] = { 0x2000, 0x2005, 0x0005 };

	for (unsigned i = 0; i < 3; i++) {
		frame_message(&t.frame, 4, 100);
		frame_put16(&t.frame, t.frame.ip + 6, offsets[i]);
		frame_mend(&t.frame);
		assert_fate(WEIR_XDP_SOCKET);
		t.frame.bytes[t.frame.ip + 9] = TCP;
		assert_fate(WEIR_XDP_NOT_UDP);
	}
	frame_ethernet(&t.frame);
	frame_ipv6(&t.frame);
	frame_extension(&t.frame, FRAGMENT, 8);
	frame_udp(&t.frame, NATIVE_PORT);
	frame_native(&t.frame, 10);
	frame_finish(&t.frame);
	assert_fate(WEIR_XDP_SOCKET);
	t.frame.bytes[t.frame.ip + 40] = TCP;
	assert_fate(WEIR_XDP_NOT_UDP);
}

static void extension_headers_are_walked_as_far_as_the_workers_walk(void **state)
{
	for (unsigned n = 1; n <= 9; n++) {
		frame_ethernet(&t.frame);
		frame_ipv6(&t.frame);
		for (unsigned i = 0; i < n; i++)
			frame_extension(&t.frame, HOP_BY_HOP, 8 + 8 * (i % 3));
		frame_udp(&t.frame, n % 2 ? NATIVE_PORT : 53);
		frame_native(&t.frame, 10);
		frame_finish(&t.frame);
		assert_fate(n % 2 || n > 8 ? WEIR_XDP_SOCKET : WEIR_XDP_NO_LISTENER);
	}
}

static void without_a_socket_the_kernel_gets_it(void **state)
{
	xdp_sockets_limit(&t.xdp, 0);
	frame_message(&t.frame, 4, 10);
	assert_fate(WEIR_XDP_NO_SOCKET);
}

static void what_fits_no_buffer_goes_to_the_kernel(void **state)
{
	frame_message(&t.frame, 4, FRAME_LIMIT - 14 - 20 - 8 - 16);
	assert_int_equal(t.frame.length, FRAME_LIMIT);
	assert_fate(WEIR_XDP_SOCKET);
	frame_message(&t.frame, 4, FRAME_LIMIT - 14 - 20 - 8 - 16 + 1);
	assert_fate(WEIR_XDP_TOO_LONG);
}

static void block4(uint32_t first, uint32_t last)
{
	uint64_t *n = &t.header.section[TABLE_BLOCKED4].n;

	t.blocked4[(*n)++] = (struct blocked4_range){ first, last };
}

static enum weir_xdp_fate fate_from4(uint32_t source)
{
	frame_message(&t.frame, 4, 10);
	frame_put16(&t.frame, t.frame.ip + 12, (uint16_t)(source >> 16));
	frame_put16(&t.frame, t.frame.ip + 14, (uint16_t)source);
	frame_mend(&t.frame);
	return fate_of(t.frame.bytes, t.frame.length);
}

static enum weir_xdp_fate fate_from6(uint16_t third, uint16_t last)
{
	frame_message(&t.frame, 6, 10);
	frame_put16(&t.frame, t.frame.ip + 8 + 4, third);
	frame_put16(&t.frame, t.frame.ip + 8 + 14, last);
	frame_mend(&t.frame);
	return fate_of(t.frame.bytes, t.frame.length);
}

static void blocked_sources_are_dropped_to_the_address(void **state)
{
	block4(0x0a000003, 0x0a000012); // no single prefix
	block4(0xc0000200, 0xc00002ff);
	block4(0xffffffff, 0xffffffff);
	xdp_blocked_put(&t.xdp, &t.table, NULL);
	assert_int_equal(t.xdp.left_out, 0);
	for (uint32_t source = 0x0a000001; source < 0x0a000020; source++)
		assert_int_equal(fate_from4(source), source >= 0x0a000003 && source <= 0x0a000012
							     ? WEIR_XDP_BLOCKED_SOURCE
							     : WEIR_XDP_SOCKET);
	assert_int_equal(fate_from4(0xc00001ff), WEIR_XDP_SOCKET);
	assert_int_equal(fate_from4(0xc0000200), WEIR_XDP_BLOCKED_SOURCE);
	assert_int_equal(fate_from4(0xc00002ff), WEIR_XDP_BLOCKED_SOURCE);
	assert_int_equal(fate_from4(0xc0000300), WEIR_XDP_SOCKET);
	assert_int_equal(fate_from4(0xffffffff), WEIR_XDP_BLOCKED_SOURCE);
	assert_int_equal(fate_from4(0xfffffffe), WEIR_XDP_SOCKET);
}

static void blocked_sources_of_ipv6_are_dropped_to_the_address(void **state)
{
	t.blocked6[0] = (struct blocked6_range){ { 0x20010db80bad0000, 0 },
						 { 0x20010db80badffff, UINT64_MAX } };
	t.blocked6[1] =
		(struct blocked6_range){ { 0x20010db80bae0000, 4 }, { 0x20010db80bae0000, 6 } };
	t.header.section[TABLE_BLOCKED6].n = 2;
	xdp_blocked_put(&t.xdp, &t.table, NULL);
	assert_int_equal(fate_from6(0x0bad, 9), WEIR_XDP_BLOCKED_SOURCE);
	assert_int_equal(fate_from6(0x0bac, 9), WEIR_XDP_SOCKET);
	for (uint16_t last = 3; last <= 7; last++)
		assert_int_equal(fate_from6(0x0bae, last), last >= 4 && last <= 6
								   ? WEIR_XDP_BLOCKED_SOURCE
								   : WEIR_XDP_SOCKET);
}

static void all_of_ipv4_can_be_blocked(void **state)
{
	block4(0, UINT32_MAX);
	xdp_blocked_put(&t.xdp, &t.table, NULL);
	assert_int_equal(fate_from4(0), WEIR_XDP_BLOCKED_SOURCE);
	assert_int_equal(fate_from4(0x7fffffff), WEIR_XDP_BLOCKED_SOURCE);
	assert_int_equal(fate_from6(1, 1), WEIR_XDP_SOCKET);
}

static void a_new_list_takes_the_place_of_the_old_one_whole(void **state)
{
	for (uint32_t turn = 1; turn < 6; turn++) {
		t.header.section[TABLE_BLOCKED4].n = 0;
		block4(turn, turn);
		xdp_blocked_put(&t.xdp, &t.table, NULL);
		for (uint32_t source = 1; source < 6; source++)
			assert_int_equal(fate_from4(source), source == turn
								     ? WEIR_XDP_BLOCKED_SOURCE
								     : WEIR_XDP_SOCKET);
	}
	t.header.section[TABLE_BLOCKED4].n = 0;
	xdp_blocked_put(&t.xdp, &t.table, NULL);
	for (uint32_t source = 1; source < 6; source++)
		assert_int_equal(fate_from4(source), WEIR_XDP_SOCKET);
}

static void prefixes_past_the_limit_are_counted_and_left_to_the_workers(void **state)
{
	struct weir_port port;

	block4(1, 14); // 1, 2-3, 4-7, 8-11, 12-13, 14: 6 prefixes
	block4(17, 30);
	block4(33, 46);
	xdp_blocked_put(&t.xdp, &t.table, NULL); // blocked_max is 16
	assert_int_equal(t.xdp.left_out, 2);
	port = counters();
	assert_int_equal(port.xdp_left_out, 2);
	assert_int_equal(fate_from4(30), WEIR_XDP_BLOCKED_SOURCE);
	assert_int_equal(fate_from4(33), WEIR_XDP_BLOCKED_SOURCE);
	assert_int_equal(fate_from4(46), WEIR_XDP_SOCKET);
	t.header.section[TABLE_BLOCKED4].n = 1;
	xdp_blocked_put(&t.xdp, &t.table, NULL);
	assert_int_equal(t.xdp.left_out, 0);
}

// Messages of a source that pass out of `n` sent as fast as can be.
static uint64_t passed(const struct frame *frame, unsigned n)
{
	uint64_t before = counters().xdp[WEIR_XDP_SOCKET], flood = counters().xdp[WEIR_XDP_FLOOD];

	run_times(frame->bytes, frame->length, n, NULL);
	assert_int_equal(counters().xdp[WEIR_XDP_SOCKET] - before + counters().xdp[WEIR_XDP_FLOOD] -
				 flood,
			 n);
	return counters().xdp[WEIR_XDP_SOCKET] - before;
}

static void a_flood_is_cut_to_its_burst_and_others_pass(void **state)
{
	t.port.flood_rate = 1; // a second: slow beside the test
	t.port.flood_burst = 20;
	assert_int_equal(xdp_maps_fill(&t.xdp), 0);
	frame_message(&t.frame, 4, 10);
	assert_in_range(passed(&t.frame, 1000), 20, 25);
	assert_in_range(passed(&t.frame, 1000), 0, 5);
	assert_int_equal(fate_from4(0x0a000063), WEIR_XDP_SOCKET);
	frame_message(&t.frame, 6, 10);
	assert_in_range(passed(&t.frame, 1000), 20, 25);
	t.frame.bytes[t.frame.ip + 8 + 15] ^= 0xff; // of the same /64
	assert_in_range(passed(&t.frame, 1000), 0, 5);
	t.frame.bytes[t.frame.ip + 8 + 7] ^= 0xff;
	assert_in_range(passed(&t.frame, 1000), 20, 25);
}

static void a_flood_does_not_cost_what_is_no_message(void **state)
{
	t.port.flood_rate = t.port.flood_burst = 1;
	assert_int_equal(xdp_maps_fill(&t.xdp), 0);
	frame_message(&t.frame, 4, 10);
	frame_put16(&t.frame, t.frame.udp + 2, 53);
	for (unsigned i = 0; i < 10; i++)
		assert_fate(WEIR_XDP_NO_LISTENER);
}

// The bucket of the frame under test, by the code that the dispatching lcore runs.
static uint32_t bucket_of(enum steer_protocol protocol, uint64_t seed)
{
	struct layers layers = { .data = t.frame.bytes, .end = t.frame.bytes + t.frame.length };
	enum layers_end end = layers_parse(&layers);

	assert_int_equal(end, LAYERS_UDP);
	return steer_bucket(&layers, end, protocol, protocol == STEER_SIP ? steer_call_id_find(&layers) : 0, seed);
}

static void messages_of_a_moved_bucket_go_to_the_sibling(void **state)
{
	static const uint8_t macs[2][6] = { { 2, 0, 0, 0, 0, 0x51 }, { 2, 0, 0, 0, 0, 0x52 } };
	static const struct {
		unsigned version;
		uint16_t port;
		enum steer_protocol protocol;
	} cases[] = { { 4, NATIVE_PORT, STEER_NATIVE }, { 6, NATIVE_PORT, STEER_NATIVE }, { 4, BOUND_PORT, STEER_SIP } };
	const uint64_t seed = 0x1234567890abcdef;

	memcpy(t.xdp.mac, "\x02\0\0\0\0\x01", 6);
	assert_int_equal(xdp_maps_fill(&t.xdp), 0);
	assert_int_equal(xdp_seed_put(&t.xdp, seed), 0);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t buckets[XDP_BUCKETS] = { 0 }, out[4096];
		uint32_t bucket;

		frame_message(&t.frame, cases[i].version, 10);
		frame_put16(&t.frame, t.frame.udp + 2, cases[i].port);
		frame_mend(&t.frame);
		bucket = bucket_of(cases[i].protocol, seed);
		buckets[bucket] = XDP_SIBLING | 1;
		assert_int_equal(xdp_steer_put(&t.xdp, buckets, macs, 2), 0);
		assert_fate(WEIR_XDP_MOVED);
		run_times(t.frame.bytes, t.frame.length, 1, out);
		assert_memory_equal(out, macs[1], 6);
		assert_memory_equal(out + 6, t.xdp.mac, 6);
		assert_memory_equal(out + 12, t.frame.bytes + 12, t.frame.length - 12);
		memcpy(t.frame.bytes + 6, macs[0], 6); // from a sibling: never on to another
		assert_fate(WEIR_XDP_SOCKET);
		buckets[bucket] = 1; // a worker's
		assert_int_equal(xdp_steer_put(&t.xdp, buckets, macs, 2), 0);
		assert_fate(WEIR_XDP_SOCKET);
	}
}

static void a_bucket_of_a_sibling_that_is_not_there_is_refused(void **state)
{
	static const uint8_t macs[1][6] = { { 2, 0, 0, 0, 0, 0x51 } };
	uint8_t buckets[XDP_BUCKETS] = { [77] = XDP_SIBLING | 1 };

	assert_int_equal(xdp_steer_put(&t.xdp, buckets, macs, 1), -EINVAL);
	frame_message(&t.frame, 4, 10);
	assert_fate(WEIR_XDP_SOCKET);
}

// Holds the program against parse_frame: what a worker would take must reach it, what it would call an exception
// must not, and what it would call malformed may go to the kernel only where no listener is meant.
static void agree(const uint8_t *bytes, uint32_t length)
{
	enum weir_xdp_fate fate = fate_of(bytes, length);
	struct packet packet = { 0 };

	parse_frame(&t.listeners, bytes, length, false, &packet);
	switch (packet.reason) {
	case WEIR_REASON_NONE:
		assert_int_equal(fate, WEIR_XDP_SOCKET);
		break;
	case WEIR_REASON_ETHERTYPE:
		assert_int_equal(fate, WEIR_XDP_ETHERTYPE);
		break;
	case WEIR_REASON_NOT_UDP:
		assert_int_equal(fate, WEIR_XDP_NOT_UDP);
		break;
	case WEIR_REASON_NO_LISTENER:
		assert_int_equal(fate, WEIR_XDP_NO_LISTENER);
		break;
	default:
		assert_true(fate == WEIR_XDP_SOCKET || fate == WEIR_XDP_NOT_UDP ||
			    fate == WEIR_XDP_NO_LISTENER);
	}
}

static void random_frame(unsigned shape)
{
	frame_ethernet(&t.frame);
	for (unsigned i = 0; i < shape % 3; i++)
		frame_vlan(&t.frame, 0x8100, 7);
	if (shape & 8) {
		frame_ipv6(&t.frame);
		for (unsigned i = 0; i < shape / 64 % 4; i++)
			frame_extension(&t.frame, (uint8_t)(i ? 60 : 43), 8 + shape / 256 % 3 * 8);
	} else {
		frame_ipv4(&t.frame, shape / 64 % 4 * 4);
	}
	frame_udp(&t.frame, shape & 16 ? NATIVE_PORT : shape & 32 ? BOUND_PORT : 53);
	frame_native(&t.frame, 20);
	frame_finish(&t.frame);
}

static void it_agrees_with_the_workers_parser_on_whole_cut_and_broken_frames(void **state)
{
	srandom(1);
	for (unsigned shape = 0; shape < 1024; shape++) {
		random_frame(shape);
		agree(t.frame.bytes, t.frame.length);
		for (uint32_t length = 14; length < t.frame.length; length += 1 + shape % 7)
			agree(t.frame.bytes, length);
		for (unsigned broken = 0; broken < 12; broken++) {
			uint32_t at = 12 + (uint32_t)random() % (t.frame.payload - 12);
			uint8_t was = t.frame.bytes[at];

			t.frame.bytes[at] = (uint8_t)random();
			if (broken % 2)
				frame_mend(&t.frame);
			agree(t.frame.bytes, t.frame.length);
			t.frame.bytes[at] = was;
			frame_mend(&t.frame);
		}
	}
}

// Whether programs can be loaded here at all.
static bool is_permitted(void)
{
	struct steer *skeleton;

	libbpf_set_print(NULL);
	skeleton = steer__open_and_load();
	if (!skeleton && (errno == EPERM || errno == ENOSYS)) {
		printf("skip: loading BPF programs is not permitted here: %s\n", strerror(errno));
		return false;
	}
	steer__destroy(skeleton);
	return true;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(messages_go_to_the_socket),
		CASE(messages_under_one_and_two_tags_go_to_the_socket),
		CASE(what_is_not_ip_or_not_udp_goes_to_the_kernel),
		CASE(a_port_without_listener_goes_to_the_kernel),
		CASE(a_bound_listener_takes_its_address_alone),
		CASE(fragments_of_udp_go_to_the_socket_and_others_to_the_kernel),
		CASE(extension_headers_are_walked_as_far_as_the_workers_walk),
		CASE(without_a_socket_the_kernel_gets_it),
		CASE(what_fits_no_buffer_goes_to_the_kernel),
		CASE(blocked_sources_are_dropped_to_the_address),
		CASE(blocked_sources_of_ipv6_are_dropped_to_the_address),
		CASE(all_of_ipv4_can_be_blocked),
		CASE(a_new_list_takes_the_place_of_the_old_one_whole),
		CASE(prefixes_past_the_limit_are_counted_and_left_to_the_workers),
		CASE(a_flood_is_cut_to_its_burst_and_others_pass),
		CASE(a_flood_does_not_cost_what_is_no_message),
		CASE(messages_of_a_moved_bucket_go_to_the_sibling),
		CASE(a_bucket_of_a_sibling_that_is_not_there_is_refused),
		CASE(it_agrees_with_the_workers_parser_on_whole_cut_and_broken_frames),
	};

	return is_permitted() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
