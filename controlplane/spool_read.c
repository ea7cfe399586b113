// SPDX-License-Identifier: BSD-3-Clause
//
// Readers of the spool: queues and messages that wait, as committed. Any thread; each call is one snapshot.
#include <errno.h>
#include <string.h>

#include "controlplane/spool_parts.h"
#include "controlplane/spool_value.h"

// The writer calls this while it holds the lock.
static int open_locked(struct spool *spool, enum spool_table table, struct spool_reader *reader)
{
	int result;

	reader->spool = spool;
	if (!spool->env)
		return -EIO;
	result = mdb_txn_begin(spool->env, NULL, MDB_RDONLY, &reader->txn);
	if (result)
		return spool_errno(result);
	result = mdb_cursor_open(reader->txn, spool->table[table], &reader->cursor);
	if (result)
		mdb_txn_abort(reader->txn);
	return spool_errno(result);
}

static void close_locked(struct spool_reader *reader)
{
	mdb_cursor_close(reader->cursor);
	mdb_txn_abort(reader->txn);
}

int spool_reader_open(struct spool *spool, enum spool_table table, struct spool_reader *reader)
{
	int err;

	pthread_rwlock_rdlock(&spool->lock);
	err = open_locked(spool, table, reader);
	if (err)
		pthread_rwlock_unlock(&spool->lock);
	return err;
}

void spool_reader_close(struct spool_reader *reader)
{
	close_locked(reader);
	pthread_rwlock_unlock(&reader->spool->lock);
}

uint64_t spool_queue_waiting(const uint64_t waiting_by[WEIR_N_PRIORITIES])
{
	uint64_t waiting = 0;

	for (unsigned p = 0; p < WEIR_N_PRIORITIES; p++)
		waiting += waiting_by[p];
	return waiting;
}

static int parse_queue(const MDB_val *k, const MDB_val *v, struct spool_queue *queue)
{
	struct spool_queue_value value;

	if (k->mv_size < 1 || k->mv_size > SPOOL_NAME_MAX || v->mv_size != sizeof(value))
		return -EBADMSG;
	memcpy(&value, v->mv_data, sizeof(value));
	*queue = (struct spool_queue){ .id = value.id, .leased = value.leased, .dead = value.dead,
				       .stored = value.stored, .acknowledged = value.acknowledged,
				       .removed = value.removed, .waiting = spool_queue_waiting(value.waiting_by) };
	memcpy(queue->waiting_by, value.waiting_by, sizeof(queue->waiting_by));
	memcpy(queue->name, k->mv_data, k->mv_size);
	return 0;
}

static int each_queue(struct spool_reader *reader, int (*each)(const struct spool_queue *queue, void *argument),
		      void *argument)
{
	MDB_val k, v;
	int err = 0, result;

	for (result = mdb_cursor_get(reader->cursor, &k, &v, MDB_FIRST); !result && !err;
	     result = mdb_cursor_get(reader->cursor, &k, &v, MDB_NEXT)) {
		struct spool_queue queue;

		err = parse_queue(&k, &v, &queue);
		if (!err)
			err = each(&queue, argument);
	}
	return err || result == MDB_NOTFOUND ? err : spool_errno(result);
}

static int keep_queue(const struct spool_queue *queue, void *argument)
{
	return queue_list_add(argument, queue) ? 0 : -ENOMEM;
}

static int read_state(struct spool_reader *reader, struct spool_state *state)
{
	MDB_val k = { 5, (void *)(uintptr_t)"state" }, v;
	int result = mdb_get(reader->txn, reader->spool->table[TABLE_META], &k, &v);

	*state = (struct spool_state){ .next_arrival = 1, .next_queue = 1 };
	if (result)
		return result == MDB_NOTFOUND ? 0 : spool_errno(result);
	if (v.mv_size != sizeof(*state))
		return -EINVAL;
	memcpy(state, v.mv_data, sizeof(*state));
	return 0;
}

int spool_reader_last(struct spool_reader *reader, uint64_t *last)
{
	struct spool_state state;
	int err = read_state(reader, &state);

	*last = state.next_arrival - 1;
	return err;
}

int spool_state_load(struct spool *spool)
{
	struct spool_reader reader;
	int err = open_locked(spool, TABLE_QUEUES, &reader);

	if (err)
		return err;
	err = read_state(&reader, &spool->state);
	queue_list_fini(&spool->queues);
	if (!err)
		err = each_queue(&reader, keep_queue, &spool->queues);
	close_locked(&reader);
	return err;
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
	struct spool_reader reader;
	int err = spool_reader_open(spool, TABLE_QUEUES, &reader);

	if (err)
		return err;
	err = each_queue(&reader, visit_queue, &visit);
	spool_reader_close(&reader);
	return err;
}

int spool_reader_queue(struct spool_reader *reader, const char *name, struct spool_queue *queue)
{
	MDB_val k = { strlen(name), (void *)(uintptr_t)name }, v;
	int err;

	if (k.mv_size < 1 || k.mv_size > SPOOL_NAME_MAX)
		return -ENOENT;
	err = spool_errno(mdb_get(reader->txn, reader->spool->table[TABLE_QUEUES], &k, &v));
	return err ? err : parse_queue(&k, &v, queue);
}

int spool_queue_get(struct spool *spool, const char *name, struct spool_queue *queue)
{
	struct spool_reader reader;
	int err = spool_reader_open(spool, TABLE_QUEUES, &reader);

	if (err)
		return err;
	err = spool_reader_queue(&reader, name, queue);
	spool_reader_close(&reader);
	return err;
}

// A pass over messages that wait.
struct pass {
	struct spool_key from; // where it begins; what stands there is left out where `after`
	bool after;
	uint32_t last; // queue
	uint32_t n;
	spool_each_message *each;
	void *argument;
};

static int each_message(struct spool_reader *reader, const struct pass *pass)
{
	struct spool_key key = pass->from;
	MDB_val k = { sizeof(key), &key }, v;
	uint32_t n = pass->n;
	int result, err;

	for (result = mdb_cursor_get(reader->cursor, &k, &v, MDB_SET_RANGE); !result && n > 0;
	     result = mdb_cursor_get(reader->cursor, &k, &v, MDB_NEXT)) {
		struct spool_message message;
		struct spool_names names;

		if (k.mv_size != sizeof(key))
			return -EBADMSG;
		memcpy(&key, k.mv_data, sizeof(key));
		if (spool_key_queue(&key) > pass->last)
			return 0;
		if (pass->after && memcmp(&key, &pass->from, sizeof(key)) == 0)
			continue;
		err = spool_value_parse(v.mv_data, v.mv_size, &message, &names);
		if (err)
			return err;
		message.arrival = spool_key_arrival(&key);
		err = pass->each(&message, pass->argument);
		if (err)
			return err;
		n--;
	}
	return !result || result == MDB_NOTFOUND ? 0 : spool_errno(result);
}

int spool_walk(struct spool *spool, const char *queue, spool_each_message *each, void *argument)
{
	struct pass pass = { .last = UINT32_MAX, .n = UINT32_MAX, .each = each, .argument = argument };
	struct spool_queue found = { .id = 0 };
	struct spool_reader reader;
	int err = spool_reader_open(spool, TABLE_MESSAGES, &reader);

	if (err)
		return err;
	if (queue) {
		err = spool_reader_queue(&reader, queue, &found);
		pass.last = found.id;
	}
	spool_key_format(&pass.from, found.id, 0, 0);
	if (!err)
		err = each_message(&reader, &pass);
	spool_reader_close(&reader);
	return err;
}

int spool_peek(struct spool *spool, const char *queue, struct spool_place after, uint32_t n, spool_each_message *each,
	       void *argument)
{
	struct pass pass = { .after = true, .n = n, .each = each, .argument = argument };
	struct spool_queue found;
	struct spool_reader reader;
	int err = spool_reader_open(spool, TABLE_MESSAGES, &reader);

	if (err)
		return err;
	err = spool_reader_queue(&reader, queue, &found);
	if (!err) {
		pass.last = found.id;
		spool_key_format(&pass.from, found.id, after.priority, after.arrival);
		err = each_message(&reader, &pass);
	}
	spool_reader_close(&reader);
	return err;
}
