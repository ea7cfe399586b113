// SPDX-License-Identifier: BSD-3-Clause
//
// Messages of SIP and CoAP on their way to a triage key (DESIGN 1.3, steps 6 and 7): the protocol's decoder says what
// the message names, the table and the numbering plan whose tenant and which country that is. One message at a time;
// libc only: the dataplane, weirctl classify, tests and fuzzers run this.
#pragma once

#include <stdbool.h>

#include "dataplane/decode/coap.h"
#include "dataplane/decode/sip.h"
#include "dataplane/packet.h"
#include "rules/lookup_words.h"

// Gives a decoded message of any protocol that has no country the one of its sender's address, where the table knows
// that.
void request_locate(const struct table *table, struct packet *packet);

// What the decoder read. One of the two, by the packet's protocol.
struct request {
	union {
		struct sip_message sip;
		struct coap_message coap;
	};
};

// enum weir_priority of what request_parse has read and found nothing wrong with.
static inline unsigned request_priority(unsigned protocol, const struct request *request)
{
	return protocol == WEIR_SIP ? request->sip.priority : request->coap.priority;
}

// Runs the decoder of `protocol` (enum weir_protocol, not native). Returns as that.
enum weir_reason request_parse(unsigned protocol, const uint8_t *payload, unsigned length, struct request *request);

// Decodes the payload of a parsed packet of a protocol other than native. Sets the message's fields and PACKET_DECODED,
// or packet->reason: what is wrong with it, that it is no message, or (of disposition `reply`) what the protocol itself
// settles: SIP OPTIONS and methods, CoAP pings and the list of resources. The tenant is 0 where the message names none
// that the table knows. Returns whether the protocol owes the sender an answer of its own, whatever the rules say
// (request_answer.h). Any thread.
bool request_decode(const struct table *table, struct packet *packet, struct request *request);

// The same in steps, for who has a burst: what is known but for the tenant, and that one's look-up begun where
// packet->reason is NONE; what its end will read fetched, which may be left out; the end of it.
bool request_begin(const struct table *table, struct packet *packet, struct request *request,
		   struct word_search *tenant);
static inline void request_fetch(const struct table *table, struct word_search *tenant)
{
	if (tenant->bytes)
		table_fetch_word(table, tenant);
}
static inline void request_end(const struct table *table, struct packet *packet, const struct word_search *tenant)
{
	if (tenant->bytes)
		packet->tenant = table_end_word(table, tenant);
}
