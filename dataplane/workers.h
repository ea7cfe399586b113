// SPDX-License-Identifier: BSD-3-Clause
//
// Makes a gateway's workers and takes them down. Main thread, while none of them runs.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "dataplane/worker.h"

// What workers are made of. Everything pointed to outlives them.
struct workers_parts {
	const struct gateway *gateway;
	const struct port *ports;
	uint32_t n_ports;
	const struct listeners *listeners;
	struct rte_mempool *pool;
	struct handover *handover;
	struct weir_segment *segment;
	bool time_stages;
	uint64_t seed; // random, of the workers' trails
	const uint8_t *secret; // 16 random bytes, of what they answer
};

// Makes gateway->n_workers workers, each with its part of the segment and its staging for every
// port. The array, or NULL with `why` when memory is out.
struct worker *workers_create(const struct workers_parts *parts, char *why, size_t why_size);

// Frees `n` workers, and what they still stage uncounted (worker_run gives up everything before it
// returns). NULL is fine.
void workers_destroy(struct worker *workers, unsigned n);

// Prints to stderr, of workers that time their stages, the cycles that each stage took a frame, and
// the longest time between two turns under each of the last tables.
void workers_print_stages(const struct worker *workers, unsigned n);
