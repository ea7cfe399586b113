// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "controlplane/agents/api_json.h"
#include "controlplane/agents/api_read.h"
#include "controlplane/agents/guard.h"
#include "controlplane/agents/http_parts.h"

static json_t *claimed_json(const char *payload, uint16_t length, uint16_t offset)
{
	struct spool_claimed claimed = { .until_ms = 5, .message = { .queue = "q", .rule = "r", .payload = payload, .arrival = 7 } };

	claimed.message.record = (struct weir_record){ .payload_length = length, .body_offset = offset, .ip_version = 6,
						       .country = 82, .priority = 1 };
	return api_claimed_json(&claimed);
}

static const char *text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void a_body_is_text_where_it_is_text(void **state)
{
	static const struct { const char *payload; uint16_t length, offset; const char *body, *base64; } cases[] = {
		{ "headgr\xc3\xbc\xc3\x9f", 10, 4, "gr\xc3\xbc\xc3\x9f", NULL },
		{ "head\xff", 5, 4, NULL, "/w==" },
		{ "heada\0b", 7, 4, NULL, "YQBi" },
		{ "head", 4, 4, "", NULL },
		{ "head", 4, 400, "", NULL }, // says more than there is
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *object = claimed_json(cases[i].payload, cases[i].length, cases[i].offset);

		assert_non_null(object);
		if (cases[i].body)
			assert_string_equal(text(object, "body"), cases[i].body);
		else
			assert_null(text(object, "body"));
		if (cases[i].base64)
			assert_string_equal(text(object, "body_base64"), cases[i].base64);
		else
			assert_null(text(object, "body_base64"));
		assert_string_equal(text(object, "priority"), "urgent");
		assert_string_equal(text(json_object_get(object, "sender"), "address"), "::");
		json_decref(object);
	}
}

static void a_token_goes_to_text_and_back(void **state)
{
	uint8_t token[SPOOL_TOKEN_SIZE] = { 0, 1, 0xab, 0xff, [15] = 9 }, back[SPOOL_TOKEN_SIZE];
	char out[2 * SPOOL_TOKEN_SIZE + 1];

	(void)state;
	api_token_format(token, out);
	assert_string_equal(out, "0001abff000000000000000000000009");
	assert_true(api_token_parse(out, back));
	assert_memory_equal(token, back, sizeof(token));
	assert_false(api_token_parse("0001abff00000000000000000000000", back));
	assert_false(api_token_parse("0001ABff000000000000000000000009", back));
	assert_false(api_token_parse(NULL, back));
}

static void a_path_finds_its_route_id_and_name(void **state)
{
	static const struct http_route routes[] = { { "POST", "/v1/messages/{id}/ack", NULL, false },
						    { "GET", "/v1/queues", NULL, false },
						    { "GET", "/v1/queues/{name}", NULL, false },
						    { NULL, NULL, NULL, false } };
	static const struct { const char *method, *path; int route; unsigned status; } cases[] = {
		{ "POST", "/v1/messages/12/ack", 0, 0 },
		{ "GET", "/v1/messages/12/ack", -1, 405 },
		{ "POST", "/v1/messages//ack", -1, 404 },
		{ "POST", "/v1/messages/1x/ack", -1, 404 },
		{ "POST", "/v1/messages/1234567890123456789/ack", -1, 404 },
		{ "POST", "/v1/messages/12/ackk", -1, 404 },
		{ "GET", "/v1/queues", 1, 0 },
		{ "GET", "/v1/queues/", -1, 404 },
		{ "GET", "/v1/queues/a/b c", 2, 0 },
		{ "GET", "/", -1, 404 },
		{ "GET", "", -1, 404 },
	};
	char allow[64];
	unsigned status;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_request request = { .id = 0 };
		const struct http_route *found = http_route_find(routes, cases[i].method, cases[i].path, &request, &status, allow);

		assert_ptr_equal(found, cases[i].route < 0 ? NULL : &routes[cases[i].route]);
		if (!found)
			assert_int_equal(status, cases[i].status);
		if (cases[i].route == 0)
			assert_int_equal(request.id, 12);
		if (cases[i].route == 2)
			assert_string_equal(request.name, "a/b c");
		if (cases[i].status == 405)
			assert_string_equal(allow, "POST");
	}
}

static void who_does_something_too_often_waits_and_others_do_not(void **state)
{
	struct guard *guard = guard_create();
	unsigned wait = 0;

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(guard_take(guard, "192.0.2.1", GUARD_BAD_TOKENS), 0);
	wait = guard_take(guard, "192.0.2.1", GUARD_BAD_TOKENS);
	assert_true(wait >= 1 && wait <= 6);
	assert_int_equal(guard_take(guard, "192.0.2.2", GUARD_BAD_TOKENS), 0);
	assert_int_equal(guard_take(guard, "192.0.2.1", GUARD_REQUESTS), 0);
	guard_destroy(guard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_is_text_where_it_is_text),
		cmocka_unit_test(a_token_goes_to_text_and_back),
		cmocka_unit_test(a_path_finds_its_route_id_and_name),
		cmocka_unit_test(who_does_something_too_often_waits_and_others_do_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
