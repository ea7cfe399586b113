// SPDX-License-Identifier: BSD-3-Clause
//
// A worker: one lcore that takes frames from its queue of each port down the corridor
//   rx → parse → decode → classify → police → act → tx
// and the state that the stages share. Every field has one writer, the worker, except where said.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "dataplane/abi/segment.h"
#include "dataplane/agent_lane.h"
#include "dataplane/burst.h"
#include "dataplane/lane.h"
#include "dataplane/live.h"
#include "dataplane/parse.h"
#include "dataplane/paths.h"
#include "dataplane/punt.h"
#include "dataplane/remember.h"
#include "dataplane/request_answer.h"
#include "dataplane/trail.h"
#include "dataplane/tx.h"
#include "dataplane/unreachable.h"
#include "rules/gateway.h"

struct port_xdp;
struct reassembly;

struct port_queue {
	uint16_t device; // of DPDK
	uint16_t number; // of the queue in it
};

// What workers need to know of a port; written before they start, then read-only.
struct port {
	char name[WEIR_NAME_MAX + 1];
	uint16_t id;       // of DPDK; on a port of type xdp, of its first queue
	uint16_t n_queues; // receive queues
	bool trust_udp_checksum;
	bool sums_udp; // says of each frame whether its UDP checksum is right
	bool kernel; // has a kernel interface beside it
	bool promiscuous;
	bool dispatcher_sends; // the dispatcher has a transmit queue, behind the workers'
	uint8_t mac[6];
	uint16_t mtu; // largest IP datagram
	struct port_queue queue[GATEWAY_MAX_WORKERS]; // by worker: sends there, receives where below n_queues
	struct port_xdp *xdp; // of a port of type xdp, else NULL; the main thread's
};

enum stage_id {
	STAGE_RX,
	STAGE_PARSE,
	STAGE_DECODE,
	STAGE_CLASSIFY,
	STAGE_POLICE,
	STAGE_ACT,
	STAGE_TX,
	N_STAGES
};

// Turns of a worker under one table, in TSC cycles. What a worker waits for, for whatever reason, is in `longest`.
struct turn_window {
	uint64_t generation, began, last; // last: when the latest turn began
	uint64_t longest;                 // from one turn's begin to the next one's
};

enum { TURN_WINDOWS = 16 };

// How many frames took so many cycles from parse to verdict, by the mean of their burst: TRIAGE_STEP cycles a bin, the
// last for all that took longer.
enum { TRIAGE_STEP = 4, TRIAGE_BINS = 2048 };

struct worker {
	// read-only once the worker runs
	unsigned index, lcore;
	uint32_t n_ports, n_polls;
	uint8_t poll[GATEWAY_MAX_PORTS]; // indices of the ports whose queue `index` or ring is ours
	const struct port *ports;
	const struct listeners *listeners;
	struct rte_mempool *pool;
	struct handover *handover;
	uint8_t (*linear)[65536 + 64]; // for frames of several segments: one for each of a burst, and
				       // one for a frame that is given up
	struct rte_ring *ring[GATEWAY_MAX_PORTS]; // by port: what the dispatcher hands us; NULL: we poll it ourselves
	bool shares_cpu;  // with the main thread; or a dispatcher shares its CPU with a worker or the main thread
	bool any_foreign; // some listener is of a protocol other than native
	bool time_stages;

	// in the segment: private to this worker as a writer
	struct weir_worker *shared;
	struct weir_counters *published; // [n_ports]
	uint64_t *named, *zones;
	uint64_t (*countries)[WEIR_N_PRIORITIES];
	struct weir_top *top;

	// the worker's own
	struct live *live;   // the table in use, and
	struct paths *paths; // the ways to its members: change only at housekeeping
	uint64_t turns, busy_cycles, started;
	uint16_t datagram_id; // next identification of an outer IPv4 header
	struct request_voice voice;
	struct memory memory;
	struct request request[BURST_MAX]; // what decode read of the burst's messages that are not native, by frame
	uint8_t scratch[REQUEST_ANSWER_MAX]; // an answer on its way into the frame that it answers
	struct weir_counters counters[GATEWAY_MAX_PORTS]; // by port received on; `sequence` unused
	struct punt punt;
	struct tx tx[GATEWAY_MAX_PORTS]; // by port sent to
	struct lane lane;
	uint64_t stage_cycles[N_STAGES], stage_frames;
	struct turn_window *window, windows[TURN_WINDOWS]; // where stages are timed: the latest one; by generation
	struct burst burst;
	struct agent_lane agent_lane;
	struct reassembly *reassembly;
	struct trail trail; // of what went to members by tunnels and nat
	uint64_t triaged[TRIAGE_BINS]; // where stages are timed
};

// Entry of the lcore: runs until handover->stop. `worker` is a struct worker.
int worker_run(void *worker);

// Lets others have the CPU, where it is shared and there is nothing to do; for 20 to 640 µs, the longer the more naps
// in a row went `before`. Yielding would not do: the scheduler charges each yield a whole slice, and those who yield
// often end up waiting for half a second.
static inline void worker_nap(unsigned before)
{
	const struct timespec moment = { 0, 20000L << (before < 5 ? before : 5) };

	nanosleep(&moment, NULL);
}

// The stages, in order. Each is in the file of its name.
unsigned rx(struct worker *worker, struct burst *burst, unsigned port);
void parse(struct worker *worker, struct burst *burst);
void decode(struct worker *worker, struct burst *burst);
void classify(struct worker *worker, struct burst *burst);
void police(struct worker *worker, struct burst *burst);
void act(struct worker *worker, struct burst *burst);

// Ends frame `i` of the burst in `disposition` (for `reason` where it has one) and frees it with
// the turn.
static inline void burst_end(struct worker *worker, struct burst *burst, unsigned i,
			     enum weir_disposition disposition)
{
	worker->counters[burst->port].disposition[disposition]++;
	burst->done[burst->n_done++] = burst->mbuf[i];
}

// An exception is the main thread's business where it is the kernel's, or may tell that a member is dead. What has been
// taken out of a tunnel is not: the kernel never gets what only weir has opened.
static inline bool burst_goes_up(const struct worker *worker, const struct burst *burst, unsigned i)
{
	return !packet_tunnel(&burst->packet[i]) &&
	       (worker->ports[burst->port].kernel ||
		(worker->paths->ejects && unreachable_likely(&burst->packet[i])));
}

static inline void burst_end_reason(struct worker *worker, struct burst *burst, unsigned i)
{
	unsigned reason = burst->packet[i].reason;
	enum weir_disposition disposition = weir_reason_disposition(reason);

	worker->counters[burst->port].reason[reason]++;
	burst_end(worker, burst, i, disposition);
	if (disposition == WEIR_EXCEPTION && burst_goes_up(worker, burst, i) &&
	    lane_push(&worker->lane, burst->port, burst->mbuf[i]))
		burst->n_done--; // the main thread's now
}
