// SPDX-License-Identifier: BSD-3-Clause
#include "controlplane/spool_ops.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/kit/folder.h"
#include "tests/kit/segments.h"
#include "tests/kit/spools.h"

static char *folder;
static struct spool *spool;
static uint64_t now = 1000000; // ms

static void reopen(void)
{
	spool_close(spool);
	spool = spools_open(folder);
}

static int setup(void **state)
{
	(void)state;
	folder = folder_make();
	spool = NULL;
	reopen();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	spool_close(spool);
	folder_remove(folder);
	return 0;
}

static void append(const char *queue, enum weir_priority priority, uint32_t tenant, uint16_t length)
{
	spools_append(spool, queue, priority, tenant, length, now);
}

static void fill(void)
{
	spools_fill(spool, now);
}

static int run(struct spool_op *op)
{
	return spools_run(spool, op, now);
}

static struct spool_op claim(const char *queue, uint64_t id, uint32_t n)
{
	return spools_claim(spool, queue, id, n, now);
}

static struct spool_op claimed(uint64_t id, enum spool_op_kind kind)
{
	return spools_claimed(spool, id, kind, now);
}

static struct spool_queue look(const char *name)
{
	return spools_queue(spool, name);
}

static struct spools_ids waiting(const char *queue)
{
	struct spools_ids ids = { 0 };

	assert_int_equal(spool_walk(spool, queue, spools_note, &ids), 0);
	return ids;
}

static int note_dead(const struct spool_dead_letter *letter, void *argument)
{
	assert_int_equal(letter->since_ms, now);
	assert_true(letter->reason == SPOOL_DEAD_RETRIES || letter->reason == SPOOL_DEAD_BURIED);
	return spools_note(&letter->message, argument);
}

static struct spools_ids dead(const char *queue)
{
	struct spools_ids ids = { 0 };

	assert_int_equal(spool_dead(spool, queue, (struct spool_place){ 0 }, 16, note_dead, &ids), 0);
	return ids;
}

static int check_lease(const struct spool_lease *lease, void *argument)
{
	const struct spool_op *op = argument;

	assert_int_equal(lease->message.arrival, op->id);
	assert_string_equal(lease->agent, "anna");
	assert_memory_equal(lease->token, op->token, SPOOL_TOKEN_SIZE);
	assert_int_equal(lease->until_ms, op->until_ms);
	assert_int_equal(lease->message.attempts, 1);
	return 1;
}

static void a_lease_survives_and_can_be_extended(void **state)
{
	struct spool_op op;

	(void)state;
	fill();
	op = claimed(1, OP_EXTEND);
	op.until_ms = now + 5000;
	reopen();
	assert_int_equal(spool_leases(spool, 0, 10, check_lease, &op), 1);
	op.lease_ms = 70000;
	assert_int_equal(run(&op), 0);
	assert_int_equal(op.until_ms, now + 70000);
	assert_int_equal(spool_leases(spool, 0, 10, check_lease, &op), 1);
	assert_int_equal(spool_leases(spool, 1, 10, check_lease, &op), 0);
	op.token[3] ^= 1;
	assert_int_equal(run(&op), -ESTALE);
	op.lease_ms = 0;
	assert_int_equal(run(&op), -EINVAL);
	assert_int_equal(look("desk").leased, 1);
}

static void a_lease_that_was_extended_at_the_last_moment_is_not_over(void **state)
{
	struct spool_op extend, end = { .kind = OP_RETURN, .id = 1, .overdue = true };

	(void)state;
	fill();
	extend = claimed(1, OP_EXTEND);
	now += 5000;
	extend.lease_ms = 70000;
	assert_int_equal(run(&extend), 0);
	assert_int_equal(run(&end), -EBUSY); // asked for before that was durable
	assert_int_equal(end.until_ms, extend.until_ms);
	assert_int_equal(look("desk").leased, 1);
	now += 70000;
	assert_int_equal(run(&end), 0);
	assert_int_equal(look("desk").leased, 0);
	assert_int_equal(waiting("desk").n, 4);
}

static void a_settled_message_is_gone_and_a_repeat_is_told_so(void **state)
{
	struct spool_op op, other;

	(void)state;
	fill();
	op = claimed(1, OP_SETTLE);
	other = op;
	other.token[0] ^= 1;
	assert_int_equal(run(&other), -ESTALE);
	assert_int_equal(run(&op), 0);
	assert_int_equal(run(&op), -EALREADY);
	assert_int_equal(run(&other), -ESTALE);
	reopen();
	assert_int_equal(run(&op), -EALREADY);
	op.kind = OP_RETURN;
	assert_int_equal(run(&op), -EALREADY);
	op.id = 99;
	assert_int_equal(run(&op), -ENOENT);
	op.id = 2; // waits
	assert_int_equal(run(&op), -ESTALE);
	assert_int_equal(look("desk").acknowledged, 1);
	assert_int_equal(look("desk").leased, 0);
	assert_int_equal(claim("desk", 1, 0).result, -ENOENT);
}

static void a_returned_message_waits_at_its_old_place(void **state)
{
	struct spool_op op;
	struct spools_ids ids;

	(void)state;
	fill();
	op = claimed(1, OP_RETURN);
	op.retries = 2;
	assert_int_equal(run(&op), 0);
	assert_false(op.dead);
	ids = waiting("desk");
	assert_int_equal(ids.n, 4);
	assert_memory_equal(ids.id, ((uint64_t[]){ 3, 1, 2, 4 }), 32);
	assert_memory_equal(ids.attempts, ((uint16_t[]){ 0, 1, 0, 0 }), 8);
	assert_int_equal(run(&op), -ESTALE);
	op.kind = OP_SETTLE;
	assert_int_equal(run(&op), -ESTALE);
}

static void a_lease_that_was_no_attempt_is_not_counted_as_one(void **state)
{
	struct spool_op op;

	(void)state;
	fill();
	for (int i = 0; i < 3; i++) {
		op = claimed(1, OP_RETURN);
		op.retries = 1;
		op.uncounted = true;
		assert_int_equal(run(&op), 0);
		assert_false(op.dead);
		assert_int_equal(waiting("desk").attempts[1], 0);
	}
}

static void a_message_that_was_tried_too_often_is_dead_until_it_is_revived(void **state)
{
	struct spool_op op, revive = { .kind = OP_REVIVE, .id = 1 };

	(void)state;
	fill();
	for (int i = 0; i < 2; i++) {
		op = claimed(1, OP_RETURN);
		op.retries = 2;
		op.forced = i == 1;
		memset(op.token, 0, i * sizeof(op.token));
		assert_int_equal(run(&op), 0);
		assert_int_equal(op.dead, i == 1);
	}
	assert_int_equal(look("desk").dead, 1);
	assert_int_equal(dead("desk").id[0], 1);
	assert_int_equal(dead("desk").attempts[0], 2);
	assert_int_equal(dead("other").n, 0);
	assert_int_equal(waiting("desk").n, 3);
	assert_int_equal(run(&op), -ESTALE);
	now += 10;
	assert_int_equal(run(&revive), 0);
	assert_int_equal(run(&revive), -ENOENT);
	assert_int_equal(waiting("desk").id[1], 1);
	assert_int_equal(waiting("desk").attempts[1], 0);
	assert_int_equal(look("desk").dead, 0);
}

static void a_message_is_buried_under_its_lease_or_by_force(void **state)
{
	struct spool_op op, waits = { .kind = OP_BURY, .id = 2 };

	(void)state;
	fill();
	op = claimed(1, OP_BURY);
	op.token[1] ^= 1;
	assert_int_equal(run(&op), -ESTALE);
	op.token[1] ^= 1;
	assert_int_equal(run(&op), 0);
	assert_int_equal(run(&waits), -ESTALE);
	waits.forced = true;
	assert_int_equal(run(&waits), 0);
	assert_int_equal(dead("desk").n, 2);
	assert_int_equal(look("desk").dead, 2);
	assert_int_equal(look("desk").waiting, 2);
	op = claimed(4, OP_BURY);
	op.forced = true;
	assert_int_equal(run(&op), 0);
	assert_int_equal(look("desk").dead, 3);
	waits.id = 77;
	assert_int_equal(run(&waits), -ENOENT);
}

static int build(const struct spool_message *message, const struct spool_answer *answer, uint8_t *to, size_t room,
		 uint16_t *port)
{
	assert_true(room >= 1u + answer->length);
	assert_memory_equal(message->payload, "payload", 8);
	if (answer->status == 99)
		return -EPROTONOSUPPORT;
	assert_int_equal(*port, message->record.udp_source);
	*port = 5061;
	to[0] = answer->status;
	memcpy(to + 1, answer->payload, answer->length);
	return 1 + answer->length;
}

static int check_outgoing(const struct spool_outgoing *outgoing, void *argument)
{
	assert_int_equal(outgoing->arrival, 1);
	assert_int_equal(outgoing->record.tenant, 101);
	assert_int_equal(outgoing->record.udp_source, 5061); // where build said
	assert_int_equal(outgoing->length, 6);
	assert_memory_equal(outgoing->payload, "\7hello", 6);
	++*(int *)argument;
	return 0;
}

static void an_answer_is_in_the_outbox_with_the_settlement_until_it_is_sent(void **state)
{
	struct spool_answer answer = { .build = build, .status = 99, .payload = "hello", .length = 5 };
	struct spool_op op, sent = { .kind = OP_SENT, .id = 1 };
	int n = 0;

	(void)state;
	fill();
	op = claimed(1, OP_SETTLE);
	op.answer = &answer;
	assert_int_equal(run(&op), -EPROTONOSUPPORT);
	assert_int_equal(look("desk").leased, 1);
	answer.status = 7;
	assert_int_equal(run(&op), 0);
	assert_int_equal(run(&op), -EALREADY);
	reopen();
	assert_int_equal(spool_outbox(spool, 0, 10, check_outgoing, &n), 0);
	assert_int_equal(spool_outbox(spool, 1, 10, check_outgoing, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(run(&sent), 0);
	assert_int_equal(run(&sent), -ENOENT);
	assert_int_equal(spool_outbox(spool, 0, 10, check_outgoing, &n), 0);
	assert_int_equal(n, 1);
}

static void a_forwarded_message_goes_without_a_receipt_and_counts_as_acknowledged(void **state)
{
	struct spool_op op = { .kind = OP_FORWARD, .queue = "desk", .id = 1 };

	(void)state;
	fill();
	assert_int_equal(run(&op), 0);
	assert_int_equal(run(&op), -ENOENT);
	assert_int_equal(look("desk").waiting, 3);
	assert_int_equal(look("desk").acknowledged, 1);
	op = claimed(2, OP_FORWARD);
	op.queue = "desk";
	assert_int_equal(run(&op), -ENOENT); // it is with an agent
	op.queue = "none";
	assert_int_equal(run(&op), -ENOENT);
	reopen();
	assert_int_equal(look("desk").waiting, 2);
}

static void an_answer_to_a_forwarded_message_goes_to_the_outbox_once(void **state)
{
	struct spool_answer answer = { .build = build, .status = 99, .payload = "hello", .length = 5 };
	struct spool_message origin = { .record = record_make(8), .queue = "gone", .rule = "rule", .payload = "payload",
					.arrival = 1 };
	struct spool_op op = { .kind = OP_ANSWER, .origin = &origin, .answer = &answer, .agent = "nats" };
	struct spool_op sent = { .kind = OP_SENT, .id = 1 };
	int n = 0;

	(void)state;
	origin.record.tenant = 101;
	assert_int_equal(run(&op), -EPROTONOSUPPORT);
	answer.status = 7;
	assert_int_equal(run(&op), 0);
	assert_int_equal(run(&op), -EALREADY);
	assert_int_equal(spool_outbox(spool, 0, 10, check_outgoing, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(run(&sent), 0);
	assert_int_equal(run(&op), -EALREADY);
	op.agent = "";
	assert_int_equal(run(&op), -EINVAL);
}

static void a_purge_removes_dead_letters_or_all_that_is_not_leased(void **state)
{
	struct spool_op op = { .kind = OP_PURGE, .queue = "desk", .dead_only = true };
	struct spool_op lease, bury = { .kind = OP_BURY, .id = 2, .forced = true };

	(void)state;
	fill();
	assert_int_equal(run(&bury), 0);
	lease = claimed(1, OP_SETTLE);
	assert_int_equal(run(&op), 0);
	assert_int_equal(op.n_removed, 1);
	assert_int_equal(look("desk").dead, 0);
	assert_int_equal(look("desk").waiting, 2);
	op = (struct spool_op){ .kind = OP_PURGE, .queue = "desk" };
	assert_int_equal(run(&op), 0);
	assert_int_equal(op.n_removed, 2);
	assert_int_equal(look("desk").removed, 3);
	assert_int_equal(run(&lease), 0);
	assert_int_equal(look("other").waiting, 1);
	op.queue = "none";
	assert_int_equal(run(&op), -ENOENT);
}

static void a_purge_of_many_goes_by_parts_and_leaves_what_comes_later(void **state)
{
	struct spool_op op = { .kind = OP_PURGE, .queue = "desk" };
	unsigned parts = 0;
	int err;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(spool_begin(spool), 0);
		for (unsigned j = 0; j < 1000; j++)
			append("desk", j % 4, j, 10);
		assert_int_equal(spool_commit(spool), 0);
	}
	do {
		assert_int_equal(spool_begin(spool), 0);
		err = spool_op_run(spool, &op, now);
		append("desk", parts % 4, 1, 10);
		assert_int_equal(spool_commit(spool), 0);
		parts++;
	} while (err == -EAGAIN);
	assert_int_equal(err, 0);
	assert_int_equal(op.n_removed, 3000);
	assert_true(parts >= 3);
	assert_int_equal(look("desk").waiting, parts);
}

static void an_operation_of_a_batch_that_is_given_up_changes_nothing(void **state)
{
	struct spool_op op = { .kind = OP_CLAIM, .queue = "desk", .n = 2, .agent = "anna", .lease_ms = 5000 };

	(void)state;
	fill();
	assert_int_equal(spool_begin(spool), 0);
	assert_int_equal(spool_op_run(spool, &op, now), 0);
	spool_abort(spool);
	spool_op_fail(&op, -EIO);
	assert_int_equal(op.result, -EIO);
	assert_null(op.claimed);
	assert_int_equal(look("desk").waiting, 4);
	assert_int_equal(waiting("desk").n, 4);
	op = claim("desk", 0, 10);
	assert_int_equal(op.n_claimed, 4);
	spool_claimed_free(op.claimed);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_lease_survives_and_can_be_extended),
		TEST(a_lease_that_was_extended_at_the_last_moment_is_not_over),
		TEST(a_settled_message_is_gone_and_a_repeat_is_told_so),
		TEST(a_returned_message_waits_at_its_old_place),
		TEST(a_lease_that_was_no_attempt_is_not_counted_as_one),
		TEST(a_message_that_was_tried_too_often_is_dead_until_it_is_revived),
		TEST(a_message_is_buried_under_its_lease_or_by_force),
		TEST(an_answer_is_in_the_outbox_with_the_settlement_until_it_is_sent),
		TEST(a_forwarded_message_goes_without_a_receipt_and_counts_as_acknowledged),
		TEST(an_answer_to_a_forwarded_message_goes_to_the_outbox_once),
		TEST(a_purge_removes_dead_letters_or_all_that_is_not_leased),
		TEST(a_purge_of_many_goes_by_parts_and_leaves_what_comes_later),
		TEST(an_operation_of_a_batch_that_is_given_up_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
