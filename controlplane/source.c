// SPDX-License-Identifier: BSD-3-Clause
//
// Records of one segment into the spool. Consumer's thread. What it reads is shared with the
// dataplane, which may change it at any time: records and names are copied, and checked in the copy.
// Refuses, by stopping that channel, a record that cannot be.
#include "controlplane/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/log.h"

struct source *source_create(struct mapping *map)
{
	struct source *source = calloc(1, sizeof(*source));

	if (source)
		source->map = map;
	return source;
}

void source_destroy(struct source *source)
{
	if (!source)
		return;
	mapping_put(source->map);
	free(source);
}

static uint64_t channel_head(const struct source *source, unsigned worker)
{
	return atomic_load_explicit(&segment_worker(source->map->segment, worker)->head, memory_order_acquire);
}

static void stop_channel(struct source *source, unsigned worker, const char *what)
{
	char boot[BOOT_NAME_SIZE];

	source->channel[worker].stopped = true;
	log_error("boot %s worker %u: %s; this agent channel is stopped, its messages stay in the segment",
		  boot_format(source->map->segment->boot_id, boot), worker, what);
}

// A channel goes on where the spool says, or where the dataplane has free slots from, if the spool knows
// nothing of it.
static int start_channel(struct source *source, struct spool *spool, unsigned worker)
{
	const struct weir_segment *segment = source->map->segment;
	struct source_channel *channel = &source->channel[worker];
	uint64_t tail = atomic_load_explicit(&segment_worker(segment, worker)->tail, memory_order_acquire);
	uint64_t head = channel_head(source, worker), next;
	int err = spool_cursor_get(spool, segment->boot_id, worker, &next);

	if (err == -ENOENT)
		next = tail;
	else if (err)
		return err;
	if (next < tail) {
		log_error("worker %u: the spool ends at slot %llu, the dataplane gave back up to %llu: "
			  "an older spool was put in place; its later messages are not in it",
			  worker, (unsigned long long)next, (unsigned long long)tail);
		next = tail;
	}
	channel->next = next;
	channel->durable = next;
	if (!channel->stopped && (next > head || head - next > segment->ring_slots))
		stop_channel(source, worker, "the spool's cursor stands outside of the ring");
	return 0;
}

int source_start(struct source *source, struct spool *spool)
{
	for (unsigned w = 0; w < source->map->segment->n_workers; w++) {
		int err = start_channel(source, spool, w);

		if (err)
			return err;
	}
	source->n_batch = 0;
	source->started = true;
	return 0;
}

// Copies the name of a registry entry. Entries that an unread record names do not change.
static bool copy_name(const struct weir_segment *segment, uint32_t index, enum weir_name_kind kind,
		      char out[SPOOL_NAME_MAX + 1])
{
	struct weir_name name;
	size_t n;

	if (index >= segment->n_names)
		return false;
	segment_copy(&name, &segment_names(segment)[index], sizeof(name));
	n = strnlen(name.name, sizeof(name.name));
	if (name.kind != kind || n < 1 || n > SPOOL_NAME_MAX)
		return false;
	memcpy(out, name.name, n);
	out[n] = '\0';
	return true;
}

// What stands for a port's name in the spool, 0 where there is none.
static uint32_t port_tag(const struct weir_segment *segment, unsigned port)
{
	_Alignas(8) char name[WEIR_NAME_MAX + 1];

	if (port >= segment->n_ports)
		return 0;
	segment_copy(name, segment_ports(segment)[port].name, sizeof(name));
	name[WEIR_NAME_MAX] = '\0';
	return name[0] ? weir_port_tag(name) : 0;
}

// Appends one record. -EBADMSG: it cannot be.
static int append(struct source *source, struct batch *batch, unsigned worker, const struct weir_record *record)
{
	const struct weir_segment *segment = source->map->segment;
	char queue[SPOOL_NAME_MAX + 1], rule[SPOOL_NAME_MAX + 1];
	struct spool_message message = { .worker = (uint16_t)worker, .queue = queue, .rule = rule,
					 .stored_ns = batch->now_ns, .record = *record,
					 .payload = channel_payload(segment, worker, record->sequence) };

	memcpy(message.boot_id, segment->boot_id, sizeof(message.boot_id));
	message.record.port_tag = port_tag(segment, message.record.port);
	if (!copy_name(segment, message.record.queue, WEIR_NAME_QUEUE, queue) ||
	    !copy_name(segment, message.record.rule, WEIR_NAME_RULE, rule))
		return -EBADMSG;
	return spool_append(batch->spool, &message);
}

static void describe(struct source *source, unsigned worker, const struct weir_record *r)
{
	char what[240];

	snprintf(what, sizeof(what),
		 "the record at slot %llu cannot be (sequence %llu, kind %u, %u slots, payload %u, "
		 "queue %u, rule %u, priority %u)",
		 (unsigned long long)source->channel[worker].next, (unsigned long long)r->sequence, r->kind,
		 r->n_slots, r->payload_length, r->queue, r->rule, r->priority);
	stop_channel(source, worker, what);
}

// LMDB bounds the pages of a transaction; so do we, by the bytes that went into it.
static void count(struct source *source, struct batch *batch, size_t bytes)
{
	source->n_batch++;
	batch->room--;
	batch->n++;
	batch->bytes -= bytes < batch->bytes ? bytes : batch->bytes;
	if (batch->bytes == 0)
		batch->room = 0;
}

// One record of a channel. Its slots, 0 where there is none or it was stopped, or the spool's error.
static int collect_one(struct source *source, struct batch *batch, unsigned worker, uint64_t head)
{
	struct source_channel *channel = &source->channel[worker];
	struct weir_record record;
	int slots = channel_next(source->map->segment, worker, channel->next, head, &record), err = 0;

	if (slots > 0 && !batch->open) {
		err = spool_begin(batch->spool);
		if (err)
			return err;
		batch->open = true;
	}
	if (slots > 0 && record.kind != WEIR_RECORD_PAD) {
		err = append(source, batch, worker, &record);
		if (err == -EDQUOT) {
			batch->full = true;
			batch->room = 0;
			return 0;
		}
		if (err && err != -EBADMSG)
			return err;
		if (!err)
			count(source, batch, record.payload_length);
	}
	if (slots < 0 || err) {
		describe(source, worker, &record);
		return 0;
	}
	channel->next += (unsigned)slots;
	return slots;
}

static int collect_channel(struct source *source, struct batch *batch, unsigned worker)
{
	uint64_t head = channel_head(source, worker);
	int slots = 1;

	while (batch->room > 0 && slots > 0 && !source->channel[worker].stopped)
		slots = collect_one(source, batch, worker, head);
	if (slots < 0 || source->channel[worker].next == source->channel[worker].durable)
		return slots < 0 ? slots : 0;
	return spool_cursor_put(batch->spool, source->map->segment->boot_id, worker, source->channel[worker].next);
}

int source_collect(struct source *source, struct batch *batch)
{
	unsigned n = source->map->segment->n_workers;

	for (unsigned i = 0; i < n && batch->room > 0; i++) {
		int err = collect_channel(source, batch, (source->first + i) % n);

		if (err)
			return err;
	}
	source->first = (source->first + 1) % n;
	return 0;
}

void source_settle(struct source *source)
{
	source->n_messages += source->n_batch;
	source->n_batch = 0;
	for (unsigned w = 0; w < source->map->segment->n_workers; w++)
		source->channel[w].durable = source->channel[w].next;
}

bool source_drained(const struct source *source)
{
	if (!source->started)
		return false;
	for (unsigned w = 0; w < source->map->segment->n_workers; w++)
		if (source->channel[w].stopped || source->channel[w].durable != channel_head(source, w))
			return false;
	return true;
}

unsigned source_stopped(const struct source *source)
{
	unsigned n = 0;

	for (unsigned w = 0; w < source->map->segment->n_workers; w++)
		n += source->channel[w].stopped;
	return n;
}
