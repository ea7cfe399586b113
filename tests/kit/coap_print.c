// SPDX-License-Identifier: BSD-3-Clause
//
// What coap_parse says of messages, for tests that have another opinion: reads them from standard input, each behind
// its length (two bytes, network order), and prints a line of JSON for each, byte strings in hexadecimal.
#include <stdio.h>

#include "dataplane/decode/coap.h"

static uint8_t bytes[65536];

static void print_span(const char *name, struct span span)
{
	printf(", \"%s\": \"", name);
	for (unsigned i = 0; i < span.length; i++)
		printf("%02x", bytes[span.at + i]);
	putchar('"');
}

static void print(const struct coap_message *message, enum weir_reason reason)
{
	static const char *const kinds[] = { "ignored", "rejected", "refused", "ping", "core", "triage" };
	char country[3];

	weir_country_format(message->country, country);
	printf("{\"reason\": \"%s\", \"kind\": \"%s\", \"type\": %u, \"code\": %u, \"id\": %u, \"error\": %u, \"no_response\": %u",
	       weir_reason_name(reason), kinds[message->kind], message->type, message->code, message->id, message->error,
	       message->no_response);
	printf(", \"plain\": %u, \"option\": %u, \"tenant\": %u, \"country\": \"%s\", \"priority\": %u, \"channel\": %u",
	       message->plain, message->option, message->tenant, country, message->priority, message->channel);
	print_span("token", message->token);
	print_span("body", message->body);
	print_span("name", message->name);
	print_span("host", message->host);
	puts("}");
}

int main(void)
{
	uint8_t head[2];

	while (fread(head, 1, sizeof(head), stdin) == sizeof(head)) {
		unsigned length = (unsigned)(head[0] << 8 | head[1]);
		struct coap_message message;

		if (fread(bytes, 1, length, stdin) != length)
			return 1;
		print(&message, coap_parse(bytes, length, &message));
	}
	return 0;
}
