// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/decode/sip_answer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/decode/sip_transaction.h"
#include "tests/kit/sip.h"

static const uint8_t key[SIPHASH_KEY_SIZE] = "sixteen of bytes";
static const struct sip_peer v4 = { { 192, 0, 2, 7 }, 4, 40000 };
static const struct sip_peer v6 = { { 0x20, 1, 0xd, 0xb8, [15] = 7 }, 6, 40000 };
static struct sip_case one;
static char text[70000];

static struct sip_request request(const struct sip_peer *source)
{
	return (struct sip_request){ .at = one.bytes, .length = one.length, .message = &one.message, .source = *source,
				     .transaction = sip_transaction(one.bytes, &one.message, key) };
}

// The answer to the case, as text; NULL where there is none.
static const char *answer_with(const struct sip_answer *answer, const struct sip_peer *source)
{
	struct sip_request from = request(source);
	int n = sip_answer_format(&from, answer, (uint8_t *)text, sizeof(text) - 1);

	if (n < 0)
		return NULL;
	text[n] = '\0';
	return text;
}

static const char *answer(unsigned status, const struct sip_peer *source)
{
	struct sip_answer plain = { .status = (uint16_t)status, .retry_after = 30 };

	return answer_with(&plain, source);
}

// The line of the answer that starts with `name`, without its end; "" where there is none.
static const char *line_of(const char *whole, const char *name)
{
	static char line[70000];
	char start[64];
	const char *at;

	snprintf(start, sizeof(start), "\r\n%s", name);
	at = strstr(whole, start);
	line[0] = '\0';
	if (at)
		snprintf(line, sizeof(line), "%.*s", (int)strcspn(at + 2, "\r"), at + 2);
	return line;
}

static void an_accepted_message_gets_202_with_what_must_be_copied(void **state)
{
	char right[1000];

	sip_case_line(&one, "Max-Forwards: 70");
	snprintf(right, sizeof(right),
		 "SIP/2.0 202 Accepted\r\n"
		 "Via: SIP/2.0/UDP pc33.example.com:5062;branch=z9hG4bK776sgdkse;received=192.0.2.7;rport=40000\r\n"
		 "From: \"Anna\" <sip:+4930123456@carrier.example;user=phone>;tag=49583\r\n"
		 "To: <sip:orders@acme.example>;tag=%016llx\r\n"
		 "Call-ID: asd88asd77a@1.2.3.4\r\n"
		 "CSeq: 1 MESSAGE\r\n"
		 "Content-Length: 0\r\n\r\n",
		 (unsigned long long)sip_transaction(one.bytes, &one.message, key));
	assert_string_equal(answer(SIP_STATUS_ACCEPTED, &v4), right);
}

static void each_status_says_what_it_must(void **state)
{
	struct sip_answer busy = { .status = SIP_STATUS_UNAVAILABLE, .retry_after = 4294967295, .text = "Bitte sp\xc3\xa4ter",
				   .text_length = 13 };
	struct sip_answer accepted = { .status = SIP_STATUS_ACCEPTED, .text = "no", .text_length = 2 };

	sip_case_line(&one, "Max-Forwards: 70");
	assert_string_equal(line_of(answer(SIP_STATUS_FORBIDDEN, &v4), "Retry-After"), "");
	assert_true(strncmp(text, "SIP/2.0 403 Forbidden\r\n", 23) == 0);
	assert_string_equal(line_of(answer(SIP_STATUS_NOT_ALLOWED, &v4), "Allow"), "Allow: MESSAGE, OPTIONS");
	assert_string_equal(line_of(answer(SIP_STATUS_UNAVAILABLE, &v4), "Retry-After"), "Retry-After: 30");
	assert_string_equal(line_of(answer_with(&busy, &v4), "Retry-After"), "Retry-After: 4294967295");
	assert_string_equal(line_of(text, "Content-Type"), "Content-Type: text/plain;charset=UTF-8");
	assert_string_equal(line_of(text, "Content-Length"), "Content-Length: 13");
	assert_non_null(strstr(text, "\r\n\r\nBitte sp\xc3\xa4ter"));
	assert_string_equal(line_of(answer_with(&accepted, &v4), "Content-Length"), "Content-Length: 0"); // RFC 3428, 7
	assert_string_equal(line_of(answer(SIP_STATUS_OK, &v4), "Allow"), "");
	assert_null(answer(299, &v4));
}

static void options_are_answered_with_what_is_allowed(void **state)
{
	static const char options[] = "OPTIONS sip:a SIP/2.0\r\nv:SIP/2.0/UDP 192.0.2.7\r\nf:sip:a\r\nt:sip:c\r\ni:x\r\n"
				      "CSeq:2 OPTIONS\r\n\r\n";

	sip_case_set(&one, options, sizeof(options) - 1);
	assert_int_equal(sip_answer_status(&one.message), SIP_STATUS_OK);
	assert_string_equal(line_of(answer(SIP_STATUS_OK, &v4), "Allow"), "Allow: MESSAGE, OPTIONS");
}

static void what_is_required_is_said_to_be_unsupported(void **state)
{
	static const char options[] = "OPTIONS sip:a SIP/2.0\r\nv:SIP/2.0/UDP 192.0.2.7\r\nRequire: a,\r\n b\r\nf:sip:a\r\nt:sip:c\r\n"
				      "i:x\r\nREQUIRE : c\r\nCSeq:2 OPTIONS\r\n\r\n";

	sip_case_set(&one, options, sizeof(options) - 1);
	assert_int_equal(sip_answer_status(&one.message), SIP_STATUS_EXTENSION);
	assert_non_null(answer(SIP_STATUS_EXTENSION, &v4));
	assert_non_null(strstr(text, "\r\nUnsupported: a, b\r\nUnsupported: c\r\n"));
	sip_case_line(&one, "Max-Forwards: 70\r\nRequire: x");
	assert_int_equal(one.message.flags & SIP_REQUIRES, SIP_REQUIRES);
	assert_int_equal(sip_answer_status(&one.message), 0);
}

static void the_stack_of_vias_is_copied_in_order(void **state)
{
	sip_case_line(&one, "Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKa , SIP/2.0/TCP b;received=1.2.3.4\r\n"
			    "v: SIP/2.0/UDP\r\n\tc ;rport\r\nX: y\r\nVIA   : SIP/2.0/TLS d, SIP/2.0/UDP e");
	assert_int_equal(one.reason, WEIR_REASON_NONE);
	assert_non_null(answer(SIP_STATUS_ACCEPTED, &v4));
	assert_non_null(strstr(text, "Accepted\r\n"
				     "Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKa , SIP/2.0/TCP b;received=1.2.3.4\r\n"
				     "Via: SIP/2.0/UDP c ;rport\r\n"
				     "Via: SIP/2.0/TLS d, SIP/2.0/UDP e\r\nFrom:"));
}

static void vias_among_other_lines_are_found(void **state)
{
	static const char apart[] = "MESSAGE sip:a SIP/2.0\nf:sip:a\nv:SIP/2.0/UDP 192.0.2.7\nt:sip:c;tag=1\nwhat\n"
				    "Via:\ni:x\nVia: SIP/2.0/UDP b\n ;c\nCSeq:2 MESSAGE\nv: d\n\nv: e\n";

	sip_case_set(&one, apart, sizeof(apart) - 1);
	assert_int_equal(one.message.more_vias, 3);
	assert_memory_equal(apart + one.message.next_via, "Via:\ni:x", 8);
	assert_non_null(answer(400, &v4));
	assert_non_null(strstr(text, "Request\r\nVia: SIP/2.0/UDP 192.0.2.7\r\nVia: \r\nVia: SIP/2.0/UDP b ;c\r\n"
				     "Via: d\r\nFrom: sip:a\r\n"));
}

static void received_and_rport_are_ours_to_say(void **state)
{
	static const struct {
		const char *request;
		const struct sip_peer *source;
		const char *answer;
	} vias[] = {
		{ "SIP/2.0/UDP 192.0.2.7", &v4, "SIP/2.0/UDP 192.0.2.7" },
		{ "SIP/2.0/UDP 192.0.2.8", &v4, "SIP/2.0/UDP 192.0.2.8;received=192.0.2.7" },
		{ "SIP/2.0/UDP 192.0.2.07", &v4, "SIP/2.0/UDP 192.0.2.07;received=192.0.2.7" },
		{ "SIP/2.0/UDP 192.0.2.70", &v4, "SIP/2.0/UDP 192.0.2.70;received=192.0.2.7" },
		{ "SIP/2.0/UDP [::ffff:192.0.2.7]", &v4, "SIP/2.0/UDP [::ffff:192.0.2.7];received=192.0.2.7" },
		{ "SIP/2.0/UDP a.example", &v4, "SIP/2.0/UDP a.example;received=192.0.2.7" },
		{ "SIP/2.0/UDP 192.0.2.7;rport", &v4, "SIP/2.0/UDP 192.0.2.7;received=192.0.2.7;rport=40000" },
		{ "SIP/2.0/UDP 192.0.2.7;rport=1;x", &v4, "SIP/2.0/UDP 192.0.2.7;x;received=192.0.2.7;rport=40000" },
		{ "SIP/2.0/UDP 192.0.2.7;received=6.6.6.6;x", &v4, "SIP/2.0/UDP 192.0.2.7;x" },
		{ "SIP/2.0/UDP a;received=6.6.6.6;x;RPORT = 5 ;y", &v4, "SIP/2.0/UDP a;x;y;received=192.0.2.7;rport=40000" },
		{ "SIP/2.0/UDP a;rport;received=6.6.6.6", &v4, "SIP/2.0/UDP a;received=192.0.2.7;rport=40000" },
		{ "SIP/2.0/UDP a;rport , SIP/2.0/UDP b", &v4, "SIP/2.0/UDP a;received=192.0.2.7;rport=40000 , SIP/2.0/UDP b" },
		{ "SIP/2.0/UDP [2001:db8::7]", &v6, "SIP/2.0/UDP [2001:db8::7]" },
		{ "SIP/2.0/UDP [2001:DB8:0::7]", &v6, "SIP/2.0/UDP [2001:DB8:0::7]" },
		{ "SIP/2.0/UDP [2001:db8::8]", &v6, "SIP/2.0/UDP [2001:db8::8];received=2001:db8::7" },
		{ "SIP/2.0/UDP [2001:db8:::7]", &v6, "SIP/2.0/UDP [2001:db8:::7];received=2001:db8::7" },
		{ "SIP/2.0/UDP 192.0.2.7", &v6, "SIP/2.0/UDP 192.0.2.7;received=2001:db8::7" },
	};
	char line[200], right[200];

	for (size_t i = 0; i < sizeof(vias) / sizeof(vias[0]); i++) {
		snprintf(line, sizeof(line), "Via: %s", vias[i].request);
		snprintf(right, sizeof(right), "Via: %s", vias[i].answer);
		sip_case_line(&one, line);
		assert_int_equal(one.reason, WEIR_REASON_NONE);
		assert_string_equal(line_of(answer(SIP_STATUS_ACCEPTED, vias[i].source), "Via"), right);
	}
}

static void an_answer_goes_where_the_topmost_via_says(void **state)
{
	static const struct {
		const char *via;
		const struct sip_peer *source;
		uint8_t family, last;
		uint16_t port;
		bool chosen;
	} places[] = {
		{ "SIP/2.0/UDP a", &v4, 4, 7, 5060, false },
		{ "SIP/2.0/UDP a:5070", &v4, 4, 7, 5070, false },
		{ "SIP/2.0/UDP 192.0.2.9:5070", &v4, 4, 7, 5070, false },
		{ "SIP/2.0/UDP a:5070;rport", &v4, 4, 7, 40000, false },
		{ "SIP/2.0/UDP a:5070;received=192.0.2.9", &v4, 4, 7, 5070, false },
		{ "SIP/2.0/UDP a:5070;maddr=192.0.2.9;rport", &v4, 4, 9, 5070, true },
		{ "SIP/2.0/UDP a;maddr=192.0.2.9", &v4, 4, 9, 5060, true },
		{ "SIP/2.0/UDP a;maddr=b.example;rport", &v4, 4, 7, 40000, false },
		{ "SIP/2.0/UDP a;maddr=[2001:db8::9]", &v4, 6, 9, 5060, true },
		{ "SIP/2.0/UDP [::1]:5070", &v6, 6, 7, 5070, false },
		{ "SIP/2.0/UDP [::1]:5070;rport=1", &v6, 6, 7, 40000, false },
	};
	char line[200];

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct sip_request from;
		struct sip_peer place;

		snprintf(line, sizeof(line), "Via: %s", places[i].via);
		sip_case_line(&one, line);
		assert_int_equal(one.reason, WEIR_REASON_NONE);
		from = request(places[i].source);
		assert_int_equal(sip_answer_place(&from, &place), places[i].chosen);
		assert_int_equal(place.family, places[i].family);
		assert_int_equal(place.address[place.family == 4 ? 3 : 15], places[i].last);
		assert_int_equal(place.port, places[i].port);
	}
}

static void the_tag_of_to_is_the_same_for_a_retransmission_alone(void **state)
{
	static const uint8_t other_key[SIPHASH_KEY_SIZE] = "another sixteen!";
	static const char *const others[] = { "Via: SIP/2.0/UDP a;branch=z9hG4bKother", "Call-ID: b", "CSeq: 2 MESSAGE" };
	uint64_t first;

	sip_case_line(&one, "Max-Forwards: 70");
	first = sip_transaction(one.bytes, &one.message, key);
	sip_case_line(&one, "Max-Forwards: 69");
	assert_true(sip_transaction(one.bytes, &one.message, key) == first);
	assert_true(sip_transaction(one.bytes, &one.message, other_key) != first);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		sip_case_line(&one, others[i]);
		assert_true(sip_transaction(one.bytes, &one.message, key) != first);
	}
	// nor is it what the fields say one behind the other
	sip_case_line(&one, "Call-ID: ab1\r\nCSeq: 2 MESSAGE");
	first = sip_transaction(one.bytes, &one.message, key);
	sip_case_line(&one, "Call-ID: ab\r\nCSeq: 12 MESSAGE");
	assert_true(sip_transaction(one.bytes, &one.message, key) != first);
	sip_case_line(&one, "Call-ID: aaaaaaaa00000001\r\nCSeq: 1 MESSAGE"); // whole words
	first = sip_transaction(one.bytes, &one.message, key);
	sip_case_line(&one, "Call-ID: aaaaaaaa\r\nCSeq: 000000011 MESSAGE");
	assert_true(sip_transaction(one.bytes, &one.message, key) != first);
	sip_case_line(&one, "Via: SIP/2.0/UDP a\r\nFrom: sip:aaaaaaaaaaaa\r\nTo: sip:bbbb");
	first = sip_transaction(one.bytes, &one.message, key);
	sip_case_line(&one, "Via: SIP/2.0/UDP a\r\nFrom: sip:aaaa\r\nTo: aaaaaaaasip:bbbb");
	assert_true(sip_transaction(one.bytes, &one.message, key) != first);
	// branches that are none of RFC 3261 do not make two requests one
	sip_case_line(&one, "Via: SIP/2.0/UDP a;branch=z9hG4bK");
	first = sip_transaction(one.bytes, &one.message, key);
	sip_case_line(&one, "Via: SIP/2.0/UDP b;branch=z9hG4bK");
	assert_true(sip_transaction(one.bytes, &one.message, key) != first);
	sip_case_line(&one, "Via: SIP/2.0/UDP a");
	first = sip_transaction(one.bytes, &one.message, key);
	sip_case_line(&one, "Via: SIP/2.0/UDP a\r\nMax-Forwards: 1");
	assert_true(sip_transaction(one.bytes, &one.message, key) == first);
}

static void the_words_of_a_transaction_are_what_is_hashed(void **state)
{
	static const char *const vias[] = { "z9hG4bK", "z9hG4bK1", "z9hG4bK123456789", "1" };
	enum { WORDS = 64, STRIDE = 3 };
	uint64_t word[WORDS * STRIDE], rest;
	struct siphash hash;
	char line[200];

	for (unsigned turn = 0; turn < 4 * 40; turn++) {
		unsigned n;

		sprintf(line, "Via: SIP/2.0/UDP a;branch=%s", vias[turn % 4]);
		sip_case_line(&one, line);
		one.message.call_id.length = (uint16_t)(turn / 4);
		n = sip_transaction_words(one.bytes, &one.message, word, STRIDE, WORDS, &rest);
		assert_true(n > 0);
		siphash_init(&hash, key);
		for (unsigned i = 0; i < n; i++)
			siphash13_put(&hash, word[i * STRIDE]);
		assert_true(siphash13_end(&hash, rest, 7) == sip_transaction(one.bytes, &one.message, key));
		// and no more than there is room for, with one word more
		word[n * STRIDE] = 42;
		assert_int_equal(sip_transaction_words(one.bytes, &one.message, word, STRIDE, n + 1, &rest), n);
		memset(word, 0, sizeof(word));
		assert_int_equal(sip_transaction_words(one.bytes, &one.message, word, STRIDE, n, &rest), 0);
		for (unsigned i = 0; i < WORDS * STRIDE; i++)
			assert_int_equal(word[i], 0);
	}
}

static void a_tag_that_to_has_stays(void **state)
{
	sip_case_line(&one, "To: \"B\"\r\n  <sip:b> ; tag = x");
	assert_string_equal(line_of(answer(SIP_STATUS_ACCEPTED, &v4), "To"), "To: \"B\" <sip:b> ; tag = x");
}

static void a_malformed_request_gets_400_if_it_can_be_answered(void **state)
{
	static const struct {
		const char *line;
		unsigned status;
	} cases[] = {
		{ "MESSAGE sip:a b SIP/2.0", 400 }, { "MESSAGE sip:a SIP/3.0", 505 }, { "MESSAGE x:a SIP/2.0", 416 },
		{ "MESSAGE sip:a SIP/2.0 ", 400 }, { "MESSAGE ", 400 }, { "From: \"a <sip:b>", 400 }, { "From: a\x01", 0 },
		{ "From: ", 0 }, { "From:", 0 }, { "To: \"a <sip:b>", 400 }, { "Via: x", 0 }, { "CSeq: x", 400 }, { "Call-ID: a b", 400 },
		{ "Call-ID: \x01", 0 }, { "Content-Length: 500", 400 }, { "Max-Forwards: 1\r\nwhat", 400 },
		{ "ACK sip:a SIP/2.0", 0 }, { "INVITE sip:a SIP/2.0", 400 /* CSeq says MESSAGE */ }, { "Max-Forwards: 1", 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		sip_case_line(&one, cases[i].line);
		if (sip_answer_status(&one.message) != cases[i].status)
			fail_msg("%s: %u", cases[i].line, sip_answer_status(&one.message));
		if (cases[i].status)
			assert_non_null(answer(cases[i].status, &v4));
		else if (one.reason)
			assert_null(answer(400, &v4));
	}
	sip_case_line(&one, "Via: SIP/2.0/UDP 192.0.2.15;rport;;,;,,");
	assert_int_equal(sip_answer_status(&one.message), 400);
	assert_string_equal(line_of(answer(400, &v4), "Via"), "Via: SIP/2.0/UDP 192.0.2.15;rport;;,;,,");
	sip_case_line(&one, "To: \"a <sip:b>");
	assert_string_equal(line_of(answer(400, &v4), "To"), "To: \"a <sip:b>"); // where a tag would go is not known
}

static void folds_are_copied_as_one_space(void **state)
{
	sip_case_line(&one, "From: \"a\\ \r\n \t b\t\n\tc\"\r\n \r\n <sip:b>\r\n ;tag=1 \r\n ");
	assert_int_equal(one.reason, WEIR_REASON_NONE);
	assert_string_equal(line_of(answer(SIP_STATUS_ACCEPTED, &v4), "From"), "From: \"a\\ b c\" <sip:b> ;tag=1");
}

// Values that come close to what is moved at once, and where a datagram ends soon after them.
static const unsigned lengths[] = { 1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 95, 96, 97, 200 };
enum { N_LENGTHS = sizeof(lengths) / sizeof(lengths[0]), VALUE_MAX = 300 };

// A request whose last header line has `value`, and `body` behind it.
static void case_of_value(const char *name, const char *value, const char *body)
{
	static const char *const others[] = { "Via: SIP/2.0/UDP 192.0.2.7;rport", "From: sip:a", "To: sip:c;tag=1", "Call-ID: x",
					      "CSeq: 2 MESSAGE" };
	char whole[1000];
	int n = sprintf(whole, "MESSAGE sip:a SIP/2.0\r\n");

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strncmp(others[i], name, strlen(name)) != 0)
			n += sprintf(whole + n, "%s\n", others[i]);
	n += sprintf(whole + n, "%s: %s\n\n%s", name, value, body);
	sip_case_set(&one, whole, (unsigned)n);
	assert_int_equal(one.reason, WEIR_REASON_NONE);
}

// Holds the answer against its line, with as much room as it needs and with less.
static void check_value(const char *name, const char *right)
{
	const struct sip_answer accepted = { .status = SIP_STATUS_ACCEPTED };
	struct sip_request from = request(&v4);
	char line[VALUE_MAX + 20], start[20];
	int whole;

	snprintf(start, sizeof(start), "%s: ", name);
	snprintf(line, sizeof(line), "%s: %s", name, right);
	assert_string_equal(line_of(answer(SIP_STATUS_ACCEPTED, &v4), start), line);
	whole = (int)strlen(text);
	for (int size = whole; size >= 0; size -= size > whole - 70 ? 1 : 13) {
		uint8_t *exact = malloc(size ? (size_t)size : 1);

		assert_int_equal(sip_answer_format(&from, &accepted, exact, (unsigned)size), size < whole ? -EMSGSIZE : whole);
		assert_true(size < whole || memcmp(exact, text, (size_t)whole) == 0);
		free(exact);
	}
}

static void a_value_of_any_length_is_copied_whole(void **state)
{
	static const char *const bodies[] = { "", "hi", "a body that is longer than what is moved at once" };
	char value[VALUE_MAX];

	for (unsigned i = 0; i < N_LENGTHS; i++) {
		for (unsigned k = 0; k < lengths[i]; k++)
			value[k] = (char)('a' + k % 26);
		value[lengths[i]] = '\0';
		for (unsigned k = 0; k < 3; k++) {
			case_of_value("Call-ID", value, bodies[k]);
			check_value("Call-ID", value);
		}
	}
}

// A name in quotes that is folded at `place` of its `length` bytes.
static void folded(char *value, char *right, unsigned length, unsigned place, const char *fold)
{
	char name[VALUE_MAX];

	memset(name, 'n', length);
	name[length] = '\0';
	sprintf(value, "\"%.*s%s%s\" <sip:b>", (int)place, name, fold, name + place);
	sprintf(right, "\"%.*s %s\" <sip:b>", (int)place, name, name + place);
}

static void a_fold_at_any_place_is_one_space(void **state)
{
	static const char *const folds[] = { "\r\n ", "\n\t", " \t\r\n \t\n ", "\n " };
	char value[VALUE_MAX], right[VALUE_MAX];

	for (unsigned i = 0; i < N_LENGTHS - 1; i++)
		for (unsigned place = 0; place <= lengths[i]; place++) {
			folded(value, right, lengths[i], place, folds[place % 4]);
			for (unsigned k = 0; k < 2; k++) {
				case_of_value("From", value, k ? "" : "a body that is longer than what is moved at once");
				assert_string_equal(line_of(answer(SIP_STATUS_ACCEPTED, &v4), "From") + 6, right);
			}
		}
	check_value("From", right);
}

static void what_follows_a_value_is_no_fold_of_it(void **state)
{
	// tabs stay, and so do spaces before the next line
	case_of_value("To", "\"a\tb  c\" \t <sip:b>;tag=1", "\r\n\r\n");
	check_value("To", "\"a\tb  c\" \t <sip:b>;tag=1");
}

static void a_return_without_a_feed_is_not_copied(void **state)
{
	sip_case_line(&one, "From: \"a\rX: y\" <sip:b>");
	assert_string_equal(line_of(answer(400, &v4), "From"), "From: \"a X: y\" <sip:b>");
	sip_case_line(&one, "From: \"a\r\" <sip:b>;a-parameter-so-that-the-value-is-long");
	assert_string_equal(line_of(answer(400, &v4), "From"), "From: \"a \" <sip:b>;a-parameter-so-that-the-value-is-long");
}

static void numbers_are_written_to_their_last_digit(void **state)
{
	char right[40];

	sip_case_line(&one, "Max-Forwards: 70");
	for (uint64_t power = 1; power <= UINT32_MAX; power *= 10)
		for (int off = -1; off <= 1; off++) {
			struct sip_answer busy = { .status = SIP_STATUS_UNAVAILABLE, .retry_after = (uint32_t)(power + off) };

			snprintf(right, sizeof(right), "Retry-After: %u", busy.retry_after);
			assert_string_equal(line_of(answer_with(&busy, &v4), "Retry-After"), right);
		}
	for (uint64_t number = 3; number <= UINT32_MAX; number += number / 16 + 7) {
		struct sip_answer busy = { .status = SIP_STATUS_UNAVAILABLE, .retry_after = (uint32_t)number };

		snprintf(right, sizeof(right), "Retry-After: %u", busy.retry_after);
		assert_string_equal(line_of(answer_with(&busy, &v4), "Retry-After"), right);
	}
}

static void addresses_are_written_as_inet_ntop_writes_them(void **state)
{
	static const uint8_t others[][16] = { { 0 }, { [15] = 1 }, { [10] = 0xff, 0xff, 1, 2, 3, 4 }, { [12] = 1, 2, 3, 4 },
					      { 0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 0, 0, 0, 1 }, { 0xfe, 0x80, [15] = 0x10 },
					      { 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc,
						0xde, 0xf0 } };
	struct sip_peer source = { .port = 1 };
	char right[200], address[INET6_ADDRSTRLEN];

	sip_case_line(&one, "Via: SIP/2.0/UDP a;rport");
	for (unsigned i = 0; i < 4 * 256 + sizeof(others) / sizeof(others[0]); i++) {
		source.family = i < 4 * 256 ? 4 : 6;
		if (i < 4 * 256)
			memcpy(source.address, (uint8_t[4]){ 7, 80, 123, 255 }, 4), source.address[i / 256] = (uint8_t)i;
		else
			memcpy(source.address, others[i - 4 * 256], 16);
		inet_ntop(source.family == 4 ? AF_INET : AF_INET6, source.address, address, sizeof(address));
		snprintf(right, sizeof(right), "Via: SIP/2.0/UDP a;received=%s;rport=1", address);
		assert_string_equal(line_of(answer(SIP_STATUS_ACCEPTED, &source), "Via"), right);
	}
}

static void a_byte_that_cannot_stand_in_text_is_copied_where_it_may(void **state)
{
	static const char quoted[] = "MESSAGE sip:a SIP/2.0\nv:SIP/2.0/UDP a\nf:sip:a\n"
				     "t:\"\\\0\\\x07\" <sip:c>;tag=1\ni:x\nCSeq:2 MESSAGE\n\n";
	struct sip_request from;
	int n;

	sip_case_set(&one, quoted, sizeof(quoted) - 1);
	assert_int_equal(one.reason, WEIR_REASON_NONE);
	from = request(&v4);
	n = sip_answer_format(&from, &(struct sip_answer){ .status = 202 }, (uint8_t *)text, sizeof(text));
	assert_true(n > 0);
	assert_non_null(memmem(text, (size_t)n, "\r\nTo: \"\\\0\\\x07\" <sip:c>;tag=1\r\n", 27));
}

static void an_answer_that_does_not_fit_is_none(void **state)
{
	struct sip_answer busy = { .status = SIP_STATUS_UNAVAILABLE, .text = "later", .text_length = 5 };
	struct sip_request from;
	int whole;

	sip_case_line(&one, "Max-Forwards: 70");
	from = request(&v6);
	whole = sip_answer_format(&from, &busy, (uint8_t *)text, sizeof(text));
	assert_true(whole > 0);
	for (int size = 0; size <= whole; size++) {
		uint8_t *exact = malloc(size ? (size_t)size : 1);

		assert_int_equal(sip_answer_format(&from, &busy, exact, (unsigned)size), size < whole ? -EMSGSIZE : whole);
		free(exact);
	}
	sip_case_clear(&one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_accepted_message_gets_202_with_what_must_be_copied),
		cmocka_unit_test(each_status_says_what_it_must),
		cmocka_unit_test(options_are_answered_with_what_is_allowed),
		cmocka_unit_test(what_is_required_is_said_to_be_unsupported),
		cmocka_unit_test(the_stack_of_vias_is_copied_in_order),
		cmocka_unit_test(vias_among_other_lines_are_found),
		cmocka_unit_test(received_and_rport_are_ours_to_say),
		cmocka_unit_test(an_answer_goes_where_the_topmost_via_says),
		cmocka_unit_test(the_tag_of_to_is_the_same_for_a_retransmission_alone),
		cmocka_unit_test(the_words_of_a_transaction_are_what_is_hashed),
		cmocka_unit_test(a_tag_that_to_has_stays),
		cmocka_unit_test(a_malformed_request_gets_400_if_it_can_be_answered),
		cmocka_unit_test(folds_are_copied_as_one_space),
		cmocka_unit_test(a_value_of_any_length_is_copied_whole),
		cmocka_unit_test(a_fold_at_any_place_is_one_space),
		cmocka_unit_test(what_follows_a_value_is_no_fold_of_it),
		cmocka_unit_test(a_return_without_a_feed_is_not_copied),
		cmocka_unit_test(numbers_are_written_to_their_last_digit),
		cmocka_unit_test(addresses_are_written_as_inet_ntop_writes_them),
		cmocka_unit_test(a_byte_that_cannot_stand_in_text_is_copied_where_it_may),
		cmocka_unit_test(an_answer_that_does_not_fit_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
