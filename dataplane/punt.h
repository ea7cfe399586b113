// SPDX-License-Identifier: BSD-3-Clause
//
// The worker's end of its agent channel (abi/channel.h): writes records, publishes them once a
// turn, and takes slots back when the control plane has made them durable, answering the senders
// that asked.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "dataplane/abi/channel.h"

struct worker;
struct burst;

struct punt {
	uint8_t *ring;
	uint16_t *lengths; // private shadow, by slot index: slots of the record that starts there |
			   // PUNT_ACK
	uint32_t slots;    // power of two
	uint32_t acks_pending; // records in the ring whose sender waits for `accepted`
	uint64_t head,
		tail; // slot numbers, as weir_worker's; published by punt_publish, punt_reclaim
	_Atomic uint64_t consumed; // written by the main thread, checked: tail <= consumed <= head
};

enum { PUNT_ACK = 0x8000 };

// Takes `ring` of `slots` slots. 0 or -ENOMEM.
int punt_init(struct punt *punt, uint8_t *ring, uint32_t slots);
void punt_fini(struct punt *punt);

// Writes frame `i` (position `at` in burst->live) for `queue` (table index) as kind MESSAGE or
// COPY. False when the channel is full: nothing is written.
bool punt_push(struct worker *worker, struct burst *burst, unsigned at, unsigned queue,
	       enum weir_record_kind kind);

// Makes what was pushed visible to the control plane.
void punt_publish(struct worker *worker);

// Takes back what the control plane has consumed, a bounded number of records a call; sends `accepted`
// for those whose sender asked. Called at housekeeping.
void punt_reclaim(struct worker *worker);

// The same to the last record, when nothing is received any more.
void punt_end(struct worker *worker);
