// SPDX-License-Identifier: BSD-3-Clause
//
// Reading side of the agent channel: one record at a time, checked as if an enemy wrote it. Any
// thread; refuses a record whose number, length or fields cannot be.
#include "dataplane/abi/channel.h"

#include <errno.h>

static bool fields_are_legal(const struct weir_segment *segment, const struct weir_record *r)
{
	return r->queue < segment->n_names && r->rule < segment->n_names && r->country < WEIR_N_COUNTRIES &&
	       r->priority < WEIR_N_PRIORITIES && r->own_priority < WEIR_N_PRIORITIES &&
	       r->channel < WEIR_N_CHANNELS && r->protocol < WEIR_N_PROTOCOLS &&
	       (r->ip_version == 4 || r->ip_version == 6) && r->port < segment->n_ports && r->n_vlan <= 2 &&
	       r->body_offset <= r->payload_length && (r->flags & ~WEIR_RECORD_ACK) == 0;
}

int channel_next(const struct weir_segment *segment, unsigned worker, uint64_t at, uint64_t head,
		 struct weir_record *record)
{
	uint32_t slots = segment->ring_slots, index = (uint32_t)at & (slots - 1), n;

	if (at == head)
		return 0;
	segment_copy(record, segment_ring(segment, worker) + (size_t)index * WEIR_SLOT_SIZE, sizeof(*record));
	n = record->n_slots;
	if (at > head || head - at > slots || record->sequence != at)
		return -EBADMSG;
	if (n == 0 || n > head - at || n > slots - index)
		return -EBADMSG;
	if (record->kind == WEIR_RECORD_PAD)
		return n == slots - index ? (int)n : -EBADMSG;
	if (record->kind != WEIR_RECORD_MESSAGE && record->kind != WEIR_RECORD_COPY)
		return -EBADMSG;
	if (n != weir_record_slots(record->payload_length) || !fields_are_legal(segment, record))
		return -EBADMSG;
	return (int)n;
}
