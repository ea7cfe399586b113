// SPDX-License-Identifier: BSD-3-Clause
//
// Cycles a frame of the stages parse and decode, by themselves, over bursts of warm frames: the table
// that it prints has a row a kind of frame. TSC cycles, the best of many rounds.
#include <stdio.h>
#include <string.h>
#include <x86intrin.h>

#include "dataplane/decode/decode.h"
#include "dataplane/parse.h"
#include "tests/kit/frame.h"

enum { BURST = 64, STRIDE = 2048 + 128, ROUNDS = 20000 };

static struct listeners listeners;
static uint8_t pool[BURST * STRIDE] __attribute__((aligned(64)));
static struct packet packets[BURST];

// Fills the pool with frames like `frame`, each with its own tenant.
static void fill(struct frame *frame)
{
	for (unsigned i = 0; i < BURST; i++) {
		frame->bytes[frame->payload + 7] = (uint8_t)i;
		frame_mend(frame);
		memcpy(pool + (size_t)i * STRIDE, frame->bytes, frame->length);
	}
}

static void parse_all(uint32_t length)
{
	for (unsigned i = 0; i < BURST; i++)
		parse_frame(&listeners, pool + (size_t)i * STRIDE, length, false, &packets[i]);
}

static void decode_burst(void)
{
	for (unsigned i = 0; i < BURST; i++)
		if (packets[i].reason == WEIR_REASON_NONE)
			decode_native(&packets[i]);
}

static void measure(const char *name, struct frame *frame)
{
	uint64_t best_parse = UINT64_MAX, best_decode = UINT64_MAX;

	fill(frame);
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t start = __rdtsc(), middle, end;

		parse_all(frame->length);
		middle = __rdtsc();
		decode_burst();
		end = __rdtsc();
		best_parse = middle - start < best_parse ? middle - start : best_parse;
		best_decode = end - middle < best_decode ? end - middle : best_decode;
	}
	for (unsigned i = 0; i < BURST; i++)
		if (packets[i].reason != WEIR_REASON_NONE)
			printf("%s: frame %u is %s\n", name, i, weir_reason_name(packets[i].reason));
	printf("%-28s %6u %8.1f %8.1f\n", name, frame->length, (double)best_parse / BURST, (double)best_decode / BURST);
}

static void measure_layers(const char *name, unsigned n_vlan, unsigned version, uint16_t size)
{
	static struct frame frame;

	frame_ethernet(&frame);
	for (unsigned i = 0; i < n_vlan; i++)
		frame_vlan(&frame, 0x8100, 7);
	if (version == 4)
		frame_ipv4(&frame, 0);
	else
		frame_ipv6(&frame);
	frame_udp(&frame, 5700);
	frame_native(&frame, size);
	frame_finish(&frame);
	measure(name, &frame);
}

int main(void)
{
	static const struct listener any = {.port = 5700, .protocol = WEIR_NATIVE};

	if (listeners_init(&listeners, &any, 1) < 0)
		return 1;
	printf("%-28s %6s %8s %8s   cycles a frame\n", "frame", "bytes", "parse", "decode");
	measure_layers("IPv4", 0, 4, 2);
	measure_layers("IPv4, one VLAN tag", 1, 4, 2);
	measure_layers("IPv6", 0, 6, 2);
	measure_layers("IPv4, body of 120", 0, 4, 120);
	measure_layers("IPv4, body of 512", 0, 4, 512);
	measure_layers("IPv4, body of 1400", 0, 4, 1400);
	return 0;
}
