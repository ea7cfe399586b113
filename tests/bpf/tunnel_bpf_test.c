// SPDX-License-Identifier: BSD-3-Clause
//
// The XDP program and tunnels that end at listeners: each branch by BPF_PROG_RUN. Whatever the workers' parser takes out
// of a tunnel reaches the socket; a tunnel that nobody asks for goes to the kernel, as before.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <steer.skel.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "dataplane/parse.h"
#include "dataplane/xdp_parts.h"
#include "tests/kit/frame.h"

enum { FRAME_LIMIT = 1792, IPIP = WEIR_TUNNEL_IPIP, GUE = WEIR_TUNNEL_GUE, VXLAN = WEIR_TUNNEL_VXLAN,
       ALL = IPIP | GUE | VXLAN, WAYS = 12 };

static struct {
	struct gateway gateway;
	struct gateway_port port;
	struct xdp xdp;
	struct listeners listeners; // the same, for parse_frame
	struct frame inner, frame;
	int socket;
} t;

// 10.0.0.2 and 2001:db8::2 are where the kit's frames go.
static const struct gateway_listener any_all = { .port = 5700, .tunnels = ALL };
static const struct gateway_listener there4 = { { 10, 0, 0, 2 }, 4, WEIR_NATIVE, 5700, IPIP, 0 };
static const struct gateway_listener there4_udp = { { 10, 0, 0, 2 }, 4, WEIR_NATIVE, 5701, GUE | VXLAN, 0 };
static const struct gateway_listener there6 = { { 0x20, 1, 0xd, 0xb8, [15] = 2 }, 6, WEIR_NATIVE, 5700, ALL, 0 };
static const struct gateway_listener elsewhere = { { 10, 0, 0, 3 }, 4, WEIR_NATIVE, 5700, ALL, 0 };

static int open_program(void **state)
{
	static char name[] = "in0";
	uint32_t queue = 0;

	memset(&t, 0, sizeof(t));
	t.port = (struct gateway_port){ .name = name, .device = name, .queues = 1, .blocked_max = 16 };
	t.gateway.name = name;
	t.xdp = (struct xdp){ .parts = { &t.gateway, &t.port, FRAME_LIMIT }, .name = name, .link = -1, .lock = -1 };
	t.xdp.skeleton = steer__open_and_load();
	t.socket = socket(AF_XDP, SOCK_RAW, 0);
	if (!t.xdp.skeleton || t.socket < 0)
		return -1;
	return bpf_map_update_elem(bpf_map__fd(t.xdp.skeleton->maps.xsks_map), &queue, &t.socket, BPF_ANY);
}

static int close_program(void **state)
{
	steer__destroy(t.xdp.skeleton);
	close(t.socket);
	return 0;
}

// Up to two listeners.
static void hear(const struct gateway_listener *a, const struct gateway_listener *b)
{
	struct listener list[2];

	t.gateway.n_listeners = b ? 2 : 1;
	t.gateway.listeners[0] = *a;
	if (b)
		t.gateway.listeners[1] = *b;
	for (unsigned i = 0; i < t.gateway.n_listeners; i++) {
		const struct gateway_listener *from = &t.gateway.listeners[i];

		list[i] = (struct listener){ .family = from->family, .port = from->port, .tunnels = from->tunnels };
		memcpy(list[i].address, from->address, 16);
	}
	assert_int_equal(listeners_init(&t.listeners, list, t.gateway.n_listeners), 0);
	assert_int_equal(xdp_maps_fill(&t.xdp), 0);
}

static enum weir_xdp_fate fate(void)
{
	struct weir_port before = { 0 }, after = { 0 };
	uint8_t out[4096];
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = t.frame.bytes, .data_size_in = t.frame.length, .data_out = out,
		    .data_size_out = sizeof(out), .repeat = 1);

	xdp_publish(&t.xdp, &before);
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(t.xdp.skeleton->progs.xsk_def_prog), &options), 0);
	xdp_publish(&t.xdp, &after);
	for (int i = 0; i < WEIR_N_XDP_FATES; i++)
		if (after.xdp[i] != before.xdp[i])
			return (enum weir_xdp_fate)i;
	assert_true(false);
	return 0;
}

// Bit 0: IPv6 inside; bit 1: outside; then which tunnel.
static void make(unsigned way)
{
	frame_message(&t.inner, way & 1 ? 6 : 4, 10);
	frame_tunnel(&t.frame, &t.inner, way & 2 ? 6 : 4, 1u << way / 4);
}

static enum weir_xdp_fate kernels(unsigned way)
{
	return way >= 4 ? WEIR_XDP_NO_LISTENER : WEIR_XDP_NOT_UDP;
}

static void tunnels_that_end_at_any_address_go_to_the_socket(void **state)
{
	hear(&any_all, NULL);
	for (unsigned way = 0; way < WAYS; way++) {
		make(way);
		assert_int_equal(fate(), WEIR_XDP_SOCKET);
	}
}

static void a_tunnel_that_nobody_asks_for_goes_to_the_kernel(void **state)
{
	for (uint8_t asks = 0; asks <= ALL; asks++) {
		hear(&(struct gateway_listener){ .port = 5700, .tunnels = asks }, NULL);
		for (unsigned way = 0; way < WAYS; way++) {
			make(way);
			assert_int_equal(fate(), asks & 1u << way / 4 ? WEIR_XDP_SOCKET : kernels(way));
		}
	}
}

static void a_tunnel_ends_at_the_listeners_address_alone(void **state)
{
	hear(&there4, &there4_udp); // two listeners of one address: what either asks for
	for (unsigned way = 0; way < WAYS; way++) {
		make(way);
		assert_int_equal(fate(), way & 2 ? kernels(way) : WEIR_XDP_SOCKET);
	}
}

static void a_tunnel_over_ipv6_ends_at_the_listeners_address_alone(void **state)
{
	hear(&there6, &elsewhere);
	for (unsigned way = 0; way < WAYS; way++) {
		make(way);
		assert_int_equal(fate(), way & 2 ? WEIR_XDP_SOCKET : kernels(way));
	}
}

static void fragments_of_tunnels_go_to_the_socket(void **state)
{
	hear(&any_all, NULL);
	make(0);
	frame_put16(&t.frame, t.frame.ip + 6, 0x2000);
	frame_mend(&t.frame);
	assert_int_equal(fate(), WEIR_XDP_SOCKET);
	frame_put16(&t.frame, t.frame.ip + 6, 0x0010);
	frame_mend(&t.frame);
	assert_int_equal(fate(), WEIR_XDP_SOCKET);
	frame_ethernet(&t.frame);
	frame_ipv6(&t.frame);
	frame_extension(&t.frame, 44, 8);
	t.frame.bytes[t.frame.next] = 41;
	frame_push(&t.frame, t.inner.bytes, t.inner.length);
	frame_finish(&t.frame);
	assert_int_equal(fate(), WEIR_XDP_SOCKET);
	t.frame.bytes[t.frame.next] = 6; // TCP
	assert_int_equal(fate(), WEIR_XDP_NOT_UDP);
}

static void a_tunnel_behind_extension_headers_is_found(void **state)
{
	hear(&any_all, NULL);
	frame_message(&t.inner, 4, 10);
	frame_ethernet(&t.frame);
	frame_ipv6(&t.frame);
	frame_extension(&t.frame, 60, 16);
	t.frame.bytes[t.frame.next] = 4;
	frame_push(&t.frame, t.inner.bytes + t.inner.ip, t.inner.length - t.inner.ip);
	frame_finish(&t.frame);
	assert_int_equal(fate(), WEIR_XDP_SOCKET);
	t.frame.bytes[t.frame.next] = 47;
	assert_int_equal(fate(), WEIR_XDP_NOT_UDP);
}

static void whatever_the_workers_take_out_of_a_tunnel_reaches_them(void **state)
{
	struct packet packet;

	srandom(1);
	for (unsigned turn = 0; turn < 20000; turn++) {
		if (turn % 2500 == 0)
			hear(turn % 5000 ? &there6 : &any_all, &elsewhere);
		make((unsigned)random() % WAYS);
		for (unsigned broken = (unsigned)random() % 3; broken > 0; broken--)
			t.frame.bytes[12 + (unsigned)random() % (t.frame.length - 12)] = (uint8_t)random();
		if (random() % 2)
			frame_mend(&t.frame);
		if (random() % 8 == 0)
			t.frame.length = 14 + (unsigned)random() % (t.frame.length - 14);
		parse_frame(&t.listeners, t.frame.bytes, t.frame.length, false, &packet);
		if (packet.reason == WEIR_REASON_NONE || packet_tunnel(&packet))
			assert_int_equal(fate(), WEIR_XDP_SOCKET);
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

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_program, close_program)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(tunnels_that_end_at_any_address_go_to_the_socket),
		CASE(a_tunnel_that_nobody_asks_for_goes_to_the_kernel),
		CASE(a_tunnel_ends_at_the_listeners_address_alone),
		CASE(a_tunnel_over_ipv6_ends_at_the_listeners_address_alone),
		CASE(fragments_of_tunnels_go_to_the_socket),
		CASE(a_tunnel_behind_extension_headers_is_found),
		CASE(whatever_the_workers_take_out_of_a_tunnel_reaches_them),
	};

	return is_permitted() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
