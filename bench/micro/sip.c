// SPDX-License-Identifier: BSD-3-Clause
//
// Cycles of what a SIP message costs by itself: decode, what tells retransmissions, its answer. Bursts of 64 over 1,024
// messages of about 350 bytes: all of one shape, and of many (lines folded, compact, in any order), so that no branch
// is learned by heart. TSC cycles a message: median, lowest and highest percent of the bursts.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <x86intrin.h>

#include "dataplane/decode/sip_answer.h"
#include "dataplane/decode/sip_transaction.h"

enum { BURST = 64, MESSAGES = 1024, STRIDE = 1024, ROUNDS = 200, BURSTS = MESSAGES / BURST, SHUFFLED = 10 };

static uint8_t bytes[MESSAGES][STRIDE];
static unsigned length[MESSAGES];
static struct sip_message message[MESSAGES];
static uint64_t transaction[MESSAGES], cycles[ROUNDS * BURSTS], result;
static const uint8_t key[SIPHASH_KEY_SIZE] = "of the benchmark";

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void measure(const char *name, void (*work)(unsigned i))
{
	unsigned n = 0;

	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned first = 0; first < MESSAGES; first += BURST) {
			uint64_t start = __rdtsc();

			for (unsigned i = first; i < first + BURST; i++)
				work(i);
			cycles[n++] = __rdtsc() - start;
		}
	qsort(cycles, n, sizeof(cycles[0]), by_size);
	printf("%-44s %8.1f %8.1f %8.1f\n", name, (double)cycles[n / 2] / BURST, (double)cycles[n / 100] / BURST,
	       (double)cycles[n * 99 / 100] / BURST);
}

static const char *pick(const char *a, const char *b)
{
	return rand() & 1 ? a : b;
}

// One of the lines of a message, in one of its forms.
static int line(char *out, unsigned which, bool many)
{
	const bool other = many && rand() % 2;
	const unsigned id = (unsigned)rand();

	switch (which) {
	case 0: return sprintf(out, other ? "v:SIP/2.0/UDP 192.0.2.%u;branch=z9hG4bK%08x\r\n" :
			       "Via: SIP/2.0/UDP pc%u.example.com:5060;rport;branch=z9hG4bK%08x\r\n", id % 200, id);
	case 1: return sprintf(out, other ? "f:\"Anna\r\n K.\" <tel:+49-30-%u>;tag=%x\r\n" :
				    "From: <sip:+4930%07u@carrier.example;user=phone>;tag=%x\r\n", id % 9999999, id);
	case 2: return sprintf(out, other ? "t: sip:o%u@acme.example\r\n" :
			       "To: <sip:orders%u@acme.example>\r\n", id % 100);
	case 3: return sprintf(out, "%s: %08x@%s\r\n", other ? "i" : "Call-ID", id, pick("1.2.3.4", "pc.example.com"));
	case 4: return sprintf(out, "CSeq: %u MESSAGE\r\n", id % 1000);
	case 5: return sprintf(out, "Max-Forwards: 70\r\n");
	case 6: return sprintf(out, "%s: text/plain\r\n", other ? "c" : "Content-Type");
	case 7: return sprintf(out, other ? "l: 9\r\n" : "Content-Length: 9\r\n");
	case 8: return sprintf(out, "Priority: %s\r\n", many ? pick("urgent", "non-urgent") : "normal");
	default: return sprintf(out, "%s\r\n", many ? pick("User-Agent: a/1.0", "Allow: MESSAGE") : "Expires: 0");
	}
}

static void fill(bool many)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < MESSAGES; i++) {
		char *out = (char *)bytes[i];
		unsigned order[SHUFFLED];
		int n = sprintf(out, "MESSAGE sip:%s@acme.example SIP/2.0\r\n", many ? pick("o", "orders") : "orders");

		for (unsigned k = 0; k < SHUFFLED; k++) {
			unsigned other = many ? (unsigned)rand() % (k + 1) : k;

			order[k] = order[other];
			order[other] = k;
		}
		for (unsigned k = 0; k < SHUFFLED; k++)
			n += line(out + n, order[k], many);
		n += sprintf(out + n, "\r\nhi there!");
		length[i] = (unsigned)n;
		total += length[i];
	}
	printf("%s: %.0f bytes on average\n", many ? "many shapes" : "one shape", (double)total / MESSAGES);
}

static void run_decode(unsigned i)
{
	result += sip_parse(bytes[i], length[i], &message[i]);
}

static void run_transaction(unsigned i)
{
	result += transaction[i] = sip_transaction(bytes[i], &message[i], key);
}

static void run_answer(unsigned i)
{
	static const struct sip_answer busy = { .status = SIP_STATUS_UNAVAILABLE, .retry_after = 30 };
	struct sip_request request = { bytes[i], length[i], &message[i], { { 192, 0, 2, 1 }, 4, 40000 },
				       transaction[i] };
	struct sip_peer place;
	uint8_t out[1500];

	sip_answer_place(&request, &place);
	result += (uint64_t)sip_answer_format(&request, &busy, out, sizeof(out)) + out[20] + place.port;
}

static void measure_all(bool many)
{
	fill(many);
	measure("decode", run_decode);
	for (unsigned i = 0; i < MESSAGES; i++)
		if (message[i].fault != WEIR_REASON_NONE)
			printf("message %u is %s\n", i, weir_reason_name(message[i].fault));
	measure("transaction", run_transaction);
	measure("answer, with its place", run_answer);
}

int main(void)
{
	srand(7);
	printf("%-44s %8s %8s %8s   cycles a message\n", "", "median", "p1", "p99");
	measure_all(false);
	measure_all(true);
	return result == 0; // so that nothing is left out
}
