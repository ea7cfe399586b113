// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/decode/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/decode/siphash.h"

// Payload of a legal message: normal, sms, tenant 1001, DE, 2 bytes, id 7.
static const uint8_t legal[18] = {0x57, 0x10, 2, 1, 0, 0, 3, 0xe9, 'D', 'E', 0, 2, 0, 0, 0, 7, 'h', 'i'};

// Decodes `n` bytes in a buffer of exactly that size.
static struct packet decode(const uint8_t *bytes, uint16_t n)
{
	uint8_t *exact = malloc(n ? n : 1);
	struct packet packet = {.data = exact, .length = n, .payload_length = n, .protocol = WEIR_NATIVE};

	memcpy(exact, bytes, n);
	decode_native(&packet);
	packet.data = NULL;
	free(exact);
	return packet;
}

static uint8_t reason_with(unsigned offset, uint8_t value)
{
	uint8_t bytes[sizeof(legal)];
	struct packet packet;

	memcpy(bytes, legal, sizeof(bytes));
	bytes[offset] = value;
	packet = decode(bytes, sizeof(bytes));
	assert_int_equal(packet.flags & PACKET_DECODED, packet.reason ? 0 : PACKET_DECODED);
	return packet.reason;
}

static void a_legal_message_is_read_field_by_field(void **state)
{
	struct packet packet = decode(legal, sizeof(legal));

	assert_int_equal(packet.reason, WEIR_REASON_NONE);
	assert_int_equal(packet.flags, PACKET_DECODED);
	assert_int_equal(packet.tenant, 1001);
	assert_int_equal(packet.country, weir_country_find("DE"));
	assert_int_equal(packet.priority, WEIR_NORMAL);
	assert_int_equal(packet.channel, 1);
	assert_int_equal(packet.body, 16);
	assert_int_equal(packet.size, 2);
}

static void each_byte_of_the_first_four_is_legal_only_where_the_contract_says_so(void **state)
{
	for (unsigned value = 0; value < 256; value++) {
		unsigned flags = value & 15;
		uint8_t flag_reason = flags & 10 ? WEIR_REASON_NATIVE_FLAGS
				    : flags & 4  ? WEIR_REASON_NATIVE_LENGTH // no room for the tag
						 : WEIR_REASON_NONE;

		assert_int_equal(reason_with(0, (uint8_t)value), value == 0x57 ? 0 : WEIR_REASON_NATIVE_MAGIC);
		assert_int_equal(reason_with(1, (uint8_t)value),
				 value >> 4 == 1 ? flag_reason : WEIR_REASON_NATIVE_VERSION);
		assert_int_equal(reason_with(2, (uint8_t)value), value < 4 ? 0 : WEIR_REASON_NATIVE_PRIORITY);
		assert_int_equal(reason_with(3, (uint8_t)value), value < 16 ? 0 : WEIR_REASON_NATIVE_CHANNEL);
	}
}

static void a_country_is_two_capitals_or_two_zero_bytes(void **state)
{
	uint8_t bytes[sizeof(legal)];

	memcpy(bytes, legal, sizeof(bytes));
	for (unsigned field = 0; field < 65536; field++) {
		char letters[2] = {(char)(field >> 8), (char)field};
		int index = field ? weir_country_find(letters) : WEIR_COUNTRY_ZZ;
		struct packet packet;

		bytes[8] = (uint8_t)(field >> 8);
		bytes[9] = (uint8_t)field;
		packet = decode(bytes, sizeof(bytes));
		assert_int_equal(packet.reason, index < 0 ? WEIR_REASON_NATIVE_COUNTRY : WEIR_REASON_NONE);
		if (index >= 0)
			assert_int_equal(packet.country, index);
	}
}

static void the_wrong_field_that_comes_first_gives_the_reason(void **state)
{
	static const struct {
		uint8_t offset, value, reason;
	} steps[] = {
		{11, 3, WEIR_REASON_NATIVE_LENGTH},   {8, 'd', WEIR_REASON_NATIVE_COUNTRY},
		{3, 16, WEIR_REASON_NATIVE_CHANNEL},  {2, 4, WEIR_REASON_NATIVE_PRIORITY},
		{1, 0x12, WEIR_REASON_NATIVE_FLAGS},  {1, 0x22, WEIR_REASON_NATIVE_VERSION},
		{0, 0, WEIR_REASON_NATIVE_MAGIC},
	};
	uint8_t bytes[sizeof(legal)];

	memcpy(bytes, legal, sizeof(bytes));
	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		bytes[steps[i].offset] = steps[i].value;
		assert_int_equal(decode(bytes, sizeof(bytes)).reason, steps[i].reason);
	}
	assert_int_equal(decode(bytes, 15).reason, WEIR_REASON_NATIVE_SHORT);
}

static void a_payload_length_is_right_or_refused(void **state)
{
	for (unsigned value = 0; value < 256; value++) {
		assert_int_equal(reason_with(11, (uint8_t)value), value == 2 ? 0 : WEIR_REASON_NATIVE_LENGTH);
		assert_int_equal(reason_with(10, (uint8_t)value), value == 0 ? 0 : WEIR_REASON_NATIVE_LENGTH);
	}
}

static void tenant_zero_is_refused_before_the_country(void **state)
{
	uint8_t bytes[sizeof(legal)];

	memcpy(bytes, legal, sizeof(bytes));
	memset(bytes + 4, 0, 6);
	assert_int_equal(decode(bytes, sizeof(bytes)).reason, WEIR_REASON_NATIVE_TENANT);
}

static void every_cut_of_a_message_is_refused(void **state)
{
	for (uint16_t n = 0; n < sizeof(legal); n++)
		assert_int_equal(decode(legal, n).reason,
				 n < 16 ? WEIR_REASON_NATIVE_SHORT : WEIR_REASON_NATIVE_LENGTH);
}

static void a_tag_is_not_counted_in_the_length_and_must_fit(void **state)
{
	uint8_t bytes[26];
	struct packet packet;

	memcpy(bytes, legal, 16);
	memset(bytes + 16, 0, 10);
	bytes[1] = 0x15;
	packet = decode(bytes, 26);
	assert_int_equal(packet.reason, WEIR_REASON_NONE);
	assert_int_equal(packet.flags, PACKET_DECODED | PACKET_TAGGED | PACKET_WANTS_ACK);
	assert_int_equal(packet.body, 24);
	assert_int_equal(packet.size, 2);
	assert_int_equal(decode(bytes, 23).reason, WEIR_REASON_NATIVE_LENGTH);
	bytes[11] = 10;
	assert_int_equal(decode(bytes, 26).reason, WEIR_REASON_NATIVE_LENGTH);
}

static void a_tag_is_right_under_its_key_alone(void **state)
{
	uint8_t key[16] = {1, 2, 3}, bytes[26];
	struct packet packet = {.data = bytes, .length = 26, .payload_length = 26};
	uint64_t tag;

	memcpy(bytes, legal, 16);
	memcpy(bytes + 24, "hi", 2);
	bytes[1] = 0x14;
	tag = siphash24(key, bytes, 16, bytes + 24, 2);
	for (unsigned i = 0; i < 8; i++)
		bytes[16 + i] = (uint8_t)(tag >> (8 * i));
	decode_native(&packet);
	assert_true(decode_verify(&packet, key));
	for (unsigned i = 0; i < 26; i++) { // any byte changed, header, tag or payload
		bytes[i] ^= 0x40;
		assert_false(decode_verify(&packet, key));
		bytes[i] ^= 0x40;
	}
	key[15] = 1;
	assert_false(decode_verify(&packet, key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_legal_message_is_read_field_by_field),
		cmocka_unit_test(each_byte_of_the_first_four_is_legal_only_where_the_contract_says_so),
		cmocka_unit_test(a_country_is_two_capitals_or_two_zero_bytes),
		cmocka_unit_test(the_wrong_field_that_comes_first_gives_the_reason),
		cmocka_unit_test(a_payload_length_is_right_or_refused),
		cmocka_unit_test(tenant_zero_is_refused_before_the_country),
		cmocka_unit_test(every_cut_of_a_message_is_refused),
		cmocka_unit_test(a_tag_is_not_counted_in_the_length_and_must_fit),
		cmocka_unit_test(a_tag_is_right_under_its_key_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
