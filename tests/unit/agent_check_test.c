// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/agent_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/decode/native_reply.h"

static const struct agent_port ports[] = { { 100, 1500 }, { 200, 576 } };
static struct listeners listeners;
static struct agent_sight sight = { ports, 2, &listeners };
static struct weir_answer good4, good6;
static struct agent_way way;

static void payload(struct weir_answer *answer, unsigned size)
{
	static const uint8_t header[16] = { 0x57, 0x12, 0, 1, 0, 0, 3, 0xe9, 'D', 'E', 0, 0, 0, 0, 0, 7 };

	memset(answer->payload, 'x', size);
	memcpy(answer->payload, header, sizeof(header));
	answer->payload[10] = (uint8_t)((size - 16) >> 8);
	answer->payload[11] = (uint8_t)(size - 16);
	answer->length = (uint16_t)size;
}

static int setup(void **state)
{
	static const struct listener list[] = {
		{ .port = 5700, .protocol = WEIR_NATIVE },
		{ .port = 5060, .protocol = WEIR_SIP },
		{ .port = 5683, .protocol = WEIR_COAP },
		{ .address = { 10, 0, 0, 2 }, .family = 4, .port = 5701, .protocol = WEIR_NATIVE },
		{ .address = { 0x20, 1, 0xd, 0xb8, [15] = 2 }, .family = 6, .port = 5701, .protocol = WEIR_NATIVE },
	};

	(void)state;
	good4 = (struct weir_answer){ .kind = WEIR_ANSWER, .ip_version = 4, .port_tag = 100, .sequence = 5,
				      .udp_source = 5701, .udp_destination = 40000,
				      .mac_source = { 2, 0, 0, 0, 0, 1 }, .mac_destination = { 2, 0, 0, 0, 0, 2 },
				      .ip_source = { 10, 0, 0, 2 }, .ip_destination = { 10, 0, 0, 1 } };
	payload(&good4, 20);
	good6 = good4;
	good6.ip_version = 6;
	memcpy(good6.ip_source, (uint8_t[16]){ 0x20, 1, 0xd, 0xb8, [15] = 2 }, 16);
	memcpy(good6.ip_destination, (uint8_t[16]){ 0x20, 1, 0xd, 0xb8, [15] = 1 }, 16);
	return listeners_init(&listeners, list, 5);
}

static enum weir_answer_fate check(const struct weir_answer *answer)
{
	return agent_check(answer, &sight, &way);
}

static void a_good_answer_goes_where_it_says(void **state)
{
	struct weir_answer tagged = good6;

	(void)state;
	assert_int_equal(check(&good4), WEIR_ANSWER_SENT);
	assert_int_equal(way.port, 0);
	assert_int_equal(way.to.ip_version, 4);
	assert_int_equal(way.to.udp_source, 5701);
	assert_int_equal(way.to.udp_destination, 40000);
	assert_memory_equal(way.to.mac_destination, good4.mac_destination, 6);
	assert_memory_equal(way.to.ip_destination, good4.ip_destination, 16);
	tagged.n_vlan = 2;
	tagged.vlan[0] = 0xa888; // 0x88a8 in network order
	tagged.vlan[1] = 0x2361;
	tagged.vlan[2] = 0x0081;
	tagged.port_tag = 200;
	assert_int_equal(check(&tagged), WEIR_ANSWER_SENT);
	assert_int_equal(way.port, 1);
	assert_int_equal(way.to.n_vlan, 2);
	assert_memory_equal(way.to.vlan, tagged.vlan, 8);
}

static void what_has_not_the_shape_of_an_answer_is_lost(void **state)
{
	struct weir_answer bad[12];

	(void)state;
	for (unsigned i = 0; i < 12; i++)
		bad[i] = good4;
	bad[0].length = 0;
	bad[1].length = WEIR_ANSWER_MAX + 1;
	bad[2].length = 0xffff;
	bad[3].ip_version = 5;
	bad[4].ip_version = 0;
	bad[5].n_vlan = 3;
	bad[6].n_vlan = 1; // without a tag
	bad[7].n_vlan = 1;
	bad[7].vlan[0] = 0x0008; // IPv4 as a tag
	bad[8].vlan[3] = 1; // past n_vlan
	bad[9].reserved = 1;
	bad[10].ip_source[4] = 1; // past an IPv4 address
	bad[11].ip_destination[15] = 1;
	for (unsigned i = 0; i < 12; i++)
		assert_int_equal(check(&bad[i]), WEIR_ANSWER_SHAPE);
}

static void only_a_protocol_with_replies_is_answered(void **state)
{
	struct weir_answer answer = good4;

	(void)state;
	for (unsigned protocol = 0; protocol < 256; protocol++) {
		unsigned right = protocol == WEIR_NATIVE ? WEIR_ANSWER_SENT
				 : protocol < WEIR_N_PROTOCOLS ? WEIR_ANSWER_LISTENER // of another protocol
							       : WEIR_ANSWER_PROTOCOL;

		answer.protocol = (uint8_t)protocol;
		assert_int_equal(check(&answer), right);
	}
}

// A MESSAGE from `ours`, the sent-by of its Via.
static void sip_payload(struct weir_answer *answer, const char *ours)
{
	int n = snprintf((char *)answer->payload, sizeof(answer->payload),
			 "MESSAGE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK0123456789abcdef;rport\r\nMax-Forwards: 70\r\n"
			 "From: <sip:c@d>;tag=0123456789abcdef\r\nTo: <sip:a@b>\r\nCall-ID: 0123456789abcdef0123456789abcdef\r\n"
			 "CSeq: 1 MESSAGE\r\nIn-Reply-To: x\r\nContent-Type: text/plain;charset=UTF-8\r\nContent-Length: 3\r\n\r\nyes",
			 ours);

	answer->protocol = WEIR_SIP;
	answer->udp_source = 5060;
	answer->length = (uint16_t)n;
}

static void a_sip_message_says_where_it_comes_from(void **state)
{
	struct weir_answer answer = good4, answer6 = good6;

	(void)state;
	sip_payload(&answer, "10.0.0.2:5060");
	assert_int_equal(check(&answer), WEIR_ANSWER_SENT);
	assert_int_equal(way.to.udp_destination, 40000);
	answer.ip_source[3] = 3; // the listener has any address, the payload has not
	assert_int_equal(check(&answer), WEIR_ANSWER_PAYLOAD);
	answer.ip_source[3] = 2;
	answer.length--;
	assert_int_equal(check(&answer), WEIR_ANSWER_PAYLOAD);
	sip_payload(&answer, "10.0.0.2:5061");
	assert_int_equal(check(&answer), WEIR_ANSWER_PAYLOAD);
	answer.protocol = WEIR_NATIVE; // what is SIP is no native reply, whatever it comes from
	answer.udp_source = 5700;
	assert_int_equal(check(&answer), WEIR_ANSWER_PAYLOAD);
	sip_payload(&answer6, "[2001:db8::2]:5060");
	assert_int_equal(check(&answer6), WEIR_ANSWER_SENT);
	sip_payload(&answer6, "[2001:db8:0::2]:5060");
	assert_int_equal(check(&answer6), WEIR_ANSWER_PAYLOAD);
	answer6 = good6;
	answer6.protocol = WEIR_SIP;
	answer6.udp_source = 5060;
	assert_int_equal(check(&answer6), WEIR_ANSWER_PAYLOAD);
}

static void a_coap_answer_is_one_that_may_come_later(void **state)
{
	static const uint8_t bytes[] = { 0x52, 0x44, 0x80, 1, 0xa1, 0xb2, 0xc0, 0xff, 'y', 'e', 's' };
	struct weir_answer answer = good4;

	(void)state;
	answer.protocol = WEIR_COAP;
	answer.udp_source = 5683;
	memcpy(answer.payload, bytes, sizeof(bytes));
	answer.length = sizeof(bytes);
	assert_int_equal(check(&answer), WEIR_ANSWER_SENT);
	answer.payload[0] = 0x62; // an acknowledgement, of whatever has that id
	assert_int_equal(check(&answer), WEIR_ANSWER_PAYLOAD);
	answer.payload[0] = 0x52;
	answer.payload[1] = 2; // POST
	assert_int_equal(check(&answer), WEIR_ANSWER_PAYLOAD);
	answer.payload[1] = 0x44;
	answer.payload[2] = 0;
	assert_int_equal(check(&answer), WEIR_ANSWER_PAYLOAD);
	answer.payload[2] = 0x80;
	answer.udp_source = 5060;
	assert_int_equal(check(&answer), WEIR_ANSWER_LISTENER);
}

static void a_port_is_known_by_its_name_where_it_has_one(void **state)
{
	struct weir_answer answer = good4;

	(void)state;
	answer.port = 9; // an index of another time
	assert_int_equal(check(&answer), WEIR_ANSWER_SENT);
	answer.port_tag = 300;
	assert_int_equal(check(&answer), WEIR_ANSWER_PORT);
	answer.port_tag = 0;
	assert_int_equal(check(&answer), WEIR_ANSWER_PORT);
	answer.port = 1;
	assert_int_equal(check(&answer), WEIR_ANSWER_SENT);
	assert_int_equal(way.port, 1);
	assert_int_equal(weir_port_tag(""), 0x811c9dc5);
	assert_int_not_equal(weir_port_tag("in0"), weir_port_tag("in1"));
}

static void nobody_is_answered_who_cannot_be_one_host(void **state)
{
	static const uint8_t wrong4[][4] = { { 0 }, { 127, 0, 0, 1 }, { 224, 0, 0, 1 }, { 255, 255, 255, 255 } };
	static const uint8_t wrong6[][16] = { { 0 }, { [15] = 1 }, { 0xff, 2, [15] = 1 } };
	struct weir_answer answer;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		answer = good4;
		memcpy(answer.ip_destination, wrong4[i], 4);
		assert_int_equal(check(&answer), WEIR_ANSWER_ADDRESS);
		answer = good4;
		memcpy(answer.ip_source, wrong4[i], 4);
		assert_int_equal(check(&answer), WEIR_ANSWER_ADDRESS);
	}
	for (unsigned i = 0; i < 3; i++) {
		answer = good6;
		memcpy(answer.ip_destination, wrong6[i], 16);
		assert_int_equal(check(&answer), WEIR_ANSWER_ADDRESS);
	}
	answer = good4;
	answer.udp_destination = 0;
	assert_int_equal(check(&answer), WEIR_ANSWER_ADDRESS);
	answer = good4;
	answer.mac_destination[0] = 3;
	assert_int_equal(check(&answer), WEIR_ANSWER_ADDRESS);
	answer = good4;
	memset(answer.mac_destination, 0, 6);
	assert_int_equal(check(&answer), WEIR_ANSWER_ADDRESS);
	answer = good4;
	memset(answer.mac_source, 0xff, 6);
	assert_int_equal(check(&answer), WEIR_ANSWER_ADDRESS);
	answer = good4;
	memset(answer.mac_source, 0, 6);
	assert_int_equal(check(&answer), WEIR_ANSWER_ADDRESS);
}

static void an_answer_comes_from_a_listener_of_its_protocol(void **state)
{
	struct weir_answer answer = good4;

	(void)state;
	answer.ip_source[3] = 9; // the listener of 5701 is bound to another address
	assert_int_equal(check(&answer), WEIR_ANSWER_LISTENER);
	answer.udp_source = 5700; // of any address
	assert_int_equal(check(&answer), WEIR_ANSWER_SENT);
	answer.udp_source = 5060; // of another protocol
	assert_int_equal(check(&answer), WEIR_ANSWER_LISTENER);
	answer.udp_source = 0;
	assert_int_equal(check(&answer), WEIR_ANSWER_LISTENER);
	answer = good6;
	assert_int_equal(check(&answer), WEIR_ANSWER_SENT);
	answer.ip_source[15] = 3;
	assert_int_equal(check(&answer), WEIR_ANSWER_LISTENER);
}

static void a_payload_is_one_whole_reply(void **state)
{
	static const struct {
		unsigned at;
		uint8_t value;
	} wrong[] = { { 0, 0x58 }, { 1, 0x10 }, { 1, 0x13 }, { 1, 0x16 }, { 1, 0x1a }, { 1, 0x22 }, { 2, 3 },
		      { 2, 0xff }, { 3, 16 }, { 8, 'd' }, { 9, 0 }, { 10, 1 }, { 11, 3 }, { 11, 5 } };
	struct weir_answer answer;

	(void)state;
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		answer = good4;
		answer.payload[wrong[i].at] = wrong[i].value;
		assert_int_equal(check(&answer), WEIR_ANSWER_PAYLOAD);
	}
	answer = good4;
	answer.length = 15;
	assert_int_equal(check(&answer), WEIR_ANSWER_PAYLOAD);
	answer = good4;
	memset(answer.payload + 4, 0, 4);
	assert_int_equal(check(&answer), WEIR_ANSWER_PAYLOAD);
	answer = good4;
	memset(answer.payload + 8, 0, 2); // country unknown
	assert_int_equal(check(&answer), WEIR_ANSWER_SENT);
	answer.payload[2] = WEIR_STATUS_REFUSED;
	assert_int_equal(check(&answer), WEIR_ANSWER_SENT);
}

static void a_busy_reply_has_room_for_its_seconds(void **state)
{
	struct weir_answer answer = good4;

	(void)state;
	for (unsigned size = 16; size < 22; size++) {
		payload(&answer, size);
		answer.payload[2] = WEIR_STATUS_BUSY;
		assert_int_equal(check(&answer), size < 20 ? WEIR_ANSWER_PAYLOAD : WEIR_ANSWER_SENT);
		assert_int_equal(native_reply_is_good(answer.payload, size), size >= 20);
	}
}

static void an_answer_fits_what_its_port_sends(void **state)
{
	struct weir_answer answer4 = good4, answer6 = good6;

	(void)state;
	answer4.port_tag = answer6.port_tag = 200; // 576 bytes
	payload(&answer4, 576 - 28);
	assert_int_equal(check(&answer4), WEIR_ANSWER_SENT);
	payload(&answer4, 576 - 27);
	assert_int_equal(check(&answer4), WEIR_ANSWER_MTU);
	payload(&answer6, 576 - 48);
	assert_int_equal(check(&answer6), WEIR_ANSWER_SENT);
	payload(&answer6, 576 - 47);
	assert_int_equal(check(&answer6), WEIR_ANSWER_MTU);
	payload(&answer4, WEIR_ANSWER_MAX);
	answer4.port_tag = 100;
	assert_int_equal(check(&answer4), WEIR_ANSWER_SENT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		TEST(a_good_answer_goes_where_it_says),
		TEST(what_has_not_the_shape_of_an_answer_is_lost),
		TEST(only_a_protocol_with_replies_is_answered),
		TEST(a_sip_message_says_where_it_comes_from),
		TEST(a_coap_answer_is_one_that_may_come_later),
		TEST(a_port_is_known_by_its_name_where_it_has_one),
		TEST(nobody_is_answered_who_cannot_be_one_host),
		TEST(an_answer_comes_from_a_listener_of_its_protocol),
		TEST(a_payload_is_one_whole_reply),
		TEST(a_busy_reply_has_room_for_its_seconds),
		TEST(an_answer_fits_what_its_port_sends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
