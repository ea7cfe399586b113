// SPDX-License-Identifier: BSD-3-Clause
//
// Puts a new table in the place of the running one, without stopping anyone: build aside, publish
// the pointer, wait for every worker, settle, keep on disk, destroy the old. Main thread only; one
// swap at a time.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/live.h"
#include "rules/gateway.h"

struct swap {
	struct live_context context;
	const struct gateway *gateway;
	struct handover *handover;
	struct weir_segment *segment;
	struct live *current; // what every worker uses; NULL: no table yet
	struct live *pending; // published, some worker may still use `current`
	uint64_t token;       // of the quiescence waited for
	bool keep;            // the pending table goes to disk when it is in use
	// Told of each table between its publication and its acknowledgement; NULL: nobody is.
	void (*published)(void *context, const struct live *live, const struct live *previous);
	void *published_context;
};

// Checks and publishes the image in `fd` (taken over) as `generation`. 0: pending, swap_poll ends
// it; -EBUSY: another is pending; else as live_create, with `why`.
int swap_offer(struct swap *swap, int fd, size_t size, uint64_t generation, char *why,
	       size_t why_size);

// Whether the pending table has just become the one that every worker uses. Never blocks.
bool swap_poll(struct swap *swap);

// Frees both tables; no worker runs any more.
void swap_fini(struct swap *swap);
