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

// Runs an operation in batches of its own, to its end. Its result.
int spools_run(struct spool *spool, struct spool_op *op, uint64_t now_ms);

// Counts of a queue, whose books balance.
struct spool_queue spools_queue(struct spool *spool, const char *name);

// Puts a value, or (NULL) deletes the key, in a table of a spool that is closed.
void spools_forge(const char *folder, const char *table, MDB_val key, const MDB_val *value);
