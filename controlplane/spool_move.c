// SPDX-License-Identifier: BSD-3-Clause
//
// Messages in hand of the spool's writer. A value is copied before its table changes: what LMDB shows of a
// page is gone with the next change of it.
#include "controlplane/spool_move.h"

#include <errno.h>
#include <string.h>

// Copies a message's value to the scratch, and parses it there.
static int take_value(struct spool *spool, const void *value, size_t size, struct spool_item *item)
{
	int err;

	if (size > SPOOL_VALUE_ROOM)
		return -EBADMSG;
	item->value = (struct spool_value *)(void *)(spool->scratch + SPOOL_HEAD_ROOM);
	item->size = size;
	memcpy(item->value, value, size);
	err = spool_value_parse(item->value, size, &item->message, &item->names);
	if (err)
		return err;
	item->message.arrival = item->id;
	item->queue = queue_list_find(&spool->queues, item->message.queue);
	if (!item->queue)
		return -EBADMSG;
	spool_key_format(&item->key, item->queue->queue.id, item->message.record.priority, item->id);
	return 0;
}

int item_read(struct spool *spool, enum spool_table where, const MDB_val *k, const MDB_val *v, struct spool_item *item)
{
	struct spool_dead_head head = { 0 };
	size_t skip = where == TABLE_DEAD ? sizeof(head) : 0;
	int err;

	item->where = where;
	if (k->mv_size != sizeof(item->key) || v->mv_size < skip)
		return -EBADMSG;
	memcpy(&head, v->mv_data, skip);
	if (skip && (head.version != SPOOL_HEAD_VERSION || head.reason >= SPOOL_N_DEATHS))
		return -EBADMSG;
	item->since_ms = head.since_ms;
	item->id = spool_key_arrival(k->mv_data);
	err = take_value(spool, (const uint8_t *)v->mv_data + skip, v->mv_size - skip, item);
	if (err)
		return err;
	return memcmp(&item->key, k->mv_data, sizeof(item->key)) == 0 ? 0 : -EBADMSG;
}

int item_first(struct spool *spool, const struct queue_entry *queue, struct spool_item *item)
{
	struct spool_key from;
	MDB_val k = { sizeof(from), &from }, v;
	MDB_cursor *cursor;
	int err = spool_errno(mdb_cursor_open(spool->txn, spool->table[TABLE_MESSAGES], &cursor));

	if (err)
		return err == -ENOENT ? -EIO : err;
	spool_key_format(&from, queue->queue.id, 0, 0);
	err = spool_errno(mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE));
	if (!err && (k.mv_size != sizeof(from) || spool_key_queue(k.mv_data) != queue->queue.id))
		err = -ENOENT;
	if (!err)
		err = item_read(spool, TABLE_MESSAGES, &k, &v, item);
	mdb_cursor_close(cursor);
	return err;
}

// By id in one queue: its priority is one of four.
static int find_in(struct spool *spool, enum spool_table table, uint32_t queue, uint64_t id, MDB_val *k, MDB_val *v)
{
	for (unsigned p = 0; p < WEIR_N_PRIORITIES; p++) {
		int result;

		spool_key_format(k->mv_data, queue, (uint8_t)p, id);
		result = mdb_get(spool->txn, spool->table[table], k, v);
		if (result != MDB_NOTFOUND)
			return spool_errno(result);
	}
	return -ENOENT;
}

static int find_value(struct spool *spool, enum spool_table table, const char *queue, uint64_t id, MDB_val *k,
		      MDB_val *v)
{
	const struct queue_entry *only = queue ? queue_list_find(&spool->queues, queue) : NULL;
	int err = only ? find_in(spool, table, only->queue.id, id, k, v) : -ENOENT;

	for (uint32_t i = 0; !queue && i < spool->queues.n && err == -ENOENT; i++)
		err = find_in(spool, table, spool->queues.entries[i].queue.id, id, k, v);
	return err;
}

int item_find(struct spool *spool, enum spool_table table, const char *queue, uint64_t id, struct spool_item *item)
{
	struct spool_key key;
	MDB_val k = { sizeof(key), &key }, v;
	int err = find_value(spool, table, queue, id, &k, &v);

	return err ? err : item_read(spool, table, &k, &v, item);
}

bool item_is_there(struct spool *spool, enum spool_table table, uint64_t id)
{
	struct spool_key key;
	MDB_val k = { sizeof(key), &key }, v;

	return find_value(spool, table, NULL, id, &k, &v) == 0;
}

int item_find_lease(struct spool *spool, uint64_t id, struct spool_item *item)
{
	struct spool_id_key key = spool_id_key(id);
	MDB_val k = { sizeof(key), &key }, v;
	int err = spool_errno(mdb_get(spool->txn, spool->table[TABLE_LEASES], &k, &v));
	struct spool_lease_head *head = &item->lease;
	const uint8_t *at;

	if (err)
		return err;
	item->where = TABLE_LEASES;
	item->id = id;
	at = v.mv_data;
	if (v.mv_size < sizeof(*head))
		return -EBADMSG;
	memcpy(head, at, sizeof(*head));
	if (head->version != SPOOL_HEAD_VERSION || head->agent_length < 1 || head->agent_length > SPOOL_AGENT_MAX ||
	    v.mv_size < sizeof(*head) + head->agent_length)
		return -EBADMSG;
	memcpy(item->agent, at + sizeof(*head), head->agent_length);
	item->agent[head->agent_length] = '\0';
	item->since_ms = head->since_ms;
	at += sizeof(*head) + head->agent_length;
	return take_value(spool, at, v.mv_size - sizeof(*head) - head->agent_length, item);
}

// The one of its queue's counts that says how many are in `where`.
static uint64_t *count_of(const struct spool_item *item, enum spool_table where)
{
	struct spool_queue *queue = &item->queue->queue;

	item->queue->changed = true;
	if (where == TABLE_LEASES)
		return &queue->leased;
	return where == TABLE_DEAD ? &queue->dead : &queue->waiting_by[item->message.record.priority];
}

int item_remove(struct spool *spool, const struct spool_item *item)
{
	struct spool_key key = item->key;
	struct spool_id_key id = spool_id_key(item->id);
	struct spool_due_key due = spool_due_key(DUE_DEAD, item->since_ms, item->id);
	MDB_val k = { sizeof(key), &key };
	int result;

	if (item->where == TABLE_LEASES)
		k = (MDB_val){ sizeof(id), &id };
	result = mdb_del(spool->txn, spool->table[item->where], &k, NULL);
	if (!result && item->where == TABLE_DEAD) {
		k = (MDB_val){ sizeof(due), &due };
		result = mdb_del(spool->txn, spool->table[TABLE_DUE], &k, NULL);
	}
	if (result)
		return result == MDB_NOTFOUND ? -EIO : spool_errno(result);
	--*count_of(item, item->where);
	spool->moved += item->size;
	return 0;
}

int item_drop(struct spool *spool, enum spool_table where, const MDB_val *k, struct queue_entry *queue)
{
	struct spool_key key;
	MDB_val copy = { sizeof(key), &key };
	int result;

	memcpy(&key, k->mv_data, sizeof(key)); // the caller checked its size
	result = mdb_del(spool->txn, spool->table[where], &copy, NULL);
	if (result)
		return result == MDB_NOTFOUND ? -EIO : spool_errno(result);
	queue->changed = true;
	if (where == TABLE_DEAD)
		queue->queue.dead--;
	else if (key.priority < WEIR_N_PRIORITIES)
		queue->queue.waiting_by[key.priority]--;
	return 0;
}

// Puts `head` and the message's value, in one piece, which the scratch has room for.
static int put(struct spool *spool, const struct spool_item *item, enum spool_table table, MDB_val key, size_t head)
{
	MDB_val v = { head + item->size, (uint8_t *)(void *)item->value - head };
	int result = mdb_put(spool->txn, spool->table[table], &key, &v, MDB_NOOVERWRITE);

	if (result)
		return result == MDB_KEYEXIST ? -EIO : spool_errno(result);
	++*count_of(item, table);
	return 0;
}

int item_put_waiting(struct spool *spool, const struct spool_item *item)
{
	struct spool_key key = item->key;

	return put(spool, item, TABLE_MESSAGES, (MDB_val){ sizeof(key), &key }, 0);
}

int item_put_lease(struct spool *spool, const struct spool_item *item)
{
	struct spool_id_key key = spool_id_key(item->id);
	struct spool_lease_head head = item->lease;
	size_t agent = strlen(item->agent), n = sizeof(head) + agent;
	uint8_t *at = (uint8_t *)(void *)item->value - n;

	static_assert(sizeof(head) + SPOOL_AGENT_MAX <= SPOOL_HEAD_ROOM, "before a value");
	head.version = SPOOL_HEAD_VERSION;
	head.agent_length = (uint8_t)agent;
	memcpy(at, &head, sizeof(head));
	memcpy(at + sizeof(head), item->agent, agent);
	return put(spool, item, TABLE_LEASES, (MDB_val){ sizeof(key), &key }, n);
}

int item_put_dead(struct spool *spool, const struct spool_item *item, enum spool_death reason, uint64_t now_ms)
{
	struct spool_dead_head head = { .version = SPOOL_HEAD_VERSION, .reason = (uint8_t)reason, .since_ms = now_ms };
	struct spool_due_key due = spool_due_key(DUE_DEAD, now_ms, item->id);
	struct spool_key key = item->key;
	MDB_val k = { sizeof(due), &due }, v = { sizeof(key), &key };
	int result = mdb_put(spool->txn, spool->table[TABLE_DUE], &k, &v, 0);

	if (result)
		return spool_errno(result);
	memcpy((uint8_t *)(void *)item->value - sizeof(head), &head, sizeof(head));
	return put(spool, item, TABLE_DEAD, (MDB_val){ sizeof(key), &key }, sizeof(head));
}
