// SPDX-License-Identifier: BSD-3-Clause
//
// Retention. Messages that wait stand in their queue by priority and then arrival, so the oldest of each priority stand
// in front, but for revived ones, of which a few are looked past; dead letters and receipts are found by `due`.
#include "controlplane/spool_keep.h"

#include <errno.h>
#include <string.h>

#include "controlplane/spool_move.h"

enum { STEP = 256, LOOK_PAST = 64 };

struct step {
	struct spool *spool;
	uint64_t now_ms;
	struct spool_kept *kept;
	unsigned left; // entries
};

static bool is_spent(const struct step *step)
{
	return step->left == 0 || step->spool->moved >= SPOOL_MOVE_MAX;
}

// Whether the message of a value was stored at `before_ns` or earlier.
static bool is_old(const MDB_val *v, uint64_t before_ns)
{
	struct spool_value value;

	if (v->mv_size < sizeof(value))
		return false;
	memcpy(&value, v->mv_data, sizeof(value));
	return value.stored_ns <= before_ns;
}

// Finds the next message of a priority of a queue, at or behind `key`, that is too old. -ENOENT: none soon.
static int find_old(struct step *step, const struct spool_key *key, uint64_t before_ns, struct spool_item *item)
{
	MDB_val k = { sizeof(*key), (void *)(uintptr_t)key }, v;
	MDB_cursor *cursor;
	int err = spool_errno(mdb_cursor_open(step->spool->txn, step->spool->table[TABLE_MESSAGES], &cursor));

	if (err)
		return err == -ENOENT ? -EIO : err;
	err = spool_errno(mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE));
	for (unsigned i = 0; !err; i++) {
		if (i == LOOK_PAST || k.mv_size != sizeof(*key) || memcmp(k.mv_data, key, 5) != 0) {
			err = -ENOENT;
		} else if (is_old(&v, before_ns)) {
			err = item_read(step->spool, TABLE_MESSAGES, &k, &v, item);
			if (err != -EBADMSG)
				break;
			err = spool_errno(mdb_cursor_get(cursor, &k, &v, MDB_NEXT));
		} else {
			err = spool_errno(mdb_cursor_get(cursor, &k, &v, MDB_NEXT));
		}
	}
	mdb_cursor_close(cursor);
	return err;
}

static int expire_priority(struct step *step, uint32_t queue, unsigned priority, uint64_t before_ns)
{
	struct spool_key key;
	int err = 0;

	spool_key_format(&key, queue, (uint8_t)priority, 0);
	while (!err) {
		struct spool_item item;

		err = find_old(step, &key, before_ns, &item);
		if (err)
			break;
		if (is_spent(step)) {
			step->kept->more = true;
			break;
		}
		key = item.key;
		err = item_remove(step->spool, &item);
		if (!err)
			err = item_put_dead(step->spool, &item, SPOOL_DEAD_EXPIRED, step->now_ms);
		step->kept->expired++;
		step->left--;
	}
	return err == -ENOENT ? 0 : err;
}

static int expire(struct step *step, uint64_t waiting_ms)
{
	struct queue_list *queues = &step->spool->queues;
	int err = 0;

	if (step->now_ms < waiting_ms)
		return 0;
	for (uint32_t i = 0; i < queues->n && !err; i++)
		for (unsigned p = 0; p < WEIR_N_PRIORITIES && !err; p++)
			if (queues->entries[i].queue.waiting_by[p] > 0)
				err = expire_priority(step, queues->entries[i].queue.id, p,
						      (step->now_ms - waiting_ms) * 1000000);
	return err;
}

static int remove_dead(struct step *step, const MDB_val *key)
{
	struct spool *spool = step->spool;
	struct spool_item item;
	MDB_val k = *key, v;
	struct queue_entry *queue;
	int err = k.mv_size == sizeof(struct spool_key) ? 0 : -EIO;

	if (!err)
		err = spool_errno(mdb_get(spool->txn, spool->table[TABLE_DEAD], &k, &v));
	if (err)
		return err == -ENOENT ? -EIO : err;
	queue = queue_list_by_id(&spool->queues, spool_key_queue(key->mv_data));
	if (!queue)
		return -EIO;
	err = item_read(spool, TABLE_DEAD, &k, &v, &item);
	err = err == -EBADMSG ? item_drop(spool, TABLE_DEAD, key, queue) : item_remove(spool, &item);
	queue->queue.removed++;
	step->kept->removed++;
	return err;
}

static int remove_receipt(struct step *step, uint64_t id)
{
	struct spool_id_key key = spool_id_key(id);
	MDB_val k = { sizeof(key), &key };
	int result = mdb_del(step->spool->txn, step->spool->table[TABLE_DONE], &k, NULL);

	step->kept->forgotten++;
	return result == MDB_NOTFOUND ? -EIO : spool_errno(result);
}

// The first of a kind, if it came at `before_ms` or earlier.
static int first_due(struct step *step, enum spool_due kind, uint64_t before_ms, struct spool_due_key *key, MDB_val *v)
{
	struct spool_due_key from = spool_due_key(kind, 0, 0);
	MDB_val k = { sizeof(from), &from };
	MDB_cursor *cursor;
	int err = spool_errno(mdb_cursor_open(step->spool->txn, step->spool->table[TABLE_DUE], &cursor));

	if (err)
		return err == -ENOENT ? -EIO : err;
	err = spool_errno(mdb_cursor_get(cursor, &k, v, MDB_SET_RANGE));
	mdb_cursor_close(cursor);
	if (!err && k.mv_size != sizeof(*key))
		err = -EIO;
	if (err)
		return err;
	memcpy(key, k.mv_data, sizeof(*key));
	return key->kind == kind && spool_id_read(key->since_ms) <= before_ms ? 0 : -ENOENT;
}

static int remove_due(struct step *step, enum spool_due kind, uint64_t limit_ms)
{
	struct spool *spool = step->spool;
	int err = step->now_ms < limit_ms ? -ENOENT : 0;

	while (!err) {
		struct spool_due_key key;
		struct spool_key dead;
		MDB_val k = { sizeof(key), &key }, v;

		err = first_due(step, kind, step->now_ms - limit_ms, &key, &v);
		if (err)
			break;
		if (is_spent(step)) {
			step->kept->more = true;
			break;
		}
		step->left--;
		if (kind == DUE_DONE) {
			err = remove_receipt(step, spool_id_read(key.arrival));
		} else if (v.mv_size == sizeof(dead)) {
			memcpy(&dead, v.mv_data, sizeof(dead));
			err = remove_dead(step, &(MDB_val){ sizeof(dead), &dead });
		}
		if (!err) { // a dead letter takes it along, unless it was torn
			int result = mdb_del(spool->txn, spool->table[TABLE_DUE], &k, NULL);

			err = result == MDB_NOTFOUND ? 0 : spool_errno(result);
		}
	}
	return err == -ENOENT ? 0 : err;
}

int spool_keep(struct spool *spool, const struct spool_limits *limits, uint64_t now_ms, struct spool_kept *kept)
{
	struct step step = { .spool = spool, .now_ms = now_ms, .kept = kept, .left = STEP };
	int err = spool_begin(spool);

	*kept = (struct spool_kept){ 0 };
	if (err)
		return err;
	err = remove_due(&step, DUE_DONE, limits->done_ms);
	if (!err)
		err = remove_due(&step, DUE_DEAD, limits->dead_ms);
	if (!err)
		err = expire(&step, limits->waiting_ms);
	if (err) {
		*kept = (struct spool_kept){ 0 };
		return spool_give_up(spool, err);
	}
	if (step.left < STEP)
		return spool_commit(spool);
	spool_abort(spool);
	return 0;
}
