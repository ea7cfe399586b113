// SPDX-License-Identifier: BSD-3-Clause
#include "controlplane/agents/hook_event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void an_event_is_a_cloud_event_about_the_message(void **state)
{
	struct spool_message message = { .boot_id = { 0xab, 1 }, .worker = 7, .queue = "fraud désk/1", .rule = "r",
					 .arrival = 42, .attempts = 3 };
	char *text, id[HOOK_ID + 1];
	json_t *event;

	(void)state;
	message.record.sequence = UINT64_MAX;
	message.record.received_ns = 1700000000123456789;
	text = hook_event_format("gw1", &message, json_pack("{s:s}", "body", "x"));
	event = json_loads(text, 0, NULL);
	assert_non_null(event);
	hook_id_format(&message, id);
	assert_string_equal(id, "ab010000000000000000000000000000-7-18446744073709551615");
	assert_int_equal(json_object_size(event), 8);
	assert_string_equal(json_string_value(json_object_get(event, "id")), id);
	assert_string_equal(json_string_value(json_object_get(event, "specversion")), "1.0");
	assert_string_equal(json_string_value(json_object_get(event, "type")), "weir.message");
	assert_string_equal(json_string_value(json_object_get(event, "source")),
			    "/weir/gw1/queues/fraud%20d%C3%A9sk%2F1");
	assert_string_equal(json_string_value(json_object_get(event, "subject")), "42");
	assert_string_equal(json_string_value(json_object_get(event, "time")), "2023-11-14T22:13:20.123Z");
	assert_string_equal(json_string_value(json_object_get(event, "datacontenttype")), "application/json");
	assert_string_equal(json_string_value(json_object_get(json_object_get(event, "data"), "body")), "x");
	json_decref(event);
	free(text);
	assert_null(hook_event_format("gw1", &message, NULL));
}

static struct hook_reply read_reply(unsigned status, const char *body)
{
	const struct hook_result result = { .status = status, .body = body, .length = strlen(body) };
	struct hook_reply reply;

	hook_reply_read(&result, &reply);
	return reply;
}

static void every_success_takes_the_message(void **state)
{
	static const char *const bodies[] = { "", " \r\n\t", "thank you", "[1]", "<html>", "{}", "{\"answer\":null}",
					      " {\"other\":{\"status\":\"refused\"}}" };

	(void)state;
	for (unsigned status = 200; status < 300; status++)
		for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
			assert_int_equal(read_reply(status, bodies[i]).verdict, HOOK_TAKEN);
}

static void an_answer_is_read_with_its_status_and_text(void **state)
{
	static const struct {
		const char *body;
		unsigned status;
		const char *text;
	} good[] = {
		{ "{\"answer\":{\"status\":\"accepted\"}}", 0, "" },
		{ "{\"answer\":{\"status\":\"refused\",\"text\":\"no\"}}", 1, "no" },
		{ "\n{\"answer\":{\"text\":\"gr\\u00fcn\",\"status\":\"busy\",\"x\":1},\"y\":2}\n", 2, "gr\xc3\xbcn" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct hook_reply reply = read_reply(200, good[i].body);

		assert_int_equal(reply.verdict, HOOK_ANSWER);
		assert_int_equal(reply.status, good[i].status);
		assert_int_equal(reply.length, strlen(good[i].text));
		assert_string_equal(reply.text, good[i].text);
		free(reply.text);
	}
}

static void an_answer_that_cannot_be_is_a_failure(void **state)
{
	static const struct {
		const char *body, *why;
	} wrong[] = {
		{ "{", "no JSON" },
		{ "{\"answer\":{}} x", "no JSON" },
		{ "{\"answer\":{},\"answer\":null}", "no JSON" },
		{ "{\"answer\":{\"status\":\"refused\",\"text\":\"\xff\"}}", "no JSON" },
		{ "{\"answer\":{\"status\":\"refused\",\"text\":\"a\\u0000b\"}}", "no JSON" },
		{ "{\"answer\":5}", "no status" },
		{ "{\"answer\":{}}", "no status" },
		{ "{\"answer\":{\"status\":1}}", "no status" },
		{ "{\"answer\":{\"status\":\"Refused\"}}", "no status" },
		{ "{\"answer\":{\"status\":\"refused\",\"text\":7}}", "text" },
	};
	char *deep = calloc(1, 16001), *large = calloc(1, 2000);
	struct hook_reply reply;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		reply = read_reply(200, wrong[i].body);
		assert_int_equal(reply.verdict, HOOK_FAILED);
		assert_non_null(strstr(reply.why, wrong[i].why));
		assert_null(reply.text);
	}
	assert_true(deep && large);
	for (unsigned i = 0; i < 15000; i += 5)
		memcpy(deep + i, "{\"\":[", 5);
	assert_int_equal(read_reply(200, deep).verdict, HOOK_FAILED);
	strcpy(large, "{\"answer\":{\"status\":\"refused\",\"text\":\"");
	memset(large + strlen(large), 'x', 1473);
	strcat(large, "\"}}");
	assert_int_equal(read_reply(200, large).verdict, HOOK_FAILED);
	free(deep);
	free(large);
}

static void what_is_no_success_is_tried_again_but_for_410(void **state)
{
	static const unsigned failures[] = { 0, 100, 199, 300, 301, 302, 307, 400, 401, 404, 409, 411, 429, 500, 503, 599 };

	(void)state;
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
		assert_int_equal(read_reply(failures[i], "{\"answer\":{\"status\":\"refused\"}}").verdict, HOOK_FAILED);
	assert_string_equal(read_reply(308, "").why, "status 308; redirects are not followed");
	assert_string_equal(read_reply(503, "secret").why, "status 503");
	assert_int_equal(read_reply(410, "").verdict, HOOK_GONE);
}

static void a_response_that_broke_off_or_is_too_long_takes_nothing(void **state)
{
	struct hook_result result = { .status = 200, .error = "Timeout was reached", .body = "", .length = 0 };
	struct hook_reply reply;

	(void)state;
	hook_reply_read(&result, &reply);
	assert_int_equal(reply.verdict, HOOK_FAILED);
	assert_string_equal(reply.why, "Timeout was reached");
	result = (struct hook_result){ .status = 200, .body = "{\"answer\":null}", .length = 15, .too_long = true };
	hook_reply_read(&result, &reply);
	assert_int_equal(reply.verdict, HOOK_FAILED);
	result.body = "<html>";
	result.length = 6;
	hook_reply_read(&result, &reply);
	assert_int_equal(reply.verdict, HOOK_TAKEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_is_a_cloud_event_about_the_message),
		cmocka_unit_test(every_success_takes_the_message),
		cmocka_unit_test(an_answer_is_read_with_its_status_and_text),
		cmocka_unit_test(an_answer_that_cannot_be_is_a_failure),
		cmocka_unit_test(what_is_no_success_is_tried_again_but_for_410),
		cmocka_unit_test(a_response_that_broke_off_or_is_too_long_takes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
