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

struct spool_id_key spool_id_key(uint64_t arrival)
{
	struct spool_id_key key;

	put_big(key.arrival, arrival, sizeof(key.arrival));
	return key;
}

struct spool_due_key spool_due_key(enum spool_due kind, uint64_t since_ms, uint64_t arrival)
{
	struct spool_due_key key = { .kind = (uint8_t)kind };

	put_big(key.since_ms, since_ms, sizeof(key.since_ms));
	put_big(key.arrival, arrival, sizeof(key.arrival));
	return key;
}

uint64_t spool_id_read(const uint8_t arrival[8])
{
	return get_big(arrival, 8);
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

	if (queue < 1 || queue > SPOOL_NAME_MAX || rule < 1 || rule > SPOOL_NAME_MAX ||
	    message->record.priority >= WEIR_N_PRIORITIES)
		return -EINVAL;
	return (int)(sizeof(struct spool_value) + queue + rule + message->record.payload_length);
}

void spool_value_format(const struct spool_message *message, void *to)
{
	struct spool_value value = { .version = SPOOL_VALUE_VERSION, .worker = message->worker,
				     .queue_length = (uint8_t)strlen(message->queue),
				     .rule_length = (uint8_t)strlen(message->rule), .stored_ns = message->stored_ns,
				     .attempts = message->attempts, .record = message->record };
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
	if (v.version != SPOOL_VALUE_VERSION || v.record.priority >= WEIR_N_PRIORITIES ||
	    v.queue_length > SPOOL_NAME_MAX || v.queue_length < 1 || v.rule_length > SPOOL_NAME_MAX ||
	    v.rule_length < 1 ||
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
					   .attempts = v.attempts,
					   .queue = names->queue, .rule = names->rule, .payload = at };
	memcpy(message->boot_id, v.boot_id, sizeof(v.boot_id));
	return 0;
}

int spool_lease_parse(const void *value, size_t size, struct spool_lease *lease, struct spool_names *names)
{
	const uint8_t *at = value;
	struct spool_lease_head head;
	size_t agent;

	if (size < sizeof(head))
		return -EBADMSG;
	memcpy(&head, at, sizeof(head));
	agent = head.agent_length;
	if (head.version != SPOOL_HEAD_VERSION || agent < 1 || agent > SPOOL_AGENT_MAX || size < sizeof(head) + agent)
		return -EBADMSG;
	lease->since_ms = head.since_ms;
	lease->until_ms = head.until_ms;
	memcpy(lease->token, head.token, sizeof(lease->token));
	memcpy(lease->agent, at + sizeof(head), agent);
	lease->agent[agent] = '\0';
	return spool_value_parse(at + sizeof(head) + agent, size - sizeof(head) - agent, &lease->message, names);
}

int spool_dead_parse(const void *value, size_t size, struct spool_dead_letter *letter, struct spool_names *names)
{
	const uint8_t *at = value;
	struct spool_dead_head head;

	if (size < sizeof(head))
		return -EBADMSG;
	memcpy(&head, at, sizeof(head));
	if (head.version != SPOOL_HEAD_VERSION || head.reason >= SPOOL_N_DEATHS)
		return -EBADMSG;
	letter->reason = head.reason;
	letter->since_ms = head.since_ms;
	return spool_value_parse(at + sizeof(head), size - sizeof(head), &letter->message, names);
}

int spool_outbox_parse(const void *value, size_t size, struct spool_outgoing *outgoing)
{
	const uint8_t *at = value;
	struct spool_outbox_head head;

	if (size < sizeof(head))
		return -EBADMSG;
	memcpy(&head, at, sizeof(head));
	if (head.version != SPOOL_HEAD_VERSION || size != sizeof(head) + head.length)
		return -EBADMSG;
	outgoing->record = head.record;
	outgoing->since_ms = head.since_ms;
	outgoing->payload = at + sizeof(head);
	outgoing->length = head.length;
	return 0;
}

int spool_receipt_parse(const void *value, size_t size, struct spool_receipt *receipt)
{
	if (size < sizeof(*receipt))
		return -EBADMSG;
	memcpy(receipt, value, sizeof(*receipt));
	if (receipt->version != SPOOL_HEAD_VERSION || size != sizeof(*receipt) + receipt->agent_length)
		return -EBADMSG;
	return 0;
}
