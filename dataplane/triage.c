// SPDX-License-Identifier: BSD-3-Clause
//
// The corridor for one frame, without rates, overload or transmission (DESIGN 1.5): the stages' own
// functions in the stages' order.
#include "dataplane/triage.h"

#include "dataplane/request.h"

// The frame's packet is filled, and packet->reason is set where the frame ends before the rules.
static uint32_t triage_packet(const struct table *table, struct packet *packet)
{
	struct request request;
	uint32_t class;

	if (triage_blocks(table, packet)) {
		packet->reason = WEIR_REASON_BLOCKED_SOURCE;
		return TABLE_NONE;
	}
	if (packet->protocol == WEIR_NATIVE)
		decode_native(packet);
	else
		request_decode(table, packet, &request);
	if (packet->reason != WEIR_REASON_NONE)
		return TABLE_NONE;
	table_find_tenant(table, packet->tenant, &class);
	if (!triage_authentic(table, class, packet)) {
		packet->reason = triage_auth_reason(packet->protocol);
		packet->flags &= (uint8_t)~PACKET_DECODED;
		return TABLE_NONE;
	}
	request_locate(table, packet);

	struct triage_key key = triage_key(packet, class);

	return table_find_verdict(table, &key);
}

static void triage_name(const struct table *table, struct triage *triage)
{
	const struct verdict *verdict = &table->verdicts[triage->verdict];

	triage->rule = table_string(table, table->rule_names[triage->verdict]);
	switch (verdict->action) {
	case WEIR_ACT_FORWARD:
		triage->disposition = WEIR_FORWARD;
		triage->target = table_string(table, table->pools[verdict->target].name);
		break;
	case WEIR_ACT_AGENTS:
		triage->disposition = WEIR_AGENTS;
		triage->target = table_string(table, table->queues[verdict->target].name);
		break;
	case WEIR_ACT_REPLY:
		triage->disposition = WEIR_REPLY;
		triage->target = table_string(table, table->replies[verdict->target].name);
		break;
	default:
		triage->disposition = WEIR_DROP;
		triage->reason = table_string(table, table->reasons[verdict->target]);
	}
}

// What becomes of the parsed packet.
static void triage_parsed(const struct table *table, struct triage *triage)
{
	if (triage->packet.reason == WEIR_REASON_NONE)
		triage->verdict = triage_packet(table, &triage->packet);
	if (triage->packet.reason == WEIR_REASON_NONE) {
		triage_name(table, triage);
		return;
	}
	triage->disposition = weir_reason_disposition(triage->packet.reason);
	if (triage->disposition != WEIR_REPLY)
		triage->reason = weir_reason_name(triage->packet.reason);
}

void triage_frame(const struct table *table, const struct listeners *listeners, bool trust_udp_checksum,
		  const uint8_t *data, uint32_t length, struct triage *triage)
{
	*triage = (struct triage){.verdict = TABLE_NONE};
	parse_frame(listeners, data, length, trust_udp_checksum, &triage->packet);
	triage_parsed(table, triage);
}

void triage_whole(const struct table *table, const struct listeners *listeners, bool trust_udp_checksum,
		  const struct whole *whole, struct triage *triage)
{
	*triage = (struct triage){.verdict = TABLE_NONE};
	parse_whole(listeners, whole, trust_udp_checksum, &triage->packet);
	triage_parsed(table, triage);
}
