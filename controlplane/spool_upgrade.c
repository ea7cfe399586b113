// SPDX-License-Identifier: BSD-3-Clause
//
// From schema 1 to 2: counts of queues by priority, leased and dead. Messages stay where they are. One
// transaction: whoever is killed meanwhile finds schema 1 as it was.
#include <errno.h>
#include <string.h>

#include "controlplane/spool_parts.h"
#include "controlplane/spool_value.h"

// Counts the messages that wait into the queues of the list.
static int count_waiting(struct spool *spool, MDB_txn *txn, struct queue_list *queues)
{
	struct queue_entry *entry = NULL;
	MDB_cursor *cursor;
	MDB_val k, v;
	int result = mdb_cursor_open(txn, spool->table[TABLE_MESSAGES], &cursor);

	if (result)
		return spool_errno(result);
	for (result = mdb_cursor_get(cursor, &k, &v, MDB_FIRST); !result;
	     result = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
		struct spool_key key;

		if (k.mv_size != sizeof(key))
			break;
		memcpy(&key, k.mv_data, sizeof(key));
		if (!entry || entry->queue.id != spool_key_queue(&key))
			entry = queue_list_by_id(queues, spool_key_queue(&key));
		if (!entry || key.priority >= WEIR_N_PRIORITIES)
			break;
		entry->queue.waiting_by[key.priority]++;
	}
	mdb_cursor_close(cursor);
	return result == MDB_NOTFOUND ? 0 : result ? spool_errno(result) : -EINVAL;
}

static int read_queues(struct spool *spool, MDB_txn *txn, struct queue_list *queues)
{
	MDB_cursor *cursor;
	MDB_val k, v;
	int result = mdb_cursor_open(txn, spool->table[TABLE_QUEUES], &cursor), err = 0;

	if (result)
		return spool_errno(result);
	for (result = mdb_cursor_get(cursor, &k, &v, MDB_FIRST); !result && !err;
	     result = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
		struct spool_queue queue = { .id = 0 };
		struct spool_queue_value_1 value;

		if (k.mv_size < 1 || k.mv_size > SPOOL_NAME_MAX || v.mv_size != sizeof(value)) {
			err = -EINVAL;
			break;
		}
		memcpy(&value, v.mv_data, sizeof(value));
		memcpy(queue.name, k.mv_data, k.mv_size);
		queue.id = value.id;
		queue.stored = value.stored;
		if (!queue_list_add(queues, &queue))
			err = -ENOMEM;
	}
	mdb_cursor_close(cursor);
	return err ? err : result == MDB_NOTFOUND ? 0 : spool_errno(result);
}

static int write_queues(struct spool *spool, MDB_txn *txn, const struct queue_list *queues)
{
	int result = 0;

	for (uint32_t i = 0; i < queues->n && !result; i++) {
		struct spool_queue queue = queues->entries[i].queue;
		uint64_t waiting = spool_queue_waiting(queue.waiting_by);
		struct spool_queue_value value = { .id = queue.id, .stored = queue.stored };
		MDB_val k = { strlen(queue.name), queue.name }, v = { sizeof(value), &value };

		if (waiting > queue.stored)
			return -EINVAL;
		memcpy(value.waiting_by, queue.waiting_by, sizeof(value.waiting_by));
		value.removed = queue.stored - waiting; // none, but by other hands
		result = mdb_put(txn, spool->table[TABLE_QUEUES], &k, &v, 0);
	}
	return spool_errno(result);
}

int spool_upgrade(struct spool *spool, MDB_txn *txn)
{
	MDB_val k = { 6, (void *)(uintptr_t)"schema" }, v;
	struct queue_list queues = { 0 };
	uint32_t schema = SPOOL_SCHEMA;
	int err = read_queues(spool, txn, &queues);

	if (!err)
		err = count_waiting(spool, txn, &queues);
	if (!err)
		err = write_queues(spool, txn, &queues);
	queue_list_fini(&queues);
	v = (MDB_val){ sizeof(schema), &schema };
	return err ? err : spool_errno(mdb_put(txn, spool->table[TABLE_META], &k, &v, 0));
}
