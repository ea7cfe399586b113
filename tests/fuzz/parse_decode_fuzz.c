// SPDX-License-Identifier: BSD-3-Clause
//
// One frame through parse, decode, tag and classify. The first byte chooses: bit 0 trusts UDP checksums,
// bit 1 lays the listeners by address, bit 2 mends the checksums and bit 3 the tag of the frame before it is
// judged, since no fuzzer guesses those. The rest is the frame.
//
// Held: whatever is accepted lies within the frame; a reason belongs to its disposition; the frame with
// one more VLAN tag, which goes through the steps instead of the short cut, is judged alike; and so it is by
// the burst forms of parse and decode.
#include <stdlib.h>
#include <string.h>

#include "dataplane/checksum.h"
#include "dataplane/decode/native_burst.h"
#include "dataplane/decode/siphash.h"
#include "dataplane/triage.h"
#include "dataplane/tunnel.h"
#include "tests/kit/text.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TRUST = 1, BOUND = 2, MEND_SUMS = 4, MEND_TAG = 8, FRAME_MAX = 70000 };

static const uint8_t key[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
static const char rules_text[] =
	"version = 1;\n"
	"tenants = ( { id = 1001; name = \"a\"; groups = [ \"g\" ]; },\n"
	"  { id = 1002; name = \"k\"; key = \"000102030405060708090a0b0c0d0e0f\"; } );\n"
	"zones = ( { name = \"z\"; countries = [ \"DE\", \"FR\" ]; } );\n"
	"pools = ( { name = \"p\"; zone = \"z\"; port = 0; members = ( { name = \"m\"; address = \"10.1.0.1\"; "
	"mac = \"02:00:00:00:00:01\"; } ); } );\n"
	"queues = ( { name = \"q\"; } );\n"
	"replies = ( { name = \"r\"; status = \"busy\"; } );\n"
	"blocked_sources = [ \"192.0.2.0/24\", \"2001:db8:bad::/48\" ];\n"
	"default = { drop = \"rest\"; };\n"
	"rules = (\n"
	"  { name = \"1\"; match = { tenant = \"@g\"; country = \"@z\"; size = { min = 1; max = 100; }; };\n"
	"    action = { forward = \"p\"; }; },\n"
	"  { name = \"2\"; match = { tenant = \"unknown\"; priority = \"urgent\"; }; action = { reply = \"r\"; }; },\n"
	"  { name = \"3\"; match = { channel = [ \"sms\", \"15\" ]; country = \"ZZ\"; }; action = { agents = \"q\"; }; } );\n";

static struct kit_text kit;
static struct listeners any, bound;

static void must(bool condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const struct listener list[] = {
		{.port = 5700, .protocol = WEIR_NATIVE,
		 .tunnels = WEIR_TUNNEL_IPIP | WEIR_TUNNEL_GUE | WEIR_TUNNEL_VXLAN},
		{.port = 5060, .protocol = WEIR_SIP},
		{.port = 5700, .protocol = WEIR_COAP, .family = 4, .address = {10, 0, 0, 3}},
		{.port = 9, .protocol = WEIR_NATIVE, .family = 6, .address = {0x20, 1, 0x0d, 0xb8, [15] = 2}},
	};

	kit_text_open(&kit, rules_text);
	must(listeners_init(&any, list, 2) == 0 && listeners_init(&bound, list, 4) == 0);
	return 0;
}

// Offset of the IP header, 0 where there is none.
static uint32_t find_ip(const uint8_t *frame, uint32_t length)
{
	uint32_t at = 14;

	for (unsigned i = 0; i < 2 && at + 4 <= length; i++)
		if ((frame[at - 2] == 0x81 && frame[at - 1] == 0) || (frame[at - 2] == 0x88 && frame[at - 1] == 0xa8))
			at += 4;
	return at + 20 <= length ? at : 0;
}

static void mend_ipv4(uint8_t *ip, uint32_t left)
{
	uint32_t header = (ip[0] & 15u) * 4;
	uint16_t sum;

	if (ip[0] >> 4 != 4 || header < 20 || header > left)
		return;
	memset(ip + 10, 0, 2);
	sum = checksum_finish(checksum_add_bytes(0, ip, header));
	memcpy(ip + 10, &sum, 2);
}

// The IPv4 header of a packet inside: at once, or behind UDP and the headers of GUE or VXLAN.
static void mend_inside(uint8_t *ip, uint32_t left)
{
	uint32_t header = ip[0] >> 4 == 4 ? (ip[0] & 15u) * 4 : 40;

	if (left > header + 4 && ip[ip[0] >> 4 == 6 ? 6 : 9] == 17)
		header += 8 + (ip[header + 2] == 0x12 && ip[header + 3] == 0xb5 ? 8 + 14 : 4);
	if (header + 20 <= left)
		mend_ipv4(ip + header, left - header);
}

// Sums of a frame that is accepted when they are trusted.
static void mend_udp(const struct packet *packet)
{
	uint8_t *frame = (uint8_t *)(uintptr_t)packet->data;
	uint8_t *ip = frame + packet->l3, *udp = frame + packet->payload - 8;
	uint16_t length = (uint16_t)(packet->payload_length + 8), sum;
	uint64_t pseudo;

	memset(udp + 6, 0, 2);
	pseudo = packet->ip_version == 4 ? checksum_pseudo4(ip, length) : checksum_pseudo6(ip, length);
	sum = checksum_finish_udp(checksum_add_bytes(pseudo, udp, length));
	memcpy(udp + 6, &sum, 2);
}

static void mend_tag(struct packet *packet)
{
	uint8_t *at = (uint8_t *)(uintptr_t)packet->data + packet->payload;
	uint64_t tag;

	decode_native(packet);
	if (!(packet->flags & PACKET_TAGGED))
		return;
	tag = siphash24(key, at, 16, at + packet->body, packet->size);
	memcpy(at + 16, &tag, 8);
}

static void mend(const struct listeners *listeners, uint8_t *frame, uint32_t length, uint8_t choice)
{
	uint32_t ip = find_ip(frame, length);
	struct packet packet;

	if (ip) {
		mend_inside(frame + ip, length - ip);
		mend_ipv4(frame + ip, length - ip);
	}
	parse_frame(listeners, frame, length, true, &packet);
	if (packet.reason != WEIR_REASON_NONE)
		return;
	if ((choice & MEND_TAG) && packet.protocol == WEIR_NATIVE)
		mend_tag(&packet);
	mend_udp(&packet);
}

static void check(const struct triage *triage)
{
	const struct packet *packet = &triage->packet;
	uint32_t class;

	must(packet->reason < WEIR_N_REASONS);
	must((packet->reason == WEIR_REASON_NONE) == (triage->verdict != TABLE_NONE));
	// What a protocol answers by itself (a ping, OPTIONS) has neither a reason to show nor a template.
	if (weir_reason_disposition(packet->reason) == WEIR_REPLY)
		must(!triage->reason && !triage->target);
	else
		must((triage->reason != NULL) == (triage->target == NULL));
	if (packet->reason != WEIR_REASON_NONE)
		must(triage->disposition == weir_reason_disposition(packet->reason) && !triage->rule);
	if (packet->flags & PACKET_HAS_LISTENER)
		must((uint32_t)packet->payload + packet->payload_length <= packet->length);
	if (!(packet->flags & PACKET_DECODED))
		return;
	must(packet->tenant && packet->country < WEIR_N_COUNTRIES && packet->priority < 4 && packet->channel < 16);
	must(packet->body + packet->size == packet->payload_length);
	table_find_tenant(&kit.table, packet->tenant, &class);
	must(triage_authentic(&kit.table, class, packet));
}

static void check_alike(const struct triage *one, const struct triage *other)
{
	must(one->disposition == other->disposition && one->packet.reason == other->packet.reason);
	must(one->verdict == other->verdict && one->packet.flags == other->packet.flags);
	must(other->packet.n_vlan == one->packet.n_vlan + 1);
	if (!(one->packet.flags & PACKET_HAS_LISTENER))
		return;
	must(one->packet.listener == other->packet.listener && one->packet.payload + 4 == other->packet.payload);
	must(one->packet.payload_length == other->packet.payload_length);
}

// The frame with one more tag is judged as `one` was.
static void check_tagged(const struct listeners *listeners, bool trust, const struct triage *one, const uint8_t *frame,
			 uint32_t length)
{
	uint8_t *tagged = malloc(length + 4);
	struct triage other;

	must(tagged);
	memcpy(tagged, frame, 12);
	memcpy(tagged + 12, "\x81\x00\x00\x07", 4);
	memcpy(tagged + 16, frame + 12, length - 12);
	triage_frame(&kit.table, listeners, trust, tagged, length + 4, &other);
	check(&other);
	check_alike(one, &other);
	free(tagged);
}

// One message through the burst decoder, in place `at` of eight, says what decode_native says.
static void check_decode(const struct packet *parsed, unsigned at)
{
	struct packet packet = *parsed;
	struct payloads payloads;
	struct messages messages;
	uint64_t wrong;

	for (unsigned i = 0; i < PARSE_BURST; i++) {
		payloads.at[i] = packet.data + packet.payload;
		payloads.length[i] = i == at ? packet.payload_length : 0;
	}
	wrong = decode_native_burst(&payloads, at + 1, &messages);
	decode_native(&packet);
	must((wrong >> at & 1) == (packet.reason != WEIR_REASON_NONE));
	if (packet.reason != WEIR_REASON_NONE)
		return;
	must(messages.tenant[at] == packet.tenant && messages.country[at] == packet.country);
	must(messages.size[at] == packet.size);
	must(message_small(messages.kind[at]) == triage_small(WEIR_NATIVE, packet.priority, packet.channel));
	must(message_flags(messages.kind[at]) == (packet.flags & (PACKET_WANTS_ACK | PACKET_TAGGED)));
}

// A frame of a burst, and the same one parsed alone.
static void check_lane(const struct packet *one, const struct packet *lane, const uint8_t *payload, uint16_t length)
{
	must(one->reason == lane->reason);
	if (one->reason != WEIR_REASON_NONE)
		return;
	must(payload == one->data + one->payload && length == one->payload_length);
	must(one->data == lane->data && one->length == lane->length);
	must(one->l3 == lane->l3 && one->payload == lane->payload && one->payload_length == lane->payload_length);
	must(one->ip_version == lane->ip_version && one->n_vlan == lane->n_vlan && one->flags == lane->flags);
	must(one->listener == lane->listener && one->protocol == lane->protocol);
}

// The burst forms of parse and decode; what lies past the frame has no influence.
static void check_burst(const struct listeners *listeners, bool trust, const uint8_t *frame, uint32_t length)
{
	size_t room = length > PARSE_READABLE ? length : PARSE_READABLE;
	uint8_t *copy = malloc(room);
	struct packet one, lanes[9]; // eight together and one left over
	struct payloads payloads;
	uint64_t good;

	must(copy);
	memset(copy, 0x11, room);
	memcpy(copy, frame, length);
	parse_frame(listeners, copy, length, trust, &one);
	for (unsigned i = 0; i < 9; i++)
		lanes[i] = (struct packet){.data = copy, .length = length};
	good = parse_burst(listeners, lanes, 9, trust, &payloads);
	must(payloads.tunnelled == (packet_tunnel(&one) ? 0x1ff : 0));
	must(good == (one.reason == WEIR_REASON_NONE ? 0x1ff : 0));
	for (unsigned i = 0; i < 9; i++)
		check_lane(&one, &lanes[i], payloads.at[i], payloads.length[i]);
	if (one.reason == WEIR_REASON_NONE)
		check_decode(&one, length % 8);
	free(copy);
}

// What was in a tunnel lies in the frame that it came in, and as a frame of its own, sent without the tunnel, goes the
// same way.
static void check_link(const struct listeners *listeners, const struct packet *packet, uint8_t *frame, uint32_t length)
{
	struct packet alone;

	must(packet->data >= frame && packet->data + packet->length <= frame + length);
	if (!packet_tunnel(packet))
		return;
	must(packet->outer > 0 && packet->data == frame + packet->outer);
	tunnel_link(packet, frame + packet->outer);
	must(memcmp(frame, packet->data, 12) == 0);
	parse_frame(listeners, packet->data, packet->length, true, &alone);
	must(alone.ip_version == packet->ip_version && alone.n_vlan == packet->n_vlan);
	if (packet->flags & PACKET_HAS_LISTENER)
		must(alone.reason == WEIR_REASON_NONE && alone.payload == packet->payload && packet_tunnel(&alone) == 0);
	else
		must(alone.reason == WEIR_REASON_FRAGMENT && packet->reason == alone.reason);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct listeners *listeners;
	struct triage one;
	uint8_t *frame;
	uint32_t length;
	bool trust;

	if (size < 1 || size > FRAME_MAX)
		return 0;
	listeners = data[0] & BOUND ? &bound : &any;
	trust = data[0] & TRUST;
	length = (uint32_t)size - 1;
	frame = malloc(length + 1);
	must(frame);
	memcpy(frame + 1, data + 1, length); // ends where its allocation ends
	if (data[0] & MEND_SUMS)
		mend(listeners, frame + 1, length, data[0]);
	triage_frame(&kit.table, listeners, trust, frame + 1, length, &one);
	check(&one);
	if (one.packet.l3 && one.packet.n_vlan < 2) // no tag is cut short
		check_tagged(listeners, trust, &one, frame + 1, length);
	check_burst(listeners, trust, frame + 1, length);
	check_link(listeners, &one.packet, frame + 1, length);
	free(frame);
	return 0;
}
