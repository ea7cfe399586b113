// SPDX-License-Identifier: BSD-3-Clause
//
// Inside of the spool, shared by spool.c (opening), spool_write.c and spool_read.c. Nobody else.
#pragma once

#include <lmdb.h>
#include <pthread.h>

#include "controlplane/spool.h"
#include "controlplane/spool_queues.h"

enum spool_table { TABLE_MESSAGES, TABLE_QUEUES, TABLE_CURSORS, TABLE_META, SPOOL_TABLES };

// Value of `meta`/"state".
struct spool_state {
	uint64_t next_arrival;
	uint32_t next_queue, reserved;
};

// Value of `queues`, by name.
struct spool_queue_value {
	uint32_t id, reserved;
	uint64_t depth, stored;
};

struct spool {
	char *folder;
	uint32_t size_mb;
	bool read_only;
	MDB_env *env;
	MDB_dbi table[SPOOL_TABLES];
	pthread_rwlock_t lock; // held for writing only while the environment is opened again
	// the writer's
	MDB_txn *txn;
	bool broken; // LMDB will do nothing more with this environment
	struct spool_state state;
	struct queue_list queues;
};

// Opens the environment and its tables, and loads the writer's state. -EPROTONOSUPPORT: newer schema.
int spool_env_open(struct spool *spool);
void spool_env_close(struct spool *spool);

// Reads state and queues as committed.
int spool_state_load(struct spool *spool);

// -errno of an LMDB result; 0 of MDB_SUCCESS.
int spool_errno(int result);
