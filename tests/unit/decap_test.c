// SPDX-License-Identifier: BSD-3-Clause
//
// Outer headers come off frames of one segment and of many, and nothing else changes.
#include "dataplane/decap.h"

#include <rte_eal.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/kit/frame.h"

enum { WHOLE = 70000, SEGMENT = 1024, ROOM = SEGMENT + RTE_PKTMBUF_HEADROOM };

static struct rte_mempool *pool;
static struct listeners listeners;
static struct burst burst;
static struct frame inner, frame;
static uint8_t linear[WHOLE], after[WHOLE];

static int teardown(void **state)
{
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	return 0;
}

// The frame in segments of `first` bytes, then of `rest`, parsed as the burst's only one.
static struct rte_mbuf *take_in(unsigned first, unsigned rest)
{
	struct rte_mbuf *mbuf = NULL;

	for (unsigned done = 0; done < frame.length;) {
		unsigned left = frame.length - done, n = RTE_MIN(mbuf ? rest : first, left);
		struct rte_mbuf *segment = rte_pktmbuf_alloc(pool);

		assert_non_null(segment);
		memcpy(rte_pktmbuf_append(segment, (uint16_t)n), frame.bytes + done, n);
		done += n;
		if (mbuf)
			assert_int_equal(rte_pktmbuf_chain(mbuf, segment), 0);
		else
			mbuf = segment;
	}
	burst.mbuf[0] = mbuf;
	burst.packet[0].data = rte_pktmbuf_read(mbuf, 0, frame.length, linear);
	burst.packet[0].length = frame.length;
	assert_int_equal(parse_burst(&listeners, burst.packet, 1, false, &burst.payloads), 1);
	assert_int_equal(burst.payloads.tunnelled, 1);
	return mbuf;
}

// What is left is the frame inside, padded to what Ethernet wants.
static void is_inner(struct rte_mbuf *mbuf)
{
	const struct packet *packet = &burst.packet[0];
	const uint8_t *bytes;

	assert_int_equal(rte_pktmbuf_pkt_len(mbuf), inner.length < 60 ? 60 : inner.length);
	bytes = rte_pktmbuf_read(mbuf, 0, mbuf->pkt_len, after);
	assert_memory_equal(bytes, inner.bytes, inner.length);
	for (uint32_t at = inner.length; at < mbuf->pkt_len; at++)
		assert_int_equal(bytes[at], 0);
	assert_memory_equal(packet->data, inner.bytes, inner.length);
	assert_ptr_equal(burst.payloads.at[0], packet->data + packet->payload);
	assert_int_equal(rte_mbuf_check(mbuf, 1, &(const char *){ NULL }), 0);
}

static void strip(unsigned first, unsigned rest)
{
	struct rte_mbuf *mbuf = take_in(first, rest);

	decap(&burst);
	is_inner(mbuf);
	rte_pktmbuf_free(mbuf);
}

static void make(unsigned way, unsigned n_vlan, uint16_t size)
{
	frame_ethernet(&inner);
	for (unsigned i = 0; i < n_vlan; i++)
		frame_vlan(&inner, 0x8100, (uint16_t)(100 + i));
	if (way & 1)
		frame_ipv6(&inner);
	else
		frame_ipv4(&inner, 0);
	frame_udp(&inner, 5700);
	frame_native(&inner, size);
	frame_finish(&inner);
	frame_tunnel(&frame, &inner, way & 2 ? 6 : 4, 1u << way / 4);
	frame_push(&frame, "padding", 7);
}

static void a_frame_of_one_segment_is_what_was_inside(void **state)
{
	for (unsigned way = 0; way < 12; way++)
		for (unsigned n_vlan = 0; n_vlan <= 2; n_vlan++)
			for (uint16_t size = 0; size < 300; size += 3) {
				make(way, n_vlan, size);
				strip(SEGMENT, SEGMENT);
			}
}

static void a_frame_of_many_segments_too_wherever_they_end(void **state)
{
	for (unsigned way = 0; way < 12; way++) {
		make(way, way % 3, 100);
		for (unsigned first = 1; first < frame.length - 1; first++)
			strip(first, 1 + first % 40);
	}
	for (unsigned way = 0; way < 12; way++) {
		make(way, 2, 9000);
		strip(SEGMENT, SEGMENT);
		strip(5, 7);
	}
}

static void frames_that_came_in_no_tunnel_stay(void **state)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);

	frame_message(&frame, 4, 50);
	memcpy(rte_pktmbuf_append(mbuf, (uint16_t)frame.length), frame.bytes, frame.length);
	burst.mbuf[0] = mbuf;
	burst.packet[0] = (struct packet){ .data = rte_pktmbuf_mtod(mbuf, uint8_t *), .length = frame.length };
	parse_burst(&listeners, burst.packet, 1, false, &burst.payloads);
	assert_int_equal(burst.payloads.tunnelled, 0);
	decap(&burst);
	assert_int_equal(mbuf->pkt_len, frame.length);
	rte_pktmbuf_free(mbuf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_frame_of_one_segment_is_what_was_inside, teardown),
		cmocka_unit_test_teardown(a_frame_of_many_segments_too_wherever_they_end, teardown),
		cmocka_unit_test_teardown(frames_that_came_in_no_tunnel_stay, teardown),
	};
	const struct listener any = { .port = 5700, .tunnels = WEIR_TUNNEL_IPIP | WEIR_TUNNEL_GUE | WEIR_TUNNEL_VXLAN };
	char *argv[] = { (char[]){ "decap_test" },     (char[]){ "--no-huge" },
			 (char[]){ "--no-shconf" },    (char[]){ "--no-pci" },
			 (char[]){ "--no-telemetry" }, (char[]){ "--log-level=error" },
			 (char[]){ "-m64" },           (char[]){ "-l0" } };

	if (rte_eal_init(8, argv) < 0)
		return 77;
	if (listeners_init(&listeners, &any, 1) < 0)
		return 1;
	pool = rte_pktmbuf_pool_create("frames", 4096, 0, 64, ROOM, -1);
	return pool ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
