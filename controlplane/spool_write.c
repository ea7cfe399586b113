// SPDX-License-Identifier: BSD-3-Clause
//
// The spool's writer: batches of messages with the cursors that go with them. One thread. A batch is
// all or nothing; the state in memory is read again from the tables after a batch that failed.
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "controlplane/spool_parts.h"
#include "controlplane/spool_value.h"

enum { NO_ROOM = 1 << 20 }; // a disk with less is full

struct cursor_key {
	uint8_t boot_id[WEIR_BOOT_ID_SIZE], worker[4];
};

static struct cursor_key cursor_key(const uint8_t boot_id[WEIR_BOOT_ID_SIZE], uint32_t worker)
{
	struct cursor_key key;

	memcpy(key.boot_id, boot_id, sizeof(key.boot_id));
	for (unsigned i = 0; i < sizeof(key.worker); i++)
		key.worker[i] = (uint8_t)(worker >> (8 * (3 - i)));
	return key;
}

int spool_give_up(struct spool *spool, int err)
{
	if (spool->txn)
		mdb_txn_abort(spool->txn);
	spool->txn = NULL;
	if (spool->env && spool_state_load(spool))
		spool->broken = true;
	pthread_rwlock_unlock(&spool->lock);
	return err;
}

static int reopen(struct spool *spool)
{
	int err;

	pthread_rwlock_wrlock(&spool->lock);
	spool_env_close(spool);
	err = spool_env_open(spool);
	spool->broken = err != 0;
	pthread_rwlock_unlock(&spool->lock);
	return err;
}

// What is written to a file that was removed is durable nowhere.
static bool is_removed(const struct spool *spool)
{
	struct stat file;
	int fd;

	return mdb_env_get_fd(spool->env, &fd) == 0 && fstat(fd, &file) == 0 && file.st_nlink == 0;
}

int spool_begin(struct spool *spool)
{
	int err = 0;

	if (spool->broken || !spool->env || is_removed(spool))
		err = reopen(spool);
	if (err)
		return err;
	pthread_rwlock_rdlock(&spool->lock);
	spool->moved = 0;
	spool->room = 0;
	err = spool_errno(mdb_txn_begin(spool->env, NULL, 0, &spool->txn));
	if (err) {
		spool->txn = NULL;
		spool->broken = true;
		pthread_rwlock_unlock(&spool->lock);
	}
	return err;
}

void spool_abort(struct spool *spool)
{
	if (spool->txn)
		spool_give_up(spool, 0);
}

static struct queue_entry *find_queue(struct spool *spool, const char *name)
{
	struct queue_entry *entry = queue_list_find(&spool->queues, name);
	struct spool_queue queue = { .id = spool->state.next_queue };

	if (entry)
		return entry;
	memcpy(queue.name, name, strlen(name) + 1);
	entry = queue_list_add(&spool->queues, &queue);
	spool->state.next_queue += entry != NULL;
	return entry;
}

// Bytes that the tables take now, with what they lose to the shape of pages.
static int64_t bytes_used(struct spool *spool)
{
	uint64_t bytes = 0;
	MDB_stat stat;

	for (unsigned t = 0; t <= SPOOL_TABLES; t++) // the one past the last: LMDB's own list of free pages
		if (mdb_stat(spool->txn, t < SPOOL_TABLES ? spool->table[t] : 0, &stat) == 0)
			bytes += stat.ms_psize *
				 (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages);
	return (int64_t)bytes;
}

// Whether a message of `size` bytes may still come. What is left is counted down by a guess that is too large, and
// looked up again when it runs out. Once full, it takes a little room for it to be full no more.
static bool has_room(struct spool *spool, size_t size)
{
	int64_t limit = (int64_t)spool->size_mb << 20;

	if (spool->room <= 0) {
		spool->room = limit - bytes_used(spool);
		spool->full = spool->room <= (spool->full ? limit / 64 : 0);
	}
	if (spool->full)
		return false;
	spool->room -= (int64_t)(2 * size + 4096);
	return true;
}

int spool_append(struct spool *spool, const struct spool_message *message)
{
	int size = spool_value_size(message), result;
	struct queue_entry *entry;
	struct spool_key key;
	MDB_val k = { sizeof(key), &key }, v;

	if (size < 0)
		return spool_give_up(spool, size);
	if (!has_room(spool, (size_t)size))
		return -EDQUOT;
	entry = find_queue(spool, message->queue);
	if (!entry)
		return spool_give_up(spool, -ENOMEM);
	v.mv_size = (size_t)size;
	spool_key_format(&key, entry->queue.id, message->record.priority, spool->state.next_arrival);
	result = mdb_put(spool->txn, spool->table[TABLE_MESSAGES], &k, &v, MDB_RESERVE | MDB_NOOVERWRITE);
	if (result)
		return spool_give_up(spool, result == MDB_KEYEXIST ? -EIO : spool_errno(result));
	spool_value_format(message, v.mv_data);
	spool->state.next_arrival++;
	entry->queue.waiting_by[message->record.priority]++;
	entry->queue.stored++;
	entry->changed = true;
	return 0;
}

int spool_cursor_put(struct spool *spool, const uint8_t boot_id[WEIR_BOOT_ID_SIZE], uint32_t worker, uint64_t next)
{
	struct cursor_key key = cursor_key(boot_id, worker);
	MDB_val k = { sizeof(key), &key }, v = { sizeof(next), &next };
	int result = mdb_put(spool->txn, spool->table[TABLE_CURSORS], &k, &v, 0);

	return result ? spool_give_up(spool, spool_errno(result)) : 0;
}

static int write_state(struct spool *spool)
{
	MDB_val k = { 5, (void *)(uintptr_t)"state" }, v = { sizeof(spool->state), &spool->state };
	int result = mdb_put(spool->txn, spool->table[TABLE_META], &k, &v, 0);

	for (uint32_t i = 0; i < spool->queues.n && !result; i++) {
		const struct spool_queue *queue = &spool->queues.entries[i].queue;
		struct spool_queue_value value = { .id = queue->id, .stored = queue->stored,
						   .acknowledged = queue->acknowledged, .removed = queue->removed,
						   .leased = queue->leased, .dead = queue->dead };

		memcpy(value.waiting_by, queue->waiting_by, sizeof(value.waiting_by));
		if (!spool->queues.entries[i].changed)
			continue;
		k = (MDB_val){ strlen(queue->name), (void *)(uintptr_t)queue->name };
		v = (MDB_val){ sizeof(value), &value };
		result = mdb_put(spool->txn, spool->table[TABLE_QUEUES], &k, &v, 0);
		spool->queues.entries[i].changed = false;
	}
	return result;
}

// LMDB calls a short write EIO; mostly it is a full disk.
static int explain(const struct spool *spool, int err)
{
	struct statvfs disk;

	if (err == -EIO && statvfs(spool->folder, &disk) == 0 && disk.f_bavail < NO_ROOM / disk.f_frsize)
		return -ENOSPC;
	return err;
}

int spool_commit(struct spool *spool)
{
	int result = write_state(spool);

	if (result)
		return spool_give_up(spool, spool_errno(result));
	result = mdb_txn_commit(spool->txn); // ends the transaction either way
	spool->txn = NULL;
	if (result)
		return spool_give_up(spool, explain(spool, spool_errno(result)));
	pthread_rwlock_unlock(&spool->lock);
	return 0;
}

int spool_cursor_get(struct spool *spool, const uint8_t boot_id[WEIR_BOOT_ID_SIZE], uint32_t worker, uint64_t *next)
{
	struct cursor_key key = cursor_key(boot_id, worker);
	MDB_val k = { sizeof(key), &key }, v;
	int err = spool_begin(spool);

	if (err)
		return err;
	err = spool_errno(mdb_get(spool->txn, spool->table[TABLE_CURSORS], &k, &v));
	if (!err && v.mv_size != sizeof(*next))
		err = -EIO;
	if (!err)
		memcpy(next, v.mv_data, sizeof(*next));
	spool_abort(spool);
	return err;
}

int spool_cursors_drop(struct spool *spool, const uint8_t boot_id[WEIR_BOOT_ID_SIZE])
{
	int err = spool_begin(spool);

	for (uint32_t worker = 0; worker < WEIR_MAX_WORKERS && !err; worker++) {
		struct cursor_key key = cursor_key(boot_id, worker);
		MDB_val k = { sizeof(key), &key };
		int result = mdb_del(spool->txn, spool->table[TABLE_CURSORS], &k, NULL);

		if (result && result != MDB_NOTFOUND)
			err = spool_give_up(spool, spool_errno(result));
	}
	return err ? err : spool_commit(spool);
}
