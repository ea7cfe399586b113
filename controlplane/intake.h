// SPDX-License-Identifier: BSD-3-Clause
//
// What goes into the spool: messages of the live segment and of dead dataplanes', and what agents do, in batches of
// both. Consumer's thread.
#pragma once

#include "controlplane/op_list.h"
#include "controlplane/orphans.h"
#include "controlplane/source.h"

enum { INTAKE_BATCH = 8192 }; // messages in a batch, at most

struct intake {
	struct spool *spool;
	struct source *live; // NULL: no segment is attached
	struct orphans orphans;
	struct op_list pending, ran; // ran: in the batch that was made, not told yet what came of it
	uint64_t retry;      // CLOCK_MONOTONIC, ns: no messages before, after a batch of them failed
};

struct intake_outcome {
	bool tried; // to store messages
	int err;    // of the batch, which is gone then
	bool full;  // spool_mb is reached
	unsigned stored;
	unsigned news; // CONSUMER_MESSAGES, …
};

// Makes one batch: what agents do, and messages from all sources, as much as one should hold. With `ending` no
// messages, and what would go on in a later batch is cancelled.
struct intake_outcome intake_batch(struct intake *intake, bool ending);

// Channels that are stopped, of all sources; how many dead dataplanes' segments are in hand.
unsigned intake_stopped(const struct intake *intake, unsigned *n_orphans);
