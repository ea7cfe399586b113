// SPDX-License-Identifier: BSD-3-Clause
//
// The dispatcher: one lcore that polls the queues of ports which have fewer of them than there are workers, and spreads
// the frames over the workers by content (docs/decisions/015-steering.md), through one ring for each port and worker.
// What an operator has moved to a sibling gateway it sends there. Every field has one writer, the dispatcher, except
// where said.
#pragma once

#include <rte_mbuf.h>
#include <rte_ring.h>
#include <stdbool.h>
#include <stdint.h>

#include "dataplane/burst.h"
#include "dataplane/live.h"
#include "dataplane/request_answer.h"
#include "dataplane/steering.h"
#include "dataplane/worker.h"

// A ring takes what is no emergency up to seven eighths.
enum { DISPATCH_RING = 1024, DISPATCH_RESERVE = DISPATCH_RING / 8, DISPATCH_OUTLET = 512 };

// Frames of the burst in hand that one worker gets.
struct hand {
	uint32_t n;
	struct rte_mbuf *frame[BURST_MAX];
};

// Frames that wait to leave by one port, in order.
struct outlet {
	uint32_t n;
	struct rte_mbuf *frame[DISPATCH_OUTLET]; // ->port is the index received on, ->hash.usr the tx_kind:
						 // TX_FORWARD to a sibling, TX_ANSWER
};

enum { NO_PORT = 0x10000 }; // no port of a frame is equal to it

enum dispatch_stage { DISPATCH_RX, DISPATCH_STEER, DISPATCH_HAND, N_DISPATCH_STAGES };

struct dispatch {
	// read-only once it runs
	unsigned lcore, n_workers, n_siblings;
	uint32_t n_ports, n_polls;
	uint8_t poll[GATEWAY_MAX_PORTS]; // indices of the ports that are dispatched
	const struct port *ports;
	const struct listeners *listeners;
	struct handover *handover;
	struct steering *steering;
	struct rte_ring
		*ring[GATEWAY_MAX_PORTS][GATEWAY_MAX_WORKERS]; // NULL: the port is not dispatched
	struct gateway_sibling siblings[GATEWAY_MAX_SIBLINGS]; // names are not ours
	bool sends
		[GATEWAY_MAX_PORTS]; // has a transmit queue there (struct port)
	uint64_t seed;               // of the hash
	uint32_t native_port; // network order: where `listeners` has a plain port for native messages, else NO_PORT
	bool shares_cpu; // with a worker or the main thread: waits for them where it can
	bool time_stages;

	// in the segment
	struct weir_worker *shared;
	struct weir_counters *published; // [n_ports]

	// its own
	const struct steering_table *table; // changes only in housekeep
	uint64_t turns, busy_cycles, started;
	uint64_t stage_cycles[N_DISPATCH_STAGES], stage_frames;
	struct weir_counters counters[GATEWAY_MAX_PORTS]; // by port received on; `sequence` unused
	struct hand hands[GATEWAY_MAX_WORKERS];
	struct outlet outlets[GATEWAY_MAX_PORTS]; // by port sent to
	struct request_voice voice;
	uint8_t scratch[REQUEST_ANSWER_MAX]; // an answer on its way into the frame that it answers
};

// What it is made of. Everything pointed to outlives it.
struct dispatch_parts {
	const struct gateway *gateway;
	const struct port *ports;
	uint32_t n_ports;
	const struct listeners *listeners;
	struct handover *handover;
	struct steering *steering;
	struct weir_segment *segment; // its last row is the dispatcher's
	struct worker *workers;       // get their ends of the rings
	const uint8_t *secret;        // 16 bytes, as the workers'
	bool time_stages;
};

// Makes the dispatcher and its rings. NULL with `why` when memory is out. Main thread (dispatch_make.c).
struct dispatch *dispatch_create(const struct dispatch_parts *parts, char *why, size_t why_size);
void dispatch_destroy(struct dispatch *dispatch); // NULL is fine; frees what is still in the rings

// Prints the cycles that each of its stages took a frame, where they were timed, to stderr.
void dispatch_print_stages(const struct dispatch *dispatch);

// Turns a frame received on `port`, which is given up, into a busy answer to its sender and queues it, where it is a
// sound message whose sender wants one. False: it is none, or it cannot be sent and answers_lost counts that; the mbuf
// stays the caller's (dispatch_answer.c).
bool dispatch_answer(struct dispatch *dispatch, unsigned port, struct rte_mbuf *mbuf);

// Sends what waits for one port, as far as it takes it.
void dispatch_flush(struct dispatch *dispatch, unsigned port);

// Entry of the lcore: runs until handover->stop, then says handover->dispatched. `dispatch` is a struct dispatch.
int dispatch_run(void *dispatch);

// Spreads `n` (at most BURST_MAX) frames received on `port`. For dispatch_run and tests.
void dispatch_burst(struct dispatch *dispatch, unsigned port, struct rte_mbuf **frames, unsigned n);

// Takes up the steering table and publishes the counters. For dispatch_run and tests.
void dispatch_housekeep(struct dispatch *dispatch);
