// SPDX-License-Identifier: BSD-3-Clause
//
// sip_fields: reads datagrams from standard input, each behind its length (4 bytes, network byte order), and prints what
// the decoder says of each as one line: the reason, then NAME=HEX or NAME=NUMBER. For tests that hold it against another.
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "dataplane/decode/sip.h"
#include "dataplane/decode/sip_answer.h"

enum { LENGTH_MAX = 65535 };

static void print_span(const char *name, const uint8_t *at, struct span span)
{
	printf(" %s=", name);
	for (unsigned i = 0; i < span.length; i++)
		printf("%02x", at[span.at + i]);
}

static void print_message(const uint8_t *at, unsigned length)
{
	struct sip_message message;
	enum weir_reason reason = sip_parse(at, length, &message);

	printf("%s kind=%u status=%u priority=%u answer=%u requires=%u port=%u", weir_reason_name(reason), message.kind,
	       message.status, message.priority, message.flags & SIP_ANSWERABLE ? 1 : 0,
	       message.flags & SIP_REQUIRES ? 1 : 0, message.via.port);
	printf(" says=%u fault=%s", sip_answer_status(&message), weir_reason_name(message.fault));
	print_span("method", at, message.method);
	print_span("host", at, message.host);
	print_span("from_number", at, message.number[0]);
	print_span("to_number", at, message.number[1]);
	print_span("call_id", at, message.call_id);
	print_span("from", at, message.from);
	print_span("to", at, message.to);
	print_span("cseq", at, message.cseq);
	print_span("from_tag", at, message.from_tag);
	print_span("to_tag", at, message.to_tag);
	print_span("type", at, message.type);
	print_span("body", at, message.body);
	print_span("via", at, message.via.value);
	print_span("via_host", at, message.via.host);
	print_span("branch", at, message.via.branch);
	print_span("maddr", at, message.via.maddr);
	print_span("received", at, message.via.received);
	print_span("rport", at, message.via.rport);
	printf("\n");
}

int main(void)
{
	uint32_t size;

	while (fread(&size, 1, sizeof(size), stdin) == sizeof(size)) {
		unsigned length = ntohl(size);
		uint8_t *exact = malloc(length ? length : 1);

		if (!exact || length > LENGTH_MAX || fread(exact, 1, length, stdin) != length)
			return 1;
		print_message(exact, length);
		free(exact);
	}
	return 0;
}
