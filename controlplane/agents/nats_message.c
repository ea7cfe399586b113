// SPDX-License-Identifier: BSD-3-Clause
//
// Messages for NATS. Names are escaped (nats_name.h), so that no name ends a header or makes another one.
#include "controlplane/agents/nats_message.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "controlplane/agents/nats_name.h"
#include "controlplane/agents/nats_stream.h"

struct headers {
	natsMsg *msg;
	natsStatus status;
};

static void put(struct headers *headers, const char *name, const char *value)
{
	if (headers->status == NATS_OK)
		headers->status = natsMsgHeader_Set(headers->msg, name, value);
}

static void put_name(struct headers *headers, const char *name, const char *value)
{
	char text[NATS_TOKEN];

	nats_value_format(value, text);
	put(headers, name, text);
}

static void put_number(struct headers *headers, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	put(headers, name, text);
}

// ADDRESS:PORT, with brackets around IPv6.
static void put_sender(struct headers *headers, const struct weir_record *record)
{
	char address[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 16];
	bool six = record->ip_version == 6;

	inet_ntop(six ? AF_INET6 : AF_INET, record->ip_source, address, sizeof(address));
	snprintf(text, sizeof(text), six ? "[%s]:%u" : "%s:%u", address, record->udp_source);
	put(headers, "Weir-Sender", text);
}

// RFC 3339, UTC, to the millisecond.
static void put_time(struct headers *headers, const char *name, uint64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	char day[32], text[48];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%03uZ", day, (unsigned)(ns / 1000000 % 1000));
	put(headers, name, text);
}

static void put_triage(struct headers *headers, const struct spool_message *message)
{
	const struct weir_record *record = &message->record;
	char country[3];

	weir_country_format(record->country < WEIR_N_COUNTRIES ? record->country : WEIR_COUNTRY_ZZ, country);
	put_name(headers, "Weir-Queue", message->queue);
	put_name(headers, "Weir-Rule", message->rule);
	put_number(headers, "Weir-Tenant", record->tenant);
	put(headers, "Weir-Country", country);
	put(headers, "Weir-Priority", weir_priority_name(record->priority));
	put(headers, "Weir-Channel", weir_channel_name(record->channel));
	put(headers, "Weir-Protocol", weir_protocol_name(record->protocol));
	put_number(headers, "Weir-Generation", record->generation);
	put_sender(headers, record);
	put_time(headers, "Weir-Received", record->received_ns);
	if (record->kind == WEIR_RECORD_COPY)
		put(headers, "Weir-Copy", "yes");
}

static void put_answer(struct headers *headers, const char *gateway, const struct answer_key *key,
		       const struct spool_message *message)
{
	char subject[64], id[ANSWER_ID_SIZE];

	if (message->record.kind == WEIR_RECORD_COPY || answer_id_format(key, message, id))
		return;
	snprintf(subject, sizeof(subject), "weir.answers.%s", gateway);
	put(headers, "Weir-Answer-To", subject);
	put(headers, "Weir-Answer-Id", id);
}

natsMsg *nats_message_create(const char *gateway, const struct answer_key *key, const struct spool_message *message)
{
	const struct weir_record *record = &message->record;
	unsigned skip = record->body_offset <= record->payload_length ? record->body_offset : 0;
	char subject[NATS_SUBJECT], id[NATS_ID];
	struct headers headers = { 0 };

	nats_subject_format(message, subject);
	nats_id_format(gateway, message, id);
	headers.status = natsMsg_Create(&headers.msg, subject, NULL, (const char *)message->payload + skip,
					record->payload_length - (int)skip);
	put(&headers, "Nats-Msg-Id", id);
	put(&headers, "Nats-Expected-Stream", NATS_STREAM_AGENTS);
	put(&headers, "Weir-Gateway", gateway);
	put_number(&headers, "Weir-Id", message->arrival);
	put_triage(&headers, message);
	put_answer(&headers, gateway, key, message);
	if (headers.status == NATS_OK)
		return headers.msg;
	natsMsg_Destroy(headers.msg);
	return NULL;
}
