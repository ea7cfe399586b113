// SPDX-License-Identifier: BSD-3-Clause
//
// Inside of the spool, shared by spool*.c. Nobody else.
#pragma once

#include <lmdb.h>
#include <pthread.h>

#include "controlplane/spool.h"
#include "controlplane/spool_queues.h"

enum spool_table {
	TABLE_MESSAGES, // that wait
	TABLE_QUEUES,
	TABLE_CURSORS,
	TABLE_META,
	TABLE_LEASES,
	TABLE_DEAD,
	TABLE_DONE,     // receipts of settled messages
	TABLE_OUTBOX,
	TABLE_DUE,      // when dead letters and receipts came, in this order: for retention
	SPOOL_TABLES
};

// Value of `meta`/"state".
struct spool_state {
	uint64_t next_arrival;
	uint32_t next_queue, reserved;
};

// Value of `queues`, by name.
struct spool_queue_value {
	uint32_t id, reserved;
	uint64_t stored, acknowledged, removed, leased, dead, waiting_by[WEIR_N_PRIORITIES];
};

// The same in schema 1.
struct spool_queue_value_1 {
	uint32_t id, reserved;
	uint64_t depth, stored;
};

// Room for what stands before a message's value, and for the largest value.
enum { SPOOL_HEAD_ROOM = 256, SPOOL_VALUE_ROOM = 70 << 10 };

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
	int64_t room; // bytes that messages may still take, about
	size_t moved; // bytes, by operations of this batch
	bool full;    // spool_mb was reached, and not enough has gone since
	uint8_t *scratch;  // SPOOL_HEAD_ROOM + SPOOL_VALUE_ROOM, for a message that is moved
	uint8_t *outgoing; // SPOOL_VALUE_ROOM, for an answer that is made
	struct spool_state state;
	struct queue_list queues;
};

// Opens the environment and its tables, and loads the writer's state. -EPROTONOSUPPORT: newer schema.
int spool_env_open(struct spool *spool);
void spool_env_close(struct spool *spool);

// Writes the first part of the file ahead of its use, as far as the disk has room; no error. Its environment is open,
// and no batch is.
void spool_room_make(struct spool *spool);

// Reads state and queues as committed.
int spool_state_load(struct spool *spool);

// Brings the tables of schema 1 to schema 2, in `txn`. -EINVAL where they are damaged.
int spool_upgrade(struct spool *spool, MDB_txn *txn);

// Ends a batch that failed with a -errno of ours, which it returns.
int spool_give_up(struct spool *spool, int err);

// A reader's pass over a table, in a snapshot of its own. The spool's lock is held from open to close.
struct spool_reader {
	struct spool *spool;
	MDB_txn *txn;
	MDB_cursor *cursor;
};
int spool_reader_open(struct spool *spool, enum spool_table table, struct spool_reader *reader);
void spool_reader_close(struct spool_reader *reader);

// The last arrival number that was given out, in a reader's snapshot.
int spool_reader_last(struct spool_reader *reader, uint64_t *last);

// Entry of `queues` by name, in a reader's snapshot. -ENOENT.
int spool_reader_queue(struct spool_reader *reader, const char *name, struct spool_queue *queue);

// The sum.
uint64_t spool_queue_waiting(const uint64_t waiting_by[WEIR_N_PRIORITIES]);

// -errno of an LMDB result; 0 of MDB_SUCCESS.
int spool_errno(int result);
