// SPDX-License-Identifier: BSD-3-Clause
//
// Spools for tests. Needs cmocka: what goes wrong here fails the test.
#include "tests/kit/spools.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/kit/segments.h"

struct spool *spools_open(const char *folder)
{
	char why[300];
	struct spool *spool = spool_open(folder, 16, false, why, sizeof(why));

	if (!spool)
		fail_msg("%s", why);
	return spool;
}

void spools_append(struct spool *spool, const char *queue, unsigned priority, uint32_t tenant, uint16_t length,
		   uint64_t now_ms)
{
	static const uint8_t payload[65000] = "payload";
	struct spool_message message = { .record = record_make(length), .stored_ns = now_ms * 1000000, .queue = queue,
					 .rule = "rule", .payload = payload };

	message.record.priority = (uint8_t)priority;
	message.record.tenant = tenant;
	assert_int_equal(spool_append(spool, &message), 0);
}

void spools_fill(struct spool *spool, uint64_t now_ms)
{
	assert_int_equal(spool_begin(spool), 0);
	spools_append(spool, "desk", WEIR_NORMAL, 101, 20, now_ms);
	spools_append(spool, "desk", WEIR_NORMAL, 102, 3000, now_ms);
	spools_append(spool, "desk", WEIR_EMERGENCY, 103, 0, now_ms);
	spools_append(spool, "desk", WEIR_NON_URGENT, 104, 20, now_ms);
	spools_append(spool, "other", WEIR_NORMAL, 105, 20, now_ms);
	assert_int_equal(spool_commit(spool), 0);
}

int spools_run(struct spool *spool, struct spool_op *op, uint64_t now_ms)
{
	int err;

	do {
		assert_int_equal(spool_begin(spool), 0);
		err = spool_op_run(spool, op, now_ms);
		assert_true(err == 0 || err == -EAGAIN);
		assert_int_equal(spool_commit(spool), 0);
	} while (err);
	return op->result;
}

struct spool_op spools_claim(struct spool *spool, const char *queue, uint64_t id, uint32_t n, uint64_t now_ms)
{
	struct spool_op op = { .kind = OP_CLAIM, .queue = queue, .id = id, .n = n, .agent = "anna", .lease_ms = 5000 };

	spools_run(spool, &op, now_ms);
	return op;
}

struct spool_op spools_claimed(struct spool *spool, uint64_t id, enum spool_op_kind kind, uint64_t now_ms)
{
	struct spool_op got = spools_claim(spool, "desk", id, 1, now_ms), op = { .kind = kind, .id = id };

	assert_int_equal(got.result, 0);
	assert_int_equal(got.n_claimed, 1);
	memcpy(op.token, got.claimed->token, sizeof(op.token));
	spool_claimed_free(got.claimed);
	return op;
}

int spools_note(const struct spool_message *message, void *argument)
{
	struct spools_ids *ids = argument;

	ids->id[ids->n] = message->arrival;
	ids->attempts[ids->n++] = message->attempts;
	return 0;
}

struct spool_queue spools_queue(struct spool *spool, const char *name)
{
	struct spool_queue queue;

	assert_int_equal(spool_queue_get(spool, name, &queue), 0);
	assert_int_equal(queue.stored,
			 queue.waiting + queue.leased + queue.dead + queue.acknowledged + queue.removed);
	return queue;
}

void spools_forge(const char *folder, const char *table, MDB_val key, const MDB_val *value)
{
	MDB_val v = value ? *value : (MDB_val){ 0, NULL };
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;

	assert_int_equal(mdb_env_create(&env), 0);
	mdb_env_set_maxdbs(env, 16);
	assert_int_equal(mdb_env_open(env, folder, 0, 0640), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, table, 0, &dbi), 0);
	assert_int_equal(value ? mdb_put(txn, dbi, &key, &v, 0) : mdb_del(txn, dbi, &key, NULL), 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}
