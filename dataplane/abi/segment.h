// SPDX-License-Identifier: BSD-3-Clause
//
// The segment: one locked file on tmpfs, run_dir/NAME/segment.BOOTID, made by the dataplane, mapped
// read-only by everyone else. Counters, the name registry, and one agent channel per worker.
// A segment whose flock(LOCK_EX) is free belongs to a dead dataplane and still holds messages.
// libc only. Readers check everything that they read from it, as if an enemy wrote it, on copies of their own: the
// writer may change any word at any time. Its header, which says where all else stands, never changes while it is
// true; a reader maps a copy of it, checked, in its place (controlplane/mapping.c), so that what it goes by cannot.
//
// Layout: struct weir_segment, filled up to WEIR_SEGMENT_HEADER, then at the offsets it names
//   counters   [n_workers][n_ports] struct weir_counters     seqlock each, published at housekeeping
//   worker     [n_workers] struct weir_worker                single words
//   names      [n_names] struct weir_name                    registry: what has a counter by name
//   named      [n_workers][n_names] uint64_t                 counter of each name
//   countries  [n_workers][676][4] uint64_t                  messages decoded, by country and priority
//   zones      [n_workers][WEIR_MAX_ZONES][676] uint64_t     forwards by (zone, country)
//   tenants    [n_workers][WEIR_TOP_TENANTS] struct weir_top busiest tenants, from samples
//   ports      [n_ports] struct weir_port                    what the NIC says, by the main thread
//   ring       [n_workers][ring_slots] 256-byte slots        agent channel (channel.h)
//   state      struct weir_state                             single words of the main thread
#pragma once

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/abi/answers.h"
#include "dataplane/abi/names.h"
#include "dataplane/abi/xdp.h"

#define WEIR_SEGMENT_MAGIC UINT64_C(0x31746d6773726577) // "wersgmt1"
#define WEIR_SEGMENT_ABI 8u
enum { WEIR_MAX_NAMES = 131072, WEIR_MAX_ZONES = 256, WEIR_TOP_TENANTS = 256, WEIR_SLOT_SIZE = 256,
       WEIR_BOOT_ID_SIZE = 16, WEIR_MAX_WORKERS = 128, WEIR_MAX_PORTS = 64, WEIR_MAX_RING_SLOTS = 1 << 24,
       WEIR_SEGMENT_HEADER = 65536 }; // whole pages, however large the machine's are

struct weir_segment {
	uint64_t magic;
	uint32_t abi;
	uint32_t n_workers;
	uint32_t n_ports;
	uint32_t n_names;    // capacity of the registry
	uint32_t ring_slots; // per worker, power of two
	uint32_t pid;        // of the dataplane
	uint32_t n_dispatchers; // 0 or 1: the last worker is the dispatcher
	uint32_t reserved;
	uint64_t size;       // of the whole file
	uint8_t boot_id[WEIR_BOOT_ID_SIZE];
	uint64_t started_ns; // CLOCK_REALTIME
	uint64_t tsc_hz;     // of the cycles below
	uint64_t counters, worker, names, named, countries, zones, tenants, ports, ring; // offsets, 64-byte aligned
	uint64_t state;
};
static_assert(sizeof(struct weir_segment) <= WEIR_SEGMENT_HEADER, "the header stands in its pages");

// Written by the dataplane's main thread while it runs.
struct weir_state {
	_Atomic uint64_t generation;     // of the table that every worker uses, 0: none yet
	_Atomic uint64_t names_sequence; // odd while the registry changes; readers retry
	_Atomic uint32_t n_names_used;   // entries [0, n) may be in use
	_Atomic uint32_t ended;          // 1: the dataplane stopped in order
	_Atomic uint64_t agent_answers[WEIR_N_ANSWER_FATES]; // answers of agents, each time by what became of it
};

// Counters of one worker for the frames it received on one port. Only the worker writes, all words
// between two writes of `sequence` (odd while writing), so that every snapshot balances.
struct weir_counters {
	_Atomic uint64_t sequence;
	uint64_t rx;
	uint64_t disposition[WEIR_N_DISPOSITIONS];
	uint64_t reason[WEIR_N_REASONS];
	uint64_t answers;      // replies sent, those of disposition `reply` included
	uint64_t answers_lost; // wanted by a sender and not sent: no room, or no address to send to
	uint64_t copies_lost;  // copies for an agent queue that found the channel full
	uint64_t bytes;        // received
	uint64_t country_number, country_address; // messages whose country is that of a telephone number, of the sender
	uint64_t repeats_forgotten; // answers to messages that left the memory of retransmissions before their time
	// Of a dispatcher: frames handed over to workers, ever, which count them as theirs (rx and all else) when they
	// take them. What is handed over and not yet counted there is held in between (segment_port_get).
	uint64_t handed;
};

struct weir_worker {
	_Atomic uint64_t head;       // agent channel: slots written, ever (release)
	_Atomic uint64_t tail;       // slots given back, ever; follows the consumer's word
	_Atomic uint64_t generation; // table this worker uses
	_Atomic uint64_t turns;      // loop turns, published at housekeeping: shows life
	_Atomic uint64_t busy_cycles, cycles; // TSC cycles in turns that had frames, in all turns
	// By the main thread: how often it stood still for too long, and 1 while it does.
	_Atomic uint64_t stalls, out;
};
static_assert(sizeof(struct weir_worker) == 64, "one line a worker");

#define WEIR_NAME_KINDS(X) X(RULE, "rule") X(QUEUE, "queue") X(REASON, "reason") X(REPLY, "reply") \
	X(POOL, "pool") X(MEMBER, "member") X(ZONE, "zone")
enum weir_name_kind {
	WEIR_NAME_FREE,
#define X(name, text) WEIR_NAME_##name,
	WEIR_NAME_KINDS(X)
#undef X
};

// A registry entry keeps its index (and so its counter) while any published table has that name.
// Members are named "pool/member". Entries of names that went stay until no unread message refers
// to them.
struct weir_name {
	uint8_t kind;     // enum weir_name_kind
	uint8_t row;      // of a zone: its row in `zones`
	uint8_t has_row;  // 1: `row` is set
	uint8_t reserved;
	uint32_t order;   // position in the current table (rules in file order); WEIR_NAME_GONE: not in it
	char name[2 * WEIR_NAME_MAX + 2];
};
#define WEIR_NAME_GONE 0xffffffffu

struct weir_top {
	_Atomic uint32_t tenant; // 0: empty
	_Atomic uint32_t samples;
};

struct weir_port {
	char name[WEIR_NAME_MAX + 1];
	char kernel[16]; // kernel interface beside it; empty: none
	_Atomic uint64_t rx_missed, rx_errors, rx_no_buffer, tx_errors; // as the NIC counts them
	_Atomic uint32_t link_up;
	// Frames given to that interface and lost on the way to it, sent by it and lost on the way out.
	_Atomic uint64_t kernel_rx, kernel_lost, kernel_tx, kernel_tx_lost;
	// Of a port of type xdp: frames by what the program in the kernel did with them.
	_Atomic uint64_t xdp[WEIR_N_XDP_FATES];
	_Atomic uint64_t xdp_left_out; // blocked prefixes that only the workers know
	_Atomic uint32_t has_xdp;      // 1: a port of type xdp
};

// Fills magic, abi, every offset and size from n_workers, n_ports, n_names and ring_slots, which the
// maker of the segment has set (within the limits that segment_check has).
void segment_layout(struct weir_segment *segment);

// Checks the header, sizes and offsets of a mapped segment of `size` bytes. 0, and in `checked` the copy of the header
// that was checked: what stands in the segment may be another one by now. Or -EINVAL with `why`.
int segment_check(const struct weir_segment *segment, size_t size, struct weir_segment *checked, char *why,
		  size_t why_size);

// Copies what another process may be writing, each word read once: what is then checked in the copy does not change.
// Both places and `size` are multiples of 8.
void segment_copy(void *to, const void *from, size_t size);

// The writer's side: copies a block into the segment (`sequence` of `from` has no meaning).
void segment_counters_put(struct weir_counters *to, const struct weir_counters *from);

// Copies of the blocks of all workers for one port into `out` [n_workers]; the dispatcher's shows as received and held
// what its rings hold. Each row balances, and no frame is in two of them.
void segment_port_get(const struct weir_segment *segment, unsigned port, struct weir_counters *out);

// A reader's patience with a writer that is inside: zeroed before the first try.
struct segment_wait {
	uint64_t give_up_ns;
	unsigned spins;
};

// Call after a try that met the writer; false when the writer has been inside for a tenth of a second, and so
// seems to have died there.
bool segment_wait(struct segment_wait *wait);

// A consistent copy of one (worker, port) counter block: retries while it is being written. Returns 0,
// or -EAGAIN when the writer seems to have died inside (then `out` is what stands there).
int segment_counters_get(const struct weir_segment *segment, unsigned worker, unsigned port, struct weir_counters *out);

static inline const void *segment_at(const struct weir_segment *segment, uint64_t offset)
{
	return (const char *)segment + offset;
}

static inline const struct weir_state *segment_state(const struct weir_segment *segment)
{
	return (const struct weir_state *)segment_at(segment, segment->state);
}

// The same to its writer.
static inline struct weir_state *segment_state_own(struct weir_segment *segment)
{
	return (struct weir_state *)(void *)((char *)segment + segment->state);
}

static inline const struct weir_worker *segment_worker(const struct weir_segment *segment, unsigned worker)
{
	return (const struct weir_worker *)segment_at(segment, segment->worker) + worker;
}

static inline const struct weir_name *segment_names(const struct weir_segment *segment)
{
	return segment_at(segment, segment->names);
}

static inline const struct weir_port *segment_ports(const struct weir_segment *segment)
{
	return segment_at(segment, segment->ports);
}

static inline const uint8_t *segment_ring(const struct weir_segment *segment, unsigned worker)
{
	return (const uint8_t *)segment_at(segment, segment->ring) +
	       (size_t)worker * segment->ring_slots * WEIR_SLOT_SIZE;
}
