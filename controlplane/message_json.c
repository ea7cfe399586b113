// SPDX-License-Identifier: BSD-3-Clause
//
// Messages and queues as JSON. What is in a message was written by strangers: names and bodies are shown as text only
// where they are UTF-8, which jansson refuses otherwise.
#include "controlplane/message_json.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rules/utf8.h"

json_t *time_json(uint64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	char text[40], all[48];
	struct tm utc;

	if (!gmtime_r(&seconds, &utc) || strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc) == 0)
		return json_null();
	snprintf(all, sizeof(all), "%s.%03uZ", text, (unsigned)(ms % 1000));
	return json_string(all);
}

static json_t *base64_json(const uint8_t *bytes, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t length = (n + 2) / 3 * 4;
	char *text = malloc(length + 1), *to = text;
	json_t *json;

	if (!text)
		return NULL;
	for (size_t i = 0; i < n; i += 3) {
		uint32_t three = (uint32_t)bytes[i] << 16 | (i + 1 < n ? (uint32_t)bytes[i + 1] << 8 : 0) |
				 (i + 2 < n ? bytes[i + 2] : 0);

		*to++ = digits[three >> 18];
		*to++ = digits[three >> 12 & 63];
		*to++ = i + 1 < n ? digits[three >> 6 & 63] : '=';
		*to++ = i + 2 < n ? digits[three & 63] : '=';
	}
	json = json_stringn(text, length);
	free(text);
	return json;
}

static void put_body(json_t *object, const struct spool_message *message)
{
	size_t offset = message->record.body_offset, n = message->record.payload_length;
	const char *body = message->payload;

	if (offset > n)
		offset = n;
	body += offset;
	n -= offset;
	if (utf8_is_text(body, n))
		json_object_set_new(object, "body", json_stringn(body, n));
	else
		json_object_set_new(object, "body_base64", base64_json((const uint8_t *)body, n));
}

static void format_sender(const struct weir_record *record, char out[80])
{
	char address[INET6_ADDRSTRLEN] = "?";

	inet_ntop(record->ip_version == 4 ? AF_INET : AF_INET6, record->ip_source, address, sizeof(address));
	snprintf(out, 80, record->ip_version == 4 ? "%s:%u" : "[%s]:%u", address, record->udp_source);
}

json_t *message_json(const struct spool_message *message, bool body)
{
	const struct weir_record *r = &message->record;
	int size = r->body_offset < r->payload_length ? r->payload_length - r->body_offset : 0;
	char id[24], country[3] = "??", sender[80], channel[8];
	const char *channel_name = weir_channel_name(r->channel), *protocol = weir_protocol_name(r->protocol);
	json_t *object;

	snprintf(id, sizeof(id), "%llu", (unsigned long long)message->arrival);
	snprintf(channel, sizeof(channel), "%u", r->channel);
	if (r->country < 26 * 26) {
		country[0] = (char)('A' + r->country / 26);
		country[1] = (char)('A' + r->country % 26);
	}
	format_sender(r, sender);
	object = json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:s?, s:i, s:s, s:I, s:o, s:o, s:i}", "id", id, "queue",
			   message->queue, "rule", message->rule, "priority", weir_priority_name(r->priority),
			   "tenant", (json_int_t)r->tenant, "country", country, "channel",
			   channel_name ? channel_name : channel, "protocol", protocol, "size", size, "sender",
			   sender, "generation", (json_int_t)r->generation, "received",
			   time_json(r->received_ns / 1000000), "stored", time_json(message->stored_ns / 1000000),
			   "attempts", (int)message->attempts);
	if (object && body)
		put_body(object, message);
	return object;
}

static json_t *age_json(uint64_t oldest_ns, uint64_t now_ns)
{
	if (oldest_ns == 0)
		return json_null();
	return json_integer(oldest_ns < now_ns ? (json_int_t)((now_ns - oldest_ns) / 1000000000) : 0);
}

json_t *queue_json(const struct spool_queue *queue, const uint64_t oldest_ns[WEIR_N_PRIORITIES], uint64_t now_ns)
{
	json_t *by_priority = json_object(), *object;
	uint64_t oldest = 0;

	for (unsigned p = 0; p < WEIR_N_PRIORITIES; p++) {
		if (oldest_ns[p] != 0 && (oldest == 0 || oldest_ns[p] < oldest))
			oldest = oldest_ns[p];
		json_object_set_new(by_priority, weir_priority_name(p),
				    json_pack("{s:I, s:o}", "waiting", (json_int_t)queue->waiting_by[p], "oldest_s",
					      age_json(oldest_ns[p], now_ns)));
	}
	object = json_pack("{s:s, s:I, s:I, s:I, s:o, s:I, s:I, s:I, s:o}", "name", queue->name, "waiting",
			   (json_int_t)queue->waiting, "leased", (json_int_t)queue->leased, "dead",
			   (json_int_t)queue->dead, "oldest_s", age_json(oldest, now_ns), "stored",
			   (json_int_t)queue->stored, "acknowledged", (json_int_t)queue->acknowledged, "removed",
			   (json_int_t)queue->removed, "priorities", by_priority);
	return object;
}
