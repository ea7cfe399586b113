// SPDX-License-Identifier: BSD-3-Clause
// lint: allow file-size each operation has its cases here
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

// Messages 1 to 4 of "desk", in the order 3 (emergency), 1, 2, 4; 5 of "other".
static void fill(void)
{
	assert_int_equal(spool_begin(spool), 0);
	append("desk", WEIR_NORMAL, 101, 20);
	append("desk", WEIR_NORMAL, 102, 3000);
	append("desk", WEIR_EMERGENCY, 103, 0);
	append("desk", WEIR_NON_URGENT, 104, 20);
	append("other", WEIR_NORMAL, 105, 20);
	assert_int_equal(spool_commit(spool), 0);
}

static int run(struct spool_op *op)
{
	return spools_run(spool, op, now);
}

static struct spool_op claim(const char *queue, uint64_t id, uint32_t n)
{
	struct spool_op op = { .kind = OP_CLAIM, .queue = queue, .id = id, .n = n, .agent = "anna", .lease_ms = 5000 };

	run(&op);
	return op;
}

// Claims one and forgets all but its token.
static struct spool_op claimed(uint64_t id, enum spool_op_kind kind)
{
	struct spool_op got = claim("desk", id, 1), op = { .kind = kind, .id = id };

	assert_int_equal(got.result, 0);
	assert_int_equal(got.n_claimed, 1);
	memcpy(op.token, got.claimed->token, sizeof(op.token));
	spool_claimed_free(got.claimed);
	return op;
}

static struct spool_queue look(const char *name)
{
	return spools_queue(spool, name);
}

struct ids {
	unsigned n;
	uint64_t id[16];
	uint16_t attempts[16];
};

static int note(const struct spool_message *message, void *argument)
{
	struct ids *ids = argument;

	ids->id[ids->n] = message->arrival;
	ids->attempts[ids->n++] = message->attempts;
	return 0;
}

static struct ids waiting(const char *queue)
{
	struct ids ids = { 0 };

	assert_int_equal(spool_walk(spool, queue, note, &ids), 0);
	return ids;
}

static int note_dead(const struct spool_dead_letter *letter, void *argument)
{
	assert_int_equal(letter->since_ms, now);
	assert_true(letter->reason == SPOOL_DEAD_RETRIES || letter->reason == SPOOL_DEAD_BURIED);
	return note(&letter->message, argument);
}

static struct ids dead(const char *queue)
{
	struct ids ids = { 0 };

	assert_int_equal(spool_dead(spool, queue, (struct spool_place){ 0 }, 16, note_dead, &ids), 0);
	return ids;
}

static void claims_go_by_priority_and_then_by_arrival(void **state)
{
	struct spool_op op;
	struct spool_claimed *second;

	(void)state;
	fill();
	op = claim("desk", 0, 3);
	assert_int_equal(op.result, 0);
	assert_int_equal(op.n_claimed, 3);
	second = op.claimed->next;
	assert_int_equal(op.claimed->message.arrival, 3);
	assert_int_equal(second->message.arrival, 1);
	assert_int_equal(second->next->message.arrival, 2);
	assert_null(second->next->next);
	assert_int_equal(second->until_ms, now + 5000);
	assert_int_equal(second->message.attempts, 1);
	assert_int_equal(second->message.record.tenant, 101);
	assert_string_equal(second->message.queue, "desk");
	assert_string_equal(second->message.rule, "rule");
	assert_memory_equal(second->message.payload, "payload", 8);
	assert_int_equal(second->next->message.record.payload_length, 3000);
	assert_memory_not_equal(second->token, second->next->token, SPOOL_TOKEN_SIZE);
	spool_claimed_free(op.claimed);
	assert_int_equal(look("desk").waiting, 1);
	assert_int_equal(look("desk").leased, 3);
	assert_int_equal(look("other").waiting, 1);
}

static void a_claim_by_id_takes_that_message_from_its_queue_or_says_why_not(void **state)
{
	struct spool_op op;

	(void)state;
	fill();
	op = claim("desk", 2, 0);
	assert_int_equal(op.result, 0);
	assert_int_equal(op.claimed->message.arrival, 2);
	spool_claimed_free(op.claimed);
	assert_int_equal(claim("desk", 2, 0).result, -EBUSY);
	assert_int_equal(claim("desk", 5, 0).result, -ENOENT);
	assert_int_equal(claim("none", 1, 0).result, -ENOENT);
	op = claim(NULL, 5, 0);
	assert_int_equal(op.result, 0);
	assert_string_equal(op.claimed->message.queue, "other");
	spool_claimed_free(op.claimed);
	assert_int_equal(claim(NULL, 77, 0).result, -ENOENT);
}

static void claims_of_nothing_or_of_no_sense_are_refused(void **state)
{
	struct spool_op op = { .kind = OP_CLAIM, .queue = "desk", .n = 1, .lease_ms = 10 };
	char name[SPOOL_AGENT_MAX + 2];

	(void)state;
	fill();
	assert_int_equal(claim("none", 0, 1).result, -ENOENT);
	assert_int_equal(claim("desk", 0, 0).result, -EINVAL);
	assert_int_equal(claim("desk", 0, SPOOL_CLAIM_MAX + 1).result, -EINVAL);
	assert_int_equal(claim(NULL, 0, 1).result, -EINVAL);
	assert_int_equal(run(&op), -EINVAL);
	op.agent = "";
	assert_int_equal(run(&op), -EINVAL);
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	op.agent = name;
	assert_int_equal(run(&op), -EINVAL);
	op.agent = name + 1;
	op.lease_ms = 0;
	assert_int_equal(run(&op), -EINVAL);
	op.lease_ms = UINT32_MAX;
	assert_int_equal(run(&op), -EINVAL);
	op.lease_ms = 10;
	assert_int_equal(run(&op), 0);
	spool_claimed_free(op.claimed);
	spool_claimed_free(claim("desk", 0, 10).claimed);
	assert_int_equal(claim("desk", 0, 10).result, 0);
	assert_null(claim("desk", 0, 10).claimed);
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
	struct ids ids;

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

static void a_claim_of_large_messages_gives_fewer(void **state)
{
	struct spool_op op;
	unsigned n;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(spool_begin(spool), 0);
		for (unsigned j = 0; j < 25; j++)
			append("desk", WEIR_NORMAL, j, 65000);
		assert_int_equal(spool_commit(spool), 0);
	}
	op = claim("desk", 0, SPOOL_CLAIM_MAX);
	n = op.n_claimed;
	assert_in_range(n, 1, 99);
	assert_in_range(n * 65000, SPOOL_MOVE_MAX - 65000, SPOOL_MOVE_MAX + 65000);
	spool_claimed_free(op.claimed);
	assert_int_equal(look("desk").leased, n);
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

static void who_follows_a_queue_sees_what_came_wherever_it_is(void **state)
{
	struct spool_op bury = { .kind = OP_BURY, .id = 4, .forced = true }, settle;
	struct spool_since since = { .after = 0 };
	struct spool_sizes sizes;
	struct ids ids = { 0 };
	uint64_t oldest[WEIR_N_PRIORITIES];

	(void)state;
	fill();
	assert_int_equal(run(&bury), 0);
	claimed(1, OP_RETURN);
	settle = claimed(3, OP_SETTLE);
	assert_int_equal(run(&settle), 0);
	assert_int_equal(spool_since(spool, "desk", &since, 16, note, &ids), 0);
	assert_int_equal(since.last, 5);
	assert_int_equal(since.stored, 4);
	assert_int_equal(ids.n, 3);
	assert_memory_equal(ids.id, ((uint64_t[]){ 2, 1, 4 }), 24); // waiting, leased, dead
	since.after = 2;
	ids.n = 0;
	assert_int_equal(spool_since(spool, "desk", &since, 16, note, &ids), 0);
	assert_int_equal(ids.n, 1);
	assert_int_equal(spool_since(spool, "none", &since, 16, note, &ids), -ENOENT);
	assert_int_equal(since.last, 5);
	assert_int_equal(spool_sizes(spool, &sizes), 0);
	assert_int_equal(sizes.waiting, 2);
	assert_int_equal(sizes.leased, 1);
	assert_int_equal(sizes.dead, 1);
	assert_int_equal(sizes.receipts, 1);
	assert_true(sizes.used_bytes > 0 && sizes.used_bytes <= sizes.file_bytes);
	assert_int_equal(spool_oldest_by(spool, "desk", oldest), 0);
	assert_int_equal(oldest[WEIR_NORMAL], now * 1000000);
	assert_int_equal(oldest[WEIR_EMERGENCY], 0);
	assert_int_equal(oldest[WEIR_NON_URGENT], 0);
}

static void readers_go_on_behind_what_they_saw(void **state)
{
	struct ids ids = { 0 };
	uint64_t oldest;

	(void)state;
	fill();
	assert_int_equal(spool_peek(spool, "desk", (struct spool_place){ 0 }, 2, note, &ids), 0);
	assert_int_equal(ids.n, 2);
	assert_int_equal(spool_peek(spool, "desk", (struct spool_place){ WEIR_NORMAL, 1 }, 5, note, &ids), 0);
	assert_int_equal(ids.n, 4);
	assert_memory_equal(ids.id, ((uint64_t[]){ 3, 1, 2, 4 }), 32);
	assert_int_equal(spool_peek(spool, "desk", (struct spool_place){ WEIR_NON_URGENT, 4 }, 5, note, &ids), 0);
	assert_int_equal(spool_peek(spool, "none", (struct spool_place){ 0 }, 5, note, &ids), -ENOENT);
	assert_int_equal(ids.n, 4);
	assert_int_equal(spool_oldest(spool, "desk", &oldest), 0);
	assert_int_equal(oldest, now * 1000000);
	assert_int_equal(spool_oldest(spool, "none", &oldest), -ENOENT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(claims_go_by_priority_and_then_by_arrival),
		TEST(a_claim_by_id_takes_that_message_from_its_queue_or_says_why_not),
		TEST(claims_of_nothing_or_of_no_sense_are_refused),
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
		TEST(a_claim_of_large_messages_gives_fewer),
		TEST(an_operation_of_a_batch_that_is_given_up_changes_nothing),
		TEST(who_follows_a_queue_sees_what_came_wherever_it_is),
		TEST(readers_go_on_behind_what_they_saw),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
