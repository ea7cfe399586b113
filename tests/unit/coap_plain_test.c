// SPDX-License-Identifier: BSD-3-Clause
//
// The short way through the CoAP decoder says of every message what the long one does.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/decode/coap_parts.h"
#include "tests/kit/coap.h"

// Messages that go the short way, and such as nearly do.
static const char *const lines[] = {
	"CON 0.02 id:4660 token:a1b2c3d4 11:m 11:t17 11:sms 15:country=DE body:hello",
	"NON 0.03 11:m 11:1001 11:chat 15:country=FR 15:priority=normal",
	"NON 0.02 token:0102030405060708 11:m 11:acme 11:email 15:priority=emergency 15:country=AT body:x",
	"CON 0.02 token:010203040506070809 11:m 11:acme 11:sms",
	"CON 0.02 11:m 11:1 11:8",
	"CON 0.03 token:01 11:m 11:1 11:8",
	"CON 0.02 11:m 11:12345678 11:social body:ok",
	"CON 0.02 11:m 11:123456789 11:12 15:priority=non-urgent",
	"CON 0.02 11:m 11:4294967295 11:voice 15:country=ZZ",
	"CON 0.02 11:m 11:4294967296 11:web 15:priority=urgent body:ok",
	"CON 0.02 11:m 11:00001001 11:push 15:country=DE",
	"CON 0.02 11:m 11:eleven-long 11:sms",
	"CON 0.02 11:m 11:twelve-bytes 11:sms body:ok",
	"CON 0.02 11:m 11:thirteen-long 11:sms body:ok",
	"CON 0.02 11:m 11:acme 11:unspecified 15:country=DE",
	"CON 0.02 11:m 11:acme 11:seventee body:ok",
	"CON 0.02 11:m 11: 11:sms body:ok",
	"CON 0.02 3:acme.example 11:m 11:sms 15:country=DE",
	"CON 0.02 11:m 11:acme 11:sms 15:country=DE 15:country=DE",
	"CON 0.02 11:m 11:acme 11:sms 15:country=DE 15:priority=urgent 15:country=DE",
	"CON 0.02 11:m 11:acme 11:sms 15:priority=urgent 15:priority=urgent",
	"CON 0.02 11:m 11:acme 11:sms 15:priority=urgent 15:country=DE 15:priority=urgent",
	"CON 0.02 11:m 11:acme 11:sms 15:country=DE 11:",
	"CON 0.02 11:m 11:acme 11:sms 15:country=DE 15:answer=agent body:ok",
	"CON 0.02 11:m 11:acme 11:sms 15:priority=norm",
	"CON 0.02 11:m 11:acme 11:sms 15:priority=normally-not-as-long-as-that",
	"CON 0.02 11:m 11:acme 11:sms 15:country=de 15:priority=normal",
	"CON 0.02 11:m 11:acme 11:sms 15:country=DEU",
	"CON 0.02 11:m 11:acme 11:sms 12: 15:country=DE body:ok",
	"CON 0.02 11:m 11:acme 11:sms 17: 258:\x1a body:ok",
	"CON 0.02 11:m 11:acme 11:sms 11:more 15:country=DE",
};
enum { N_LINES = sizeof(lines) / sizeof(lines[0]) };

static uint8_t bytes[KIT_COAP_MAX];

// Both ways of what stands in `bytes`, in a buffer of exactly that size.
static void compare(unsigned n)
{
	struct coap_message message, other;
	uint8_t *exact = malloc(n ? n : 1);
	bool same;

	memcpy(exact, bytes, n);
	memset(&message, 0x5a, sizeof(message));
	memset(&other, 0xa5, sizeof(other));
	same = coap_parse(exact, n, &message) == coap_parse_any(exact, n, &other) && kit_coap_same(&message, &other);
	for (unsigned i = 0; !same && i < n; i++)
		print_error("%02x%s", exact[i], i + 1 < n ? "" : "\n");
	assert_true(same);
	free(exact);
}

static void both_ways_agree_on_every_cut_of_a_message(void **state)
{
	for (unsigned i = 0; i < N_LINES; i++) {
		unsigned n = (unsigned)kit_coap(bytes, lines[i]);

		for (unsigned cut = 0; cut <= n; cut++)
			compare(cut);
	}
}

static void both_ways_agree_whatever_a_byte_is(void **state)
{
	for (unsigned i = 0; i < N_LINES; i++) {
		unsigned n = (unsigned)kit_coap(bytes, lines[i]);

		for (unsigned at = 0; at < n; at++) {
			uint8_t was = bytes[at];

			for (unsigned byte = 0; byte < 256; byte++) {
				bytes[at] = (uint8_t)byte;
				compare(n);
			}
			bytes[at] = was;
		}
	}
}

static void both_ways_agree_where_a_byte_is_left_out_or_stands_twice(void **state)
{
	for (unsigned i = 0; i < N_LINES; i++) {
		unsigned n = (unsigned)kit_coap(bytes, lines[i]);

		for (unsigned at = 0; at < n; at++) {
			kit_coap(bytes, lines[i]);
			memmove(bytes + at, bytes + at + 1, n - at - 1);
			compare(n - 1);
			kit_coap(bytes, lines[i]);
			memmove(bytes + at + 1, bytes + at, n - at);
			compare(n + 1);
		}
	}
}

static void both_ways_agree_on_every_first_two_bytes(void **state)
{
	unsigned n = (unsigned)kit_coap(bytes, lines[0]);

	for (unsigned first = 0; first < 65536; first++) {
		bytes[0] = (uint8_t)(first >> 8);
		bytes[1] = (uint8_t)first;
		compare(n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways_agree_on_every_cut_of_a_message),
		cmocka_unit_test(both_ways_agree_whatever_a_byte_is),
		cmocka_unit_test(both_ways_agree_where_a_byte_is_left_out_or_stands_twice),
		cmocka_unit_test(both_ways_agree_on_every_first_two_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
