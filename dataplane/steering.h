// SPDX-License-Identifier: BSD-3-Clause
//
// The steering table as the dispatcher reads it, and the main thread's part in it: what the control plane wants
// (abi/socket.h, weir_steer), without the workers that stand still. A worker whose turns do not move for half a second
// is taken out, and given its buckets back when it runs again.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/abi/segment.h"
#include "dataplane/abi/socket.h"
#include "rules/gateway.h"

struct steering_table {
	uint64_t version;
	uint8_t to[WEIR_STEER_BUCKETS];    // a worker, or WEIR_STEER_SIBLING | a sibling
	uint8_t local[WEIR_STEER_BUCKETS]; // a worker: for frames that never leave this gateway
};

struct steering {
	// one word each way: the main thread leaves a table, the dispatcher says which it uses
	_Atomic(const struct steering_table *) current;
	_Atomic uint64_t used; // version

	// the main thread's own
	struct steering_table
		tables[2]; // one of them is current, the other free once it is used no more
	uint8_t wanted[WEIR_STEER_BUCKETS];
	unsigned n_workers, n_siblings;
	bool dispatches; // there is a dispatcher
	bool steers;  // there is somebody who reads the table: a dispatcher, an XDP program
	bool running; // and it runs
	bool dirty;   // `current` is not what is wanted and possible
	bool asked;   // somebody waits for it
	_Atomic bool out[GATEWAY_MAX_WORKERS];  // stalled; the dispatcher reads it
	uint64_t turns[GATEWAY_MAX_WORKERS];    // as last seen
	uint64_t quiet_ms[GATEWAY_MAX_WORKERS]; // for so long
	uint64_t seen_ms;                       // when all that was looked at last
	// hears of each table when it is published, where not NULL
	void (*published)(void *argument, const struct steering_table *table);
	void *argument;
};

// All buckets dealt to the workers in turn.
void steering_init(struct steering *steering, const struct gateway *gateway);

// Takes what the control plane wants: steering_poll says when it is done. 0; -EBUSY: the last wish is not done yet;
// -EOPNOTSUPP: nobody steers; -EINVAL: a worker or sibling that is not there; all with one line in `why`.
int steering_want(struct steering *steering, const uint8_t bucket[WEIR_STEER_BUCKETS], char *why,
		  size_t why_size);

// Looks whether workers run: their `turns` in the segment, at `now_ms` of any clock that stands still for nobody.
// Takes out and gives back, counts `stalls`. Call it every few milliseconds while workers run.
void steering_watch(struct steering *steering, const struct weir_segment *segment, uint64_t now_ms);

// Publishes what has changed. Whether what steering_want took has just come into use.
bool steering_poll(struct steering *steering);

// Seed of the buckets' hash: another at each start.
static inline uint64_t steering_seed(const struct weir_segment *segment)
{
	uint64_t seed;

	memcpy(&seed, segment->boot_id, sizeof(seed));
	return seed;
}
