// SPDX-License-Identifier: BSD-3-Clause
//
// Messages as JSON. What a message says is bytes of a stranger: text only where it is well-formed UTF-8, else base64.
#include "controlplane/agents/api_json.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <string.h>

#include "controlplane/agents/reply.h"
#include "dataplane/abi/names.h"
#include "rules/names.h"

static json_t *sender_json(const struct weir_record *record)
{
	char text[INET6_ADDRSTRLEN] = "";

	inet_ntop(record->ip_version == 4 ? AF_INET : AF_INET6, record->ip_source, text, sizeof(text));
	return json_pack("{s:s, s:i}", "address", text, "port", (int)record->udp_source);
}

// Bytes of the message's body, behind the protocol's header. A record that says more than there is has none.
static size_t body_of(const struct spool_message *message, const char **body)
{
	const struct weir_record *record = &message->record;
	size_t offset = record->body_offset < record->payload_length ? record->body_offset : record->payload_length;

	*body = message->payload ? (const char *)message->payload + offset : "";
	return record->payload_length - offset;
}

json_t *api_message_json(const struct spool_message *message)
{
	const struct weir_record *record = &message->record;
	char country[3] = "ZZ";
	const char *body;

	if (record->country < WEIR_N_COUNTRIES)
		weir_country_format(record->country, country);
	return json_pack("{s:I, s:s, s:s, s:I, s:s, s:s, s:s, s:o, s:I, s:I, s:s, s:I, s:I, s:i}",
			 "id", (json_int_t)message->arrival,
			 "queue", message->queue,
			 "priority", weir_priority_name(record->priority),
			 "tenant", (json_int_t)record->tenant,
			 "country", country,
			 "channel", weir_channel_name(record->channel),
			 "protocol", weir_protocol_name(record->protocol),
			 "sender", sender_json(record),
			 "received_ms", (json_int_t)(record->received_ns / 1000000),
			 "stored_ms", (json_int_t)(message->stored_ns / 1000000),
			 "rule", message->rule,
			 "generation", (json_int_t)record->generation,
			 "size", (json_int_t)body_of(message, &body),
			 "attempts", (int)message->attempts);
}

static int put_base64(json_t *object, const char *bytes, size_t n)
{
	const gnutls_datum_t raw = { (unsigned char *)(uintptr_t)bytes, (unsigned)n };
	gnutls_datum_t text;
	int err;

	if (gnutls_base64_encode2(&raw, &text) < 0)
		return -1;
	err = json_object_set_new(object, "body_base64", json_stringn((const char *)text.data, text.size));
	gnutls_free(text.data);
	return err;
}

// Bytes that an answer may have: of all statuses "refused" leaves the most.
static size_t answer_max(const struct spool_message *message)
{
	return reply_text_max(message, WEIR_STATUS_REFUSED);
}

json_t *api_claimed_json(const struct spool_claimed *claimed)
{
	json_t *object = api_message_json(&claimed->message);
	char token[2 * SPOOL_TOKEN_SIZE + 1];
	const char *body;
	size_t n = body_of(&claimed->message, &body);
	int err;

	if (!object)
		return NULL;
	api_token_format(claimed->token, token);
	err = json_object_set_new(object, "lease", json_string(token)) |
	      json_object_set_new(object, "lease_until_ms", json_integer((json_int_t)claimed->until_ms)) |
	      json_object_set_new(object, "answer_max", json_integer((json_int_t)answer_max(&claimed->message)));
	if (!memchr(body, '\0', n) && text_fault(body, n) == NULL)
		err |= json_object_set_new(object, "body", json_stringn(body, n));
	else
		err |= put_base64(object, body, n);
	if (!err)
		return object;
	json_decref(object);
	return NULL;
}

void api_token_format(const uint8_t token[SPOOL_TOKEN_SIZE], char text[2 * SPOOL_TOKEN_SIZE + 1])
{
	static const char digits[] = "0123456789abcdef";

	for (unsigned i = 0; i < SPOOL_TOKEN_SIZE; i++) {
		text[2 * i] = digits[token[i] >> 4];
		text[2 * i + 1] = digits[token[i] & 15];
	}
	text[2 * SPOOL_TOKEN_SIZE] = '\0';
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool api_token_parse(const char *text, uint8_t token[SPOOL_TOKEN_SIZE])
{
	if (!text || strlen(text) != 2 * SPOOL_TOKEN_SIZE)
		return false;
	for (unsigned i = 0; i < SPOOL_TOKEN_SIZE; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		token[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}
