// SPDX-License-Identifier: BSD-3-Clause
//
// One frame through parse, blocked sources, decode, tag and classify, without a NIC: what weirctl
// classify, tests and fuzzers call; the worker's stages call the same functions over bursts. libc only.
#pragma once

#include "dataplane/decode/decode.h"
#include "dataplane/packet.h"
#include "dataplane/parse.h"
#include "rules/lookup.h"
#include "rules/table.h"

struct triage {
	struct packet packet;
	enum weir_disposition disposition; // what the verdict alone decides
	const char *reason;  // of malformed, exception, drop; NULL otherwise
	const char *rule;    // NULL where no rule decided
	const char *target;  // pool, queue or template; NULL where there is none
	uint32_t verdict;    // index, TABLE_NONE where no rule decided
};

// Strings point into `table` or are static.
void triage_frame(const struct table *table, const struct listeners *listeners, bool trust_udp_checksum,
		  const uint8_t *data, uint32_t length, struct triage *triage);

// The same for a datagram of several frames.
void triage_whole(const struct table *table, const struct listeners *listeners, bool trust_udp_checksum,
		  const struct whole *whole, struct triage *triage);

// Whether the source of a parsed packet is blocked.
static inline bool triage_blocks(const struct table *table, const struct packet *packet)
{
	uint64_t high, low;

	packet_source(packet, &high, &low);
	return packet->ip_version == 4 ? table_blocks4(table, (uint32_t)low) : table_blocks6(table, high, low);
}

// Whether a decoded message has the tag that its tenant asks for: a right one where the tenant has a
// key, none where it has not (DESIGN 1.2). SIP and CoAP have no tags: a tenant with a key takes none of theirs
// (docs/decisions/044-requests.md). `class` is the tenant's class.
static inline bool triage_authentic(const struct table *table, uint32_t class, const struct packet *packet)
{
	uint32_t key = table->tenant_classes[class].key;
	bool tagged = packet->flags & PACKET_TAGGED;

	if (key == TABLE_NONE || !tagged)
		return key == TABLE_NONE && !tagged;
	return decode_verify(packet, table->keys[key].bytes);
}

// What a message is that has not the tag that its tenant asks for.
static inline uint8_t triage_auth_reason(unsigned protocol)
{
	static const uint8_t reason[WEIR_N_PROTOCOLS] = { WEIR_REASON_NATIVE_AUTH, WEIR_REASON_SIP_AUTH,
							  WEIR_REASON_COAP_AUTH };

	return reason[protocol];
}

// The triage key of a decoded message.
static inline struct triage_key triage_key(const struct packet *packet, uint32_t class)
{
	return (struct triage_key){
		.class = class,
		.country = packet->country,
		.size = packet->size,
		.small = triage_small(packet->protocol, packet->priority, packet->channel),
	};
}
