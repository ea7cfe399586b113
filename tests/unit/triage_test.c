// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/triage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/decode/siphash.h"
#include "tests/kit/frame.h"
#include "tests/kit/text.h"

static const char rules[] =
	"version = 1;\n"
	"tenants = ( { id = 1001; name = \"plain\"; },\n"
	"  { id = 1002; name = \"keyed\"; key = \"000102030405060708090a0b0c0d0e0f\"; } );\n"
	"pools = ( { name = \"pool\"; port = 0; members = ( { name = \"m\"; address = \"10.1.0.1\"; "
	"mac = \"02:00:00:00:00:01\"; } ); } );\n"
	"queues = ( { name = \"queue\"; } );\n"
	"replies = ( { name = \"template\"; status = \"busy\"; } );\n"
	"blocked_sources = [ \"192.0.2.0/24\", \"2001:db8:bad::/48\" ];\n"
	"default = { agents = \"queue\"; };\n"
	"rules = (\n"
	"  { name = \"one\"; match = { channel = \"sms\"; size = { min = 10; max = 20; }; }; action = { forward = \"pool\"; }; },\n"
	"  { name = \"two\"; match = { channel = \"sms\"; country = \"DE\"; size = { max = 15; }; };\n"
	"    action = { reply = \"template\"; set_priority = \"urgent\"; }; },\n"
	"  { name = \"three\"; match = { tenant = \"unknown\"; }; action = { drop = \"stranger\"; }; } );\n";

static struct kit_text kit;
static struct listeners listeners;
static struct frame frame;
static struct triage triage;

static void judge(void)
{
	triage_frame(&kit.table, &listeners, false, frame.bytes, frame.length, &triage);
}

static void expect(enum weir_disposition disposition, const char *rule, const char *target, const char *reason)
{
	const char *got[3] = {triage.rule, triage.target, triage.reason}, *want[3] = {rule, target, reason};

	assert_int_equal(triage.disposition, disposition);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(got[i] == NULL, want[i] == NULL);
		assert_true(!want[i] || strcmp(got[i], want[i]) == 0);
	}
}

static void set_tenant(uint32_t id)
{
	frame_put16(&frame, frame.payload + 4, (uint16_t)(id >> 16));
	frame_put16(&frame, frame.payload + 6, (uint16_t)id);
	frame_mend(&frame);
}

// A message of 2 bytes for tenant `id` with a tag under the key 00..0f.
static void tagged_message(uint32_t id, uint8_t spoil)
{
	static const uint8_t key[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	uint8_t body[2] = {'x', 'x'}, *at;
	uint64_t tag;

	frame_message(&frame, 4, 2);
	at = frame.bytes + frame.payload;
	at[1] = 0x14;
	set_tenant(id);
	tag = siphash24(key, at, 16, body, 2) ^ spoil;
	frame.length -= 2;
	frame_push(&frame, &tag, 8); // little-endian, as the machine
	frame_push(&frame, body, 2);
	frame_finish(&frame);
}

static void the_first_rule_that_holds_decides(void **state)
{
	static const struct {
		uint16_t size;
		enum weir_disposition disposition;
		const char *rule, *target;
	} cases[] = {{0, WEIR_REPLY, "two", "template"},   {9, WEIR_REPLY, "two", "template"},
		     {10, WEIR_FORWARD, "one", "pool"},    {20, WEIR_FORWARD, "one", "pool"},
		     {21, WEIR_AGENTS, "default", "queue"}};

	for (unsigned version = 4; version <= 6; version += 2) {
		for (unsigned i = 0; i < 5; i++) {
			frame_message(&frame, version, cases[i].size);
			judge();
			expect(cases[i].disposition, cases[i].rule, cases[i].target, NULL);
		}
	}
}

static void set_priority_does_not_show_in_the_message(void **state)
{
	frame_message(&frame, 4, 2);
	judge();
	assert_string_equal(triage.rule, "two");
	assert_int_equal(triage.packet.priority, WEIR_NORMAL);
}

static void a_drop_by_rule_has_its_reason_and_no_target(void **state)
{
	frame_message(&frame, 4, 30);
	set_tenant(77);
	judge();
	expect(WEIR_DROP, "three", NULL, "stranger");
	assert_int_equal(triage.packet.tenant, 77);
}

static void a_blocked_source_ends_before_its_message_is_looked_at(void **state)
{
	frame_message(&frame, 4, 2);
	memcpy(frame.bytes + frame.ip + 12, "\xc0\x00\x02\x09", 4);
	frame.bytes[frame.payload] = 0; // no magic
	frame_mend(&frame);
	judge();
	expect(WEIR_DROP, NULL, NULL, "blocked-source");
	frame_message(&frame, 6, 2);
	memcpy(frame.bytes + frame.ip + 12, "\x0b\xad", 2);
	frame_mend(&frame);
	judge();
	expect(WEIR_DROP, NULL, NULL, "blocked-source");
	assert_int_equal(triage.verdict, TABLE_NONE);
}

static void a_blocked_source_without_a_listener_is_an_exception(void **state)
{
	frame_message(&frame, 4, 2);
	memcpy(frame.bytes + frame.ip + 12, "\xc0\x00\x02\x09", 4);
	frame_put16(&frame, frame.udp + 2, 22);
	frame_mend(&frame);
	judge();
	expect(WEIR_EXCEPTION, NULL, NULL, "no-listener");
}

static void a_keyed_tenant_takes_tagged_verified_messages_only(void **state)
{
	tagged_message(1002, 0);
	judge();
	expect(WEIR_REPLY, "two", "template", NULL);
	assert_true(triage.packet.flags & PACKET_DECODED);
	tagged_message(1002, 1);
	judge();
	expect(WEIR_MALFORMED, NULL, NULL, "native-auth");
	assert_false(triage.packet.flags & PACKET_DECODED);
	frame_message(&frame, 4, 2);
	set_tenant(1002);
	judge();
	expect(WEIR_MALFORMED, NULL, NULL, "native-auth");
}

static void a_tag_for_a_tenant_without_key_or_unknown_is_refused(void **state)
{
	tagged_message(1001, 0);
	judge();
	expect(WEIR_MALFORMED, NULL, NULL, "native-auth");
	tagged_message(4000000000u, 0);
	judge();
	expect(WEIR_MALFORMED, NULL, NULL, "native-auth");
}

static void the_tag_is_looked_at_last(void **state)
{
	tagged_message(1002, 1);
	frame.bytes[frame.payload + 11]++;
	frame_mend(&frame);
	judge();
	expect(WEIR_MALFORMED, NULL, NULL, "native-length");
}

// A CoAP request in the place of the frame's message.
static void coap_message(const char *bytes, unsigned length)
{
	frame_ethernet(&frame);
	frame_ipv4(&frame, 0);
	frame_udp(&frame, 5683);
	frame_push(&frame, bytes, length);
	frame_finish(&frame);
	judge();
}

static void a_message_of_another_protocol_meets_the_same_rules(void **state)
{
	coap_message("\x50\x02\x00\x01\xb1m\x04" "1001\x03sms\x4a" "country=DE\x0d\x02priority=urgent\xff!", 45);
	assert_int_equal(triage.packet.reason, WEIR_REASON_NONE);
	assert_int_equal(triage.packet.protocol, WEIR_COAP);
	assert_int_equal(triage.packet.tenant, 1001);
	assert_int_equal(triage.packet.priority, WEIR_URGENT);
	assert_int_equal(triage.packet.size, 1);
	expect(WEIR_REPLY, "two", "template", NULL);
}

static void what_its_protocol_settles_is_replied_without_a_rule(void **state)
{
	coap_message("\x40\x00\x00\x07", 4);
	expect(WEIR_REPLY, NULL, NULL, NULL);
	assert_int_equal(triage.packet.reason, WEIR_REASON_COAP_PING);
	coap_message("\x60\x00\x00\x07", 4);
	expect(WEIR_EXCEPTION, NULL, NULL, "coap-message");
}

static void a_keyed_tenant_takes_nothing_that_has_no_tag(void **state)
{
	coap_message("\x50\x02\x00\x01\xb1m\x04" "1002\x03sms", 15);
	expect(WEIR_MALFORMED, NULL, NULL, "coap-auth");
	assert_false(triage.packet.flags & PACKET_DECODED);
}

int main(void)
{
	static const struct listener list[] = {{.port = 5700, .protocol = WEIR_NATIVE}, {.port = 5683, .protocol = WEIR_COAP}};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_rule_that_holds_decides),
		cmocka_unit_test(set_priority_does_not_show_in_the_message),
		cmocka_unit_test(a_drop_by_rule_has_its_reason_and_no_target),
		cmocka_unit_test(a_blocked_source_ends_before_its_message_is_looked_at),
		cmocka_unit_test(a_blocked_source_without_a_listener_is_an_exception),
		cmocka_unit_test(a_keyed_tenant_takes_tagged_verified_messages_only),
		cmocka_unit_test(a_tag_for_a_tenant_without_key_or_unknown_is_refused),
		cmocka_unit_test(the_tag_is_looked_at_last),
		cmocka_unit_test(a_message_of_another_protocol_meets_the_same_rules),
		cmocka_unit_test(what_its_protocol_settles_is_replied_without_a_rule),
		cmocka_unit_test(a_keyed_tenant_takes_nothing_that_has_no_tag),
	};
	int failed;

	if (listeners_init(&listeners, list, 2) < 0)
		return 1;
	kit_text_open(&kit, rules);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	kit_text_close(&kit);
	return failed;
}
