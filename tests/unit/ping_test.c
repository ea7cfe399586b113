// SPDX-License-Identifier: BSD-3-Clause
#include "controlplane/ping.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

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
	assert_false(ping_answers(&ping, reply, 16)); // an echo
	reply[1] = 0x12;
	for (reply[2] = 0; reply[2] < 3; reply[2]++)
		assert_true(ping_answers(&ping, reply, 16));
	assert_false(ping_answers(&ping, reply, 16));
	reply[2] = 2;
	reply[11] = 4;
	assert_true(ping_answers(&ping, reply, 20)); // busy, with its seconds
	assert_false(ping_answers(&ping, reply, 19));
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
		assert_false(ping_answers(&ping, reply, sizeof(reply)));
		reply[i] ^= 0x80;
	}
	for (unsigned n = 0; n < sizeof(reply); n++)
		assert_false(ping_answers(&ping, reply, n));
	assert_true(ping_answers(&ping, reply, sizeof(reply)));
}

static void a_reset_or_an_acknowledgement_answers_a_coap_ping(void **state)
{
	struct ping ping = make(WEIR_PROBE_COAP);
	uint8_t out[8] = { 0 };

	(void)state;
	assert_int_equal(ping_format(&ping, out, sizeof(out)), 4);
	assert_memory_equal(out, "\x40\x00\x77\x88", 4);
	assert_false(ping_answers(&ping, out, 4));
	for (unsigned type = 0; type < 4; type++) {
		out[0] = (uint8_t)(0x40 | type << 4);
		assert_int_equal(ping_answers(&ping, out, 4), type >= 2);
	}
	assert_false(ping_answers(&ping, out, 3));
	out[3] ^= 1;
	assert_false(ping_answers(&ping, out, 4));
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

static bool sip(const char *text)
{
	struct ping ping = make(WEIR_PROBE_SIP);

	return ping_answers(&ping, (const uint8_t *)text, strlen(text));
}

static void a_final_response_to_the_same_call_answers_a_sip_ping(void **state)
{
	(void)state;
	assert_true(sip(
		"SIP/2.0 200 OK\r\nCall-ID: 1122334455667788@weir\r\nCSeq: 143727010 OPTIONS\r\n\r\n"));
	assert_true(sip(
		"SIP/2.0 503 No\r\nv: x\r\ni:1122334455667788@weir \r\ncseq :\t143727010 OPTIONS\r\n\r\nbody"));
	assert_false(sip(
		"SIP/2.0 100 Trying\r\nCall-ID: 1122334455667788@weir\r\nCSeq: 143727010 OPTIONS\r\n\r\n"));
	assert_false(sip(
		"SIP/2.0 200 OK\r\nCall-ID: 2122334455667788@weir\r\nCSeq: 143727010 OPTIONS\r\n\r\n"));
	assert_false(sip(
		"SIP/2.0 200 OK\r\nCall-ID: 1122334455667788@weir\r\nCSeq: 143727010 INVITE\r\n\r\n"));
	assert_false(sip(
		"SIP/2.0 200 OK\r\nCall-ID: 1122334455667788@weir\r\n\r\nCSeq: 143727010 OPTIONS\r\n"));
	assert_false(sip(
		"OPTIONS sip:x SIP/2.0\r\nCall-ID: 1122334455667788@weir\r\nCSeq: 143727010 OPTIONS\r\n\r\n"));
	assert_false(sip("SIP/2.0 200"));
	assert_false(sip(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_native_ping_is_the_message_that_the_decision_shows),
		cmocka_unit_test(any_status_of_the_same_message_answers_a_native_ping),
		cmocka_unit_test(no_changed_byte_of_a_native_reply_passes),
		cmocka_unit_test(a_reset_or_an_acknowledgement_answers_a_coap_ping),
		cmocka_unit_test(a_sip_ping_has_what_a_request_must_have),
		cmocka_unit_test(a_final_response_to_the_same_call_answers_a_sip_ping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
