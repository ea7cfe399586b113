// SPDX-License-Identifier: BSD-3-Clause
//
// Batches. Forwarder's thread; reads snapshots of the spool of its own, and copies what it takes, so that the writer
// gets its pages back at once.
#include "controlplane/agents/nats_batch.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/spool_look.h"

struct entry {
	struct nats_item item;
	struct spool_op op;
	char bytes[]; // queue, rule, payload
};

struct spool_op *nats_batch_op(struct nats_item *item)
{
	return &((struct entry *)((char *)item - offsetof(struct entry, item)))->op;
}

static struct entry *copy(const struct spool_message *message)
{
	size_t queue = strlen(message->queue) + 1, rule = strlen(message->rule) + 1;
	struct entry *entry = calloc(1, sizeof(*entry) + queue + rule + message->record.payload_length);
	char *at;

	if (!entry)
		return NULL;
	at = entry->bytes;
	entry->item.message = *message;
	entry->item.message.queue = memcpy(at, message->queue, queue);
	entry->item.message.rule = memcpy(at + queue, message->rule, rule);
	entry->item.message.payload = at + queue + rule;
	if (message->record.payload_length)
		memcpy(at + queue + rule, message->payload, message->record.payload_length);
	return entry;
}

static int add(const struct spool_message *message, void *argument)
{
	struct nats_batch *batch = argument;
	struct entry *entry;

	if (batch->n == NATS_BATCH || batch->bytes >= NATS_BATCH_BYTES)
		return 1;
	entry = copy(message);
	if (!entry)
		return -ENOMEM;
	batch->items[batch->n++] = &entry->item;
	batch->bytes += message->record.payload_length;
	return 0;
}

struct waiting {
	char (*names)[SPOOL_NAME_MAX + 1];
	unsigned n, room;
};

static void note_queue(const struct spool_queue *queue, void *argument)
{
	struct waiting *waiting = argument;
	void *more;

	if (queue->waiting == 0)
		return;
	if (waiting->n == waiting->room) {
		more = reallocarray(waiting->names, waiting->room + 16, sizeof(*waiting->names));
		if (!more)
			return; // its turn comes when memory does
		waiting->names = more;
		waiting->room += 16;
	}
	memcpy(waiting->names[waiting->n++], queue->name, sizeof(queue->name));
}

// The first message of each priority.
static int take_heads(struct nats_batch *batch, struct spool *spool, const char *queue)
{
	struct spool_place place = { 0, 0 };
	int err = 0;

	while (!err && place.priority < WEIR_N_PRIORITIES) {
		unsigned before = batch->n;

		err = spool_peek(spool, queue, place, 1, add, batch);
		if (err || batch->n == before)
			break;
		place.priority = batch->items[before]->message.record.priority;
		place.arrival = UINT64_MAX;
	}
	return err;
}

int nats_batch_fill(struct nats_batch *batch, struct spool *spool, bool heads)
{
	const struct spool_place front = { 0, 0 };
	struct waiting waiting = { 0 };
	int err = spool_queues(spool, note_queue, &waiting);

	for (unsigned i = 0; i < waiting.n && err == 0; i++) {
		uint32_t share = (NATS_BATCH - batch->n) / (waiting.n - i);

		if (heads)
			err = take_heads(batch, spool, waiting.names[i]);
		else
			err = spool_peek(spool, waiting.names[i], front, share > 0 ? share : 1, add, batch);
	}
	free(waiting.names);
	if (err >= 0)
		return 0;
	nats_batch_clear(batch);
	return err;
}

void nats_batch_clear(struct nats_batch *batch)
{
	for (unsigned i = 0; i < batch->n; i++)
		free((char *)batch->items[i] - offsetof(struct entry, item));
	batch->n = 0;
	batch->bytes = 0;
}
