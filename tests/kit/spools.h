// SPDX-License-Identifier: BSD-3-Clause
//
// Spools for tests: messages in them, operations each in a batch of its own, and forgeries behind their back.
#pragma once

#include <lmdb.h>

#include "controlplane/spool_look.h"

// Opens the spool in `folder`; fails the test with what is wrong.
struct spool *spools_open(const char *folder);

// Appends a message of rule "rule" within a batch. `tenant` is what it is told by; its payload begins with "payload".
void spools_append(struct spool *spool, const char *queue, unsigned priority, uint32_t tenant, uint16_t length,
		   uint64_t now_ms);

// Messages 1 to 4 of "desk", in the order 3 (emergency), 1, 2, 4; 5 of "other". In a batch of its own.
void spools_fill(struct spool *spool, uint64_t now_ms);

// Runs an operation in batches of its own, to its end. Its result.
int spools_run(struct spool *spool, struct spool_op *op, uint64_t now_ms);

// Claims for "anna" and 5 s; the operation as it came back.
struct spool_op spools_claim(struct spool *spool, const char *queue, uint64_t id, uint32_t n, uint64_t now_ms);

// Claims a message of "desk" and forgets all but its token: an operation of `kind` on it, to be run.
struct spool_op spools_claimed(struct spool *spool, uint64_t id, enum spool_op_kind kind, uint64_t now_ms);

// What spools_note, a reader's `each`, came by.
struct spools_ids {
	unsigned n;
	uint64_t id[16];
	uint16_t attempts[16];
};
int spools_note(const struct spool_message *message, void *ids);

// Counts of a queue, whose books balance.
struct spool_queue spools_queue(struct spool *spool, const char *name);

// Puts a value, or (NULL) deletes the key, in a table of a spool that is closed.
void spools_forge(const char *folder, const char *table, MDB_val key, const MDB_val *value);
