// SPDX-License-Identifier: BSD-3-Clause
//
// By what a message is known again: keys that a burst's messages get together, held against those of agents' records.
#include "dataplane/remember.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/abi/channel.h"
#include "dataplane/worker.h"

enum { L3 = 14, ROOM = 1024, REMEMBERED = 4096 };

static const uint8_t secret[SIPHASH_KEY_SIZE] = "sixteen secrets";

// A message, of which each part can be another one.
struct message {
	unsigned protocol, ip_version, source_port, destination_port, id, cseq;
	unsigned call_id; // bytes
	uint8_t source, destination; // last bytes of the addresses
	const char *branch, *from, *to;
};

static const struct message plain = { .protocol = WEIR_SIP,
				      .ip_version = 4,
				      .source_port = 5062,
				      .destination_port = 5060,
				      .id = 7,
				      .cseq = 1,
				      .call_id = 9,
				      .source = 1,
				      .destination = 2,
				      .branch = "z9hG4bK1",
				      .from = "anna",
				      .to = "desk" };

static struct worker *worker;
static uint8_t frames[BURST_MAX][ROOM];

static int setup(void **state)
{
	worker = calloc(1, sizeof(*worker));
	return memory_init(&worker->memory, REMEMBERED, secret, REPEAT_TICKS);
}

static int teardown(void **state)
{
	memory_fini(&worker->memory);
	free(worker);
	return 0;
}

static unsigned put_payload(uint8_t *at, const struct message *message)
{
	const uint8_t coap[] = { 0x40, 2, (uint8_t)(message->id >> 8), (uint8_t)message->id, 0xb1, 'm', 0xff, 'x' };
	char id[200];

	if (message->protocol == WEIR_COAP) {
		memcpy(at, coap, sizeof(coap));
		return sizeof(coap);
	}
	memset(id, 'c', message->call_id);
	id[message->call_id] = '\0';
	return (unsigned)sprintf((char *)at,
				 "MESSAGE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=%s\r\nFrom: <sip:%s@h>;tag=1\r\n"
				 "To: <sip:%s@h>\r\nCall-ID: %s\r\nCSeq: %u MESSAGE\r\n\r\n",
				 message->branch, message->from, message->to, id, message->cseq);
}

// Frame `i` of the worker's burst becomes `message`, and gets its name.
static void put_message(unsigned i, const struct message *message)
{
	const unsigned n_address = message->ip_version == 4 ? 4 : 16, addresses = L3 + (message->ip_version == 4 ? 12 : 8);
	struct packet *packet = &worker->burst.packet[i];
	uint8_t *at = frames[i], *udp;

	memset(at, 0xee, ROOM); // what is not named does not matter
	memset(at + addresses, 10, 2 * n_address);
	at[addresses + n_address - 1] = message->source;
	at[addresses + 2 * n_address - 1] = message->destination;
	udp = at + addresses + 2 * n_address;
	memcpy(udp, (const uint8_t[]){ (uint8_t)(message->source_port >> 8), (uint8_t)message->source_port,
				       (uint8_t)(message->destination_port >> 8), (uint8_t)message->destination_port }, 4);
	*packet = (struct packet){ .data = at,
				   .l3 = L3,
				   .payload = (uint16_t)(udp + 8 - at),
				   .payload_length = (uint16_t)put_payload(udp + 8, message),
				   .ip_version = (uint8_t)message->ip_version,
				   .protocol = (uint8_t)message->protocol };
	request_parse(message->protocol, udp + 8, packet->payload_length, &worker->request[i]);
	remember_name(worker, &worker->burst, i, &worker->request[i]);
}

// The worker's burst becomes these.
static void put_burst(const struct message *messages, unsigned n)
{
	remember_begin(worker, &worker->burst);
	for (unsigned i = 0; i < n; i++)
		put_message(i, &messages[i]);
	remember_named(worker, &worker->burst);
}

// Agents' copy of frame `i` is durable.
static void accept(unsigned i)
{
	const struct packet *packet = &worker->burst.packet[i];
	const uint8_t *addresses = packet->data + L3 + (packet->ip_version == 4 ? 12 : 8), *udp = packet->data + packet->payload - 8;
	const unsigned n = packet->ip_version == 4 ? 4 : 16;
	struct weir_record *record = calloc(1, sizeof(*record) + packet->payload_length);

	record->protocol = packet->protocol;
	record->ip_version = packet->ip_version;
	record->payload_length = packet->payload_length;
	record->udp_source = (uint16_t)(udp[0] << 8 | udp[1]);
	record->udp_destination = (uint16_t)(udp[2] << 8 | udp[3]);
	memcpy(record->ip_source, addresses, n);
	memcpy(record->ip_destination, addresses + n, n);
	memcpy(record + 1, packet->data + packet->payload, packet->payload_length);
	remember_accepted(worker, record);
	free(record);
}

// Messages of both protocols over both families, SIP of every length of name, with and without a branch of RFC 3261.
static unsigned put_many(unsigned turn)
{
	struct message messages[BURST_MAX];
	unsigned n = 1 + turn % BURST_MAX;

	for (unsigned i = 0; i < n; i++) {
		messages[i] = plain;
		messages[i].protocol = (turn + i) % 5 ? WEIR_SIP : WEIR_COAP;
		messages[i].ip_version = (turn + i) % 3 ? 4 : 6;
		messages[i].call_id = 1 + (turn * 7 + i * 3) % 130;
		messages[i].branch = (turn + i) % 7 ? plain.branch : "1";
		messages[i].source_port = turn;
		messages[i].id = messages[i].cseq = i;
	}
	put_burst(messages, n);
	return n;
}

static void a_message_that_agents_have_is_known_again_when_it_is_durable_too(void **state)
{
	for (unsigned turn = 0; turn < 3 * BURST_MAX; turn++) {
		unsigned n = put_many(turn);

		for (unsigned i = 0; i < n; i++) {
			assert_int_equal(remember_find(worker, &worker->burst, i), REMEMBERED_NEW);
			assert_true(remember_waits(worker, &worker->burst, i));
			assert_int_equal(remember_find(worker, &worker->burst, i), REMEMBERED_WAITS);
			accept(i);
			assert_int_equal(remember_find(worker, &worker->burst, i), REMEMBERED_TOLD);
			assert_int_equal(remember_answer(worker, &worker->burst, i).status, WEIR_STATUS_ACCEPTED);
		}
		memory_fini(&worker->memory); // so that none is forgotten for want of room
		assert_int_equal(memory_init(&worker->memory, REMEMBERED, secret, REPEAT_TICKS), 0);
	}
}

static bool is_known(const struct message *message)
{
	put_burst(message, 1);
	return remember_find(worker, &worker->burst, 0) != REMEMBERED_NEW;
}

// Has `message` given to agents, and tells whether `other` is taken for it.
static bool is_same(const struct message *message, struct message other)
{
	bool same;

	put_burst(message, 1);
	assert_true(remember_waits(worker, &worker->burst, 0));
	assert_true(is_known(message));
	same = is_known(&other);
	put_burst(message, 1);
	remember_forget(worker, &worker->burst, 0);
	return same;
}

#define WITH(part, value) \
	({ \
		struct message with = message; \
		with.part = value; \
		with; \
	})

static void each_part_of_its_name_makes_it_another_message(void **state)
{
	static const unsigned call_ids[] = { 9, 128 }; // together with others, and alone

	for (unsigned turn = 0; turn < 12; turn++) {
		struct message message = plain;
		bool is_sip, is_old;

		message.ip_version = turn % 2 ? 6 : 4;
		message.protocol = turn % 6 < 2 ? WEIR_COAP : WEIR_SIP;
		message.branch = turn % 6 < 4 ? plain.branch : "1";
		message.call_id = call_ids[turn / 6];
		is_sip = message.protocol == WEIR_SIP;
		is_old = is_sip && turn % 6 >= 4;
		assert_true(is_same(&message, message));
		assert_false(is_same(&message, WITH(source_port, 5063)));
		assert_false(is_same(&message, WITH(destination_port, 5061)));
		assert_false(is_same(&message, WITH(source, 3)));
		assert_false(is_same(&message, WITH(destination, 3)));
		assert_int_equal(is_same(&message, WITH(id, 8)), is_sip);
		assert_int_equal(is_same(&message, WITH(cseq, 2)), !is_sip);
		assert_int_equal(is_same(&message, WITH(call_id, message.call_id + 1)), !is_sip);
		assert_int_equal(is_same(&message, WITH(branch, is_old ? "2" : "z9hG4bK2")), !is_sip);
		assert_int_equal(is_same(&message, WITH(from, "otto")), !is_old);
		assert_int_equal(is_same(&message, WITH(to, "none")), !is_old);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_message_that_agents_have_is_known_again_when_it_is_durable_too, setup, teardown),
		cmocka_unit_test_setup_teardown(each_part_of_its_name_makes_it_another_message, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
