// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/decode/sip_reply.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/kit/sip.h"

static const struct sip_peer v4 = { { 10, 9, 0, 2 }, 4, 5060 };
static const struct sip_peer v6 = { { 0x20, 1, 0xd, 0xb8, [15] = 2 }, 6, 5062 };
static struct sip_case one;
static uint8_t out[SIP_REPLY_MAX + 2];

static int reply(const struct sip_peer *from, const char *text, unsigned length)
{
	const struct sip_request request = { .at = one.bytes, .length = one.length, .message = &one.message };
	const struct sip_reply says = { .from = *from, .name = { 0x0123456789abcdef, 1, 0xfedcba9876543210, 3 },
					.text = text, .length = length };

	memset(out, 0xee, sizeof(out));
	return sip_reply_format(&request, &says, out, sizeof(out));
}

static int reply_line(const char *line)
{
	sip_case_line(&one, line);
	return reply(&v4, "yes", 3);
}

// The line of the reply that starts with `start`.
static const char *line_of(int n, const char *start)
{
	static char line[SIP_REPLY_MAX + 2];
	const char *at;

	assert_true(n > 0);
	memcpy(line, out, (size_t)n);
	line[n] = '\0';
	at = strstr(line, start);
	assert_non_null(at);
	line[at - line + (long)strcspn(at, "\r")] = '\0';
	return at;
}

static void an_answer_is_a_message_from_whom_the_sender_wrote_to(void **state)
{
	static const char right[] = "MESSAGE sip:+4930123456@carrier.example;user=phone SIP/2.0\r\n"
				    "Via: SIP/2.0/UDP 10.9.0.2:5060;branch=z9hG4bK0123456789abcdef;rport\r\n"
				    "Max-Forwards: 70\r\n"
				    "From: <sip:orders@acme.example>;tag=0000000000000001\r\n"
				    "To: <sip:+4930123456@carrier.example;user=phone>\r\n"
				    "Call-ID: fedcba98765432100000000000000003\r\n"
				    "CSeq: 1 MESSAGE\r\n"
				    "In-Reply-To: asd88asd77a@1.2.3.4\r\n"
				    "Content-Type: text/plain;charset=UTF-8\r\n"
				    "Content-Length: 3\r\n\r\nyes";
	int n = reply_line("Max-Forwards: 70");

	(void)state;
	assert_int_equal(n, sizeof(right) - 1);
	assert_memory_equal(out, right, sizeof(right) - 1);
	assert_int_equal(out[n], 0xee);
	assert_true(sip_reply_is_good(out, (size_t)n, &v4));
}

static void an_ipv6_end_stands_in_brackets(void **state)
{
	int n;

	(void)state;
	sip_case_line(&one, "Max-Forwards: 70");
	n = reply(&v6, "", 0);
	assert_string_equal(line_of(n, "Via: "), "Via: SIP/2.0/UDP [2001:db8::2]:5062;branch=z9hG4bK0123456789abcdef;rport");
	assert_true(sip_reply_is_good(out, (size_t)n, &v6));
	assert_false(sip_reply_is_good(out, (size_t)n, &v4));
}

static void uris_lose_what_may_not_stand_in_a_request_line(void **state)
{
	(void)state;
	assert_string_equal(line_of(reply_line("From: sip:anna@a.example;tag=1"), "MESSAGE"), "MESSAGE sip:anna@a.example SIP/2.0");
	assert_string_equal(line_of(reply_line("From: <sip:anna@a.example;x=y?Subject=z%0D%0A>;tag=1"), "MESSAGE"),
			    "MESSAGE sip:anna@a.example;x=y SIP/2.0");
	assert_string_equal(line_of(reply_line("From: \"<sip:b@b>\\\"\" <tel:+4930123>\r\n ;tag=1"), "MESSAGE"),
			    "MESSAGE tel:+4930123 SIP/2.0");
	assert_string_equal(line_of(reply_line("To: \"Desk\" <sip:d@acme.example>;tag=theirs"), "From"),
			    "From: <sip:d@acme.example>;tag=0000000000000001");
	assert_string_equal(line_of(reply_line("To: <sips:d@acme.example>"), "From"), "From: <sips:d@acme.example>;tag=0000000000000001");
}

static void who_leads_nowhere_is_not_answered(void **state)
{
	static const char *const lines[] = {
		"From: <sips:anna@a.example>;tag=1", "From: <SIPS:anna@a.example>;tag=1", "From: <http://a.example>;tag=1",
		"From: \"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=1", "From: <sip:a@INVALID>;tag=1", "To: <mailto:a@b>",
		"From: nonsense", "OPTIONS sip:a.example SIP/2.0", "SIP/2.0 200 OK", "MESSAGE http://a.example SIP/2.0", "Via:", "Call-ID:",
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (reply_line(lines[i]) != -EINVAL)
			print_message("%s\n", lines[i]);
		assert_int_equal(reply_line(lines[i]), -EINVAL);
	}
	assert_true(reply_line("From: <sip:a@notinvalid>;tag=1") > 0);
	assert_true(reply_line("From: <sip:a@invalid.example>;tag=1") > 0);
	assert_true(reply_line("From: <sip:a@b>;tag=1") > 0);
}

static void a_message_whose_body_is_elsewhere_is_answered_all_the_same(void **state)
{
	uint8_t head[1000];

	(void)state;
	sip_case_line(&one, "Max-Forwards: 70");
	memcpy(head, one.bytes, one.length);
	sip_case_set(&one, head, one.length - 5);
	assert_int_equal(one.reason, WEIR_REASON_SIP_LENGTH);
	assert_true(reply(&v4, "yes", 3) > 0);
}

static void a_fault_that_hides_another_does_not_let_it_through(void **state)
{
	static const char *const lines[] = { "Call-ID: a\xff, b", "From: <sip:a@b c>;tag=1" };
	uint8_t two[1000];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		unsigned n, start;

		sip_case_line(&one, lines[i]);
		start = (unsigned)strcspn((const char *)one.bytes, "\n") + 1;
		memcpy(two, one.bytes, start);
		n = start + (unsigned)sprintf((char *)two + start, "Content-Length: x\r\n");
		memcpy(two + n, one.bytes + start, one.length - start);
		sip_case_set(&one, two, n + one.length - start);
		assert_true(one.message.flags & SIP_ANSWERABLE);
		assert_int_equal(reply(&v4, "yes", 3), -EINVAL);
	}
}

static void no_answer_is_longer_than_a_message_may_be(void **state)
{
	static char text[SIP_REPLY_MAX];
	unsigned head;

	(void)state;
	sip_case_line(&one, "Max-Forwards: 70");
	head = (unsigned)reply(&v4, text, 0) + 2;
	assert_int_equal(reply(&v4, text, SIP_REPLY_MAX - head), SIP_REPLY_MAX);
	assert_true(sip_reply_is_good(out, SIP_REPLY_MAX, &v4));
	assert_int_equal(reply(&v4, text, SIP_REPLY_MAX - head + 1), -EMSGSIZE);
	assert_int_equal(out[SIP_REPLY_MAX], 0xee);
}

// What passes the check must be a MESSAGE to everyone who decodes it.
static void look(const uint8_t *bytes, size_t n, bool good)
{
	struct sip_message message;

	assert_int_equal(sip_reply_is_good(bytes, n, &v4), good);
	if (!good)
		return;
	assert_int_equal(sip_parse(bytes, (unsigned)n, &message), WEIR_REASON_NONE);
	assert_int_equal(message.kind, SIP_MESSAGE);
}

// Whether byte `i` of the reply is of the sender's choice: part of what stands behind `start`, `length` bytes of it.
static bool is_of(size_t i, const char *start, size_t length)
{
	size_t from = (size_t)(strstr((const char *)out, start) - (const char *)out) + strlen(start);

	return i >= from && i < from + length;
}

static void a_reply_with_any_byte_taken_out_or_put_in_is_none(void **state)
{
	uint8_t copy[SIP_REPLY_MAX];
	size_t n = (size_t)reply_line("Max-Forwards: 70");

	(void)state;
	for (size_t i = 0; i < n; i++) {
		memcpy(copy, out, i);
		memcpy(copy + i, out + i + 1, n - i - 1);
		look(copy, n - 1, is_of(i, "From: <sip:", 19) || is_of(i, "In-Reply-To: ", 19)); // another one, as good
		for (unsigned k = 0; k < 4; k++) {
			memcpy(copy, out, i);
			copy[i] = (uint8_t)"\r\n \0"[k];
			memcpy(copy + i + 1, out + i, n - i);
			look(copy, n + 1, false);
		}
	}
	look(out, n, true);
	for (size_t length = 0; length < n; length++) { // in a buffer of exactly that, for sanitizers
		uint8_t *cut = malloc(length ? length : 1);

		assert_non_null(cut);
		memcpy(cut, out, length);
		look(cut, length, false);
		free(cut);
	}
}

static void a_header_field_cannot_be_smuggled_in(void **state)
{
	static const char more[] = "\r\nRoute: <sip:victim.example;lr>";
	uint8_t copy[SIP_REPLY_MAX];
	size_t n = (size_t)reply_line("Max-Forwards: 70");

	(void)state;
	for (size_t i = 0; i <= n; i++) {
		memcpy(copy, out, i);
		memcpy(copy + i, more, sizeof(more) - 1);
		memcpy(copy + i + sizeof(more) - 1, out + i, n - i);
		look(copy, n + sizeof(more) - 1, false);
	}
}

static void what_is_not_of_the_form_is_no_reply(void **state)
{
	static const struct {
		const char *from, *to;
	} changes[] = {
		{ "MESSAGE sip", "OPTIONS sip" }, { "10.9.0.2", "10.9.0.3" }, { ":5060", ":5061" }, { "z9hG4bK0", "z9hG4bKg" },
		{ ";rport", ";RPORT" }, { "CSeq: 1", "CSeq: 2" }, { "Length: 3", "Length: 2" }, { "Length: 3", "Length: 03" },
		{ "Length: 3", "Length: +3" }, { "To: <sip:+49", "To: <sip:+48" }, { "\r\n\r\n", "\n\n" }, { "abcdef", "ABCDEF" },
		{ "From: <sip:", "From: <zip:" }, { "asd88asd", "asd88,sd" }, { "MESSAGE sip:+4930", "MESSAGE sip:+4930?" },
		{ "orders@", "or%zders@" }, { "UDP", "TCP" }, { "text/plain", "text/html" },
	};
	char text[SIP_REPLY_MAX + 20];
	size_t n = (size_t)reply_line("Max-Forwards: 70");

	(void)state;
	for (unsigned i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		const char *at;
		int length;

		out[n] = '\0';
		at = strstr((char *)out, changes[i].from);
		assert_non_null(at);
		length = snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - (char *)out), out, changes[i].to,
				  at + strlen(changes[i].from));
		if (sip_reply_is_good((uint8_t *)text, (size_t)length, &v4))
			print_message("%s\n", changes[i].to);
		assert_false(sip_reply_is_good((uint8_t *)text, (size_t)length, &v4));
	}
	memset(text, 'x', sizeof(text));
	assert_false(sip_reply_is_good((uint8_t *)text, SIP_REPLY_MAX + 1, &v4));
}

static int teardown(void **state)
{
	(void)state;
	sip_case_clear(&one);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_a_message_from_whom_the_sender_wrote_to),
		cmocka_unit_test(an_ipv6_end_stands_in_brackets),
		cmocka_unit_test(uris_lose_what_may_not_stand_in_a_request_line),
		cmocka_unit_test(who_leads_nowhere_is_not_answered),
		cmocka_unit_test(a_message_whose_body_is_elsewhere_is_answered_all_the_same),
		cmocka_unit_test(a_fault_that_hides_another_does_not_let_it_through),
		cmocka_unit_test(no_answer_is_longer_than_a_message_may_be),
		cmocka_unit_test(a_reply_with_any_byte_taken_out_or_put_in_is_none),
		cmocka_unit_test(a_header_field_cannot_be_smuggled_in),
		cmocka_unit_test(what_is_not_of_the_form_is_no_reply),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
