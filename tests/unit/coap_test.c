// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/decode/coap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/kit/coap.h"

static uint8_t bytes[KIT_COAP_MAX];
static unsigned n;
static struct coap_message message;

// Parses what stands in `bytes`, in a buffer of exactly that size.
static enum weir_reason parse_bytes(void)
{
	uint8_t *exact = malloc(n ? n : 1);
	enum weir_reason reason;

	memcpy(exact, bytes, n);
	reason = coap_parse(exact, n, &message);
	free(exact);
	return reason;
}

static enum weir_reason parse(const char *line)
{
	n = (unsigned)kit_coap(bytes, line);
	return parse_bytes();
}

static void expect_span(struct span span, const char *text)
{
	assert_int_equal(span.length, strlen(text));
	assert_memory_equal(bytes + span.at, text, strlen(text));
}

static void expect_refused(const char *line, enum weir_reason reason, unsigned error)
{
	assert_string_equal(weir_reason_name(parse(line)), weir_reason_name(reason));
	assert_int_equal(message.kind, COAP_REFUSED);
	assert_int_equal(message.error, error);
}

static void a_message_is_read_field_by_field(void **state)
{
	assert_int_equal(parse("CON 0.02 id:4660 token:a1b2c3 3:gw.example 11:m 11:acme 11:sms 15:country=DE "
			       "15:priority=urgent body:hello"), WEIR_REASON_NONE);
	assert_int_equal(message.kind, COAP_TRIAGE);
	assert_int_equal(message.type, COAP_CON);
	assert_int_equal(message.code, COAP_CODE(0, 2));
	assert_int_equal(message.id, 4660);
	assert_int_equal(message.token.at, 4);
	expect_span(message.token, "\xa1\xb2\xc3");
	expect_span(message.host, "gw.example");
	expect_span(message.name, "acme");
	expect_span(message.body, "hello");
	assert_int_equal(message.tenant, 0);
	assert_int_equal(message.channel, 1);
	assert_int_equal(message.country, weir_country_find("DE"));
	assert_int_equal(message.priority, WEIR_URGENT);
	assert_int_equal(message.no_response, 0);
	assert_int_equal(message.plain, 1);
}

static void what_a_message_does_not_say_is_unknown_normal_and_empty(void **state)
{
	assert_int_equal(parse("NON 0.03 11:m 11:1001 11:unspecified"), WEIR_REASON_NONE);
	assert_int_equal(message.kind, COAP_TRIAGE);
	assert_int_equal(message.type, COAP_NON);
	assert_int_equal(message.tenant, 1001);
	assert_int_equal(message.name.length, 0);
	assert_int_equal(message.host.length, 0);
	assert_int_equal(message.body.length, 0);
	assert_int_equal(message.token.length, 0);
	assert_int_equal(message.channel, 0);
	assert_int_equal(message.country, WEIR_COUNTRY_ZZ);
	assert_int_equal(message.priority, WEIR_NORMAL);
}

static void who_waits_for_agents_says_so_in_one_way(void **state)
{
	static const struct {
		const char *arguments;
		unsigned waits;
	} rows[] = {
		{ "15:answer=agent", 1 }, { "15:country=DE 15:answer=agent 15:priority=urgent", 1 },
		{ "15:answer=agent 15:answer=agent", 1 },
		{ "", 0 }, { "15:answer=", 0 }, { "15:answer", 0 }, { "15:answer=agents", 0 },
		{ "15:Answer=agent", 0 }, { "15:answer=now", 0 },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char line[200];

		snprintf(line, sizeof(line), "CON 0.02 11:m 11:acme 11:sms %s", rows[i].arguments);
		assert_int_equal(parse(line), WEIR_REASON_NONE);
		if (message.waits != rows[i].waits)
			print_error("%s\n", line);
		assert_int_equal(message.waits, rows[i].waits);
	}
	assert_int_equal(parse("CON 0.02 11:m 11:acme 11:nothing 15:answer=agent"), WEIR_REASON_COAP_CHANNEL);
	assert_int_equal(message.waits, 0);
}

static void a_tenant_is_an_id_only_as_a_decimal_number_that_an_id_can_be(void **state)
{
	static const struct {
		const char *segment;
		uint32_t id;
	} rows[] = {
		{ "1", 1 }, { "4294967295", UINT32_MAX }, { "4294967296", 0 }, { "9999999999", 0 }, { "12345678901", 0 },
		{ "0", 0 }, { "007", 0 }, { "1a", 0 }, { "-1", 0 }, { "+1", 0 }, { "1.0", 0 }, { "%31", 0 }, { "\xff", 0 },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char line[100];

		snprintf(line, sizeof(line), "CON 0.02 11:m 11:%s 11:chat", rows[i].segment);
		assert_int_equal(parse(line), WEIR_REASON_NONE);
		assert_int_equal(message.tenant, rows[i].id);
		expect_span(message.name, rows[i].id ? "" : rows[i].segment);
	}
}

static void every_digit_of_an_id_counts_and_every_other_byte_makes_it_a_name(void **state)
{
	static const char digits[] = "1029384756";
	char line[100];

	for (unsigned size = 1; size < sizeof(digits) - 1; size++)
		for (unsigned at = 0; at < size; at++)
			for (unsigned byte = '!'; byte < 256; byte++) {
				char id[sizeof(digits)] = { 0 };
				bool number = true;

				memcpy(id, digits, size);
				id[at] = (char)byte;
				snprintf(line, sizeof(line), "CON 0.02 11:m 11:%s 11:chat", id);
				if (byte == '\\') // the kit's own
					continue;
				for (unsigned i = 0; i < size; i++)
					number = number && id[i] >= '0' && id[i] <= '9';
				assert_int_equal(parse(line), WEIR_REASON_NONE);
				assert_int_equal(message.tenant, number && id[0] != '0' ? strtoul(id, NULL, 10) : 0);
			}
}

static void the_host_names_the_tenant_where_the_path_has_none(void **state)
{
	assert_int_equal(parse("CON 0.02 3:Acme.Example 11:m 11:sms"), WEIR_REASON_NONE);
	assert_int_equal(message.tenant, 0);
	assert_int_equal(message.name.length, 0);
	assert_int_equal(message.channel, 1);
	expect_span(message.host, "Acme.Example");
	assert_int_equal(parse("CON 0.02 3:acme.example 11:m 11: 11:sms"), WEIR_REASON_NONE);
	assert_int_equal(message.name.length, 0);
	expect_refused("CON 0.02 11:m 11:sms", WEIR_REASON_COAP_TENANT, COAP_CODE(4, 4));
	expect_refused("CON 0.02 11:m 11: 11:sms", WEIR_REASON_COAP_TENANT, COAP_CODE(4, 4));
}

static void channels_have_the_names_of_the_contract_and_no_others(void **state)
{
	static const char *const wrong[] = { "", "SMS", "sm", "smss", "0", "1", "7", "08", "16", "emailx", "s\001s" };
	char line[100];

	for (unsigned i = 0; i < WEIR_N_CHANNELS; i++) {
		snprintf(line, sizeof(line), "CON 0.02 11:m 11:acme 11:%s", weir_channel_name(i));
		assert_int_equal(parse(line), WEIR_REASON_NONE);
		assert_int_equal(message.channel, i);
	}
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(line, sizeof(line), "CON 0.02 11:m 11:acme 11:%s", wrong[i]);
		expect_refused(line, WEIR_REASON_COAP_CHANNEL, COAP_CODE(4, 4));
	}
}

static void priorities_have_the_names_of_the_contract_and_no_others(void **state)
{
	static const char *const wrong[] = { "", "Urgent", "urgen", "urgents", "2", "non", "normal%20" };
	char line[100];

	for (unsigned i = 0; i < WEIR_N_PRIORITIES; i++) {
		snprintf(line, sizeof(line), "CON 0.02 11:m 11:acme 11:sms 15:priority=%s", weir_priority_name(i));
		assert_int_equal(parse(line), WEIR_REASON_NONE);
		assert_int_equal(message.priority, i);
	}
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(line, sizeof(line), "CON 0.02 11:m 11:acme 11:sms 15:priority=%s", wrong[i]);
		expect_refused(line, WEIR_REASON_COAP_PRIORITY, COAP_CODE(4, 0));
	}
}

static void a_priority_that_is_wrong_in_one_byte_is_none(void **state)
{
	char name[32], line[100];

	for (unsigned i = 0; i < WEIR_N_PRIORITIES; i++)
		for (unsigned at = 0; at < strlen(weir_priority_name(i)); at++)
			for (unsigned bit = 0; bit < 5; bit++) {
				snprintf(name, sizeof(name), "%s", weir_priority_name(i));
				name[at] ^= (char)(1 << bit);
				snprintf(line, sizeof(line), "CON 0.02 11:m 11:acme 11:sms 15:priority=%s", name);
				expect_refused(line, WEIR_REASON_COAP_PRIORITY, COAP_CODE(4, 0));
			}
}

static void a_country_is_two_capital_letters(void **state)
{
	for (unsigned a = 33; a < 256; a += 5)
		for (unsigned b = 33; b < 256; b++) {
			char letters[2] = { (char)a, (char)b }, line[100];
			int country = weir_country_find(letters);

			snprintf(line, sizeof(line), "CON 0.02 11:m 11:acme 11:sms 15:country=%c%c", a, b);
			if (country < 0) {
				expect_refused(line, WEIR_REASON_COAP_COUNTRY, COAP_CODE(4, 0));
				continue;
			}
			assert_int_equal(parse(line), WEIR_REASON_NONE);
			assert_int_equal(message.country, country);
		}
	expect_refused("CON 0.02 11:m 11:acme 11:sms 15:country=", WEIR_REASON_COAP_COUNTRY, COAP_CODE(4, 0));
	expect_refused("CON 0.02 11:m 11:acme 11:sms 15:country=D", WEIR_REASON_COAP_COUNTRY, COAP_CODE(4, 0));
	expect_refused("CON 0.02 11:m 11:acme 11:sms 15:country=DEU", WEIR_REASON_COAP_COUNTRY, COAP_CODE(4, 0));
}

static void arguments_come_in_any_order_and_unknown_ones_mean_nothing(void **state)
{
	assert_int_equal(parse("CON 0.02 11:m 11:acme 11:sms 15:x 15:priority=emergency 15: 15:country 15:Country=xx "
			       "15:country=FR 15:priority"), WEIR_REASON_NONE);
	assert_int_equal(message.priority, WEIR_EMERGENCY);
	assert_int_equal(message.country, weir_country_find("FR"));
}

static void an_argument_said_twice_is_refused_even_where_both_agree(void **state)
{
	expect_refused("CON 0.02 11:m 11:acme 11:sms 15:country=DE 15:country=DE", WEIR_REASON_COAP_COUNTRY, COAP_CODE(4, 0));
	expect_refused("CON 0.02 11:m 11:acme 11:sms 15:priority=normal 15:priority=urgent", WEIR_REASON_COAP_PRIORITY,
		       COAP_CODE(4, 0));
}

static void the_first_thing_wrong_decides(void **state)
{
	// From the last check to the first, each message is wrong in one way more.
	expect_refused("CON 0.02 11:m 11:acme 11:sms 15:country=x 15:priority=x", WEIR_REASON_COAP_COUNTRY, COAP_CODE(4, 0));
	expect_refused("CON 0.01 11:m 11:acme 11:sms 15:country=x", WEIR_REASON_COAP_METHOD, COAP_CODE(4, 5));
	expect_refused("CON 0.01 11:m 11:acme 11:x 15:country=x", WEIR_REASON_COAP_CHANNEL, COAP_CODE(4, 4));
	expect_refused("CON 0.01 11:x 11:acme 11:x 15:country=x", WEIR_REASON_COAP_PATH, COAP_CODE(4, 4));
	expect_refused("CON 0.05 11:x 11:acme 11:x 15:country=x", WEIR_REASON_COAP_METHOD, COAP_CODE(4, 5));
	expect_refused("CON 0.05 11:x 15:country=x 35:coap://x", WEIR_REASON_COAP_PROXY, COAP_CODE(5, 5));
	expect_refused("CON 0.05 11:x 15:country=x 35:coap://x 65001:x", WEIR_REASON_COAP_CRITICAL, COAP_CODE(4, 2));
	assert_int_equal(message.option, 65001);
	assert_int_equal(parse("CON 0.05 11:x 15:country=x 35:coap://x 65001:x hex:ff"), WEIR_REASON_COAP_MARKER);
	assert_int_equal(parse("CON 0.05 token:000000000000000000 11:x hex:ff"), WEIR_REASON_COAP_TOKEN);
	bytes[0] = 0x89;
	assert_int_equal(parse_bytes(), WEIR_REASON_COAP_VERSION);
	n = 3;
	assert_int_equal(parse_bytes(), WEIR_REASON_COAP_SHORT);
}

static void every_delta_and_length_is_read_in_each_of_its_forms(void **state)
{
	static const unsigned edges[] = { 1, 11, 12, 13, 14, 255, 256, 267, 268, 269, 270, 1034, 65000 };

	for (unsigned d = 0; d < sizeof(edges) / sizeof(edges[0]); d++)
		for (unsigned l = 0; l < sizeof(edges) / sizeof(edges[0]); l++) {
			unsigned number = 11 + edges[d];
			char line[100];

			snprintf(line, sizeof(line), "NON 0.02 11:m 11:acme 11:push %u*%u body:x", number, edges[l]);
			if (number % 2 == 1 && number != 15 && number != 17 && number != 39) {
				assert_int_equal(parse(line), WEIR_REASON_COAP_CRITICAL);
				assert_int_equal(message.option, number);
			} else if (number % 2 == 0) {
				assert_int_equal(parse(line), WEIR_REASON_NONE);
			} else {
				parse(line);
			}
			expect_span(message.body, "x");
		}
}

static void every_cut_of_a_message_is_an_error_of_format_or_another_message(void **state)
{
	unsigned whole, good = 0;

	parse("CON 0.02 token:aabb 3:acme.example 11:m 11:acme 11:sms 15:country=DE 258: 292*300 body:hi");
	whole = n;
	for (n = 0; n < whole; n++) {
		enum weir_reason reason = parse_bytes();

		assert_int_not_equal(reason, WEIR_REASON_COAP_CRITICAL);
		if (reason == WEIR_REASON_NONE)
			good++;
		else if (reason < WEIR_REASON_COAP_CODE)
			assert_int_equal(message.kind, n < 4 ? COAP_IGNORED : COAP_REJECTED);
	}
	assert_int_equal(good, 5); // before country, before 258, before 292, before the body, and without its last byte
}

static void whatever_the_first_two_bytes_nothing_is_read_past_the_end(void **state)
{
	for (unsigned first = 0; first < 65536; first++)
		for (n = 2; n < 14; n += 4) {
			memset(bytes, 0xdd, sizeof(bytes[0]) * 20);
			bytes[0] = (uint8_t)(first >> 8);
			bytes[1] = (uint8_t)first;
			parse_bytes();
			assert_true(message.token.at + message.token.length <= n);
			assert_true(message.body.at + message.body.length <= n);
		}
}

static void a_datagram_full_of_options_is_read_once_through(void **state)
{
	n = (unsigned)kit_coap(bytes, "CON 0.02 11:m 11:acme 11:sms");
	memset(bytes + n, 0, 65535 - n); // as many empty segments of the path
	n = 65535;
	assert_int_equal(parse_bytes(), WEIR_REASON_COAP_PATH);
	n = (unsigned)kit_coap(bytes, "CON 0.02 11:m 11:acme 11:sms 12:");
	memset(bytes + n, 0, 65535 - n);
	n = 65535;
	assert_int_equal(parse_bytes(), WEIR_REASON_NONE);
}

static void a_body_may_hold_any_bytes(void **state)
{
	assert_int_equal(parse("CON 0.02 11:m 11:acme 11:sms hex:ffff00ff"), WEIR_REASON_NONE);
	assert_int_equal(message.body.length, 3);
	assert_memory_equal(bytes + message.body.at, "\xff\x00\xff", 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_read_field_by_field),
		cmocka_unit_test(what_a_message_does_not_say_is_unknown_normal_and_empty),
		cmocka_unit_test(who_waits_for_agents_says_so_in_one_way),
		cmocka_unit_test(a_tenant_is_an_id_only_as_a_decimal_number_that_an_id_can_be),
		cmocka_unit_test(every_digit_of_an_id_counts_and_every_other_byte_makes_it_a_name),
		cmocka_unit_test(the_host_names_the_tenant_where_the_path_has_none),
		cmocka_unit_test(channels_have_the_names_of_the_contract_and_no_others),
		cmocka_unit_test(priorities_have_the_names_of_the_contract_and_no_others),
		cmocka_unit_test(a_priority_that_is_wrong_in_one_byte_is_none),
		cmocka_unit_test(a_country_is_two_capital_letters),
		cmocka_unit_test(arguments_come_in_any_order_and_unknown_ones_mean_nothing),
		cmocka_unit_test(an_argument_said_twice_is_refused_even_where_both_agree),
		cmocka_unit_test(the_first_thing_wrong_decides),
		cmocka_unit_test(every_delta_and_length_is_read_in_each_of_its_forms),
		cmocka_unit_test(every_cut_of_a_message_is_an_error_of_format_or_another_message),
		cmocka_unit_test(whatever_the_first_two_bytes_nothing_is_read_past_the_end),
		cmocka_unit_test(a_datagram_full_of_options_is_read_once_through),
		cmocka_unit_test(a_body_may_hold_any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
