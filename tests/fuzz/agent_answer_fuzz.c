// SPDX-License-Identifier: BSD-3-Clause
//
// Agents' answers as a hostile control plane sends them: the input is the message. Whatever is let through must be a
// frame that parse takes, and a reply from a listener to one host: one that the native decoder refuses as such, a SIP
// MESSAGE that says where it comes from, or a CoAP response.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/agent_check.h"
#include "dataplane/decode/coap_answer.h"
#include "dataplane/decode/decode.h"
#include "dataplane/decode/native_reply.h"
#include "dataplane/decode/sip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct agent_port ports[] = { { 0x1001, 1500 }, { 0x1002, 576 }, { 0x1003, 65535 } };

static void must(bool held)
{
	if (!held)
		abort();
}

static void look_at_native(struct packet *packet, const struct weir_answer *answer)
{
	must(native_reply_is_good(answer->payload, answer->length));
	decode_native(packet);
	must(packet->reason == WEIR_REASON_NATIVE_FLAGS);
}

static void look_at_sip(const struct weir_answer *answer)
{
	struct sip_message message;

	must(sip_parse(answer->payload, answer->length, &message) == WEIR_REASON_NONE && message.kind == SIP_MESSAGE);
	must((message.flags & SIP_ANSWERABLE) && !(message.flags & SIP_REQUIRES));
	must(message.via.port == answer->udp_source);
	must((unsigned)message.body.at + message.body.length == answer->length);
}

static void look_at_coap(const struct weir_answer *answer)
{
	struct coap_message message;

	must(coap_answer_is_good(answer->payload, answer->length));
	must(coap_parse(answer->payload, answer->length, &message) == WEIR_REASON_COAP_MESSAGE);
	must(message.type == COAP_NON && (message.id & COAP_LATER_ID));
}

// The frame as its receiver sees it: with a listener where it goes to.
static void look_at_frame(const struct weir_answer *answer, const struct agent_way *way)
{
	static uint8_t frame[ANSWER_LAYERS + WEIR_ANSWER_MAX];
	const struct listener there = { .port = answer->udp_destination, .protocol = answer->protocol };
	static struct listeners receiver;
	struct packet packet;
	size_t length;

	listeners_init(&receiver, &there, 1);
	length = answer_write_payload(frame, &way->to, answer->payload, answer->length);
	must(length >= 60 && length <= sizeof(frame));
	parse_frame(&receiver, frame, (uint32_t)length, false, &packet);
	must(packet.reason == WEIR_REASON_NONE && packet.payload_length == answer->length);
	must(memcmp(frame + packet.payload, answer->payload, answer->length) == 0);
	must(packet.n_vlan == answer->n_vlan && packet.ip_version == answer->ip_version);
	must(length == 60 || length == packet.payload + (size_t)answer->length);
	must(packet.payload + answer->length - packet.l3 <= ports[way->port].mtu);
	if (answer->protocol == WEIR_NATIVE)
		look_at_native(&packet, answer);
	else if (answer->protocol == WEIR_SIP)
		look_at_sip(answer);
	else
		look_at_coap(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct listener ours[] = {
		{ .port = 5700, .protocol = WEIR_NATIVE }, { .port = 5060, .protocol = WEIR_SIP },
		{ .port = 5683, .protocol = WEIR_COAP },
		{ .address = { 10, 0, 0, 2 }, .family = 4, .port = 5701, .protocol = WEIR_NATIVE },
	};
	static struct listeners listeners;
	const struct agent_sight sight = { ports, 3, &listeners };
	struct weir_answer answer = { 0 };
	struct agent_way way;
	enum weir_answer_fate fate;

	listeners_init(&listeners, ours, 4);
	memcpy(&answer, data, size < sizeof(answer) ? size : sizeof(answer));
	fate = agent_check(&answer, &sight, &way);
	must(weir_answer_fate_course(fate) != WEIR_COURSE_LATER);
	if (fate != WEIR_ANSWER_SENT)
		return 0;
	must(way.port < 3 && answer_allowed(&way.to));
	if (answer.protocol == WEIR_NATIVE)
		must(answer.udp_source == 5700 || (answer.udp_source == 5701 && answer.ip_version == 4));
	else
		must(answer.udp_source == (answer.protocol == WEIR_SIP ? 5060 : 5683));
	look_at_frame(&answer, &way);
	return 0;
}
