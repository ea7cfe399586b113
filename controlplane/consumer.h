// SPDX-License-Identifier: BSD-3-Clause
//
// The thread that moves messages from the agent channels into the spool: up to 8,192 records or
// what came in about a millisecond a batch, one synced transaction with the cursors, and only then the word that
// slots may be written again. While the spool takes nothing, nothing is acknowledged; it is tried every second.
// What agents do (spool_ops.h) is part of the same batches; it goes on where no messages are taken.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "controlplane/mapping.h"
#include "controlplane/spool_ops.h"

struct consumer;

struct consumer_status {
	uint64_t stored;           // messages, since the start
	unsigned orphans;          // segments of dead dataplanes in hand
	unsigned stopped_channels; // with a record that cannot be
	int stalled;               // 0, or the error for which the spool takes nothing
};

// Starts the thread. It writes an eventfd `wake` whenever consumer_consumed has news. `run_folder` is where
// segments stand; spool, folder and wake outlive the consumer. NULL with errno.
struct consumer *consumer_create(struct spool *spool, const char *run_folder, uint32_t spool_mb, int wake);

// Ends the thread after the batch in hand. Operations that were submitted are run; each is done before this returns.
void consumer_destroy(struct consumer *consumer);

// Serve this segment from now on (takes its own use of the mapping), or none. Any thread.
void consumer_attach(struct consumer *consumer, struct mapping *map);
void consumer_detach(struct consumer *consumer);

// Copies, for each worker of the attached segment, the slot number below which everything is durable;
// returns the number of workers, 0 when nothing is attached or known yet. Any thread.
unsigned consumer_consumed(struct consumer *consumer, uint64_t sequence[WEIR_MAX_WORKERS]);

// Hands over a chain of operations, which run in this order behind those before them. Wakes the thread, which
// tells each `done` in the same order, but for one that takes more than one batch. Any thread.
void consumer_submit(struct consumer *consumer, struct spool_op *ops);

// Writes the eventfd `fd` after each commit that had `what` (a sum) in it; 0: no more. At most CONSUMER_WATCHERS,
// -ENOSPC above. Any thread; when it returns with 0 for `what`, `fd` is written no more.
enum { CONSUMER_MESSAGES = 1, CONSUMER_ANSWERS = 2, CONSUMER_WATCHERS = 4 };
int consumer_watch(struct consumer *consumer, int fd, unsigned what);

// Keeps to these limits from now on (spool_keep.h). Any thread.
struct spool_limits;
void consumer_keep(struct consumer *consumer, const struct spool_limits *limits);

void consumer_status(struct consumer *consumer, struct consumer_status *status);
