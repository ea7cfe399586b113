// SPDX-License-Identifier: BSD-3-Clause
//
// Keys and values of the spool's tables. Pure functions; refuses a value whose parts do not fill it.
#include "controlplane/spool_value.h"

#include <errno.h>
#include <string.h>

static void put_big(uint8_t *to, uint64_t value, unsigned bytes)
{
	while (bytes-- > 0) {
		to[bytes] = (uint8_t)value;
		value >>= 8;
	}
}

static uint64_t get_big(const uint8_t *from, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value = value << 8 | from[i];
	return value;
}

void spool_key_format(struct spool_key *key, uint32_t queue, uint8_t priority, uint64_t arrival)
{
	put_big(key->queue, queue, sizeof(key->queue));
	key->priority = priority;
	put_big(key->arrival, arrival, sizeof(key->arrival));
}

uint32_t spool_key_queue(const struct spool_key *key)
{
	return (uint32_t)get_big(key->queue, sizeof(key->queue));
}

uint64_t spool_key_arrival(const struct spool_key *key)
{
	return get_big(key->arrival, sizeof(key->arrival));
}

int spool_value_size(const struct spool_message *message)
{
	size_t queue = strlen(message->queue), rule = strlen(message->rule);

	if (queue < 1 || queue > SPOOL_NAME_MAX || rule < 1 || rule > SPOOL_NAME_MAX)
		return -EINVAL;
	return (int)(sizeof(struct spool_value) + queue + rule + message->record.payload_length);
}

void spool_value_format(const struct spool_message *message, void *to)
{
	struct spool_value value = { .version = SPOOL_VALUE_VERSION, .worker = message->worker,
				     .queue_length = (uint8_t)strlen(message->queue),
				     .rule_length = (uint8_t)strlen(message->rule), .stored_ns = message->stored_ns,
				     .record = message->record };
	char *at = to;

	memcpy(value.boot_id, message->boot_id, sizeof(value.boot_id));
	memcpy(at, &value, sizeof(value));
	at += sizeof(value);
	memcpy(at, message->queue, value.queue_length);
	at += value.queue_length;
	memcpy(at, message->rule, value.rule_length);
	at += value.rule_length;
	if (message->record.payload_length)
		memcpy(at, message->payload, message->record.payload_length);
}

int spool_value_parse(const void *value, size_t size, struct spool_message *message, struct spool_names *names)
{
	const char *at = value;
	struct spool_value v;

	if (size < sizeof(v))
		return -EBADMSG;
	memcpy(&v, value, sizeof(v));
	if (v.version != SPOOL_VALUE_VERSION || v.queue_length > SPOOL_NAME_MAX || v.rule_length > SPOOL_NAME_MAX ||
	    size != sizeof(v) + v.queue_length + v.rule_length + v.record.payload_length)
		return -EBADMSG;
	at += sizeof(v);
	memcpy(names->queue, at, v.queue_length);
	names->queue[v.queue_length] = '\0';
	at += v.queue_length;
	memcpy(names->rule, at, v.rule_length);
	names->rule[v.rule_length] = '\0';
	at += v.rule_length;
	*message = (struct spool_message){ .record = v.record, .worker = v.worker, .stored_ns = v.stored_ns,
					   .queue = names->queue, .rule = names->rule, .payload = at };
	memcpy(message->boot_id, v.boot_id, sizeof(v.boot_id));
	return 0;
}
