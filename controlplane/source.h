// SPDX-License-Identifier: BSD-3-Clause
//
// One segment as a source of messages: where each worker's channel has been read to, and the way of
// its records into a batch of the spool. Consumer's thread.
#pragma once

#include "controlplane/mapping.h"
#include "controlplane/spool.h"

struct source {
	struct mapping *map;
	bool started;    // the cursors were read
	uint64_t n_messages; // stored since the source was made
	uint64_t n_batch;    // in the batch that is being filled
	unsigned first;  // worker to begin with, for fairness
	struct source_channel {
		uint64_t next;    // first slot not in the batch
		uint64_t durable; // first slot not in the spool
		bool stopped;     // holds a record that cannot be
	} channel[WEIR_MAX_WORKERS];
};

// A batch that is being filled.
struct batch {
	struct spool *spool;
	unsigned room; // messages that it still takes
	size_t bytes;  // of payload that it still takes, about
	unsigned n;    // messages that are in it
	bool open;     // spool_begin was called
	bool full;     // the spool takes no more messages; what is in the batch stays
	uint64_t now_ns;
};

// Makes a source of a mapping, one use of which becomes the source's. NULL when memory is out.
struct source *source_create(struct mapping *map);
void source_destroy(struct source *source);

// Reads from the spool how far each channel is stored. Sources are started before they are collected,
// and again after a batch that failed. 0 or the spool's error.
int source_start(struct source *source, struct spool *spool);

// Moves what its channels hold into the batch, as far as there is room, with the cursors. A channel with
// a record that cannot be is stopped, and what was wrong is logged, once. 0, or the spool's error: then
// the batch is gone.
int source_collect(struct source *source, struct batch *batch);

// The batch was committed.
void source_settle(struct source *source);

// Whether everything that the segment holds is in the spool.
bool source_drained(const struct source *source);

// Channels that are stopped.
unsigned source_stopped(const struct source *source);
