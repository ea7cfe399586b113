// SPDX-License-Identifier: BSD-3-Clause
//
// The worker's end of the way to the kernel interfaces (kernel.h): exception frames, and on ports without
// such an interface ICMP errors that may be about members (icmp.h), go up to the main
// thread through a ring, what the kernel sends comes down through another, which worker 0 has alone.
// Both are bounded; what finds them full is counted and gone. Nothing here counts in the equation.
#pragma once

#include <rte_mbuf.h>
#include <rte_ring.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "rules/gateway.h"

struct worker;

struct lane {
	struct rte_ring *up;   // worker to main thread
	struct rte_ring *down; // main thread to worker 0; NULL for others
	// by port; the worker writes, the main thread reads
	_Atomic uint64_t up_lost[GATEWAY_MAX_PORTS];
	_Atomic uint64_t down_sent[GATEWAY_MAX_PORTS], down_lost[GATEWAY_MAX_PORTS];
};

// Makes the rings of worker `index`. 0 or -ENOMEM. Main thread.
int lane_init(struct lane *lane, unsigned index);
void lane_fini(struct lane *lane); // frees what is still in them

// Adds `by` to a counter whose only writer we are.
static inline void lane_count(_Atomic uint64_t *counter, uint64_t by)
{
	uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, now + by, memory_order_relaxed);
}

// Hands `mbuf`, received on `port`, to the kernel. False: there is no room, it stays the caller's and is counted.
static inline bool lane_push(struct lane *lane, unsigned port, struct rte_mbuf *mbuf)
{
	if (rte_ring_sp_enqueue(lane->up, mbuf) == 0)
		return true;
	lane_count(&lane->up_lost[port], 1);
	return false;
}

// Stages what the kernel has sent for its ports. Worker, at housekeeping.
void lane_send(struct worker *worker);

// A staged frame of the kernel's is given up: corrects its count. The mbuf stays the caller's.
static inline void lane_give_up(struct lane *lane, unsigned port)
{
	lane_count(&lane->down_sent[port], (uint64_t)-1);
	lane_count(&lane->down_lost[port], 1);
}
