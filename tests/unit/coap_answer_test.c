// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/decode/coap_answer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/kit/coap.h"

enum { ROOM = 600 };

#define CON_REQUEST "CON 0.02 id:7 token:a1b2 11:m 11:acme 11:sms "
#define NON_REQUEST "NON 0.02 id:7 token:a1b2 11:m 11:acme 11:sms "

static const struct coap_answer accepted = { .code = COAP_CODE(2, 4), .id = 9 };
static const struct coap_answer refused = { .code = COAP_CODE(4, 3), .id = 9, .text = "spam", .length = 4 };
static const struct coap_answer busy = { .code = COAP_CODE(5, 3), .id = 9, .retry_after = 30, .text = "wait", .length = 4 };
static const struct coap_answer thanks = { .code = COAP_CODE(2, 4), .id = 9, .text = "thanks", .length = 6 };

static struct coap_origin origin_of(const char *line)
{
	static uint8_t bytes[KIT_COAP_MAX];
	struct coap_message message;
	struct coap_origin origin;

	coap_parse(bytes, (unsigned)kit_coap(bytes, line), &message);
	coap_origin_get(&origin, bytes, &message);
	memset(bytes, 0xee, 64); // the frame is gone
	return origin;
}

static void expect_bytes(const uint8_t *out, int length, const char *line)
{
	static uint8_t right[KIT_COAP_MAX];
	size_t n = line[0] ? kit_coap(right, line) : 0;

	assert_int_equal(length, n);
	assert_memory_equal(out, right, n);
}

static void expect_answer(const char *request, const struct coap_answer *answer, const char *line)
{
	struct coap_origin origin = origin_of(request);
	uint8_t out[ROOM];

	expect_bytes(out, coap_answer_format(out, sizeof(out), &origin, answer), line);
}

static void expect_service(const char *request, const char *line)
{
	struct coap_origin origin = origin_of(request);
	uint8_t out[ROOM];

	expect_bytes(out, coap_service_format(out, sizeof(out), &origin, 9), line);
}

static void a_confirmable_request_is_answered_in_its_acknowledgement(void **state)
{
	expect_answer(CON_REQUEST, &accepted, "ACK 2.04 id:7 token:a1b2");
	expect_answer(CON_REQUEST, &refused, "ACK 4.03 id:7 token:a1b2 body:spam");
	expect_answer(CON_REQUEST, &busy, "ACK 5.03 id:7 token:a1b2 14:\x1e body:wait");
	expect_answer(CON_REQUEST, &thanks, "ACK 2.04 id:7 token:a1b2 12: body:thanks");
}

static void another_request_is_answered_by_a_message_with_an_id_of_ours(void **state)
{
	expect_answer(NON_REQUEST, &accepted, "NON 2.04 id:9 token:a1b2");
	expect_answer(NON_REQUEST, &busy, "NON 5.03 id:9 token:a1b2 14:\x1e body:wait");
}

static void a_token_of_every_length_comes_back(void **state)
{
	char request[100], answer[100];

	for (int n = 0; n <= 16; n += 2) {
		snprintf(request, sizeof(request), "CON 0.02 id:7 token:%.*s 11:m 11:acme 11:sms", n, "0123456789abcdef");
		snprintf(answer, sizeof(answer), "ACK 2.04 id:7 token:%.*s", n, "0123456789abcdef");
		expect_answer(request, &accepted, answer);
	}
}

static void seconds_take_as_few_bytes_as_they_need(void **state)
{
	static const struct {
		uint32_t seconds;
		const char *hex;
	} rows[] = {
		{ 0, "d001" },	       { 1, "d10101" },		{ 255, "d101ff" },	   { 256, "d2010100" },
		{ 65535, "d201ffff" }, { 65536, "d301010000" }, { 1 << 24, "d40101000000" }, { UINT32_MAX, "d401ffffffff" },
	};
	char line[100];

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct coap_answer answer = { .code = COAP_CODE(5, 3), .retry_after = rows[i].seconds };

		snprintf(line, sizeof(line), "ACK 5.03 id:7 token:a1b2 hex:%s", rows[i].hex);
		expect_answer(CON_REQUEST, &answer, line);
	}
}

static void an_answer_that_is_not_wanted_leaves_the_acknowledgement_alone(void **state)
{
	// RFC 7967: 2 no successes, 8 no errors of the client, 16 none of the server
	expect_answer(CON_REQUEST "258:\x02", &accepted, "ACK 0.00 id:7");
	expect_answer(CON_REQUEST "258:\x02", &refused, "ACK 4.03 id:7 token:a1b2 body:spam");
	expect_answer(CON_REQUEST "258:\x08", &refused, "ACK 0.00 id:7");
	expect_answer(CON_REQUEST "258:\x10", &busy, "ACK 0.00 id:7");
	expect_answer(CON_REQUEST "258:\x18", &accepted, "ACK 2.04 id:7 token:a1b2");
	expect_answer(CON_REQUEST "258:", &accepted, "ACK 2.04 id:7 token:a1b2");
	expect_answer(NON_REQUEST "258:\x1a", &accepted, "");
	expect_answer(NON_REQUEST "258:\x1a", &refused, "");
	expect_answer(NON_REQUEST "258:\x1a", &busy, "");
	expect_service("NON 0.02 11:nowhere 258:\x08", "");
	expect_service("CON 0.02 id:7 token:01 11:nowhere 258:\x08", "ACK 0.00 id:7");
}

static void text_goes_with_a_success_only_to_who_accepts_text(void **state)
{
	expect_answer(CON_REQUEST "17:", &thanks, "ACK 2.04 id:7 token:a1b2 12: body:thanks");
	expect_answer(CON_REQUEST "17:2", &thanks, "ACK 2.04 id:7 token:a1b2");
	expect_answer(CON_REQUEST "17:2", &refused, "ACK 4.03 id:7 token:a1b2 body:spam");
}

static void what_is_no_message_is_answered_as_its_kind_says(void **state)
{
	expect_service("CON 0.00 id:7", "RST 0.00 id:7");
	expect_service("CON 0.02 id:7 token:01 hex:ff", "RST 0.00 id:7");
	expect_service("NON 0.02 id:7 token:01 9:", "RST 0.00 id:7");
	expect_service("CON 2.05 id:7", "RST 0.00 id:7");
	expect_service("NON 0.02 id:7 hex:ff", "");
	expect_service("ACK 0.00 id:7", "");
	expect_service("RST 0.00 id:7", "");
	expect_service("CON 0.02 id:7 token:01 27:", "ACK 4.02 id:7 token:01 hex:ff6f7074696f6e203237");
	expect_service("CON 0.02 id:7 token:01 65535:", "ACK 4.02 id:7 token:01 hex:ff6f7074696f6e203635353335");
	expect_service("CON 0.01 id:7 token:01 11:nowhere", "ACK 4.04 id:7 token:01");
	expect_service("NON 0.01 id:7 token:01 11:nowhere", "NON 4.04 id:9 token:01");
	expect_service("CON 0.02 id:7 token:01 35:coap://x", "ACK 5.05 id:7 token:01");
	expect_service("CON 0.05 id:7", "ACK 4.05 id:7");
}

static void the_links_lead_to_messages(void **state)
{
	struct coap_origin origin = origin_of("CON 0.01 id:7 token:01 11:.well-known 11:core");
	static const char links[] = "</m>;rt=\"weir.message\";title=\"POST or PUT /m/{tenant}/{channel}\"";
	uint8_t out[ROOM], right[KIT_COAP_MAX];
	size_t head = kit_coap(right, "ACK 2.05 id:7 token:01 12:( hex:ff");

	assert_int_equal(coap_service_format(out, sizeof(out), &origin, 9), head + strlen(links));
	assert_memory_equal(out, right, head);
	assert_memory_equal(out + head, links, strlen(links));
}

static void a_later_answer_has_the_token_and_an_id_of_ours(void **state)
{
	struct coap_origin origin = origin_of(CON_REQUEST);
	uint8_t out[ROOM];

	expect_bytes(out, coap_acknowledge_format(out, ROOM, &origin), "ACK 0.00 id:7");
	expect_bytes(out, coap_later_format(out, ROOM, &origin, &thanks, COAP_CON), "CON 2.04 id:9 token:a1b2 12: body:thanks");
	expect_bytes(out, coap_later_format(out, ROOM, &origin, &busy, COAP_NON), "NON 5.03 id:9 token:a1b2 14:\x1e body:wait");
	origin = origin_of(CON_REQUEST "258:\x02");
	assert_int_equal(coap_later_format(out, ROOM, &origin, &thanks, COAP_CON), 0);
	origin = origin_of(NON_REQUEST);
	assert_int_equal(coap_acknowledge_format(out, ROOM, &origin), 0);
}

static void nothing_is_written_where_there_is_no_room(void **state)
{
	struct coap_origin con = origin_of("CON 0.02 id:7 token:0102030405060708 11:m 11:acme 11:sms");
	struct coap_answer answer = busy;
	uint8_t *out = malloc(ROOM);
	int right;

	answer.retry_after = UINT32_MAX;
	right = coap_answer_format(out, ROOM, &con, &answer);
	assert_int_equal(right, COAP_ANSWER_HEAD + 4);
	for (int room = 0; room < right; room++) {
		uint8_t *exact = malloc(room ? (size_t)room : 1);

		assert_int_equal(coap_answer_format(exact, (size_t)room, &con, &answer), -EMSGSIZE);
		assert_int_equal(coap_later_format(exact, (size_t)room, &con, &answer, COAP_NON), -EMSGSIZE);
		assert_int_equal(coap_acknowledge_format(exact, (size_t)room, &con), room < 4 ? -EMSGSIZE : 4);
		free(exact);
	}
	assert_int_equal(coap_answer_format(out, (size_t)right, &con, &answer), right);
	free(out);
}

static void statuses_have_their_codes(void **state)
{
	assert_int_equal(coap_status_code(WEIR_STATUS_ACCEPTED), COAP_CODE(2, 4));
	assert_int_equal(coap_status_code(WEIR_STATUS_REFUSED), COAP_CODE(4, 3));
	assert_int_equal(coap_status_code(WEIR_STATUS_BUSY), COAP_CODE(5, 3));
}

static void only_a_response_is_a_good_answer(void **state)
{
	static const struct {
		const char *line;
		bool good;
	} rows[] = {
		{ "ACK 2.04 token:a1b2", true },     { "CON 4.03 body:no", true },  { "NON 5.03 14:\x1e", true },
		{ "ACK 2.05 12: 65534: body:x", true }, { "ACK 0.00", false },	    { "RST 0.00", false },
		{ "RST 2.04", false },		     { "CON 0.02 11:m", false },    { "ACK 3.01", false },
		{ "ACK 1.00", false },		     { "ACK 2.04 9:", false },	    { "ACK 2.04 hex:ff", false },
		{ "CON 0.00", false },		     { "NON 7.01", false },
	};
	static uint8_t bytes[KIT_COAP_MAX];

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = kit_coap(bytes, rows[i].line);

		if (coap_answer_is_good(bytes, n) != rows[i].good)
			print_error("%s\n", rows[i].line);
		assert_int_equal(coap_answer_is_good(bytes, n), rows[i].good);
	}
	assert_false(coap_answer_is_good(bytes, 0));
	assert_false(coap_answer_is_good(bytes, 65536));
}

static void what_comes_later_has_one_form(void **state)
{
	static const struct {
		const char *line;
		bool good;
	} rows[] = {
		{ "NON 2.04 id:32768 token:a1b2 12: body:thanks", true }, { "NON 2.04 id:65535", true },
		{ "NON 4.03 id:40000", true },
		{ "NON 4.03 id:40000 token:0102030405060708 body:no", true }, { "NON 5.03 id:40000 14:\x1e body:wait", true },
		{ "NON 5.03 id:40000 14:", true }, { "NON 5.03 id:40000 14:\x01\x02\x03\x04", true },
		{ "NON 2.04 id:32767", false }, // an id of answers at once
		{ "ACK 2.04 id:40000", false }, { "CON 2.04 id:40000", false }, { "RST 0.00 id:40000", false },
		{ "NON 2.05 id:40000", false },
		{ "NON 4.04 id:40000", false }, { "NON 0.02 id:40000 11:m 11:acme 11:sms", false }, { "NON 2.04 id:40000 body:x", false },
		{ "NON 2.04 id:40000 12:", false }, { "NON 2.04 id:40000 12:( body:x", false }, { "NON 4.03 id:40000 12: body:x", false },
		{ "NON 5.03 id:40000 body:x", false }, { "NON 2.04 id:40000 6: 12: body:x", false },
		{ "NON 5.03 id:40000 14:\x1e 14:\x1e", false }, { "NON 5.03 id:40000 14:\x01\x02\x03\x04\x05", false },
		{ "NON 2.04 id:40000 hex:ff", false }, { "NON 2.04 id:40000 8:x 12: body:x", false },
	};
	static uint8_t bytes[KIT_COAP_MAX];
	static char text[COAP_LATER_TEXT_MAX + 1];
	const struct coap_answer long_one = { .code = COAP_CODE(4, 3), .id = 0x8001, .text = text, .length = COAP_LATER_TEXT_MAX };
	struct coap_answer longer = long_one;
	struct coap_origin origin = origin_of(CON_REQUEST);
	int n;

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t length = kit_coap(bytes, rows[i].line);

		if (coap_later_is_good(bytes, length) != rows[i].good)
			print_error("%s\n", rows[i].line);
		assert_int_equal(coap_later_is_good(bytes, length), rows[i].good);
	}
	n = coap_later_format(bytes, sizeof(bytes), &origin, &long_one, COAP_NON);
	assert_true(coap_later_is_good(bytes, (size_t)n));
	longer.length++;
	n = coap_later_format(bytes, sizeof(bytes), &origin, &longer, COAP_NON);
	assert_false(coap_later_is_good(bytes, (size_t)n));
	assert_false(coap_later_is_good(bytes, 0));
	assert_false(coap_later_is_good(bytes, sizeof(bytes)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_confirmable_request_is_answered_in_its_acknowledgement),
		cmocka_unit_test(another_request_is_answered_by_a_message_with_an_id_of_ours),
		cmocka_unit_test(a_token_of_every_length_comes_back),
		cmocka_unit_test(seconds_take_as_few_bytes_as_they_need),
		cmocka_unit_test(an_answer_that_is_not_wanted_leaves_the_acknowledgement_alone),
		cmocka_unit_test(text_goes_with_a_success_only_to_who_accepts_text),
		cmocka_unit_test(what_is_no_message_is_answered_as_its_kind_says),
		cmocka_unit_test(the_links_lead_to_messages),
		cmocka_unit_test(a_later_answer_has_the_token_and_an_id_of_ours),
		cmocka_unit_test(nothing_is_written_where_there_is_no_room),
		cmocka_unit_test(statuses_have_their_codes),
		cmocka_unit_test(only_a_response_is_a_good_answer),
		cmocka_unit_test(what_comes_later_has_one_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
