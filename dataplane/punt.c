// SPDX-License-Identifier: BSD-3-Clause
//
// The worker's end of the agent channel, see punt.h. Runs on the worker. head - tail never exceeds
// slots; slots in [tail, head) are not written. Where to stop taking back is the main thread's
// checked word; where records begin is our own `lengths`, never what the shared memory says.
#include "dataplane/punt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/act.h"
#include "dataplane/worker.h"

// A call takes back so many records, more than a busy worker writes between two calls, and answers so
// many senders; it sends now and then, so that a port that takes frames never lacks room for answers.
enum { RECLAIM_MAX = 16384, RECLAIM_ACKS = 512, ACKS_A_SEND = 32 };

int punt_init(struct punt *punt, uint8_t *ring, uint32_t slots)
{
	memset(punt, 0, sizeof(*punt));
	punt->ring = ring;
	punt->slots = slots;
	punt->lengths = calloc(slots, sizeof(*punt->lengths));
	return punt->lengths ? 0 : -ENOMEM;
}

void punt_fini(struct punt *punt)
{
	free(punt->lengths);
	punt->lengths = NULL;
}

static struct weir_record *slot(const struct punt *punt, uint64_t number)
{
	return (struct weir_record *)(punt->ring + (number & (punt->slots - 1)) * WEIR_SLOT_SIZE);
}

// Fills the slots up to the end of the ring with a PAD record.
static void pad(struct punt *punt, uint32_t n)
{
	struct weir_record *record = slot(punt, punt->head);

	record->sequence = punt->head;
	record->n_slots = n;
	record->kind = WEIR_RECORD_PAD;
	punt->lengths[punt->head & (punt->slots - 1)] = (uint16_t)n;
	punt->head += n;
}

// Room for `n` contiguous slots, padded where needed. False when the ring is full.
static bool reserve(struct punt *punt, uint32_t n)
{
	uint32_t to_end = punt->slots - (uint32_t)(punt->head & (punt->slots - 1));
	uint32_t needed = n <= to_end ? n : n + to_end;

	if (punt->head + needed - punt->tail > punt->slots)
		return false;
	if (needed > n)
		pad(punt, to_end);
	return true;
}

static void write_addresses(struct weir_record *record, const struct packet *packet)
{
	const uint8_t *ip = packet->data + packet->l3, *udp = packet->data + packet->payload - 8;
	bool v6 = packet->ip_version == 6;

	memcpy(record->mac_destination, packet->data, 6);
	memcpy(record->mac_source, packet->data + 6, 6);
	record->n_vlan = packet->n_vlan;
	memset(record->vlan, 0, sizeof(record->vlan));
	memcpy(record->vlan, packet->data + 12, 4 * (size_t)packet->n_vlan);
	record->ip_version = packet->ip_version;
	memset(record->ip_source, 0, 32);
	memcpy(record->ip_source, ip + (v6 ? 8 : 12), v6 ? 16 : 4);
	memcpy(record->ip_destination, ip + (v6 ? 24 : 16), v6 ? 16 : 4);
	record->udp_source = (uint16_t)(udp[0] << 8 | udp[1]);
	record->udp_destination = (uint16_t)(udp[2] << 8 | udp[3]);
}

static void write_message(struct weir_record *record, const struct packet *packet,
			  const struct verdict *verdict)
{
	record->tenant = packet->tenant;
	record->country = packet->country;
	record->own_priority = packet->priority;
	record->priority = verdict->set_priority < WEIR_N_PRIORITIES ? verdict->set_priority
								     : packet->priority;
	record->channel = packet->channel;
	record->protocol = packet->protocol;
	record->body_offset = packet->body;
	record->payload_length = packet->payload_length;
	memset(record->reserved, 0, sizeof(*record) - offsetof(struct weir_record, reserved));
	memcpy(record + 1, packet->data + packet->payload, packet->payload_length);
}

bool punt_push(struct worker *worker, struct burst *burst, unsigned at, unsigned queue,
	       enum weir_record_kind kind)
{
	const struct live *live = worker->live;
	const struct packet *packet = burst_packet(burst, at);
	const struct verdict *verdict = &live->table.verdicts[burst->verdict[at]];
	uint32_t n = weir_record_slots(packet->payload_length);
	struct punt *punt = &worker->punt;
	bool ack = kind == WEIR_RECORD_MESSAGE && (packet->flags & PACKET_WANTS_ACK);
	struct weir_record *record;

	if (!reserve(punt, n))
		return false;
	record = slot(punt, punt->head);
	record->sequence = punt->head;
	record->n_slots = n;
	record->kind = (uint16_t)kind;
	record->flags = ack ? WEIR_RECORD_ACK : 0;
	record->generation = live->generation;
	record->received_ns =
		atomic_load_explicit(&worker->handover->clock_ns, memory_order_relaxed);
	record->queue = live->queue_names[queue];
	record->rule = live->rule_names[burst->verdict[at]];
	record->port = (uint8_t)burst->port;
	write_addresses(record, packet);
	write_message(record, packet, verdict);
	punt->lengths[punt->head & (punt->slots - 1)] = (uint16_t)(n | (ack ? PUNT_ACK : 0));
	punt->acks_pending += ack;
	punt->head += n;
	worker->named[live->queue_names[queue]]++;
	return true;
}

void punt_publish(struct worker *worker)
{
	atomic_store_explicit(&worker->shared->head, worker->punt.head, memory_order_release);
}

void punt_reclaim(struct worker *worker)
{
	struct punt *punt = &worker->punt;
	uint64_t consumed = atomic_load_explicit(&punt->consumed, memory_order_acquire);
	unsigned acks = 0;

	for (unsigned n = 0; n < RECLAIM_MAX && punt->tail != consumed; n++) {
		uint16_t length = punt->lengths[punt->tail & (punt->slots - 1)];
		uint32_t slots = length & ~(uint32_t)PUNT_ACK;

		if (slots > consumed - punt->tail || acks == RECLAIM_ACKS)
			break; // in the middle of a record: not consumed yet
		if (length & PUNT_ACK) {
			act_accepted(worker, slot(punt, punt->tail));
			punt->acks_pending--;
			if (++acks % ACKS_A_SEND == 0)
				tx(worker);
		}
		punt->tail += slots;
	}
	atomic_store_explicit(&worker->shared->tail, punt->tail, memory_order_release);
}

void punt_end(struct worker *worker)
{
	uint64_t before;

	do {
		before = worker->punt.tail;
		punt_reclaim(worker);
	} while (worker->punt.tail != before);
}
