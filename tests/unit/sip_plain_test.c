// SPDX-License-Identifier: BSD-3-Clause
//
// What is read in a short way because most of it has a plain form (sip_plain.h), held against the long way, which
// reads the same line where the datagram ends behind it.
#include "dataplane/decode/sip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/kit/sip.h"

enum { TURNS = 30000 };

#define LONG_WORD "0123456789abcdefghijklmnopqrstuvwxyz.ABCDEFGHIJ"

static struct sip_case one, other;

// What values are made of, and a little that they are not.
static const char *const pieces[] = { "sip:", "SIP:", "sips:", "tel:", "<", ">", "user", "+4930", "+49-30;x=y", ":pw", "@",
	"host.example", "192.0.2.1", "[::1]", ":5060", ":0", ":65536", ":12345678", ";user=phone", ";tag=", ";TAG=", ";tag", ";branch=",
	";Branch=", ";rport", ";rport=5", ";x=y", ",", "\"", "\"An\\\"na\" ", "Anna ", "a b ", "\t", " ", "  ", "\r\n ", "\r", "%41", "%4",
	"SIP/2.0/UDP ", "SIP/2.0/TCP ", "sip/2.0/udp ", "1 ", "12345678 ", "2147483648 ", "MESSAGE", "OPTIONS", "MESSAGER", "z9hG4bK1",
	"\xc3\xa4", "\x01", "?", "=", LONG_WORD, "urgent" };

static const struct form {
	const char *name, *piece[12];
} forms[] = {
	{ "Via", { "SIP/2.0/UDP ", "host.example", ":5060", ";branch=", "z9hG4bK1", ";rport" } },
	{ "Via", { "SIP/2.0/UDP ", "192.0.2.1", ";rport", ";branch=", LONG_WORD } },
	{ "From", { "<", "sip:", "+4930", "@", "host.example", ">", ";tag=", "a1" } },
	{ "From", { "\"Anna\" ", "<", "sip:", "+4930", ":pw", "@", LONG_WORD, ">", ";tag=", LONG_WORD } },
	{ "To", { "Anna ", "<", "sip:", "user", "@", "host.example", ">" } },
	{ "To", { "<", "sip:", "host.example", ">" } },
	{ "Call-ID", { "a1", "@", "host.example" } },
	{ "Call-ID", { LONG_WORD, "@", LONG_WORD } },
	{ "CSeq", { "1 ", "MESSAGE" } },
	{ "CSeq", { "1234567 ", "MESSAGE" } },
	{ "Content-Length", { "0" } },
	{ "Content-Length", { "65535" } },
	{ "Priority", { "urgent" } },
};

static const char *any_piece(void)
{
	return pieces[(size_t)rand() % (sizeof(pieces) / sizeof(pieces[0]))];
}

// The form with up to all of its pieces changed: mostly none or one. Returns its length.
static size_t vary(char *text, const struct form *form)
{
	unsigned changes = (unsigned)rand() % 4;
	size_t n = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < 12 && form->piece[i]; i++) {
		unsigned choice = changes > 0 ? (unsigned)rand() % 12 : 3;

		if (choice == 0 || choice == 1)
			n += (size_t)sprintf(text + n, "%s", any_piece());
		if (choice != 0 && choice != 2)
			n += (size_t)sprintf(text + n, "%s", form->piece[i]);
		changes -= choice < 3;
	}
	return n;
}

// A message whose last header line is `line`.
static size_t end_with(char *text, const char *line, const char *end, unsigned body)
{
	static const char *const others[] = { "Via: SIP/2.0/UDP h;branch=z9", "From: <sip:a@h>;tag=1", "To: <sip:b@h>", "Call-ID: 1",
		"CSeq: 1 MESSAGE", "Content-Length: 0" };
	size_t n = (size_t)sprintf(text, "MESSAGE sip:b@h SIP/2.0\r\n"), name = strcspn(line, ":") + 1;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strncmp(others[i], line, name) != 0)
			n += (size_t)sprintf(text + n, "%s\r\n", others[i]);
	n += (size_t)sprintf(text + n, "%s%s\r\n", line, end);
	memset(text + n, 'x', body);
	return n + body;
}

static void a_value_is_the_same_whether_or_not_much_stands_behind_it(void **state)
{
	static const char *const begins[] = { ": ", ": ", ": ", ":", ":  ", ":\t", ":\r\n " };
	static const char *const ends[] = { "\r\n", "\r\n", "\r\n", "\n", " \r\n", "\t\r\n" };
	unsigned good = 0;

	for (unsigned turn = 0; turn < TURNS; turn++) {
		const struct form *form = &forms[turn % (sizeof(forms) / sizeof(forms[0]))];
		char value[1000], line[1100], text[2500];
		const char *end = ends[(unsigned)rand() % (sizeof(ends) / sizeof(ends[0]))];

		vary(value, form);
		sprintf(line, "%s%s%s", form->name, begins[(unsigned)rand() % (sizeof(begins) / sizeof(begins[0]))], value);
		sip_case_set(&one, text, (unsigned)end_with(text, line, end, 0));
		sip_case_set(&other, text, (unsigned)end_with(text, line, end, 100));
		if (one.reason == WEIR_REASON_SIP_LENGTH && other.reason == WEIR_REASON_NONE)
			continue; // a length that only the longer one has
		good += one.reason == WEIR_REASON_NONE;
		other.message.body.length = one.message.body.length;
		if (one.reason != other.reason || memcmp(&one.message, &other.message, sizeof(one.message)) != 0)
			fail_msg("%s: %s alone, %s with a body", line, weir_reason_name(one.reason), weir_reason_name(other.reason));
	}
	assert_in_range(good, TURNS / 4, TURNS * 3 / 4);
}

static bool is_of_start_line(enum weir_reason reason)
{
	return reason == WEIR_REASON_SIP_START_LINE || reason == WEIR_REASON_SIP_URI || reason == WEIR_REASON_SIP_SCHEME ||
	       reason == WEIR_REASON_SIP_VERSION;
}

static void a_request_line_is_the_same_whether_or_not_much_stands_behind_it(void **state)
{
	static const struct form lines[] = { { "", { "MESSAGE", " ", "sip:", "user", "@", "host.example", " ", "SIP/2.0", "\r\n" } },
		{ "", { "OPTIONS", " ", "sip:", "+4930", "@", LONG_WORD, " ", "SIP/2.0", "\r\n" } },
		{ "", { "MESSAGE", " ", "sip:", "host.example", " ", "SIP/2.0", "\n" } } };
	unsigned good = 0;

	for (unsigned turn = 0; turn < TURNS; turn++) {
		char text[2000];
		size_t n = vary(text, &lines[turn % 3]);

		if (n == 0 || text[n - 1] != '\n')
			n += (size_t)sprintf(text + n, "\n");
		sip_case_set(&one, text, (unsigned)n);
		memset(text + n, 'x', 100);
		sip_case_set(&other, text, (unsigned)n + 100);
		good += !is_of_start_line(one.reason);
		assert_int_equal(is_of_start_line(one.reason), is_of_start_line(other.reason));
		if (is_of_start_line(one.reason))
			assert_int_equal(one.reason, other.reason);
		assert_memory_equal(&one.message.method, &other.message.method, sizeof(struct span));
		assert_memory_equal(&one.message.host, &other.message.host, sizeof(struct span));
		assert_int_equal(one.message.kind, other.message.kind);
		assert_int_equal(one.message.scheme, other.message.scheme);
	}
	assert_in_range(good, TURNS / 4, TURNS * 3 / 4);
}

static int clear(void **state)
{
	sip_case_clear(&one);
	sip_case_clear(&other);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_is_the_same_whether_or_not_much_stands_behind_it),
		cmocka_unit_test(a_request_line_is_the_same_whether_or_not_much_stands_behind_it),
	};

	return cmocka_run_group_tests(tests, NULL, clear);
}
