// SPDX-License-Identifier: BSD-3-Clause
//
// One run: an lcore sends the deck at a rate and measures what comes back. EAL is up, ports are started.
#pragma once

#include <stdbool.h>

#include "bench/pktgen/deck.h"
#include "bench/pktgen/meter.h"

enum { RUN_PORTS_MAX = 8 };

struct run {
	const struct deck *deck;
	const struct rate *rate;
	double base;      // messages a second at the start; 0: as fast as the port takes them
	double seconds;   // of sending
	uint64_t limit;   // messages at most; 0: no limit
	double settle_s;  // of nothing coming back, then it is over; at most SETTLE_TIMES of it
	uint16_t ports[RUN_PORTS_MAX]; // the first is sent to; all are received from
	unsigned n_ports;
	struct rte_mempool *pool;
	uint32_t mark;    // of its stamps
	bool *stop;       // set by others: sending ends
	struct meter *meter;
	// What the lcore found:
	double sent_s;    // how long it sent
};

// The lcore's part; `run` is a struct run. Returns 0.
int run_loop(void *run);
