// SPDX-License-Identifier: BSD-3-Clause
#include "controlplane/agents/reply.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/abi/socket.h"
#include "dataplane/decode/coap_answer.h"
#include "dataplane/decode/native_reply.h"
#include "dataplane/decode/sip_reply.h"
#include "tests/kit/coap.h"

// Flag 0x1 and a tag, urgent, chat, tenant 1001, DE, 2 bytes, id 0x01020304.
static const uint8_t asked[] = { 0x57, 0x15, 1, 3, 0, 0, 3, 0xe9, 'D', 'E', 0, 2, 1, 2, 3, 4, 9, 9, 9, 9, 9, 9, 9, 9, 'h', 'i' };
static struct spool_message message;
static uint8_t out[2048];
static uint16_t port; // where the answer goes

static int setup(void **state)
{
	(void)state;
	message = (struct spool_message){ .payload = asked };
	message.record.payload_length = sizeof(asked);
	message.record.ip_version = 4;
	message.record.protocol = WEIR_NATIVE;
	memset(out, 0xee, sizeof(out));
	return 0;
}

static int build(unsigned status, const char *text, size_t length, size_t room)
{
	const struct spool_answer answer = { reply_build, (uint8_t)status, text, (uint16_t)length };

	port = 40000;
	return answer.build(&message, &answer, out, room, &port);
}

static void a_reply_says_which_message_it_answers(void **state)
{
	static const uint8_t expected[] = { 0x57, 0x12, 1, 3, 0, 0, 3, 0xe9, 'D', 'E', 0, 5, 1, 2, 3, 4, 'h', 'e', 'l', 'l', 'o' };

	(void)state;
	assert_int_equal(build(WEIR_STATUS_REFUSED, "hello", 5, sizeof(out)), 21);
	assert_memory_equal(out, expected, sizeof(expected));
	assert_int_equal(out[21], 0xee);
	assert_int_equal(port, 40000);
	assert_int_equal(build(WEIR_STATUS_ACCEPTED, NULL, 0, sizeof(out)), 16);
	assert_int_equal(out[2], WEIR_STATUS_ACCEPTED);
	assert_int_equal(out[11], 0);
}

static void a_busy_reply_begins_with_its_seconds(void **state)
{
	static const uint8_t seconds[] = { 0, 0, 0, REPLY_RETRY_SECONDS };

	(void)state;
	assert_int_equal(build(WEIR_STATUS_BUSY, "later", 5, sizeof(out)), 25);
	assert_int_equal(out[11], 9);
	assert_memory_equal(out + 16, seconds, 4);
	assert_memory_equal(out + 20, "later", 5);
}

static void every_reply_that_is_built_passes_the_dataplanes_check(void **state)
{
	static char text[WEIR_ANSWER_MAX];

	(void)state;
	for (unsigned version = 4; version <= 6; version += 2)
		for (unsigned status = 0; status < WEIR_N_STATUSES; status++) {
			size_t max;

			message.record.ip_version = (uint8_t)version;
			max = reply_text_max(&message, status);
			for (size_t length = 0; length <= max; length += length + 1 < max ? max / 7 : 1) {
				int n = build(status, text, length, sizeof(out));

				assert_true(n > 0);
				assert_true(native_reply_is_good(out, (size_t)n));
				assert_true(n + (version == 4 ? 28 : 48) <= 1500);
			}
			assert_int_equal(build(status, text, max + 1, sizeof(out)), -EMSGSIZE);
		}
}

static void what_cannot_be_answered_is_refused(void **state)
{
	static const uint8_t other[16] = { 0x58, 0x10 };

	(void)state;
	assert_int_equal(build(WEIR_N_STATUSES, "", 0, sizeof(out)), -EINVAL);
	assert_int_equal(build(WEIR_STATUS_REFUSED, "", 0, 15), -EMSGSIZE);
	assert_int_equal(build(WEIR_STATUS_BUSY, "", 0, 19), -EMSGSIZE);
	assert_int_equal(reply_text_max(&message, WEIR_N_STATUSES), 0);
	message.record.payload_length = 15;
	assert_int_equal(build(WEIR_STATUS_REFUSED, "", 0, sizeof(out)), -EBADMSG);
	message.payload = other;
	message.record.payload_length = 16;
	assert_int_equal(build(WEIR_STATUS_REFUSED, "", 0, sizeof(out)), -EBADMSG);
	for (unsigned protocol = WEIR_NATIVE + 1; protocol < 256; protocol++) { // the payload is none of SIP or CoAP
		message.record.protocol = (uint8_t)protocol;
		assert_int_equal(build(WEIR_STATUS_REFUSED, "", 0, sizeof(out)), protocol == WEIR_COAP ? -EBADMSG : -EPROTONOSUPPORT);
		assert_int_equal(reply_text_max(&message, WEIR_STATUS_REFUSED), 0);
	}
}

static const char sip_asked[] = "MESSAGE sip:desk@acme.example SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5999;branch=z9hG4bKx%s\r\n"
				"From: <sip:anna%s@far.example>;tag=1\r\nTo: <sip:desk@acme.example>\r\nCall-ID: c1\r\n"
				"CSeq: 7 MESSAGE\r\nContent-Length: 5\r\n\r\nhello";
static const struct sip_peer ours = { { 10, 0, 0, 2 }, 4, 5060 };

static void ask_sip_as(const char *via, const char *user)
{
	static char text[3000];

	message.record.payload_length = (uint16_t)snprintf(text, sizeof(text), sip_asked, via, user);
	message.payload = text;
	message.record.protocol = WEIR_SIP;
	message.record.udp_source = 40000;
	message.record.udp_destination = 5060;
	memcpy(message.record.ip_source, (uint8_t[4]){ 10, 0, 0, 1 }, 4);
	memcpy(message.record.ip_destination, ours.address, 4);
}

static void ask_sip(const char *via)
{
	ask_sip_as(via, "");
}

static void a_sip_message_is_answered_by_one_of_ours(void **state)
{
	struct sip_message got;
	int n;

	(void)state;
	ask_sip("");
	n = build(WEIR_STATUS_REFUSED, "no", 2, sizeof(out));
	assert_true(n > 0);
	assert_true(sip_reply_is_good(out, (size_t)n, &ours));
	assert_int_equal(port, 5999); // of its Via
	sip_parse(out, (unsigned)n, &got);
	assert_true(span_equals(out, got.body, "no", 2));
	ask_sip(";rport");
	assert_true(build(WEIR_STATUS_REFUSED, "no", 2, sizeof(out)) > 0);
	assert_int_equal(port, 40000);
	ask_sip(";maddr=192.0.2.1"); // an address that a sender chose may be anyone's
	assert_true(build(WEIR_STATUS_REFUSED, "no", 2, sizeof(out)) > 0);
	assert_int_equal(port, 5999);
}

static void a_sip_answer_without_text_says_its_status(void **state)
{
	static const char *const words[] = { "accepted", "refused", "busy" };

	(void)state;
	ask_sip("");
	for (unsigned status = 0; status < WEIR_N_STATUSES; status++) {
		int n = build(status, NULL, 0, sizeof(out));
		struct sip_message got;

		assert_true(sip_reply_is_good(out, (size_t)n, &ours));
		sip_parse(out, (unsigned)n, &got);
		assert_true(span_equals(out, got.body, words[status], strlen(words[status])));
	}
}

static void each_sip_answer_has_a_name_of_its_own_and_keeps_it(void **state)
{
	uint8_t first[2048];
	int n;

	(void)state;
	ask_sip("");
	n = build(WEIR_STATUS_REFUSED, "no", 2, sizeof(out));
	memcpy(first, out, (size_t)n);
	assert_int_equal(build(WEIR_STATUS_REFUSED, "no", 2, sizeof(out)), n);
	assert_memory_equal(out, first, (size_t)n);
	for (unsigned i = 0; i < 4; i++) {
		struct spool_message before = message;

		message.arrival += i == 0;
		message.record.sequence += i == 1;
		message.worker = (uint16_t)(message.worker + (i == 2));
		message.boot_id[0] = (uint8_t)(message.boot_id[0] + (i == 3));
		assert_int_equal(build(WEIR_STATUS_REFUSED, "no", 2, sizeof(out)), n);
		assert_memory_not_equal(strstr((char *)out, "branch"), strstr((char *)first, "branch"), 30);
		assert_memory_not_equal(strstr((char *)out, "Call-ID"), strstr((char *)first, "Call-ID"), 40);
		message = before;
	}
}

static void a_sip_answer_is_text_of_at_most_what_fits(void **state)
{
	static char text[SIP_REPLY_MAX], user[SIP_REPLY_MAX];

	(void)state;
	memset(text, 't', sizeof(text));
	for (unsigned i = 0; i < 500; i++) { // the user stands in the head twice
		size_t max;
		int n;

		memset(user, 'u', i);
		user[i] = '\0';
		ask_sip_as("", user);
		max = reply_text_max(&message, WEIR_STATUS_BUSY);
		if (max == 0) // no room for more than the head, if for that
			continue;
		n = build(WEIR_STATUS_BUSY, text, max, sizeof(out));
		assert_true(n == SIP_REPLY_MAX || (n == SIP_REPLY_MAX - 1 && (max == 9 || max == 99 || max == 999)));
		assert_int_equal(build(WEIR_STATUS_BUSY, text, max + 1, sizeof(out)), -EMSGSIZE);
		assert_int_equal(build(WEIR_STATUS_BUSY, text, 5, 100), -EMSGSIZE);
	}
	assert_int_equal(reply_text_max(&message, WEIR_STATUS_BUSY), 0);
	assert_int_equal(build(WEIR_STATUS_BUSY, "", 0, sizeof(out)), -EMSGSIZE);
	ask_sip("");
	assert_int_equal(build(WEIR_STATUS_BUSY, "\xff", 1, sizeof(out)), -EILSEQ);
	assert_int_equal(build(WEIR_STATUS_BUSY, "a\0b", 3, sizeof(out)), -EILSEQ);
}

static void ask_coap(const char *line)
{
	static uint8_t bytes[KIT_COAP_MAX];

	message.payload = bytes;
	message.record.payload_length = (uint16_t)kit_coap(bytes, line);
	message.record.protocol = WEIR_COAP;
	message.arrival = 0x12345;
}

#define WAITS "CON 0.02 id:7 token:a1b2 11:m 11:acme 11:sms 15:answer=agent "

static void expect_coap(int n, const char *line)
{
	static uint8_t right[KIT_COAP_MAX];

	assert_int_equal(n, kit_coap(right, line));
	assert_memory_equal(out, right, (size_t)n);
	assert_true(coap_later_is_good(out, (size_t)n));
	assert_int_equal(port, 40000);
}

static void who_waits_over_coap_hears_what_agents_say(void **state)
{
	(void)state;
	ask_coap(WAITS "body:hello");
	expect_coap(build(WEIR_STATUS_ACCEPTED, "yes", 3, sizeof(out)), "NON 2.04 id:41797 token:a1b2 12: body:yes");
	expect_coap(build(WEIR_STATUS_ACCEPTED, "", 0, sizeof(out)), "NON 2.04 id:41797 token:a1b2");
	expect_coap(build(WEIR_STATUS_REFUSED, "no", 2, sizeof(out)), "NON 4.03 id:41797 token:a1b2 body:no");
	expect_coap(build(WEIR_STATUS_BUSY, "", 0, sizeof(out)), "NON 5.03 id:41797 token:a1b2 14:<");
	message.record.payload_length = (uint16_t)(message.record.payload_length - 5); // its body is elsewhere, the marker is not
	expect_coap(build(WEIR_STATUS_REFUSED, "no", 2, sizeof(out)), "NON 4.03 id:41797 token:a1b2 body:no");
	ask_coap("NON 0.03 id:7 11:m 11:acme 11:sms 15:answer=agent");
	expect_coap(build(WEIR_STATUS_REFUSED, "no", 2, sizeof(out)), "NON 4.03 id:41797 body:no");
}

static void nobody_is_answered_twice_over_coap(void **state)
{
	(void)state;
	ask_coap("CON 0.02 id:7 token:a1b2 11:m 11:acme 11:sms body:hello"); // has had its 2.04
	assert_int_equal(build(WEIR_STATUS_REFUSED, "no", 2, sizeof(out)), -EPROTONOSUPPORT);
	assert_int_equal(reply_text_max(&message, WEIR_STATUS_REFUSED), 0);
	ask_coap(WAITS);
	message.record.kind = WEIR_RECORD_COPY; // a member answers
	assert_int_equal(build(WEIR_STATUS_REFUSED, "no", 2, sizeof(out)), -EPROTONOSUPPORT);
	message.record.kind = WEIR_RECORD_MESSAGE;
	ask_coap(WAITS "258:\x08"); // errors of class 4 are not wanted
	assert_int_equal(build(WEIR_STATUS_REFUSED, "no", 2, sizeof(out)), -EPROTONOSUPPORT);
	assert_true(build(WEIR_STATUS_BUSY, "no", 2, sizeof(out)) > 0);
}

static void a_coap_answer_has_text_for_who_takes_it(void **state)
{
	static char text[COAP_LATER_TEXT_MAX + 1];

	(void)state;
	memset(text, 't', sizeof(text));
	ask_coap(WAITS);
	assert_int_equal(reply_text_max(&message, WEIR_STATUS_ACCEPTED), COAP_LATER_TEXT_MAX);
	assert_true(build(WEIR_STATUS_BUSY, text, COAP_LATER_TEXT_MAX, sizeof(out)) > 0);
	assert_int_equal(build(WEIR_STATUS_BUSY, text, COAP_LATER_TEXT_MAX + 1, sizeof(out)), -EMSGSIZE);
	assert_int_equal(build(WEIR_STATUS_BUSY, text, 10, 10), -EMSGSIZE);
	assert_int_equal(build(WEIR_STATUS_BUSY, "\xff", 1, sizeof(out)), -EILSEQ);
	ask_coap(WAITS "17:2"); // accepts XML
	assert_int_equal(reply_text_max(&message, WEIR_STATUS_ACCEPTED), 0);
	assert_int_equal(build(WEIR_STATUS_ACCEPTED, "yes", 3, sizeof(out)), -EPROTONOSUPPORT);
	assert_true(build(WEIR_STATUS_ACCEPTED, "", 0, sizeof(out)) > 0);
	assert_true(build(WEIR_STATUS_REFUSED, "no", 2, sizeof(out)) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_reply_says_which_message_it_answers, setup),
		cmocka_unit_test_setup(a_busy_reply_begins_with_its_seconds, setup),
		cmocka_unit_test_setup(every_reply_that_is_built_passes_the_dataplanes_check, setup),
		cmocka_unit_test_setup(what_cannot_be_answered_is_refused, setup),
		cmocka_unit_test_setup(a_sip_message_is_answered_by_one_of_ours, setup),
		cmocka_unit_test_setup(a_sip_answer_without_text_says_its_status, setup),
		cmocka_unit_test_setup(each_sip_answer_has_a_name_of_its_own_and_keeps_it, setup),
		cmocka_unit_test_setup(a_sip_answer_is_text_of_at_most_what_fits, setup),
		cmocka_unit_test_setup(who_waits_over_coap_hears_what_agents_say, setup),
		cmocka_unit_test_setup(nobody_is_answered_twice_over_coap, setup),
		cmocka_unit_test_setup(a_coap_answer_has_text_for_who_takes_it, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
