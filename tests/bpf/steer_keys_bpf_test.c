// SPDX-License-Identifier: BSD-3-Clause
//
// The bucket that the XDP program in the kernel of this machine finds for a message (BPF_PROG_RUN), and the one that the
// dispatching lcore finds by the same source compiled to C: one and the same, for random messages of every protocol.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <steer.skel.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/xdp_parts.h"
#include "ebpf/maps.h"
#include "ebpf/steer.h"
#include "tests/kit/requests.h"

enum { HOP_BY_HOP = 0, MESSAGES = 6000, LONGEST = 3000 /* that BPF_PROG_RUN takes with room to spare */ };

static const uint16_t ports[] = { [STEER_NATIVE] = 5700, [STEER_SIP] = 5060, [STEER_COAP] = 5683, [STEER_OTHER] = 53 };
static struct xdp xdp;
static struct frame frame;

static int setup(void **state)
{
	static char name[] = "in0";
	static struct gateway_port port = { .name = name, .device = name, .queues = 1, .blocked_max = 16 };
	static struct gateway gateway = { .name = name, .n_listeners = STEER_OTHER };

	for (unsigned i = 0; i < STEER_OTHER; i++)
		gateway.listeners[i] = (struct gateway_listener){ .port = ports[i], .protocol = (uint8_t)i };
	xdp = (struct xdp){ .parts = { &gateway, &port, LONGEST }, .name = name, .link = -1, .lock = -1 };
	xdp.skeleton = steer__open_and_load();
	return xdp.skeleton ? xdp_maps_fill(&xdp) : -1;
}

static int teardown(void **state)
{
	steer__destroy(xdp.skeleton);
	return 0;
}

// Runs the program on the frame; the frame as it left is in `out`.
static uint32_t run(uint8_t out[4096])
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.bytes, .data_size_in = frame.length, .data_out = out,
		    .data_size_out = 4096, .repeat = 1);

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(xdp.skeleton->progs.xsk_def_prog), &options), 0);
	return options.retval;
}

// By the code that the dispatching lcore runs.
static uint32_t bucket_of(enum steer_protocol protocol, uint64_t seed)
{
	struct layers layers = { .data = frame.bytes, .end = frame.bytes + frame.length };
	enum layers_end end = layers_parse(&layers);

	assert_int_equal(end, LAYERS_UDP);
	return steer_bucket(&layers, end, protocol, protocol == STEER_SIP ? steer_call_id_find(&layers) : 0, seed);
}

static unsigned draw(unsigned n)
{
	return (unsigned)random() % n;
}

// A frame with a random message to a listener of that protocol.
static void random_message(enum steer_protocol protocol)
{
	do {
		frame_ethernet(&frame);
		for (unsigned n = draw(3); n > 0; n--)
			frame_vlan(&frame, 0x8100, 7);
		if (draw(2)) {
			frame_ipv4(&frame, draw(3) ? 0 : 4 * draw(11));
		} else {
			frame_ipv6(&frame);
			for (unsigned n = draw(3) ? 0 : draw(9); n > 0; n--)
				frame_extension(&frame, HOP_BY_HOP, 8 + 8 * draw(3));
		}
		frame_udp(&frame, ports[protocol]);
		if (protocol == STEER_SIP)
			requests_sip(&frame, draw);
		else if (protocol == STEER_COAP)
			requests_coap(&frame, draw);
		else
			frame_native(&frame, (uint16_t)draw(40));
		frame_finish(&frame);
	} while (frame.length > LONGEST);
}

// The program's bucket of the frame: four bits of it at a time tell which sibling of sixteen gets it.
static uint32_t bucket_in_kernel(const uint8_t macs[XDP_SIBLINGS][6])
{
	uint32_t bucket = 0;

	for (unsigned shift = 0; shift < STEER_BITS; shift += 4) {
		uint8_t buckets[XDP_BUCKETS], out[4096];

		for (unsigned b = 0; b < XDP_BUCKETS; b++)
			buckets[b] = (uint8_t)(XDP_SIBLING | (b >> shift & 15));
		assert_int_equal(xdp_steer_put(&xdp, buckets, macs, XDP_SIBLINGS), 0);
		assert_int_equal(run(out), XDP_TX);
		bucket |= (uint32_t)out[5] << shift;
	}
	return bucket;
}

static void it_gives_each_message_the_bucket_that_the_dispatcher_gives(void **state)
{
	uint8_t macs[XDP_SIBLINGS][6];

	for (unsigned i = 0; i < XDP_SIBLINGS; i++)
		memcpy(macs[i], (uint8_t[]){ 2, 0, 0, 0, 0x77, (uint8_t)i }, 6);
	srandom(2);
	for (unsigned i = 0; i < MESSAGES; i++) {
		enum steer_protocol protocol = i % STEER_OTHER;
		uint64_t seed = (uint64_t)random() << 32 ^ (uint64_t)random();

		assert_int_equal(xdp_seed_put(&xdp, seed), 0);
		random_message(protocol);
		assert_int_equal(bucket_in_kernel(macs), bucket_of(protocol, seed));
	}
}

static void what_no_listener_takes_is_moved_nowhere(void **state)
{
	uint8_t macs[XDP_SIBLINGS][6] = { { 2 } }, buckets[XDP_BUCKETS], out[4096];

	memset(buckets, XDP_SIBLING, sizeof(buckets));
	assert_int_equal(xdp_steer_put(&xdp, buckets, macs, 1), 0);
	random_message(STEER_OTHER);
	assert_int_equal(run(out), XDP_PASS);
	random_message(STEER_SIP);
	assert_int_equal(run(out), XDP_TX);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_gives_each_message_the_bucket_that_the_dispatcher_gives),
		cmocka_unit_test(what_no_listener_takes_is_moved_nowhere),
	};

	return is_permitted() ? cmocka_run_group_tests(tests, setup, teardown) : 77;
}
