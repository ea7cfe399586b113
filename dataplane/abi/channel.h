// SPDX-License-Identifier: BSD-3-Clause
//
// The agent channel: for each worker one single-producer single-consumer ring of 256-byte slots in
// the segment. Slots are numbered without end; slot s stands at index s & (ring_slots - 1). A record
// takes whole slots, contiguous: where it would run past the end of the ring, a PAD record fills the
// rest. The producer stores records, then weir_worker.head (release). The consumer reads [tail, head),
// makes it durable, and says so over the socket (CONSUMED); only then are slots written again.
// A record's name is (boot id, worker, sequence): unique for ever. libc only.
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/abi/segment.h"

enum weir_record_kind { WEIR_RECORD_MESSAGE = 1, WEIR_RECORD_COPY = 2, WEIR_RECORD_PAD = 3 };
enum { WEIR_RECORD_ACK = 1 }; // flag: the sender gets `accepted` once the record is consumed

struct weir_record {
	uint64_t sequence;     // number of its first slot
	uint32_t n_slots;      // it occupies
	uint16_t kind;         // enum weir_record_kind; a PAD has only the fields above
	uint16_t flags;
	uint64_t generation;   // of the table that decided
	uint64_t received_ns;  // CLOCK_REALTIME, to about a millisecond
	uint32_t queue;        // registry index (segment.h), kind QUEUE
	uint32_t rule;         // registry index, kind RULE
	uint32_t tenant;
	uint16_t country;      // index
	uint8_t priority;      // after set_priority
	uint8_t channel;
	uint8_t protocol;
	uint8_t ip_version;    // 4 or 6
	uint8_t port;          // received on
	uint8_t n_vlan;
	uint16_t vlan[4];      // tpid, tci, tpid, tci as on the wire (network order)
	uint8_t mac_source[6], mac_destination[6];
	uint8_t ip_source[16], ip_destination[16]; // network order; IPv4 in the first four bytes
	uint16_t udp_source, udp_destination;      // host order
	uint16_t body_offset;  // of the message's body within the payload (after header and tag)
	uint16_t payload_length; // bytes of UDP payload that follow this header
	uint8_t own_priority;  // the message's own, before set_priority
	uint8_t reserved[3];
	uint32_t port_tag;       // weir_port_tag of its port's name; by the consumer, 0 in the ring
	uint8_t unused[8];
};
static_assert(sizeof(struct weir_record) == 128, "half a slot");

// Stands for a port's name where its index may mean another one some day: in the spool. Never 0. FNV-1a.
static inline uint32_t weir_port_tag(const char *name)
{
	uint32_t tag = 0x811c9dc5u;

	for (; *name; name++)
		tag = (tag ^ (uint8_t)*name) * 0x01000193u;
	return tag ? tag : 1;
}

static inline uint32_t weir_record_slots(uint32_t payload_length)
{
	return (uint32_t)(sizeof(struct weir_record) + payload_length + WEIR_SLOT_SIZE - 1) / WEIR_SLOT_SIZE;
}

// Reader side. Looks at the record at slot `at` of a worker's ring, given the head loaded before, and
// checks it as if an enemy wrote it: kind, number, length within head and ring end, names in range.
// Returns the record's slots (> 0; a PAD too), 0 when at == head, -EBADMSG for a record that cannot be.
// `*record` becomes a copy (but at head, where there is none), and it is the copy that was checked.
int channel_next(const struct weir_segment *segment, unsigned worker, uint64_t at, uint64_t head,
		 struct weir_record *record);

// Where the payload of the record at slot `at` stands, in the ring: its bytes may change, its length is the copy's.
static inline const void *channel_payload(const struct weir_segment *segment, unsigned worker, uint64_t at)
{
	size_t index = (size_t)at & (segment->ring_slots - 1);

	return segment_ring(segment, worker) + index * WEIR_SLOT_SIZE + sizeof(struct weir_record);
}
