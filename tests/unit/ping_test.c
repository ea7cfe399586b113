// SPDX-License-Identifier: BSD-3-Clause
#include "controlplane/ping.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static unsigned status; // that the last answer said

// Whether `n` bytes answer it, from a place of exactly that size, so that a sanitizer sees each byte too many.
static enum ping_answer says(const struct ping *ping, const void *data, size_t n)
{
	uint8_t *copy = malloc(n + !n);
	enum ping_answer answer;

	memcpy(copy, data, n);
	status = 0;
	answer = ping_answers(ping, copy, n, &status);
	free(copy);
	return answer;
}

static struct ping make(enum weir_probe probe)
{
	return (struct ping){ .probe = probe,
			      .token = UINT64_C(0x1122334455667788),
			      .here = "192.0.2.1:40000",
			      .there = "192.0.2.9:5060" };
}

static void a_native_ping_is_the_message_that_the_decision_shows(void **state)
{
	static const uint8_t bytes[] = { 0x57, 0x11, 3, 15, 0xff, 0xff, 0xff, 0xff,
					 0,    0,    0, 0,  0x55, 0x66, 0x77, 0x88 };
	struct ping ping = make(WEIR_PROBE_NATIVE);
	uint8_t out[PING_MAX];

	(void)state;
	assert_int_equal(ping_format(&ping, out, sizeof(out)), sizeof(bytes));
	assert_memory_equal(out, bytes, sizeof(bytes));
	assert_int_equal(ping_format(&ping, out, sizeof(bytes) - 1), 0);
}

static void any_status_of_the_same_message_answers_a_native_ping(void **state)
{
	struct ping ping = make(WEIR_PROBE_NATIVE);
	uint8_t reply[20];

	(void)state;
	ping_format(&ping, reply, sizeof(reply));
	assert_false(says(&ping, reply, 16)); // an echo
	reply[1] = 0x12;
	for (reply[2] = 0; reply[2] < 3; reply[2]++)
		assert_true(says(&ping, reply, 16));
	assert_false(says(&ping, reply, 16));
	reply[2] = 2;
	reply[11] = 4;
	assert_true(says(&ping, reply, 20)); // busy, with its seconds
	assert_false(says(&ping, reply, 19));
}

static void no_changed_byte_of_a_native_reply_passes(void **state)
{
	struct ping ping = make(WEIR_PROBE_NATIVE);
	uint8_t reply[16];

	(void)state;
	ping_format(&ping, reply, sizeof(reply));
	reply[1] = 0x12;
	reply[2] = 0;
	for (unsigned i = 0; i < sizeof(reply); i++) {
		reply[i] ^= 0x80;
		assert_false(says(&ping, reply, sizeof(reply)));
		reply[i] ^= 0x80;
	}
	for (unsigned n = 0; n < sizeof(reply); n++)
		assert_false(says(&ping, reply, n));
	assert_true(says(&ping, reply, sizeof(reply)));
}

static void a_reset_or_an_acknowledgement_answers_a_coap_ping(void **state)
{
	struct ping ping = make(WEIR_PROBE_COAP);
	uint8_t out[8] = { 0 };

	(void)state;
	assert_int_equal(ping_format(&ping, out, sizeof(out)), 4);
	assert_memory_equal(out, "\x40\x00\x77\x88", 4);
	assert_int_equal(says(&ping, out, 4), PING_NONE);
	for (unsigned first = 0; first < 256; first++) {
		out[0] = (uint8_t)first;
		assert_int_equal(says(&ping, out, 4), first == 0x60 || first == 0x70 ? PING_ALIVE : PING_NONE);
	}
	for (unsigned i = 2; i < 4; i++) {
		assert_int_equal(says(&ping, "\x70\x00\x77\x88", 4), PING_ALIVE);
		assert_int_equal(says(&ping, i == 2 ? "\x70\x00\x76\x88" : "\x70\x00\x77\x89", 4), PING_NONE);
		assert_int_equal(says(&ping, "\x70\x00\x77\x88", i), PING_NONE);
	}
}

static void what_says_more_than_a_coap_ping_asked_is_taken_from_an_acknowledgement_alone(void **state)
{
	struct ping ping = make(WEIR_PROBE_COAP);

	(void)state;
	assert_int_equal(says(&ping, "\x60\x84\x77\x88", 4), PING_ALIVE); // 4.04
	assert_int_equal(says(&ping, "\x60\x84\x77\x88\xff!", 6), PING_ALIVE);
	assert_int_equal(says(&ping, "\x70\x84\x77\x88", 4), PING_NONE);
	assert_int_equal(says(&ping, "\x70\x00\x77\x88\x00", 5), PING_NONE);
	assert_int_equal(says(&ping, "\x60\x00\x77\x88\x00", 5), PING_NONE);
	assert_int_equal(says(&ping, "\x61\x84\x77\x88\x01", 5), PING_NONE); // a token that was not sent
}

static void a_sip_ping_has_what_a_request_must_have(void **state)
{
	static const char *const needed[] = { "OPTIONS sip:192.0.2.9:5060 SIP/2.0\r\n",
					      "\r\nVia: SIP/2.0/UDP 192.0.2.1:40000;branch=z9hG4bK",
					      "\r\nMax-Forwards: ",
					      "\r\nFrom: <sip:",
					      ";tag=",
					      "\r\nTo: <sip:192.0.2.9:5060>\r\n",
					      "\r\nCall-ID: 1122334455667788@weir\r\n",
					      "\r\nCSeq: 143727010 OPTIONS\r\n",
					      "\r\n\r\n" };
	struct ping ping = make(WEIR_PROBE_SIP);
	char out[PING_MAX + 1] = "";

	(void)state;
	assert_in_range(ping_format(&ping, (uint8_t *)out, PING_MAX), 100, PING_MAX);
	for (unsigned i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		assert_non_null(strstr(out, needed[i]));
	assert_int_equal(ping_format(&ping, (uint8_t *)out, 100), 0);
}

// What a response says with these lines: status line, Via, Call-ID, CSeq.
static enum ping_answer sip(const char *start, const char *via, const char *call_id, const char *sequence)
{
	struct ping ping = make(WEIR_PROBE_SIP);
	char text[600];

	snprintf(text, sizeof(text),
		 "%s\r\n%s\r\nFrom: <sip:weir@192.0.2.1:40000>;tag=55667788\r\nTo: <sip:192.0.2.9:5060>;tag=a\r\n%s\r\n%s\r\n\r\n",
		 start, via, call_id, sequence);
	return says(&ping, text, strlen(text));
}

#define OK "SIP/2.0 200 OK"
#define VIA "Via: SIP/2.0/UDP 192.0.2.1:40000;branch=z9hG4bK1122334455667788;rport=40000;received=192.0.2.1"
#define CALL_ID "Call-ID: 1122334455667788@weir"
#define CSEQ "CSeq: 143727010 OPTIONS"

static void a_final_response_to_the_same_request_answers_a_sip_ping(void **state)
{
	(void)state;
	assert_int_equal(sip(OK, VIA, CALL_ID, CSEQ), PING_ALIVE);
	assert_int_equal(sip(OK, "v:SIP/2.0/UDP h;branch=z9hG4bK1122334455667788", "i:1122334455667788@weir ",
			     "cseq :\t143727010 \tOPTIONS"),
			 PING_ALIVE);
	assert_int_equal(sip("SIP/2.0 100 Trying", VIA, CALL_ID, CSEQ), PING_NONE);
	assert_int_equal(sip("SIP/2.0 199 Early", VIA, CALL_ID, CSEQ), PING_NONE);
	assert_int_equal(sip("OPTIONS sip:x SIP/2.0", VIA, CALL_ID, CSEQ), PING_NONE);
	assert_int_equal(sip("HTTP/1.1 200 OK", VIA, CALL_ID, CSEQ), PING_NONE);
	assert_int_equal(sip(OK, "Via: SIP/2.0/UDP h;branch=z9hG4bK1122334455667789", CALL_ID, CSEQ), PING_NONE);
	assert_int_equal(sip(OK, "Via: SIP/2.0/UDP h;branch=z9hG4bK112233445566778", CALL_ID, CSEQ), PING_NONE);
	assert_int_equal(sip(OK, "Via: SIP/2.0/UDP h, SIP/2.0/UDP i;branch=z9hG4bK1122334455667788", CALL_ID, CSEQ), PING_NONE);
	assert_int_equal(sip(OK, "Subject: none", CALL_ID, CSEQ), PING_NONE);
	assert_int_equal(sip(OK, VIA, "Call-ID: 2122334455667788@weir", CSEQ), PING_NONE);
	assert_int_equal(sip(OK, VIA, "Subject: none", CSEQ), PING_NONE);
	assert_int_equal(sip(OK, VIA, CALL_ID, "CSeq: 143727010 INVITE"), PING_NONE);
	assert_int_equal(sip(OK, VIA, CALL_ID, "CSeq: 1437270100 OPTIONS"), PING_NONE);
	assert_int_equal(sip(OK, VIA, CALL_ID, "CSeq: 143727011 OPTIONS"), PING_NONE);
	assert_int_equal(sip(OK, VIA, CALL_ID, "Subject: none\r\n\r\nCSeq: 143727010 OPTIONS"), PING_NONE);
}

static void by_its_status_a_sip_member_lives_or_is_away(void **state)
{
	static const unsigned away[] = { 408, 500, 502, 503, 504, 505, 513, 580, 599 };

	(void)state;
	for (unsigned code = 200; code < 700; code++) {
		enum ping_answer wanted = PING_ALIVE;
		char start[32];

		for (unsigned i = 0; i < sizeof(away) / sizeof(away[0]); i++)
			wanted = code == away[i] ? PING_AWAY : wanted;
		if (code > 505 && code < 600)
			wanted = PING_AWAY;
		snprintf(start, sizeof(start), "SIP/2.0 %u Said", code);
		assert_int_equal(sip(start, VIA, CALL_ID, CSEQ), wanted);
		assert_int_equal(status, code);
	}
}

static void what_is_cut_answers_no_sip_ping_before_it_has_all_that_counts(void **state)
{
	static const char text[] = OK "\r\n" VIA "\r\n" CALL_ID "\r\n" CSEQ "\r\nFrom: a\r\n\r\n";
	struct ping ping = make(WEIR_PROBE_SIP);

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++)
		if (says(&ping, text, n) != PING_NONE)
			assert_true(n >= (size_t)(strstr(text, "OPTIONS") + 7 - text));
	assert_int_equal(says(&ping, text, sizeof(text) - 1), PING_ALIVE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_native_ping_is_the_message_that_the_decision_shows),
		cmocka_unit_test(any_status_of_the_same_message_answers_a_native_ping),
		cmocka_unit_test(no_changed_byte_of_a_native_reply_passes),
		cmocka_unit_test(a_reset_or_an_acknowledgement_answers_a_coap_ping),
		cmocka_unit_test(what_says_more_than_a_coap_ping_asked_is_taken_from_an_acknowledgement_alone),
		cmocka_unit_test(a_sip_ping_has_what_a_request_must_have),
		cmocka_unit_test(a_final_response_to_the_same_request_answers_a_sip_ping),
		cmocka_unit_test(by_its_status_a_sip_member_lives_or_is_away),
		cmocka_unit_test(what_is_cut_answers_no_sip_ping_before_it_has_all_that_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
