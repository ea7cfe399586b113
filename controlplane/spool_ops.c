// SPDX-License-Identifier: BSD-3-Clause
//
// Operations of agents and operators on the spool; claims are spool_claim.c's. Writer's thread, within a batch. An
// operation looks first and changes then: what it refuses has changed nothing, and what fails while it changes takes
// the batch with it.
#include "controlplane/spool_ops.h"

#include <errno.h>
#include <string.h>

#include "controlplane/spool_move.h"
#include "controlplane/spool_ops_parts.h"

enum { PURGE_STEP = 1000, PAYLOAD_MAX = 65507 };
static_assert(PAYLOAD_MAX + sizeof(struct spool_outbox_head) <= SPOOL_VALUE_ROOM, "an answer fits the scratch");

const char *spool_death_name(enum spool_death reason)
{
	static const char *const names[SPOOL_N_DEATHS] = {
#define X(name, text) [SPOOL_DEAD_##name] = text,
		SPOOL_DEATHS(X)
#undef X
	};

	return reason < SPOOL_N_DEATHS ? names[reason] : "?";
}

size_t spool_moved(const struct spool *spool)
{
	return spool->moved;
}

void spool_op_fail(struct spool_op *op, int err)
{
	spool_claimed_free(op->claimed);
	op->claimed = NULL;
	op->n_claimed = 0;
	op->n_removed = op->counted;
	op->result = err;
}

int op_refuse(struct spool_op *op, int err)
{
	op->result = err;
	return 0;
}

int op_not_found(struct spool_op *op, int err)
{
	return err == -ENOENT || err == -EBADMSG ? op_refuse(op, err) : err;
}

// Not by a shortcut that tells how much of a guess was right.
static bool same_token(const uint8_t a[SPOOL_TOKEN_SIZE], const uint8_t b[SPOOL_TOKEN_SIZE])
{
	unsigned differ = 0;

	for (unsigned i = 0; i < SPOOL_TOKEN_SIZE; i++)
		differ |= a[i] ^ b[i];
	return differ == 0;
}

// Why there is no such lease.
static int lease_gone(struct spool *spool, struct spool_op *op)
{
	struct spool_id_key key = spool_id_key(op->id);
	MDB_val k = { sizeof(key), &key }, v;
	struct spool_receipt receipt;
	int result = mdb_get(spool->txn, spool->table[TABLE_DONE], &k, &v);

	if (result && result != MDB_NOTFOUND)
		return spool_errno(result);
	if (!result && spool_receipt_parse(v.mv_data, v.mv_size, &receipt) == 0)
		return op_refuse(op, same_token(receipt.token, op->token) && !op->forced ? -EALREADY : -ESTALE);
	if (item_is_there(spool, TABLE_MESSAGES, op->id) || item_is_there(spool, TABLE_DEAD, op->id))
		return op_refuse(op, -ESTALE);
	return op_refuse(op, -ENOENT);
}

// Finds the lease that an operation names. Whether it may go on; else *err is what to return.
static bool find_lease(struct spool *spool, struct spool_op *op, struct spool_item *item, int *err)
{
	*err = item_find_lease(spool, op->id, item);
	if (*err == -ENOENT)
		*err = lease_gone(spool, op);
	else if (*err)
		*err = op_not_found(op, *err);
	else if (op->forced || op->overdue || same_token(op->token, item->lease.token))
		return true;
	else
		*err = op_refuse(op, -ESTALE);
	return false;
}

static int put_receipt(struct spool *spool, const struct spool_item *item, bool answered, uint64_t now_ms)
{
	struct {
		struct spool_receipt receipt;
		char agent[SPOOL_AGENT_MAX];
	} value = { .receipt = { .version = SPOOL_HEAD_VERSION, .answered = answered, .time_ms = now_ms } };
	struct spool_id_key key = spool_id_key(item->id);
	struct spool_due_key due = spool_due_key(DUE_DONE, now_ms, item->id);
	size_t agent = strlen(item->agent);
	MDB_val k = { sizeof(key), &key }, v = { sizeof(value.receipt) + agent, &value };
	int result;

	value.receipt.agent_length = (uint8_t)agent;
	memcpy(value.receipt.token, item->lease.token, sizeof(value.receipt.token));
	memcpy(value.agent, item->agent, agent);
	result = mdb_put(spool->txn, spool->table[TABLE_DONE], &k, &v, MDB_NOOVERWRITE);
	if (result)
		return result == MDB_KEYEXIST ? -EIO : spool_errno(result);
	k = (MDB_val){ sizeof(due), &due };
	v = (MDB_val){ 0, NULL };
	return spool_errno(mdb_put(spool->txn, spool->table[TABLE_DUE], &k, &v, 0));
}

// Builds the answer behind its head. Bytes of both, or what the answer's own function said.
static int build_answer(struct spool *spool, const struct spool_item *item, const struct spool_answer *answer,
			uint64_t now_ms)
{
	struct spool_outbox_head head = { .version = SPOOL_HEAD_VERSION, .since_ms = now_ms,
					  .record = item->message.record };
	int n = answer->build(&item->message, answer, spool->outgoing + sizeof(head), PAYLOAD_MAX,
			      &head.record.udp_source);

	if (n < 0)
		return n;
	if (n > PAYLOAD_MAX)
		return -EMSGSIZE;
	head.length = (uint16_t)n;
	memcpy(spool->outgoing, &head, sizeof(head));
	return (int)sizeof(head) + n;
}

static int put_answer(struct spool *spool, const struct spool_item *item, int size)
{
	struct spool_id_key key = spool_id_key(item->id);
	MDB_val k = { sizeof(key), &key }, v = { (size_t)size, spool->outgoing };

	spool->moved += (size_t)size;
	return spool_errno(mdb_put(spool->txn, spool->table[TABLE_OUTBOX], &k, &v, 0));
}

static int run_settle(struct spool *spool, struct spool_op *op, uint64_t now_ms)
{
	struct spool_item item;
	int err, size = 0;

	if (!find_lease(spool, op, &item, &err))
		return err;
	if (op->answer)
		size = build_answer(spool, &item, op->answer, now_ms);
	if (size < 0)
		return op_refuse(op, size);
	err = item_remove(spool, &item);
	if (!err)
		err = put_receipt(spool, &item, size > 0, now_ms);
	if (!err && size > 0)
		err = put_answer(spool, &item, size);
	item.queue->queue.acknowledged++;
	return err;
}

static int run_return(struct spool *spool, struct spool_op *op, uint64_t now_ms)
{
	struct spool_item item;
	int err;

	if (!find_lease(spool, op, &item, &err))
		return err;
	op->until_ms = item.lease.until_ms;
	if (op->overdue && op->until_ms > now_ms)
		return op_refuse(op, -EBUSY);
	if (op->uncounted && item.value->attempts > 0)
		item.value->attempts--;
	op->dead = !op->uncounted && op->retries > 0 && item.message.attempts >= op->retries;
	err = item_remove(spool, &item);
	if (err)
		return err;
	return op->dead ? item_put_dead(spool, &item, SPOOL_DEAD_RETRIES, now_ms) : item_put_waiting(spool, &item);
}

static int run_extend(struct spool *spool, struct spool_op *op, uint64_t now_ms)
{
	struct spool_item item;
	int err;

	if (op->lease_ms < 1 || op->lease_ms > LEASE_MAX_MS)
		return op_refuse(op, -EINVAL);
	if (!find_lease(spool, op, &item, &err))
		return err;
	item.lease.until_ms = now_ms + op->lease_ms;
	op->until_ms = item.lease.until_ms;
	err = item_remove(spool, &item);
	return err ? err : item_put_lease(spool, &item);
}

static int run_bury(struct spool *spool, struct spool_op *op, uint64_t now_ms)
{
	struct spool_item item;
	int err = op->forced ? item_find(spool, TABLE_MESSAGES, op->queue, op->id, &item) : -ENOENT;

	if (err && err != -ENOENT)
		return op_not_found(op, err);
	if (err && !find_lease(spool, op, &item, &err))
		return err;
	err = item_remove(spool, &item);
	return err ? err : item_put_dead(spool, &item, SPOOL_DEAD_BURIED, now_ms);
}

static int run_revive(struct spool *spool, struct spool_op *op, uint64_t now_ms)
{
	struct spool_item item;
	int err = item_find(spool, TABLE_DEAD, op->queue, op->id, &item);

	if (err)
		return op_not_found(op, err);
	err = item_remove(spool, &item);
	item.value->attempts = 0;
	item.value->stored_ns = now_ms * 1000000;
	return err ? err : item_put_waiting(spool, &item);
}

static int run_sent(struct spool *spool, struct spool_op *op, uint64_t now_ms)
{
	struct spool_id_key key = spool_id_key(op->id);
	MDB_val k = { sizeof(key), &key };
	int result = mdb_del(spool->txn, spool->table[TABLE_OUTBOX], &k, NULL);

	(void)now_ms;
	return result == MDB_NOTFOUND ? op_refuse(op, -ENOENT) : spool_errno(result);
}

// Removes messages of one priority that came before the purge did. -EAGAIN: there are more.
static int purge_some(struct spool *spool, struct spool_op *op, struct spool_item *item, unsigned *room)
{
	struct queue_entry *queue = queue_list_find(&spool->queues, op->queue);
	struct spool_key from = item->key;
	MDB_val k, v;
	MDB_cursor *cursor;
	int err = spool_errno(mdb_cursor_open(spool->txn, spool->table[item->where], &cursor));

	while (!err) {
		k = (MDB_val){ sizeof(from), &from };
		err = spool_errno(mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE));
		if (err || k.mv_size != sizeof(from) || memcmp(k.mv_data, &from, 5) != 0 ||
		    spool_key_arrival(k.mv_data) >= op->before)
			break;
		if (*room == 0 || spool->moved >= SPOOL_MOVE_MAX) {
			err = -EAGAIN;
			break;
		}
		err = item_read(spool, item->where, &k, &v, item);
		err = err == -EBADMSG ? item_drop(spool, item->where, &k, queue) : item_remove(spool, item);
		if (err)
			break;
		queue->queue.removed++;
		op->n_removed++;
		--*room;
	}
	mdb_cursor_close(cursor);
	return err == -ENOENT ? 0 : err;
}

static int run_purge(struct spool *spool, struct spool_op *op, uint64_t now_ms)
{
	static const enum spool_table tables[] = { TABLE_DEAD, TABLE_MESSAGES };
	struct queue_entry *queue = op->queue ? queue_list_find(&spool->queues, op->queue) : NULL;
	unsigned room = PURGE_STEP;
	int err = 0;

	(void)now_ms;
	if (!queue)
		return op_refuse(op, -ENOENT);
	if (!op->before)
		op->before = spool->state.next_arrival;
	op->counted = op->n_removed;
	for (unsigned t = 0; t < (op->dead_only ? 1 : 2); t++)
		for (unsigned p = 0; p < WEIR_N_PRIORITIES && !err; p++) {
			struct spool_item item = { .where = tables[t] };

			spool_key_format(&item.key, queue->queue.id, (uint8_t)p, 0);
			err = purge_some(spool, op, &item, &room);
		}
	return err;
}

static int run_forward(struct spool *spool, struct spool_op *op, uint64_t now_ms)
{
	struct spool_item item;
	int err = item_find(spool, TABLE_MESSAGES, op->queue, op->id, &item);

	(void)now_ms;
	if (err)
		return op_not_found(op, err);
	item.queue->queue.acknowledged++;
	return item_remove(spool, &item);
}

// The receipt, without a lease, is what tells an answer that comes again.
static int run_answer(struct spool *spool, struct spool_op *op, uint64_t now_ms)
{
	size_t agent = op->agent ? strnlen(op->agent, SPOOL_AGENT_MAX + 1) : 0;
	struct spool_item item = { .id = op->origin->arrival, .message = *op->origin };
	struct spool_id_key key = spool_id_key(item.id);
	MDB_val k = { sizeof(key), &key }, v;
	int result = mdb_get(spool->txn, spool->table[TABLE_DONE], &k, &v), size, err;

	if (agent < 1 || agent > SPOOL_AGENT_MAX)
		return op_refuse(op, -EINVAL);
	if (!result)
		return op_refuse(op, -EALREADY);
	if (result != MDB_NOTFOUND)
		return spool_errno(result);
	size = build_answer(spool, &item, op->answer, now_ms);
	if (size < 0)
		return op_refuse(op, size);
	memcpy(item.agent, op->agent, agent + 1);
	err = put_receipt(spool, &item, true, now_ms);
	return err ? err : put_answer(spool, &item, size);
}

int spool_op_run(struct spool *spool, struct spool_op *op, uint64_t now_ms)
{
	static int (*const run[])(struct spool *spool, struct spool_op *op, uint64_t now_ms) = {
		[OP_CLAIM] = op_claim, [OP_SETTLE] = run_settle, [OP_RETURN] = run_return, [OP_EXTEND] = run_extend,
		[OP_BURY] = run_bury, [OP_REVIVE] = run_revive, [OP_SENT] = run_sent, [OP_PURGE] = run_purge,
		[OP_FORWARD] = run_forward, [OP_ANSWER] = run_answer,
	};
	int err;

	op->result = 0;
	op->claimed = NULL;
	op->n_claimed = 0;
	err = run[op->kind](spool, op, now_ms);
	if (err && err != -EAGAIN)
		spool_op_fail(op, spool_give_up(spool, err));
	return err;
}
