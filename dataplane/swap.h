// SPDX-License-Identifier: BSD-3-Clause
//
// Puts a new table, or new routes, in the place of those in use, without stopping anyone: build aside, publish
// the pointer, wait for every worker, settle, keep on disk, destroy the old. Main thread only; one swap at a time.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/paths.h"
#include "rules/gateway.h"

struct swap {
	struct live_context context;
	const struct gateway *gateway;
	struct handover *handover;
	struct weir_segment *segment;
	struct paths *current; // what every worker uses, with its table; NULL: no table yet
	struct paths *pending; // published, some worker may still use `current`
	uint64_t token;        // of the quiescence waited for
	bool keep;             // what is pending goes to disk when it is in use
	// Told of each table between its publication and its acknowledgement; NULL: nobody is.
	void (*published)(void *context, const struct live *live, const struct live *previous);
	void *published_context;
};

struct swap_offer {
	struct sealed table;
	struct sealed routes; // fd -1: none
	uint64_t generation;
	bool routes_optional; // refused ones are said, and the table is taken without
};

enum swapped { SWAPPED_NOTHING, SWAPPED_TABLE, SWAPPED_ROUTES };

// Checks and publishes a table, with its routes, as `generation`; the descriptors are taken over. 0: pending,
// swap_poll ends it; -EBUSY: another swap is pending; else as live_create and paths_create, with `why`.
int swap_offer(struct swap *swap, const struct swap_offer *offer, char *why, size_t why_size);

// The same for routes (taken over) of the table in use. -ESTALE: they are for another one.
int swap_routes(struct swap *swap, struct sealed routes, char *why, size_t why_size);

// What has just become what every worker uses. Never blocks.
enum swapped swap_poll(struct swap *swap);

// The table published last, or NULL.
const struct live *swap_last(const struct swap *swap);

// Which queues of table `generation` take nothing from now on; nothing happens where another was published last.
void swap_close_queues(struct swap *swap, uint64_t generation, const uint64_t closed[WEIR_QUEUES_MAX / 64]);

// Frees all; no worker runs any more.
void swap_fini(struct swap *swap);
