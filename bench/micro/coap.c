// SPDX-License-Identifier: BSD-3-Clause
//
// Cycles of what a CoAP message costs by itself: parse of its frame, decode, its answer, and the memory of repetitions.
// Bursts of 64 over 4,096 messages of about 40 bytes: all of one shape, and of many (tenants by name, id and host,
// channels, arguments, tokens, in random order), so that no branch is learned by heart. TSC cycles a message: median,
// lowest and highest percent of the bursts.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <x86intrin.h>

#include "dataplane/decode/coap_answer.h"
#include "dataplane/parse.h"
#include "dataplane/repeat.h"
#include "tests/kit/coap.h"
#include "tests/kit/frame.h"
#include "tests/kit/rules.h"

enum { BURST = 64, MESSAGES = 4096, STRIDE = 256, ROUNDS = 60, BURSTS = MESSAGES / BURST, REPEAT_MB = 256 };

static struct listeners listeners;
static uint8_t frames[MESSAGES][STRIDE];
static uint32_t length[MESSAGES];
static struct packet packet[MESSAGES];
static struct coap_message message[MESSAGES];
static uint64_t cycles[ROUNDS * BURSTS], result;
static unsigned n_cycles;

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void report(const char *name)
{
	qsort(cycles, n_cycles, sizeof(cycles[0]), by_size);
	printf("%-44s %8.1f %8.1f %8.1f\n", name, (double)cycles[n_cycles / 2] / BURST,
	       (double)cycles[n_cycles / 100] / BURST, (double)cycles[n_cycles * 99 / 100] / BURST);
	n_cycles = 0;
}

// One burst at a time over all messages, each measured.
static void measure(const char *name, void (*work)(unsigned first))
{
	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned burst = 0; burst < BURSTS; burst++) {
			uint64_t start = __rdtsc();

			work(burst * BURST);
			cycles[n_cycles++] = __rdtsc() - start;
		}
	report(name);
}

static const char *pick(uint64_t *random, const char *const *words, unsigned n)
{
	return words[kit_random_below(random, n)];
}

static void line_of_many_shapes(uint64_t *random, char line[200])
{
	static const char *const tokens[] = { "", "token:01", "token:0102", "token:01020304",
					      "token:0102030405060708" };
	static const char *const places[] = { "11:m 11:acme", "11:m 11:1001", "3:acme.example 11:m",
					      "11:m 11:globex-europe", "11:m 11:4000000000" };
	static const char *const arguments[] = { "",
						 "15:country=DE",
						 "15:priority=urgent",
						 "15:country=FR 15:priority=normal",
						 "15:priority=emergency 15:country=AT",
						 "15:country=CH 258:\x1a" };
	static const char *const bodies[] = { "body:hello", "body:ok", "body:a-longer-body-here", "" };

	snprintf(line, 200, "%s 0.0%u id:%u %s %s 11:%s %s %s", kit_random_below(random, 2) ? "CON" : "NON",
		 2 + kit_random_below(random, 2), kit_random_below(random, 65536), pick(random, tokens, 5),
		 pick(random, places, 5), weir_channel_name(kit_random_below(random, 8)), pick(random, arguments, 6),
		 pick(random, bodies, 4));
}

static void fill(bool many)
{
	static uint8_t bytes[KIT_COAP_MAX];
	uint64_t random = 7, total = 0;
	char line[200] = "CON 0.02 id:7 token:01020304 11:m 11:acme 11:sms 15:country=DE body:hello678";

	for (unsigned i = 0; i < MESSAGES; i++) {
		static struct frame frame;
		size_t n;

		if (many)
			line_of_many_shapes(&random, line);
		n = kit_coap(bytes, line);
		total += n;
		frame_ethernet(&frame);
		frame_ipv4(&frame, 0);
		frame_udp(&frame, 5683);
		frame_push(&frame, bytes, n);
		frame_finish(&frame);
		memcpy(frames[i], frame.bytes, frame.length);
		length[i] = frame.length;
	}
	printf("%s: %.0f bytes on average\n", many ? "many shapes" : "one shape", (double)total / MESSAGES);
}

static void run_parse(unsigned first)
{
	struct payloads payloads;

	for (unsigned i = first; i < first + BURST; i++)
		packet[i] = (struct packet){ .data = frames[i], .length = length[i] };
	result += parse_burst(&listeners, &packet[first], BURST, false, &payloads);
}

static void run_decode(unsigned first)
{
	for (unsigned i = first; i < first + BURST; i++)
		result += coap_parse(packet[i].data + packet[i].payload, packet[i].payload_length, &message[i]);
}

static void run_answer(unsigned first)
{
	static const struct coap_answer busy = { COAP_CODE(5, 3), 0, 30, "busy", 4 };
	uint8_t out[100];

	for (unsigned i = first; i < first + BURST; i++) {
		struct coap_origin origin;

		coap_origin_get(&origin, packet[i].data + packet[i].payload, &message[i]);
		result += (uint64_t)coap_answer_format(out, sizeof(out), &origin, &busy) + out[0];
	}
}

static struct repeat repeat;
static uint64_t key[BURST];
static uint32_t sender, ticks;

static void run_key(unsigned first)
{
	for (unsigned i = 0; i < BURST; i++) {
		struct repeat_ends ends = { .source_port = (uint16_t)i, .id = (uint16_t)sender, .ip_version = 4 };

		memcpy(ends.address, &sender, sizeof(sender));
		key[i] = repeat_key(&repeat, &ends);
		sender++;
	}
}

static struct repeat_names names;

static void run_keys(unsigned first)
{
	for (names.n = 0; names.n < BURST; names.n++) {
		uint64_t *word = repeat_names_next(&names);

		word[0] = word[REPEAT_LANES] = sender++;
		word[2 * REPEAT_LANES] = UINT64_C(16) << 56;
		names.count[names.n] = 3;
	}
	repeat_keys(repeat.secret, &names, key);
}

static void run_claim(unsigned first)
{
	for (unsigned i = 0; i < BURST; i++)
		repeat_prefetch(&repeat, key[i]);
	for (unsigned i = 0; i < BURST; i++)
		result += repeat_claim(&repeat, key[i], ticks);
}

static void run_claim_alone(unsigned first)
{
	for (unsigned i = 0; i < BURST; i++)
		result += repeat_claim(&repeat, key[i], ticks);
}

static void run_put(unsigned first)
{
	for (unsigned i = 0; i < BURST; i++)
		repeat_put(&repeat, key[i], REPEAT_OWNERS);
}

// Parts of one turn, each measured by itself: `work` after `before`.
static void measure_after(const char *name, void (*before)(unsigned), void (*work)(unsigned))
{
	for (unsigned burst = 0; burst < ROUNDS * BURSTS; burst++) {
		uint64_t start;

		before(0);
		start = __rdtsc();
		work(0);
		cycles[n_cycles++] = __rdtsc() - start;
		ticks += burst % 16 == 0;
	}
	report(name);
}

static void claim_and_key(unsigned first)
{
	run_key(first);
	run_claim(first);
}

static void measure_repeat(void)
{
	static const uint8_t secret[SIPHASH_KEY_SIZE] = "of the benchmark";

	if (repeat_init(&repeat, (size_t)REPEAT_MB << 20, 247, secret) != 0)
		exit(3);
	printf("memory of repetitions, %d MB\n", REPEAT_MB);
	measure("key, IPv4", run_key);
	measure("key, IPv4, of a burst", run_keys);
	measure_after("claim, new, line not in cache, prefetched", run_key, run_claim);
	measure_after("claim, new, line not in cache, alone", run_key, run_claim_alone);
	measure_after("claim, repeated, in cache", claim_and_key, run_claim_alone);
	measure_after("put, in cache", claim_and_key, run_put);
	repeat_fini(&repeat);
}

int main(void)
{
	static const struct listener any = { .port = 5683, .protocol = WEIR_COAP };

	if (listeners_init(&listeners, &any, 1) < 0)
		return 1;
	printf("%-44s %8s %8s %8s   cycles a message\n", "", "p50", "p1", "p99");
	for (unsigned many = 0; many < 2; many++) {
		fill(many);
		measure("parse", run_parse);
		measure("decode", run_decode);
		measure("answer, busy", run_answer);
	}
	measure_repeat();
	return result == 1;
}
