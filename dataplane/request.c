// SPDX-License-Identifier: BSD-3-Clause
//
// SIP and CoAP messages to triage keys, see request.h. What a message says in several ways counts in the order of
// the protocols: a CoAP tenant by id, name, Uri-Host; a SIP country by From, To.
#include "dataplane/request.h"

#include "dataplane/decode/coap_value.h"
#include "dataplane/decode/number.h"
#include "dataplane/decode/sip_answer.h"
#include "rules/lookup_geo.h"

enum { CHANNEL_SMS = 1 };

static void set_body(struct packet *packet, struct span body)
{
	packet->body = body.at;
	packet->size = body.length;
}

// Country of the first of From's and To's numbers that has one.
static void locate_by_number(struct packet *packet, const uint8_t *at, const struct sip_message *sip)
{
	for (unsigned i = 0; i < 2; i++) {
		uint16_t country = number_subscriber(at + sip->number[i].at, sip->number[i].length).country;

		if (country != WEIR_COUNTRY_NONE) {
			packet->country = country;
			packet->flags |= PACKET_COUNTRY_BY_NUMBER;
			return;
		}
	}
}

// What is known of a well-formed request by its method; MESSAGE is the one that rules are about.
static enum weir_reason method_reason(const struct sip_message *sip)
{
	switch (sip->kind) {
	case SIP_MESSAGE:
		return WEIR_REASON_NONE;
	case SIP_OPTIONS:
		return WEIR_REASON_SIP_OPTIONS;
	case SIP_ACK:
		return WEIR_REASON_SIP_ACK;
	default:
		return WEIR_REASON_SIP_METHOD;
	}
}

static bool begin_sip(const struct table *table, struct packet *packet, struct sip_message *sip,
		      struct word_search *tenant)
{
	const uint8_t *at = packet->data + packet->payload;
	enum weir_reason reason = sip_parse(at, packet->payload_length, sip);

	if (reason == WEIR_REASON_NONE)
		reason = method_reason(sip);
	packet->reason = (uint8_t)reason;
	if (reason != WEIR_REASON_NONE)
		return sip_answer_status(sip) != 0;
	table_begin_word(table, true, at + sip->host.at, sip->host.length, tenant);
	packet->country = WEIR_COUNTRY_ZZ;
	locate_by_number(packet, at, sip);
	set_body(packet, sip->body);
	packet->priority = sip->priority;
	packet->channel = CHANNEL_SMS;
	packet->flags |= PACKET_DECODED | PACKET_WANTS_ACK;
	return false;
}

// The look-up of a tenant that is not named by its id.
static inline void begin_coap_tenant(const struct table *table, const uint8_t *at, const struct coap_message *coap,
				     struct word_search *tenant)
{
	unsigned length = coap->name.length;
	const uint8_t *name = at + coap->name.at;

	if (length == 0)
		table_begin_word(table, true, at + coap->host.at, coap->host.length, tenant);
	else if (length <= COAP_WORD)
		table_begin_short_name(table, name, length, coap_segment_word(name, length), tenant);
	else
		table_begin_word(table, false, name, length, tenant);
}

static bool begin_coap(const struct table *table, struct packet *packet, struct coap_message *coap,
		       struct word_search *tenant)
{
	const uint8_t *at = packet->data + packet->payload;
	enum weir_reason reason = coap_parse(at, packet->payload_length, coap);

	if (__builtin_expect(coap->kind != COAP_TRIAGE, 0)) {
		if (coap->kind == COAP_PING)
			reason = WEIR_REASON_COAP_PING;
		else if (coap->kind == COAP_CORE)
			reason = WEIR_REASON_COAP_CORE;
		packet->reason = (uint8_t)reason;
		return coap->kind != COAP_IGNORED;
	}
	packet->reason = WEIR_REASON_NONE;
	tenant->bytes = NULL;
	packet->tenant = coap->tenant;
	if (coap->tenant == 0)
		begin_coap_tenant(table, at, coap, tenant);
	packet->country = coap->country;
	set_body(packet, coap->body);
	packet->priority = coap->priority;
	packet->channel = coap->channel;
	packet->flags |= PACKET_DECODED | PACKET_WANTS_ACK;
	return false;
}

enum weir_reason request_parse(unsigned protocol, const uint8_t *payload, unsigned length, struct request *request)
{
	return protocol == WEIR_SIP ? sip_parse(payload, length, &request->sip)
				    : coap_parse(payload, length, &request->coap);
}

bool request_begin(const struct table *table, struct packet *packet, struct request *request,
		   struct word_search *tenant)
{
	return packet->protocol == WEIR_SIP ? begin_sip(table, packet, &request->sip, tenant)
					    : begin_coap(table, packet, &request->coap, tenant);
}

bool request_decode(const struct table *table, struct packet *packet, struct request *request)
{
	struct word_search tenant;
	bool owed = request_begin(table, packet, request, &tenant);

	if (packet->reason == WEIR_REASON_NONE)
		request_end(table, packet, &tenant);
	return owed;
}

void request_locate(const struct table *table, struct packet *packet)
{
	const uint8_t *ip = packet->data + packet->l3;
	uint16_t country;

	if (packet->country != WEIR_COUNTRY_ZZ)
		return;
	country = table_find_address_country(table, packet->ip_version, ip + (packet->ip_version == 4 ? 12 : 8));
	if (country != WEIR_COUNTRY_NONE)
		packet->country = country;
}
