// SPDX-License-Identifier: BSD-3-Clause
//
// The libc-only part of the corridor, stage by stage over bursts, for a tool that counts instructions
// (bench/instructions):
//     micro_instructions TABLE.image NATIVE.pcap SIP.pcap COAP.pcap
// Each stage is a function of its own name, count_STAGE, called for all frames of its capture. Prints how many frames
// those are, and fails where a frame does not go through.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/pktgen/deck.h"
#include "dataplane/decode/native_burst.h"
#include "dataplane/request.h"
#include "dataplane/triage.h"
#include "rules/lookup.h"

enum { BURST = 64, FRAMES = 4096 };
#define STAGE __attribute__((noinline)) static void

static struct listeners listeners;
static struct table table;
static struct deck deck;
static struct packet packet[FRAMES];
static struct payloads payloads[FRAMES / BURST];
static struct messages messages[FRAMES / BURST];
static uint32_t slot[FRAMES], class[FRAMES], verdict[FRAMES];
static unsigned failed;

static void parse_all(void)
{
	for (unsigned b = 0; b < FRAMES / BURST; b++)
		failed += ~parse_burst(&listeners, &packet[b * BURST], BURST, false, &payloads[b]) != 0;
}

STAGE count_parse(void)
{
	parse_all();
}

STAGE count_parse_coap(void)
{
	parse_all();
	__asm__ volatile(""); // or it were the same function as count_parse
}

STAGE count_decode(void)
{
	for (unsigned b = 0; b < FRAMES / BURST; b++)
		failed += decode_native_burst(&payloads[b], BURST, &messages[b]) != 0;
}

STAGE count_tenants(void)
{
	for (unsigned b = 0; b < FRAMES / BURST; b++)
		table_find_tenants(&table, messages[b].tenant, BURST, &slot[b * BURST], &class[b * BURST]);
}

STAGE count_verdicts(void)
{
	for (unsigned b = 0; b < FRAMES / BURST; b++) {
		const struct messages *m = &messages[b];
		const struct triage_keys keys = { &class[b * BURST], m->country, m->size, m->kind };

		table_find_verdicts(&table, &keys, BURST, &verdict[b * BURST]);
	}
}

static void decode_all(void)
{
	struct request request;

	for (unsigned i = 0; i < FRAMES; i++) {
		request_decode(&table, &packet[i], &request);
		failed += packet[i].reason != WEIR_REASON_NONE;
	}
}

STAGE count_sip(void)
{
	decode_all();
}

STAGE count_coap(void)
{
	decode_all();
	__asm__ volatile(""); // or it were the same function as count_sip
}

// The frames of a capture.
static int deal(const char *path)
{
	char why[256];

	deck_fini(&deck);
	if (deck_read(&deck, path, why, sizeof(why))) {
		fprintf(stderr, "%s: %s\n", path, why);
		return -1;
	}
	for (unsigned i = 0; i < FRAMES; i++) {
		const struct deck_frame *frame = &deck.frames[i % deck.n];

		packet[i] = (struct packet){ .data = deck.bytes + frame->at, .length = frame->length };
	}
	return 0;
}

static int deal_parsed(const char *path)
{
	if (deal(path))
		return -1;
	for (unsigned i = 0; i < FRAMES; i++) {
		const struct deck_frame *frame = &deck.frames[i % deck.n];

		parse_frame(&listeners, deck.bytes + frame->at, frame->length, false, &packet[i]);
	}
	return 0;
}

static int open_table(const char *path)
{
	FILE *file = fopen(path, "rbe");
	long size = file && fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
	void *image = size > 0 ? aligned_alloc(4096, ((size_t)size + 4095) / 4096 * 4096) : NULL;
	char why[256] = "cannot be read";
	int err = -1;

	if (image) {
		rewind(file);
		if (fread(image, 1, (size_t)size, file) == (size_t)size)
			err = table_open(&table, image, (size_t)size, why, sizeof(why));
	}
	if (file)
		fclose(file);
	if (err)
		fprintf(stderr, "%s: %s\n", path, why);
	return err;
}

int main(int n, char **list)
{
	static const struct listener services[] = { { .protocol = WEIR_NATIVE, .port = 5700 },
						    { .protocol = WEIR_SIP, .port = 5060 },
						    { .protocol = WEIR_COAP, .port = 5683 } };

	if (n != 5 || listeners_init(&listeners, services, 3) || open_table(list[1]) || deal(list[2]))
		return 2;
	count_parse();
	count_decode();
	count_tenants();
	count_verdicts();
	if (deal_parsed(list[3]))
		return 2;
	count_sip();
	if (deal(list[4]))
		return 2;
	count_parse_coap();
	count_coap();
	printf("%d\n", FRAMES);
	return failed != 0;
}
