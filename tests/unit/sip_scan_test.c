// SPDX-License-Identifier: BSD-3-Clause
//
// The steps that SIP decoding stands on, and what has a shorter way: white space, classes of bytes, digits.
#include "dataplane/decode/sip_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/decode/sip_header.h"
#include "tests/kit/sip.h"

static struct sip_case one;

// Most have no white space and are read in a shorter way, which must not tell otherwise.
static void white_space_in_parameters_changes_nothing(void **state)
{
	static const struct {
		const char *from, *via, *rport;
	} forms[] = { { "<sip:+491:pw@h.example>;x=y;tag=a1;z", "SIP/2.0/UDP h;rport;branch=z9;x=y;received=::1", ";rport" },
		      { "<sip:+491:pw@h.example> ; x = y ; tag = a1 ; z", "SIP/2.0/UDP h ; rport ; branch = z9 ; x ;received=::1",
			"; rport " },
		      { "N <SIP:+491:pw@h.example:5060>;TAG=a1", "SIP/2.0/UDP h;RPORT;BRANCH=z9;received=::1,x", ";RPORT" },
		      { "<sip:+491:pw@h.example;u=v>;tag=a1;tags=b;ta=c",
			"SIP/2.0/UDP h;rports;rport;rpor=5;branch=z9 ;branches=2;received=::1",
			";rport" } };
	static const char *const lost[] = { "SIP/2.0/UDP h;branch=z9 x", "SIP/2.0/UDP h;branch=z9\"", "SIP/2.0/UDP h;branch=;rport",
		"SIP/2.0/UDP h;rport=", "SIP/2.0/UDP h;rport x", "SIP/2.0/UDP h;branch=z9;rport;branch=z9", "SIP/2.0/UDP h;rport;rport=1" };
	char line[200];

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		snprintf(line, sizeof(line), "From: %s", forms[i].from);
		is_good(line);
		says(one.message.number[0], "+491");
		says(one.message.from_tag, "a1");
		snprintf(line, sizeof(line), "Via: %s", forms[i].via);
		is_good(line);
		says(one.message.via.branch, "z9");
		says(one.message.via.rport, forms[i].rport);
		says(one.message.via.received, ";received=::1");
	}
	for (size_t i = 0; i < sizeof(lost) / sizeof(lost[0]); i++) {
		snprintf(line, sizeof(line), "Via: %s", lost[i]);
		is_fault(line, WEIR_REASON_SIP_VIA);
	}
}

static void white_space_around_values_is_not_of_them(void **state)
{
	static const char *const forms[] = { "Content-Type:a/b", "Content-Type: a/b", "Content-Type:  a/b", "Content-Type:\ta/b",
		"Content-Type: a/b ", "Content-Type: a/b\t\t", "Content-Type:\r\n a/b", "Content-Type: a/b\r\n \r\n\t" };
	uint8_t two[2];

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		is_good(forms[i]);
		says(one.message.type, "a/b");
	}
	for (unsigned i = 0; i < 65536; i++) {
		two[0] = (uint8_t)(i >> 8);
		two[1] = (uint8_t)i;
		assert_int_equal(sip_is_before_text(two, ' '), two[0] == ' ' && two[1] > ' ');
	}
}

// A stretch of `good` bytes with another byte behind it, at each place around the edges of blocks of 32.
static void classes_of_many_bytes_are_those_of_one(void **state)
{
	for (unsigned class = 0; class < SIP_N_CLASSES; class++) {
		uint8_t bytes[120];
		unsigned good = 0;

		while (!sip_is((uint8_t)good, 1u << class))
			good++;
		for (unsigned byte = 0; byte < 256; byte++) {
			for (unsigned stop = 0; stop < 70; stop++) {
				unsigned from = stop * 7 % (stop + 1), end = stop + 1 + stop % 49;
				size_t there = end < SIP_LEAST ? SIP_LEAST : end;
				uint8_t *exact = malloc(there);

				memset(bytes, (int)good, sizeof(bytes));
				bytes[stop] = (uint8_t)byte;
				memcpy(exact, bytes, there);
				assert_int_equal(sip_skip(exact, from, end, 1u << class),
						 sip_is((uint8_t)byte, 1u << class) ? end : stop);
				assert_int_equal(sip_find(exact, from, end, (char)byte), byte == good ? from : stop);
				free(exact);
			}
		}
	}
}

// Of `text` from `pos` to `end`, as sip_digits has it.
static int64_t digit_by_digit(const char *text, unsigned *pos, unsigned end, int64_t most)
{
	unsigned first = *pos;
	int64_t number = 0;

	for (; *pos < end && text[*pos] >= '0' && text[*pos] <= '9'; (*pos)++)
		number = number > most ? number : number * 10 + (text[*pos] - '0');
	return *pos == first || number > most ? -1 : number;
}

static void a_number_is_what_its_digits_are_however_many_and_wherever(void **state)
{
	static const int64_t mosts[] = { 0, 699, 65535, INT32_MAX };
	char text[SIP_LEAST];

	for (unsigned turn = 0; turn < 20000; turn++) {
		unsigned end = (unsigned)rand() % (SIP_LEAST + 1), pos = (unsigned)rand() % (end + 1), n = (unsigned)rand() % 13;
		int64_t most = mosts[turn % 4];

		for (unsigned i = 0; i < SIP_LEAST; i++)
			text[i] = (char)(i - pos < n ? '0' + rand() % (turn % 2 ? 10 : 2) : rand());
		for (unsigned at = pos; at <= end; at++) {
			unsigned ours = at, theirs = at;

			assert_int_equal(sip_digits((const uint8_t *)text, &ours, end, most),
					 digit_by_digit(text, &theirs, end, most));
			assert_int_equal(ours, theirs);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(white_space_in_parameters_changes_nothing),
		cmocka_unit_test(white_space_around_values_is_not_of_them),
		cmocka_unit_test(classes_of_many_bytes_are_those_of_one),
		cmocka_unit_test(a_number_is_what_its_digits_are_however_many_and_wherever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
