// SPDX-License-Identifier: BSD-3-Clause
//
// The worker's end of the way of agents' answers (agent_answers.h): whole frames come down from the main thread by a
// ring and are staged among the answers to senders, behind emergencies and before everything else. Of one port at
// most WEIR_ANSWERS_A_PORT are on their way, so nothing here can overflow; the worker says how many a port has taken.
// Nothing here counts in the equation.
#pragma once

#include <rte_mbuf.h>
#include <rte_ring.h>
#include <stdatomic.h>
#include <stdint.h>

#include "dataplane/abi/socket.h"
#include "rules/gateway.h"

struct worker;

// Answers for one port, numbered as they came: sent <= staged <= taken <= sent + WEIR_ANSWERS_A_PORT.
struct agent_queue {
	struct rte_mbuf *frame[WEIR_ANSWERS_A_PORT]; // [staged, taken)
	uint32_t place[WEIR_ANSWERS_A_PORT];         // [sent, staged): number in the port's queue of answers
	uint32_t taken, staged, sent;
};

struct agent_lane {
	struct rte_ring *down; // mbuf->port is the index of the port to send by
	struct agent_queue queue[GATEWAY_MAX_PORTS];
	_Atomic uint32_t sent[GATEWAY_MAX_PORTS]; // what the main thread sees of it
};

// Makes the ring of worker `index`. 0 or -ENOMEM. Main thread.
int agent_lane_init(struct agent_lane *lane, unsigned index);
void agent_lane_fini(struct agent_lane *lane); // frees what was not staged

// Takes what has come, stages what finds room and says what was sent. Worker, at housekeeping and at the end.
void agent_lane_send(struct worker *worker);
