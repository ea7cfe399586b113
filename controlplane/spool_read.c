// SPDX-License-Identifier: BSD-3-Clause
//
// Readers of the spool: queues and messages as committed. Any thread; each call is one snapshot.
#include <errno.h>
#include <string.h>

#include "controlplane/spool_parts.h"
#include "controlplane/spool_value.h"

// A cursor over one table in a snapshot of its own.
struct reader {
	MDB_txn *txn;
	MDB_cursor *cursor;
};

static int reader_open(struct spool *spool, enum spool_table table, struct reader *reader)
{
	int result = mdb_txn_begin(spool->env, NULL, MDB_RDONLY, &reader->txn);

	if (result)
		return spool_errno(result);
	result = mdb_cursor_open(reader->txn, spool->table[table], &reader->cursor);
	if (result)
		mdb_txn_abort(reader->txn);
	return spool_errno(result);
}

static void reader_close(struct reader *reader)
{
	mdb_cursor_close(reader->cursor);
	mdb_txn_abort(reader->txn);
}

static int parse_queue(const MDB_val *k, const MDB_val *v, struct spool_queue *queue)
{
	struct spool_queue_value value;

	if (k->mv_size < 1 || k->mv_size > SPOOL_NAME_MAX || v->mv_size != sizeof(value))
		return -EIO;
	memcpy(&value, v->mv_data, sizeof(value));
	memcpy(queue->name, k->mv_data, k->mv_size);
	queue->name[k->mv_size] = '\0';
	queue->id = value.id;
	queue->depth = value.depth;
	queue->stored = value.stored;
	return 0;
}

static int each_queue(struct spool *spool, int (*each)(const struct spool_queue *queue, void *argument), void *argument)
{
	struct reader reader;
	MDB_val k, v;
	int err = reader_open(spool, TABLE_QUEUES, &reader), result;

	if (err)
		return err;
	result = mdb_cursor_get(reader.cursor, &k, &v, MDB_FIRST);
	while (!result && !err) {
		struct spool_queue queue;

		err = parse_queue(&k, &v, &queue);
		if (!err)
			err = each(&queue, argument);
		result = mdb_cursor_get(reader.cursor, &k, &v, MDB_NEXT);
	}
	reader_close(&reader);
	if (!err && result != MDB_NOTFOUND)
		err = spool_errno(result);
	return err;
}

static int keep_queue(const struct spool_queue *queue, void *argument)
{
	return queue_list_add(argument, queue) ? 0 : -ENOMEM;
}

int spool_state_load(struct spool *spool)
{
	MDB_val k = { 5, (void *)(uintptr_t)"state" }, v;
	MDB_txn *txn;
	int result = mdb_txn_begin(spool->env, NULL, MDB_RDONLY, &txn);

	if (result)
		return spool_errno(result);
	spool->state = (struct spool_state){ .next_arrival = 1, .next_queue = 1 };
	result = mdb_get(txn, spool->table[TABLE_META], &k, &v);
	if (result == 0 && v.mv_size == sizeof(spool->state))
		memcpy(&spool->state, v.mv_data, sizeof(spool->state));
	else if (result == 0)
		result = EINVAL;
	mdb_txn_abort(txn);
	if (result && result != MDB_NOTFOUND)
		return spool_errno(result);
	queue_list_fini(&spool->queues);
	return each_queue(spool, keep_queue, &spool->queues);
}

struct visit {
	void (*each)(const struct spool_queue *queue, void *argument);
	void *argument;
};

static int visit_queue(const struct spool_queue *queue, void *argument)
{
	struct visit *visit = argument;

	visit->each(queue, visit->argument);
	return 0;
}

int spool_queues(struct spool *spool, void (*each)(const struct spool_queue *queue, void *argument), void *argument)
{
	struct visit visit = { each, argument };
	int err;

	pthread_rwlock_rdlock(&spool->lock);
	err = spool->env ? each_queue(spool, visit_queue, &visit) : -EIO;
	pthread_rwlock_unlock(&spool->lock);
	return err;
}

static int queue_id(struct reader *reader, struct spool *spool, const char *name, uint32_t *id)
{
	MDB_val k = { strlen(name), (void *)(uintptr_t)name }, v;
	struct spool_queue queue;
	int err;

	if (k.mv_size < 1 || k.mv_size > SPOOL_NAME_MAX)
		return -ENOENT;
	err = spool_errno(mdb_get(reader->txn, spool->table[TABLE_QUEUES], &k, &v));
	if (!err)
		err = parse_queue(&k, &v, &queue);
	if (!err)
		*id = queue.id;
	return err;
}

static int each_message(struct reader *reader, uint32_t from, uint32_t to,
			int (*each)(const struct spool_message *message, void *argument), void *argument)
{
	struct spool_key key;
	MDB_val k = { sizeof(key), &key }, v;
	int result, err = 0;

	spool_key_format(&key, from, 0, 0);
	for (result = mdb_cursor_get(reader->cursor, &k, &v, MDB_SET_RANGE); !result;
	     result = mdb_cursor_get(reader->cursor, &k, &v, MDB_NEXT)) {
		struct spool_message message;
		struct spool_names names;

		if (k.mv_size != sizeof(key))
			return -EBADMSG;
		memcpy(&key, k.mv_data, sizeof(key));
		if (spool_key_queue(&key) > to)
			return 0;
		err = spool_value_parse(v.mv_data, v.mv_size, &message, &names);
		if (err)
			return err;
		message.arrival = spool_key_arrival(&key);
		err = each(&message, argument);
		if (err)
			return err;
	}
	return result == MDB_NOTFOUND ? 0 : spool_errno(result);
}

static int walk(struct spool *spool, const char *queue,
		int (*each)(const struct spool_message *message, void *argument), void *argument)
{
	uint32_t from = 0, to = UINT32_MAX;
	struct reader reader;
	int err = reader_open(spool, TABLE_MESSAGES, &reader);

	if (err)
		return err;
	if (queue) {
		err = queue_id(&reader, spool, queue, &from);
		to = from;
	}
	if (!err)
		err = each_message(&reader, from, to, each, argument);
	reader_close(&reader);
	return err;
}

int spool_walk(struct spool *spool, const char *queue, int (*each)(const struct spool_message *message, void *argument),
	       void *argument)
{
	int err;

	pthread_rwlock_rdlock(&spool->lock);
	err = spool->env ? walk(spool, queue, each, argument) : -EIO;
	pthread_rwlock_unlock(&spool->lock);
	return err;
}
