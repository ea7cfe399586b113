// SPDX-License-Identifier: BSD-3-Clause
//
// The check of agents' answers, see agent_check.h. Any thread. Every field is looked at before anything is made of it;
// what it lets through can only be a reply of a listener of ours to one host.
#include "dataplane/agent_check.h"

#include <string.h>

#include "dataplane/decode/coap_answer.h"
#include "dataplane/decode/native_reply.h"
#include "dataplane/decode/sip_reply.h"

static const uint8_t zeros[16];

static bool native_is_good(const struct weir_answer *answer)
{
	return native_reply_is_good(answer->payload, answer->length);
}

// What it says of where it comes from is the truth, so that what its receiver says comes back here.
static bool sip_is_good(const struct weir_answer *answer)
{
	struct sip_peer from = { .family = answer->ip_version, .port = answer->udp_source };

	memcpy(from.address, answer->ip_source, sizeof(from.address));
	return sip_reply_is_good(answer->payload, answer->length, &from);
}

static bool coap_is_good(const struct weir_answer *answer)
{
	return coap_later_is_good(answer->payload, answer->length);
}

// By protocol: whether a payload is a whole reply. A protocol without one is not answered.
static bool (*const reply_is_good[WEIR_N_PROTOCOLS])(const struct weir_answer *answer) = {
	[WEIR_NATIVE] = native_is_good,
	[WEIR_SIP] = sip_is_good,
	[WEIR_COAP] = coap_is_good,
};

static bool is_tag(uint16_t tpid_on_wire)
{
	const uint8_t *p = (const uint8_t *)&tpid_on_wire;

	return (p[0] == 0x81 && p[1] == 0x00) || (p[0] == 0x88 && p[1] == 0xa8);
}

static bool tags_are_good(const struct weir_answer *answer)
{
	for (unsigned i = 0; i < 2; i++) {
		const uint16_t *tag = &answer->vlan[2 * i];

		if (i < answer->n_vlan ? !is_tag(tag[0]) : tag[0] != 0 || tag[1] != 0)
			return false;
	}
	return true;
}

static bool shape_is_good(const struct weir_answer *answer)
{
	if (answer->length == 0 || answer->length > WEIR_ANSWER_MAX || answer->reserved != 0)
		return false;
	if ((answer->ip_version != 4 && answer->ip_version != 6) || answer->n_vlan > 2 || !tags_are_good(answer))
		return false;
	return answer->ip_version == 6 || (memcmp(answer->ip_source + 4, zeros, 12) == 0 &&
					   memcmp(answer->ip_destination + 4, zeros, 12) == 0);
}

// Index of the port: where it is known by name, the port of that name, wherever it stands now. -1: there is none.
static int port_of(const struct weir_answer *answer, const struct agent_sight *sight)
{
	if (answer->port_tag == 0)
		return answer->port < sight->n_ports ? answer->port : -1;
	for (unsigned i = 0; i < sight->n_ports; i++)
		if (sight->ports[i].tag == answer->port_tag)
			return (int)i;
	return -1;
}

static void way_fill(struct answer_to *to, const struct weir_answer *answer)
{
	memset(to, 0, sizeof(*to));
	memcpy(to->mac_destination, answer->mac_destination, 6);
	memcpy(to->mac_source, answer->mac_source, 6);
	memcpy(to->vlan, answer->vlan, sizeof(to->vlan));
	to->n_vlan = answer->n_vlan;
	to->ip_version = answer->ip_version;
	memcpy(to->ip_source, answer->ip_source, 16);
	memcpy(to->ip_destination, answer->ip_destination, 16);
	to->udp_source = answer->udp_source;
	to->udp_destination = answer->udp_destination;
}

static bool addresses_are_good(const struct answer_to *to)
{
	return answer_allowed(to) && memcmp(to->mac_destination, zeros, 6) != 0 &&
	       memcmp(to->mac_source, zeros, 6) != 0;
}

// A message to where the answer comes from would have met a listener of that protocol.
static bool comes_from_listener(const struct listeners *listeners, const struct weir_answer *answer)
{
	uint8_t ip[40] = { 0 };
	int i;

	memcpy(ip + (answer->ip_version == 4 ? 16 : 24), answer->ip_source, answer->ip_version == 4 ? 4 : 16);
	i = listeners_find(listeners, answer->ip_version, ip, answer->udp_source);
	return i >= 0 && listeners->list[i].protocol == answer->protocol;
}

enum weir_answer_fate agent_check(const struct weir_answer *answer, const struct agent_sight *sight,
				  struct agent_way *way)
{
	unsigned ip_length = (answer->ip_version == 4 ? 20u : 40u) + 8u + answer->length;
	int port;

	if (!shape_is_good(answer))
		return WEIR_ANSWER_SHAPE;
	if (answer->protocol >= WEIR_N_PROTOCOLS || !reply_is_good[answer->protocol])
		return WEIR_ANSWER_PROTOCOL;
	port = port_of(answer, sight);
	if (port < 0)
		return WEIR_ANSWER_PORT;
	way->port = (unsigned)port;
	way_fill(&way->to, answer);
	if (!addresses_are_good(&way->to))
		return WEIR_ANSWER_ADDRESS;
	if (!comes_from_listener(sight->listeners, answer))
		return WEIR_ANSWER_LISTENER;
	if (!reply_is_good[answer->protocol](answer))
		return WEIR_ANSWER_PAYLOAD;
	return ip_length <= sight->ports[port].mtu ? WEIR_ANSWER_SENT : WEIR_ANSWER_MTU;
}
