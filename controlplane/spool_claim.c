// SPDX-License-Identifier: BSD-3-Clause
//
// OP_CLAIM: leases waiting messages to an agent, one by its id or the next of a queue, and copies each for who asked.
// Writer's thread, within a batch. What memory is out for stays where it was; what was leased before it stays leased.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "controlplane/spool_move.h"
#include "controlplane/spool_ops_parts.h"

void spool_claimed_free(struct spool_claimed *claimed)
{
	while (claimed) {
		struct spool_claimed *next = claimed->next;

		free(claimed);
		claimed = next;
	}
}

// A copy of a message in hand, with its lease, in one allocation.
static struct spool_claimed *copy_claimed(const struct spool_item *item)
{
	size_t queue = strlen(item->message.queue) + 1, rule = strlen(item->message.rule) + 1;
	uint16_t payload = item->message.record.payload_length;
	struct spool_claimed *claimed = malloc(sizeof(*claimed) + queue + rule + payload);
	char *at;

	if (!claimed)
		return NULL;
	at = (char *)(claimed + 1);
	*claimed = (struct spool_claimed){ .until_ms = item->lease.until_ms, .message = item->message };
	memcpy(claimed->token, item->lease.token, sizeof(claimed->token));
	claimed->message.queue = memcpy(at, item->message.queue, queue);
	claimed->message.rule = memcpy(at + queue, item->message.rule, rule);
	claimed->message.payload = memcpy(at + queue + rule, item->message.payload, payload);
	return claimed;
}

// Makes the lease of the message in hand, and the copy of both that the agent gets. -ENOMEM has changed nothing.
static int make_lease(const struct spool_op *op, struct spool_item *item, uint64_t now_ms,
		      struct spool_claimed **claimed)
{
	item->lease = (struct spool_lease_head){ .since_ms = now_ms, .until_ms = now_ms + op->lease_ms };
	if (getrandom(item->lease.token, sizeof(item->lease.token), 0) != sizeof(item->lease.token))
		return -ENOMEM;
	memcpy(item->agent, op->agent, strlen(op->agent) + 1);
	item->value->attempts += item->value->attempts < UINT16_MAX;
	item->message.attempts = item->value->attempts;
	*claimed = copy_claimed(item);
	return *claimed ? 0 : -ENOMEM;
}

static int move_to_leases(struct spool *spool, struct spool_op *op, const struct spool_item *item)
{
	int err = item_remove(spool, item);

	op->n_claimed++;
	return err ? err : item_put_lease(spool, item);
}

static int claim_one(struct spool *spool, struct spool_op *op, uint64_t now_ms)
{
	struct spool_id_key key = spool_id_key(op->id);
	MDB_val k = { sizeof(key), &key }, v;
	struct spool_item item;
	int err = item_find(spool, TABLE_MESSAGES, op->queue, op->id, &item);

	if (err == -ENOENT && mdb_get(spool->txn, spool->table[TABLE_LEASES], &k, &v) == 0)
		return op_refuse(op, -EBUSY);
	if (err)
		return op_not_found(op, err);
	err = make_lease(op, &item, now_ms, &op->claimed);
	return err ? op_refuse(op, err) : move_to_leases(spool, op, &item);
}

static int claim_next(struct spool *spool, struct spool_op *op, uint64_t now_ms)
{
	const struct queue_entry *queue = queue_list_find(&spool->queues, op->queue);
	struct spool_claimed **end = &op->claimed;

	if (!queue)
		return op_refuse(op, -ENOENT);
	while (op->n_claimed < op->n && (op->n_claimed == 0 || spool->moved < SPOOL_MOVE_MAX)) {
		struct spool_item item;
		int err = item_first(spool, queue, &item), refused = 0;

		if (err == -ENOENT)
			return 0;
		if (err && err != -EBADMSG)
			return err;
		refused = err ? err : make_lease(op, &item, now_ms, end);
		if (refused)
			return op->n_claimed ? 0 : op_refuse(op, refused);
		err = move_to_leases(spool, op, &item);
		if (err)
			return err;
		end = &(*end)->next;
	}
	return 0;
}

int op_claim(struct spool *spool, struct spool_op *op, uint64_t now_ms)
{
	size_t agent = op->agent ? strnlen(op->agent, SPOOL_AGENT_MAX + 1) : 0;

	if (agent < 1 || agent > SPOOL_AGENT_MAX || op->lease_ms < 1 || op->lease_ms > LEASE_MAX_MS)
		return op_refuse(op, -EINVAL);
	if (op->id)
		return claim_one(spool, op, now_ms);
	if (!op->queue || op->n < 1 || op->n > SPOOL_CLAIM_MAX)
		return op_refuse(op, -EINVAL);
	return claim_next(spool, op, now_ms);
}
