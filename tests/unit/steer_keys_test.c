// SPDX-License-Identifier: BSD-3-Clause
//
// What names a SIP or CoAP message to steering (ebpf/steer.h): held against a plain reading of decision 45, against the
// decoder, and for what senders do: floods, and messages sent again.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/decode/sip.h"
#include "ebpf/steer.h"
#include "tests/kit/requests.h"

enum { ROUNDS = 100000, MESSAGES = 40960 };

static uint64_t state = 0x9e3779b97f4a7c15;
static struct frame frame;

static unsigned draw(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state >> 20) % n);
}

static void begin(unsigned version)
{
	frame_ethernet(&frame);
	if (version == 4)
		frame_ipv4(&frame, 0);
	else
		frame_ipv6(&frame);
	frame_udp(&frame, 5060);
}

// A finished frame of IPv4 with that message.
static void say(const void *bytes, size_t n)
{
	begin(4);
	frame_push(&frame, bytes, n);
	frame_finish(&frame);
}

static void say_text(const char *text)
{
	say(text, strlen(text));
}

static struct layers walk(const uint8_t *data, uint32_t length)
{
	struct layers layers = { .data = data, .end = data + length };

	assert_int_equal(layers_parse(&layers), LAYERS_UDP);
	return layers;
}

static unsigned bucket_of(enum steer_protocol protocol)
{
	uint8_t *data = malloc(frame.length); // of its exact size, so that the sanitizer sees a step past it
	struct layers layers;
	unsigned bucket;

	memcpy(data, frame.bytes, frame.length);
	layers = walk(data, frame.length);
	bucket = steer_bucket(&layers, LAYERS_UDP, protocol,
			      protocol == STEER_SIP ? steer_call_id_find(&layers) : 0, 0x1234567890abcdef);
	free(data);
	assert_in_range(bucket, 0, STEER_BUCKETS - 1);
	return bucket;
}

static unsigned sip(void)
{
	return bucket_of(STEER_SIP);
}

static unsigned coap(void)
{
	return bucket_of(STEER_COAP);
}

static unsigned flow(void)
{
	return bucket_of(STEER_OTHER);
}

static unsigned sip_of(const char *text)
{
	say_text(text);
	return sip();
}

// Decision 45, byte by byte: where the Call-ID begins, 0 for nowhere.
static uint32_t find_plainly(const uint8_t *message, uint32_t length)
{
	for (uint32_t i = 0; i < STEER_CALL_ID_WITHIN && i / 8 * 8 + 8 <= length; i++) {
		const char *line = (const char *)message + i + 1;

		if (message[i] != '\n')
			continue;
		if (i + 1 + 8 > length)
			return 0;
		if (strncasecmp(line, "call-id:", 8) == 0)
			return i + 9;
		if (strncasecmp(line, "i:", 2) == 0)
			return i + 3;
	}
	return 0;
}

static uint64_t hash_plainly(const uint8_t *value, uint32_t length, uint64_t hash)
{
	const uint8_t *feed = memchr(value, '\n', length < STEER_CALL_ID_SIZE ? length : STEER_CALL_ID_SIZE);
	uint32_t n = feed ? (uint32_t)(feed - value) : length < STEER_CALL_ID_SIZE ? length : STEER_CALL_ID_SIZE;
	uint32_t words = feed ? n / 8 + 1 : (n + 7) / 8;
	uint8_t padded[STEER_CALL_ID_SIZE + 8] = { 0 };

	memcpy(padded, value, n);
	for (uint32_t i = 0; i < words; i++) {
		uint64_t word;

		memcpy(&word, padded + 8 * i, 8);
		hash = steer_mix(hash ^ word);
	}
	return hash;
}

static void random_sip_messages_have_the_key_that_a_plain_reading_gives(void **unused)
{
	unsigned found = 0;

	for (unsigned i = 0; i < ROUNDS; i++) {
		const uint8_t *message;
		struct layers layers;
		uint64_t key;
		uint32_t at;

		begin(draw(2) ? 4 : 6);
		requests_sip(&frame, draw);
		frame_finish(&frame);
		layers = walk(frame.bytes, frame.length);
		message = frame.bytes + frame.payload;
		at = find_plainly(message, layers.payload_length);
		assert_int_equal(steer_call_id_find(&layers), at);
		key = hash_plainly(message + at, layers.payload_length - at, 7 ^ steer_source(&layers));
		assert_true(steer_sip(&layers, at, 7) == (at ? key : 7 ^ steer_flow(&layers)));
		found += at > 0;
		sip(); // by its exact size
	}
	assert_in_range(found, ROUNDS / 4, ROUNDS * 3 / 4);
}

static void what_is_found_in_a_message_that_decodes_is_its_call_id(void **unused)
{
	static const char *const before[] = { "", "Max-Forwards: 70\r\n", "l: 0\r\n", "Subject: Call-ID: x\r\n",
					      "Call-Info: <http://call-id/>\r\n", "c:a/b\r\n" };
	static const char *const name[] = { "Call-ID: ", "call-id:", "CALL-ID: \t", "i:", "I: " };
	static const char *const after[] = { "", "Contact: <sip:b@x>\r\n" };

	for (unsigned i = 0; i < 6 * 6 * 5 * 2; i++) {
		char text[1024];
		struct sip_message message;
		struct layers layers;
		uint32_t at;

		snprintf(text, sizeof(text),
			 "MESSAGE sip:acme.example SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK%u\r\nFrom: <sip:a@x>;tag=1\r\n"
			 "To: <sip:b@x>\r\nCSeq: 1 MESSAGE\r\n%s%s%sa%u@x\r\n%s\r\nCall-ID: no",
			 draw(1 << draw(30)), before[i % 6], before[i / 6 % 6][0] == before[i % 6][0] ? "" : before[i / 6 % 6],
			 name[i / 36 % 5], i, after[i / 180]);
		say_text(text);
		assert_int_equal(sip_parse(frame.bytes + frame.payload, frame.length - frame.payload, &message),
				 WEIR_REASON_NONE);
		layers = walk(frame.bytes, frame.length);
		at = steer_call_id_find(&layers);
		assert_in_range(message.call_id.at - at, 0, 2); // white space
	}
}

// Messages of one sender from `make(i)`, all on one port: chi squared over the buckets, and how even two workers are.
static void check_spread(void (*make)(unsigned i), unsigned (*bucket)(void))
{
	static unsigned count[STEER_BUCKETS];
	const double mean = (double)MESSAGES / STEER_BUCKETS;
	unsigned odd = 0;
	double chi = 0;

	memset(count, 0, sizeof(count));
	for (unsigned i = 0; i < MESSAGES; i++) {
		unsigned to;

		make(i);
		to = bucket();
		count[to]++;
		odd += to % 2;
	}
	for (unsigned b = 0; b < STEER_BUCKETS; b++)
		chi += (count[b] - mean) * (count[b] - mean) / mean;
	assert_true(chi < STEER_BUCKETS + 6 * 90.5); // 90.5: the deviation of chi squared for so many
	assert_in_range(odd, MESSAGES * 48 / 100, MESSAGES * 52 / 100);
}

static void with_call_id(const char *before, unsigned i, const char *after)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "MESSAGE sip:acme.example SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nCall-ID: %s%08u%s\r\nCSeq: 1 MESSAGE\r\n\r\nhello",
		 before, i, after);
	say_text(text);
}

static void call_id_first(unsigned i)
{
	with_call_id("", i, "-4711@10.0.0.1");
}

static void call_id_padded(unsigned i)
{
	with_call_id("b2bua-0000-0000-", i, "@intake.example");
}

static void call_id_random(unsigned i)
{
	with_call_id("77aa-4f00-", i * 0x9e3779b1u, "");
}

static void call_id_at_the_end(unsigned i)
{
	char text[64];

	snprintf(text, sizeof(text), "MESSAGE a SIP/2.0\r\ni:%u\r\n\r\n", 10000 + i);
	say_text(text);
}

static void coap_tokens(unsigned i)
{
	uint8_t bytes[12] = { 0x44, 2, 0, 7, (uint8_t)(i >> 24), (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i };

	say(bytes, sizeof(bytes));
}

static void coap_ids_under_one_token(unsigned i)
{
	uint8_t bytes[12] = { 0x42, 2, (uint8_t)(i >> 8), (uint8_t)i, 0xab, 0xcd };

	say(bytes, sizeof(bytes));
}

static void coap_ids_without_tokens(unsigned i)
{
	uint8_t bytes[6] = { 0x40, 2, (uint8_t)(i >> 8), (uint8_t)i, 0xb1, 'm' };

	say(bytes, sizeof(bytes));
}

static void messages_of_one_sender_fall_into_all_buckets_alike(void **unused)
{
	check_spread(call_id_first, sip);
	check_spread(call_id_padded, sip);
	check_spread(call_id_random, sip);
	check_spread(call_id_at_the_end, sip);
	check_spread(coap_tokens, coap);
	check_spread(coap_ids_under_one_token, coap);
	check_spread(coap_ids_without_tokens, coap);
}

static void a_sip_message_sent_again_on_another_way_has_its_bucket(void **unused)
{
	static const char *const same[] = {
		"MESSAGE sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nCall-ID: one@h\r\nCSeq: 1 MESSAGE\r\n\r\n",
		"MESSAGE sip:b@x SIP/2.0\r\nCall-ID: one@h\r\nCSeq: 22 MESSAGE\r\n\r\nother text",
		"ACK sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nCALL-ID: one@h\r\n\r\n",
		"OPTIONS sip:b@x SIP/2.0\r\nl: 0\r\ni: one@h\r\nCall-ID: two@h\r\n\r\n" };
	unsigned bucket = sip_of(same[0]);

	for (unsigned i = 1; i < sizeof(same) / sizeof(same[0]); i++)
		assert_int_equal(sip_of(same[i]), bucket);
	frame_put16(&frame, frame.udp, 40001); // another port of the sender
	frame.bytes[frame.ip + 8]--;           // hops
	frame_put16(&frame, frame.ip + 4, 99);
	assert_int_equal(sip(), bucket);
	assert_int_not_equal(flow(), bucket);
	frame.bytes[frame.ip + 15]++; // another sender
	assert_int_not_equal(sip(), bucket);
	assert_int_not_equal(sip_of("MESSAGE sip:b@x SIP/2.0\r\nCall-ID: one@g\r\n\r\n"), bucket);
}

static void without_a_call_id_source_and_ports_decide(void **unused)
{
	static const char *const none[] = { "",
					    "Call-ID: first@line\r\n\r\nbody",
					    "MESSAGE sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n\r\nhello, world",
					    "MESSAGE sip:b@x SIP/2.0\r\nX-Call-ID: one@h\r\nSubject: Call-ID: x\r\n\r\nbody",
					    "MESSAGE sip:b@x SIP/2.0\r\nCall-ID : one@h\r\n Call-ID: two\r\n\r\nbody",
					    "MESSAGE sip:b@x SIP/2.0\r\ni:x\r\n\r\n" }; // in the last eight bytes

	for (unsigned i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		say_text(none[i]);
		assert_int_equal(sip(), flow());
		frame_put16(&frame, frame.udp, 40001);
		assert_int_equal(sip(), flow());
	}
}

// A message whose Call-ID's line begins at `at`.
static void call_id_line_at(uint32_t at, const char *value)
{
	static uint8_t bytes[4096];

	memset(bytes, 'x', sizeof(bytes));
	bytes[at - 1] = '\n';
	memcpy(bytes + at, "Call-ID:", 8);
	memcpy(bytes + at + 8, value, strlen(value));
	say(bytes, at + 200);
}

static void a_call_id_is_looked_for_in_the_first_kibibyte(void **unused)
{
	unsigned bucket = sip_of("MESSAGE\nCall-ID:one\r\n");

	for (uint32_t at = 1; at < 1200; at++) {
		call_id_line_at(at, "one\r\n");
		if (at <= STEER_CALL_ID_WITHIN)
			assert_int_equal(sip(), bucket);
		else
			assert_int_equal(sip(), flow());
	}
}

static void sixty_four_bytes_of_a_call_id_count(void **unused)
{
	char value[81];

	for (unsigned i = 0; i < 80; i++) {
		unsigned bucket;

		memset(value, 'v', 80);
		value[80] = '\0';
		call_id_line_at(40, value);
		bucket = sip();
		value[i] = 'w';
		call_id_line_at(40, value);
		assert_int_equal(sip() == bucket, i >= STEER_CALL_ID_SIZE);
	}
}

static void a_coap_message_is_steered_by_endpoint_id_and_token(void **unused)
{
	static const uint8_t token[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

	for (unsigned length = 0; length <= 8; length++) {
		uint8_t bytes[20] = { (uint8_t)(0x40 | length), 2, 0x12, 0x34 };
		unsigned bucket;

		memcpy(bytes + 4, token, length);
		say(bytes, 4 + length);
		bucket = coap();
		say(bytes, sizeof(bytes)); // whatever follows
		assert_int_equal(coap(), bucket);
		memset(bytes + 4 + length, 0xee, sizeof(bytes) - 4 - length);
		say(bytes, sizeof(bytes));
		assert_int_equal(coap(), bucket);
		frame.bytes[frame.payload] ^= 0x10; // its type
		assert_int_equal(coap(), bucket);
		for (unsigned i = 2; i < 4 + length; i++) {
			frame.bytes[frame.payload + i] ^= 0x40;
			assert_int_not_equal(coap(), bucket);
			frame.bytes[frame.payload + i] ^= 0x40;
		}
		frame_put16(&frame, frame.udp, 40001);
		assert_int_not_equal(coap(), bucket);
		frame_put16(&frame, frame.udp, 40000);
		frame.bytes[frame.ip + 15]++;
		assert_int_not_equal(coap(), bucket);
	}
}

static void of_a_broken_coap_message_what_is_there_counts(void **unused)
{
	uint8_t bytes[20] = { 0x49, 2, 0x12, 0x34, 1, 2, 3 };
	unsigned bucket;

	say(bytes, sizeof(bytes)); // a token of nine bytes: the id alone
	bucket = coap();
	frame.bytes[frame.payload + 5] ^= 1;
	assert_int_equal(coap(), bucket);
	frame.bytes[frame.payload + 3] ^= 1;
	assert_int_not_equal(coap(), bucket);
	bytes[0] = 0x48;
	say(bytes, 7); // a token that is cut
	bucket = coap();
	frame.bytes[frame.payload + 6] ^= 1;
	assert_int_not_equal(coap(), bucket);
	for (size_t n = 0; n < 4; n++) {
		say(bytes, n);
		assert_int_equal(coap(), flow());
	}
}

static void random_coap_messages_are_read_within_their_bounds(void **unused)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		begin(draw(2) ? 4 : 6);
		requests_coap(&frame, draw);
		frame_finish(&frame);
		coap();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_sip_messages_have_the_key_that_a_plain_reading_gives),
		cmocka_unit_test(what_is_found_in_a_message_that_decodes_is_its_call_id),
		cmocka_unit_test(messages_of_one_sender_fall_into_all_buckets_alike),
		cmocka_unit_test(a_sip_message_sent_again_on_another_way_has_its_bucket),
		cmocka_unit_test(without_a_call_id_source_and_ports_decide),
		cmocka_unit_test(a_call_id_is_looked_for_in_the_first_kibibyte),
		cmocka_unit_test(sixty_four_bytes_of_a_call_id_count),
		cmocka_unit_test(a_coap_message_is_steered_by_endpoint_id_and_token),
		cmocka_unit_test(of_a_broken_coap_message_what_is_there_counts),
		cmocka_unit_test(random_coap_messages_are_read_within_their_bounds),
	};

	return cmocka_run_group_tests_name("steer_keys", tests, NULL, NULL);
}
