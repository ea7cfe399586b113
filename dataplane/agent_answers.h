// SPDX-License-Identifier: BSD-3-Clause
//
// Answers of agents on their way from the control plane to the wire (decision 24): checked (agent_check.h), limited
// in rate, built into frames and handed to the worker that owns the transmit queue (agent_lane.h). An answer comes to
// its end when a port has taken its frame; what cannot be sent now is given back at once, to be tried again later.
// Main thread only.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/agent_check.h"
#include "dataplane/worker.h"
#include "rules/gateway.h"

struct agent_answers {
	struct agent_port ports[GATEWAY_MAX_PORTS];
	struct agent_sight sight;
	struct weir_segment *segment; // counters, and the ports' links
	struct rte_mempool *pool;
	struct worker *workers;
	unsigned n_workers;
	uint64_t interval_ns, burst_ns; // of the rate: from one answer to the next; how far ahead of it
	uint64_t due_ns;                // when the next one would leave at a steady rate
	// by port: answers on their way are numbered told to handed
	struct agent_way_queue {
		uint64_t sequence[WEIR_ANSWERS_A_PORT];
		uint32_t handed, told, forgotten; // numbers before `forgotten` are nobody's
	} queue[GATEWAY_MAX_PORTS];
};

struct agent_answers_parts {
	const struct gateway *gateway;
	const struct port *ports;
	uint32_t n_ports;
	const struct listeners *listeners;
	struct weir_segment *segment;
	struct rte_mempool *pool;
	struct worker *workers;
};

// Everything pointed to outlives it.
void agent_answers_init(struct agent_answers *answers, const struct agent_answers_parts *parts);

// Takes an answer as it came. SENT: it is on its way, agent_answers_next will name it; else what is wrong or in
// the way (counted), and that is its end. `now_ns` rises.
enum weir_answer_fate agent_answers_take(struct agent_answers *answers,
					 const struct weir_answer *answer, uint64_t now_ns);

// The next answer that a port has taken (counted). False: none at present.
bool agent_answers_next(struct agent_answers *answers, uint64_t *sequence);

// Who sent those on their way is gone: agent_answers_next does not name them any more.
void agent_answers_forget(struct agent_answers *answers);

// Whether any answer is on its way.
bool agent_answers_waits(const struct agent_answers *answers);
