// SPDX-License-Identifier: BSD-3-Clause
#include "controlplane/weirctl/battery.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "controlplane/weirctl/outcome.h"
#include "dataplane/decode/decode.h"
#include "dataplane/decode/number.h"
#include "dataplane/request.h"

static struct listeners listeners;
static uint8_t frame[BATTERY_FRAME_MAX];

static const struct battery_message plain = {
	.tenant_id = 0xfedcba98, .country = 3 * 26 + 4, .priority = WEIR_URGENT, .channel = 13, .size = 5,
	.family = 4, .source = {10, 9, 8, 7}, .source_port = 40000, .line = 42,
};

// What parse makes of the message's bytes.
static struct packet read_layers(const struct battery_message *message)
{
	struct packet packet;
	uint32_t length = battery_build(message, &battery_ends, frame);

	parse_frame(&listeners, frame, length, false, &packet);
	assert_int_equal(packet.reason, WEIR_REASON_NONE);
	return packet;
}

// What parse and decode make of a native message's.
static struct packet read_back(const struct battery_message *message)
{
	struct packet packet = read_layers(message);

	decode_native(&packet);
	return packet;
}

static void a_message_is_built_as_the_decoder_reads_it(void **state)
{
	static const uint16_t sizes[] = {0, 1, 2, 7, 8, 9, 1400, BATTERY_SIZE_MAX};
	struct battery_message message = plain;

	for (unsigned i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct packet packet;

		message.size = sizes[i / 2];
		message.family = i % 2 ? 6 : 4;
		packet = read_back(&message);
		assert_int_equal(packet.reason, WEIR_REASON_NONE);
		assert_true(packet.tenant == message.tenant_id && packet.country == message.country);
		assert_true(packet.priority == message.priority && packet.channel == message.channel);
		assert_true(packet.size == message.size && packet.ip_version == message.family);
	}
}

static void the_source_address_is_the_one_asked_for(void **state)
{
	struct packet packet = read_back(&plain);
	uint64_t high, low;

	packet_source(&packet, &high, &low);
	assert_true(high == 0 && low == 0x0a090807);
}

static void a_tag_is_right_wrong_or_not_there_as_asked(void **state)
{
	static const uint8_t key[16] = {9, 8, 7};
	struct battery_message message = plain;
	struct packet packet;

	message.key = key;
	packet = read_back(&message);
	assert_true((packet.flags & PACKET_TAGGED) && decode_verify(&packet, key));
	message.tag = TAG_WRONG;
	packet = read_back(&message);
	assert_true((packet.flags & PACKET_TAGGED) && !decode_verify(&packet, key));
	message.tag = TAG_NONE;
	packet = read_back(&message);
	assert_true(!(packet.flags & PACKET_TAGGED) && packet.size == message.size);
}

static void another_protocol_goes_to_its_port(void **state)
{
	struct battery_message message = plain;
	struct request request;
	struct packet packet;

	message.protocol = WEIR_COAP;
	message.channel = 3;
	message.domain = "acme.example";
	packet = read_layers(&message);
	assert_int_equal(packet.protocol, WEIR_COAP);
	request_parse(WEIR_COAP, packet.data + packet.payload, packet.payload_length, &request);
	assert_int_equal(request.coap.kind, COAP_TRIAGE);
	assert_true(request.coap.tenant == message.tenant_id && request.coap.country == message.country);
	assert_true(request.coap.priority == message.priority && request.coap.channel == message.channel);
	assert_int_equal(request.coap.body.length, message.size);
}

static void a_sip_message_names_domain_number_and_priority(void **state)
{
	struct battery_message message = plain;
	struct packet packet;
	struct request request;
	const uint8_t *at;

	message.protocol = WEIR_SIP;
	message.domain = "acme.example";
	assert_true(battery_number(message.country, message.number));
	packet = read_layers(&message);
	at = packet.data + packet.payload;
	assert_int_equal(packet.protocol, WEIR_SIP);
	assert_int_equal(request_parse(WEIR_SIP, at, packet.payload_length, &request), WEIR_REASON_NONE);
	assert_int_equal(request.sip.kind, SIP_MESSAGE);
	assert_true(span_equals(at, request.sip.host, "acme.example", 12));
	assert_int_equal(number_subscriber(at + request.sip.number[0].at, request.sip.number[0].length).country,
			 message.country);
	assert_int_equal(request.sip.priority, message.priority);
	assert_int_equal(request.sip.body.length, message.size);
}

static void a_country_without_numbers_is_said_to_have_none(void **state)
{
	char number[BATTERY_NUMBER_SIZE];

	assert_false(battery_number(WEIR_COUNTRY_ZZ, number));
}

static char *json_of(const struct triage *triage)
{
	char *text;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	outcome_json(7, triage, to);
	fclose(to);
	return text;
}

static void names_are_escaped_in_json(void **state)
{
	struct triage triage = {.disposition = WEIR_FORWARD, .rule = "a\"b\\c", .target = "t\tx\x7f\xc3\xa4",
				.packet = {.flags = PACKET_HAS_LISTENER | PACKET_DECODED, .tenant = 4294967295u,
					   .country = WEIR_COUNTRY_ZZ, .priority = 3, .channel = 15, .size = 65535}};
	char *text = json_of(&triage);

	assert_string_equal(text, "{\"n\":7,\"disposition\":\"forward\",\"reason\":null,\"protocol\":\"native\","
				  "\"tenant\":4294967295,\"country\":\"ZZ\",\"priority\":\"non-urgent\",\"channel\":\"15\","
				  "\"size\":65535,\"rule\":\"a\\\"b\\\\c\",\"target\":\"t\\u0009x\x7f\xc3\xa4\"}\n");
	free(text);
}

static void a_blocked_source_has_no_protocol(void **state)
{
	struct triage triage = {.disposition = WEIR_DROP, .reason = "blocked-source",
				.packet = {.flags = PACKET_HAS_LISTENER, .reason = WEIR_REASON_BLOCKED_SOURCE}};

	assert_null(outcome_protocol(&triage));
	triage.packet.reason = WEIR_REASON_NATIVE_MAGIC;
	assert_string_equal(outcome_protocol(&triage), "native");
}

int main(void)
{
	static const struct listener list[] = {{.port = 5700, .protocol = WEIR_NATIVE}, {.port = 5683, .protocol = WEIR_COAP},
					     {.port = 5060, .protocol = WEIR_SIP}};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_built_as_the_decoder_reads_it),
		cmocka_unit_test(the_source_address_is_the_one_asked_for),
		cmocka_unit_test(a_tag_is_right_wrong_or_not_there_as_asked),
		cmocka_unit_test(another_protocol_goes_to_its_port),
		cmocka_unit_test(a_sip_message_names_domain_number_and_priority),
		cmocka_unit_test(a_country_without_numbers_is_said_to_have_none),
		cmocka_unit_test(names_are_escaped_in_json),
		cmocka_unit_test(a_blocked_source_has_no_protocol),
	};

	if (listeners_init(&listeners, list, 3) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
