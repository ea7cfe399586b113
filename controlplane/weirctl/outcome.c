// SPDX-License-Identifier: BSD-3-Clause
//
// One judged frame as JSON or as a line. Keys, order and nulls are the contract's (DESIGN 1.5).
#include "controlplane/weirctl/outcome.h"

#include <inttypes.h>

const char *outcome_protocol(const struct triage *triage)
{
	const struct packet *packet = &triage->packet;

	if (!(packet->flags & PACKET_HAS_LISTENER) || packet->reason == WEIR_REASON_BLOCKED_SOURCE)
		return NULL;
	return weir_protocol_name(packet->protocol);
}

// A JSON string, or null. Names come from a rule file: UTF-8, with any character.
static void print_string(const char *text, FILE *to)
{
	if (!text) {
		fputs("null", to);
		return;
	}
	putc('"', to);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(to, "\\%c", c);
		else if (c < 0x20)
			fprintf(to, "\\u%04x", c);
		else
			putc(c, to);
	}
	putc('"', to);
}

static void print_member(const char *key, const char *text, FILE *to)
{
	fprintf(to, ",\"%s\":", key);
	print_string(text, to);
}

static void print_message(const struct packet *packet, FILE *to)
{
	char country[3];

	if (!(packet->flags & PACKET_DECODED)) {
		fputs(",\"tenant\":null,\"country\":null,\"priority\":null,\"channel\":null,\"size\":null", to);
		return;
	}
	weir_country_format(packet->country, country);
	if (packet->tenant != 0)
		fprintf(to, ",\"tenant\":%" PRIu32, packet->tenant);
	else
		fputs(",\"tenant\":null", to); // a SIP or CoAP message that names none of the table
	print_member("country", country, to);
	print_member("priority", weir_priority_name(packet->priority), to);
	print_member("channel", weir_channel_name(packet->channel), to);
	fprintf(to, ",\"size\":%u", packet->size);
}

void outcome_json(uint64_t n, const struct triage *triage, FILE *to)
{
	fprintf(to, "{\"n\":%" PRIu64, n);
	print_member("disposition", weir_disposition_name(triage->disposition), to);
	print_member("reason", triage->reason, to);
	print_member("protocol", outcome_protocol(triage), to);
	print_message(&triage->packet, to);
	print_member("rule", triage->rule, to);
	print_member("target", triage->target, to);
	fputs("}\n", to);
}

void outcome_line(uint64_t n, const struct triage *triage, FILE *to)
{
	const struct packet *packet = &triage->packet;
	const char *protocol = outcome_protocol(triage), *what = triage->target ? triage->target : triage->reason;
	char country[3];

	fprintf(to, "%8" PRIu64 "  %-9s  %-18s", n, weir_disposition_name(triage->disposition), what ? what : "-");
	if (packet->flags & PACKET_DECODED) {
		weir_country_format(packet->country, country);
		fprintf(to, "  rule %-18s  %s, tenant %" PRIu32 ", %s, %s, %s, %u bytes", triage->rule, protocol,
			packet->tenant, country, weir_priority_name(packet->priority),
			weir_channel_name(packet->channel), packet->size);
	} else if (protocol) {
		fprintf(to, "  %s", protocol);
	}
	putc('\n', to);
}
