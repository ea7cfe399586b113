// SPDX-License-Identifier: BSD-3-Clause
//
// The spool: messages for agents, durable, in LMDB. A batch of messages and the cursor that says how
// far a worker's channel has been read are one transaction, so that a message is stored once and only
// once, whoever dies when. What agents do to messages is part of the same batches (spool_ops.h).
// docs/spool.md draws the tables and the format of a value.
//
// Thread: one writer (spool_begin ... spool_commit); readers (spool_look.h) any.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/abi/channel.h"

enum { SPOOL_SCHEMA = 2, SPOOL_VALUE_VERSION = 1, SPOOL_NAME_MAX = 2 * WEIR_NAME_MAX + 1, SPOOL_MIN_MB = 1 };

struct spool;

// One message, as appended and as read. Strings and payload belong to whoever made it.
struct spool_message {
	struct weir_record record; // as the dataplane wrote it; its registry indices mean nothing any more
	uint8_t boot_id[WEIR_BOOT_ID_SIZE];
	uint16_t worker;
	uint64_t stored_ns;  // CLOCK_REALTIME
	const char *queue;   // 1 to SPOOL_NAME_MAX bytes, NUL after them
	const char *rule;
	const void *payload; // record.payload_length bytes
	uint64_t arrival;    // set by the spool: rises by one with each message. The id by which others know it
	uint16_t attempts;   // leases so far; 0 when appended
};

// Opens (and makes, unless `read_only`) the spool in the existing folder `folder`, of at most
// `size_mb` of messages. A writer brings a spool of schema 1 to this one, in place and at once or not at all.
// NULL with one line in `why`: no folder, no permission, not LMDB, damaged, a newer schema, or an older one
// and `read_only`.
struct spool *spool_open(const char *folder, uint32_t size_mb, bool read_only, char *why, size_t why_size);
void spool_close(struct spool *spool);

// Begins a batch. After an error of spool_append, _cursor_put or _commit the batch is gone (as after
// spool_abort) and what it held is not stored, except that a failed commit may have become durable:
// ask the cursors. Errors: -ENOSPC the disk is full, -EIO and others. One error of spool_append leaves the batch as
// it is: -EDQUOT, size_mb of messages are there; this one is not stored, and what agents do goes on.
int spool_begin(struct spool *spool);
int spool_append(struct spool *spool, const struct spool_message *message);
int spool_cursor_put(struct spool *spool, const uint8_t boot_id[WEIR_BOOT_ID_SIZE], uint32_t worker, uint64_t next);
int spool_commit(struct spool *spool); // durable when it returns 0
void spool_abort(struct spool *spool);

// First slot of a worker's channel that is not in the spool. -ENOENT: nothing of it was ever stored.
int spool_cursor_get(struct spool *spool, const uint8_t boot_id[WEIR_BOOT_ID_SIZE], uint32_t worker, uint64_t *next);

// Forgets the cursors of a dataplane whose segment is gone. A transaction of its own.
int spool_cursors_drop(struct spool *spool, const uint8_t boot_id[WEIR_BOOT_ID_SIZE]);
