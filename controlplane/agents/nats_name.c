// SPDX-License-Identifier: BSD-3-Clause
//
// Names for NATS. What stands in a subject or in a header comes from a rule file, so it may be any UTF-8; a byte that
// would mean something to NATS ('.', '*', '>', space, line ends) is escaped, and never cut away, so that two
// names never become one.
#include "controlplane/agents/nats_name.h"

#include <stdio.h>
#include <string.h>

#include "controlplane/mapping.h"

// Escapes the bytes of `name` that are not `plain`.
static void escape(const char *name, bool (*plain)(unsigned char byte), char out[NATS_TOKEN])
{
	static const char digits[] = "0123456789ABCDEF";
	size_t n = 0;

	for (const unsigned char *at = (const unsigned char *)name; *at && n + 3 < NATS_TOKEN; at++) {
		if (plain(*at)) {
			out[n++] = (char)*at;
			continue;
		}
		out[n++] = '%';
		out[n++] = digits[*at >> 4];
		out[n++] = digits[*at & 15];
	}
	out[n] = '\0';
}

static bool is_plain_token(unsigned char byte)
{
	return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
	       byte == '-' || byte == '_';
}

static bool is_plain_value(unsigned char byte)
{
	return byte >= ' ' && byte != 0x7f && byte != '%';
}

void nats_token_format(const char *name, char out[NATS_TOKEN])
{
	escape(name[0] ? name : "-", is_plain_token, out);
}

void nats_value_format(const char *name, char out[NATS_TOKEN])
{
	escape(name, is_plain_value, out);
}

void nats_subject_format(const struct spool_message *message, char out[NATS_SUBJECT])
{
	const struct weir_record *record = &message->record;
	char queue[NATS_TOKEN], country[3];

	nats_token_format(message->queue, queue);
	weir_country_format(record->country < WEIR_N_COUNTRIES ? record->country : WEIR_COUNTRY_ZZ, country);
	snprintf(out, NATS_SUBJECT, "weir.agents.%s.%s.%u.%s", queue, country, record->tenant,
		 weir_priority_name(record->priority));
}

void nats_id_format(const char *gateway, const struct spool_message *message, char out[NATS_ID])
{
	char boot[BOOT_NAME_SIZE];

	snprintf(out, NATS_ID, "%s-%s-%u-%llu", gateway, boot_format(message->boot_id, boot), message->worker,
		 (unsigned long long)message->record.sequence);
}
