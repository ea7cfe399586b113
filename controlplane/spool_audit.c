// SPDX-License-Identifier: BSD-3-Clause
//
// Checks of a spool on start. A batch of the writer's, committed where something was mended. Refuses what weir never
// writes: entries that belong to no queue, and leases that cannot be read.
#include "controlplane/spool_audit.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/log.h"
#include "controlplane/spool_move.h"

struct audit {
	struct spool *spool;
	unsigned mended;
	char *why;
	size_t why_size;
	// of the queue with the same index in the list
	struct count {
		uint64_t waiting_by[WEIR_N_PRIORITIES], leased, dead;
	} *counts;
};

static int refuse(struct audit *audit, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int refuse(struct audit *audit, const char *format, ...)
{
	va_list list;
	int n = snprintf(audit->why, audit->why_size, "%s: ", audit->spool->folder);

	va_start(list, format);
	if (n >= 0 && (size_t)n < audit->why_size)
		vsnprintf(audit->why + n, audit->why_size - (size_t)n, format, list);
	va_end(list);
	return -EBADMSG;
}

static uint64_t entries(const struct audit *audit, enum spool_table table)
{
	MDB_stat stat = { 0 };

	mdb_stat(audit->spool->txn, audit->spool->table[table], &stat);
	return stat.ms_entries;
}

// Calls `each` for every entry of a table.
static int each_entry(struct audit *audit, enum spool_table table,
		      int (*each)(struct audit *audit, const MDB_val *k, const MDB_val *v))
{
	MDB_cursor *cursor;
	MDB_val k, v;
	int err = spool_errno(mdb_cursor_open(audit->spool->txn, audit->spool->table[table], &cursor)), result;

	if (err)
		return err;
	for (result = mdb_cursor_get(cursor, &k, &v, MDB_FIRST); !result && !err;
	     result = mdb_cursor_get(cursor, &k, &v, MDB_NEXT))
		err = each(audit, &k, &v);
	mdb_cursor_close(cursor);
	return err || result == MDB_NOTFOUND ? err : spool_errno(result);
}

// Counts of the queue that a key of `messages` or `dead` is of; NULL where there is none.
static struct count *count_of(struct audit *audit, const MDB_val *k)
{
	const struct spool_key *key = k->mv_data;
	struct queue_entry *queue = NULL;

	if (k->mv_size == sizeof(*key) && key->priority < WEIR_N_PRIORITIES)
		queue = queue_list_by_id(&audit->spool->queues, spool_key_queue(key));
	return queue ? &audit->counts[queue - audit->spool->queues.entries] : NULL;
}

static int count_waiting(struct audit *audit, const MDB_val *k, const MDB_val *v)
{
	struct count *count = count_of(audit, k);

	(void)v;
	if (!count)
		return refuse(audit, "a message that waits is of no queue: move the spool away to begin a new one");
	count->waiting_by[((const struct spool_key *)k->mv_data)->priority]++;
	return 0;
}

static int count_dead(struct audit *audit, const MDB_val *k, const MDB_val *v)
{
	struct count *count = count_of(audit, k);

	(void)v;
	if (!count)
		return refuse(audit, "a dead letter is of no queue: move the spool away to begin a new one");
	count->dead++;
	return 0;
}

// A lease and the queue that it is of.
static int read_lease(struct audit *audit, const MDB_val *k, const MDB_val *v, struct queue_entry **queue, uint64_t *id)
{
	struct spool_lease lease;
	struct spool_names names;

	*id = k->mv_size == sizeof(struct spool_id_key) ? spool_id_read(k->mv_data) : 0;
	if (*id == 0 || spool_lease_parse(v->mv_data, v->mv_size, &lease, &names) < 0)
		return refuse(audit, "the lease of message %llu cannot be read: move the spool away to begin a new one",
			      (unsigned long long)*id);
	*queue = queue_list_find(&audit->spool->queues, names.queue);
	return *queue ? 0 : refuse(audit, "the leased message %llu is of no queue: move the spool away to begin a new "
				   "one", (unsigned long long)*id);
}

static int count_lease(struct audit *audit, const MDB_val *k, const MDB_val *v)
{
	struct queue_entry *queue;
	uint64_t id;
	int err = read_lease(audit, k, v, &queue, &id);

	if (!err)
		audit->counts[queue - audit->spool->queues.entries].leased++;
	return err;
}

static void mend_count(struct audit *audit, const char *queue, const char *what, uint64_t *has, uint64_t is)
{
	if (*has == is)
		return;
	log_warning("spool: queue \"%s\": %llu messages %s, not %llu: mended", queue, (unsigned long long)is, what,
		    (unsigned long long)*has);
	*has = is;
	audit->mended++;
}

static void mend_queue(struct audit *audit, struct queue_entry *entry, const struct count *count)
{
	struct spool_queue *queue = &entry->queue;
	unsigned before = audit->mended;
	uint64_t sum;

	for (unsigned p = 0; p < WEIR_N_PRIORITIES; p++)
		mend_count(audit, queue->name, "wait", &queue->waiting_by[p], count->waiting_by[p]);
	mend_count(audit, queue->name, "are leased", &queue->leased, count->leased);
	mend_count(audit, queue->name, "are dead", &queue->dead, count->dead);
	sum = spool_queue_waiting(queue->waiting_by) + queue->leased + queue->dead + queue->acknowledged;
	if (queue->stored < sum)
		mend_count(audit, queue->name, "were stored", &queue->stored, sum);
	mend_count(audit, queue->name, "were removed", &queue->removed, queue->stored - sum);
	entry->changed |= audit->mended != before;
}

static int recount(struct audit *audit)
{
	struct queue_list *queues = &audit->spool->queues;
	int err;

	audit->counts = calloc(queues->n + 1, sizeof(*audit->counts));
	err = audit->counts ? each_entry(audit, TABLE_MESSAGES, count_waiting) : -ENOMEM;
	if (!err)
		err = each_entry(audit, TABLE_DEAD, count_dead);
	if (!err)
		err = each_entry(audit, TABLE_LEASES, count_lease);
	for (uint32_t i = 0; i < queues->n && !err; i++)
		mend_queue(audit, &queues->entries[i], &audit->counts[i]);
	free(audit->counts);
	return err;
}

static bool sums_hold(const struct audit *audit)
{
	const struct queue_list *queues = &audit->spool->queues;
	uint64_t waiting = 0, leased = 0, dead = 0;

	for (uint32_t i = 0; i < queues->n; i++) {
		const struct spool_queue *queue = &queues->entries[i].queue;
		uint64_t here = spool_queue_waiting(queue->waiting_by);

		if (queue->stored != here + queue->leased + queue->dead + queue->acknowledged + queue->removed)
			return false;
		waiting += here;
		leased += queue->leased;
		dead += queue->dead;
	}
	return waiting == entries(audit, TABLE_MESSAGES) && leased == entries(audit, TABLE_LEASES) &&
	       dead == entries(audit, TABLE_DEAD);
}

static bool has_receipt(const struct audit *audit, uint64_t id)
{
	struct spool_id_key key = spool_id_key(id);
	MDB_val k = { sizeof(key), &key }, v;

	return mdb_get(audit->spool->txn, audit->spool->table[TABLE_DONE], &k, &v) == 0;
}

// Drops the leases of messages that are elsewhere too.
static int check_leases(struct audit *audit)
{
	struct spool *spool = audit->spool;
	uint64_t id = 0;

	for (;;) {
		struct spool_id_key from = spool_id_key(id + 1);
		MDB_val k = { sizeof(from), &from }, v;
		struct queue_entry *queue;
		MDB_cursor *cursor;
		bool settled;
		int err = spool_errno(mdb_cursor_open(spool->txn, spool->table[TABLE_LEASES], &cursor));

		if (err)
			return err;
		err = spool_errno(mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE));
		mdb_cursor_close(cursor);
		if (err)
			return err == -ENOENT ? 0 : err;
		err = read_lease(audit, &k, &v, &queue, &id);
		if (err)
			return err;
		settled = has_receipt(audit, id);
		if (!settled && !item_is_there(spool, TABLE_MESSAGES, id) && !item_is_there(spool, TABLE_DEAD, id))
			continue;
		log_warning("spool: message %llu is leased and %s: the lease is dropped", (unsigned long long)id,
			    settled ? "settled" : "waits or is dead");
		from = spool_id_key(id);
		k = (MDB_val){ sizeof(from), &from };
		err = spool_errno(mdb_del(spool->txn, spool->table[TABLE_LEASES], &k, NULL));
		if (err)
			return err;
		audit->mended++;
	}
}

static int put_due(struct audit *audit, struct spool_due_key due, MDB_val v)
{
	MDB_val k = { sizeof(due), &due };

	return spool_errno(mdb_put(audit->spool->txn, audit->spool->table[TABLE_DUE], &k, &v, 0));
}

static int put_dead_due(struct audit *audit, const MDB_val *k, const MDB_val *v)
{
	struct spool_dead_head head;

	if (v->mv_size < sizeof(head) || k->mv_size != sizeof(struct spool_key))
		return refuse(audit, "a dead letter cannot be read: move the spool away to begin a new one");
	memcpy(&head, v->mv_data, sizeof(head));
	return put_due(audit, spool_due_key(DUE_DEAD, head.since_ms, spool_key_arrival(k->mv_data)), *k);
}

static int put_done_due(struct audit *audit, const MDB_val *k, const MDB_val *v)
{
	struct spool_receipt receipt;

	if (k->mv_size != sizeof(struct spool_id_key) || spool_receipt_parse(v->mv_data, v->mv_size, &receipt) < 0)
		return refuse(audit, "a receipt cannot be read: move the spool away to begin a new one");
	return put_due(audit, spool_due_key(DUE_DONE, receipt.time_ms, spool_id_read(k->mv_data)),
		       (MDB_val){ 0, NULL });
}

static int check_due(struct audit *audit)
{
	int err;

	if (entries(audit, TABLE_DUE) == entries(audit, TABLE_DEAD) + entries(audit, TABLE_DONE))
		return 0;
	log_warning("spool: times of dead letters and receipts are missing: mended");
	audit->mended++;
	err = spool_errno(mdb_drop(audit->spool->txn, audit->spool->table[TABLE_DUE], 0));
	if (!err)
		err = each_entry(audit, TABLE_DEAD, put_dead_due);
	return err ? err : each_entry(audit, TABLE_DONE, put_done_due);
}

// The highest arrival number of a table whose keys are these, up to `key`; 0: none.
static uint64_t last_arrival(const struct audit *audit, enum spool_table table, const void *key, size_t size,
			     size_t prefix)
{
	MDB_val k = { size, (void *)(uintptr_t)key }, v;
	MDB_cursor *cursor;
	uint64_t arrival = 0;
	int result;

	if (mdb_cursor_open(audit->spool->txn, audit->spool->table[table], &cursor))
		return 0;
	result = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
	result = mdb_cursor_get(cursor, &k, &v, result ? MDB_LAST : MDB_PREV);
	if (!result && k.mv_size == size && memcmp(k.mv_data, key, prefix) == 0)
		arrival = spool_id_read((const uint8_t *)k.mv_data + prefix);
	mdb_cursor_close(cursor);
	return arrival;
}

static uint64_t highest_arrival(const struct audit *audit)
{
	static const enum spool_table by_id[] = { TABLE_LEASES, TABLE_DONE, TABLE_OUTBOX };
	static const enum spool_table by_queue[] = { TABLE_MESSAGES, TABLE_DEAD };
	const struct queue_list *queues = &audit->spool->queues;
	struct spool_id_key id = spool_id_key(UINT64_MAX);
	uint64_t highest = 0, arrival;

	for (unsigned t = 0; t < 3; t++) {
		arrival = last_arrival(audit, by_id[t], &id, sizeof(id), 0);
		highest = arrival > highest ? arrival : highest;
	}
	for (unsigned t = 0; t < 2; t++)
		for (uint32_t i = 0; i < queues->n * WEIR_N_PRIORITIES; i++) {
			struct spool_key key;

			spool_key_format(&key, queues->entries[i / WEIR_N_PRIORITIES].queue.id,
					 i % WEIR_N_PRIORITIES, UINT64_MAX);
			arrival = last_arrival(audit, by_queue[t], &key, sizeof(key), 5);
			highest = arrival > highest ? arrival : highest;
		}
	return highest;
}

// Numbers that are given out next must be above those in use.
static int check_numbers(struct audit *audit)
{
	struct spool_state *state = &audit->spool->state;
	const struct queue_list *queues = &audit->spool->queues;
	uint64_t arrival = highest_arrival(audit);

	for (uint32_t i = 0; i < queues->n; i++) {
		const struct spool_queue *queue = &queues->entries[i].queue;

		if (queue_list_by_id(queues, queue->id) != &queues->entries[i])
			return refuse(audit, "two queues have the number %u: move the spool away to begin a new one",
				      queue->id);
		if (queue->id < state->next_queue)
			continue;
		log_warning("spool: number %u of queue \"%s\" would have been given out again: mended", queue->id,
			    queue->name);
		state->next_queue = queue->id + 1;
		audit->mended++;
	}
	if (arrival < state->next_arrival)
		return 0;
	log_warning("spool: ids from %llu to %llu would have been given out again: mended",
		    (unsigned long long)state->next_arrival, (unsigned long long)arrival);
	state->next_arrival = arrival + 1;
	audit->mended++;
	return 0;
}

int spool_audit(struct spool *spool, bool deep, unsigned *mended, char *why, size_t why_size)
{
	struct audit audit = { .spool = spool, .why = why, .why_size = why_size };
	int err = spool_begin(spool);

	if (err)
		return err;
	err = check_numbers(&audit);
	if (!err)
		err = check_leases(&audit);
	if (!err && (deep || !sums_hold(&audit)))
		err = recount(&audit);
	if (!err)
		err = check_due(&audit);
	*mended = audit.mended;
	if (err)
		return spool_give_up(spool, err);
	if (audit.mended)
		return spool_commit(spool);
	spool_abort(spool);
	return 0;
}
