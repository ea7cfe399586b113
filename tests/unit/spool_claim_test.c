// SPDX-License-Identifier: BSD-3-Clause
#include "controlplane/spool_ops.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/kit/folder.h"
#include "tests/kit/spools.h"

static const uint64_t now = 1000000; // ms
static char *folder;
static struct spool *spool;

static int setup(void **state)
{
	(void)state;
	folder = folder_make();
	spool = spools_open(folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	spool_close(spool);
	folder_remove(folder);
	return 0;
}

static struct spool_op claim(const char *queue, uint64_t id, uint32_t n)
{
	return spools_claim(spool, queue, id, n, now);
}

static void claims_go_by_priority_and_then_by_arrival(void **state)
{
	struct spool_op op;
	struct spool_claimed *second;

	(void)state;
	spools_fill(spool, now);
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
	assert_int_equal(spools_queue(spool, "desk").waiting, 1);
	assert_int_equal(spools_queue(spool, "desk").leased, 3);
	assert_int_equal(spools_queue(spool, "other").waiting, 1);
}

static void a_claim_by_id_takes_that_message_from_its_queue_or_says_why_not(void **state)
{
	struct spool_op op;

	(void)state;
	spools_fill(spool, now);
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
	spools_fill(spool, now);
	assert_int_equal(claim("none", 0, 1).result, -ENOENT);
	assert_int_equal(claim("desk", 0, 0).result, -EINVAL);
	assert_int_equal(claim("desk", 0, SPOOL_CLAIM_MAX + 1).result, -EINVAL);
	assert_int_equal(claim(NULL, 0, 1).result, -EINVAL);
	assert_int_equal(spools_run(spool, &op, now), -EINVAL);
	op.agent = "";
	assert_int_equal(spools_run(spool, &op, now), -EINVAL);
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	op.agent = name;
	assert_int_equal(spools_run(spool, &op, now), -EINVAL);
	op.agent = name + 1;
	op.lease_ms = 0;
	assert_int_equal(spools_run(spool, &op, now), -EINVAL);
	op.lease_ms = UINT32_MAX;
	assert_int_equal(spools_run(spool, &op, now), -EINVAL);
	op.lease_ms = 10;
	assert_int_equal(spools_run(spool, &op, now), 0);
	spool_claimed_free(op.claimed);
	spool_claimed_free(claim("desk", 0, 10).claimed);
	assert_int_equal(claim("desk", 0, 10).result, 0);
	assert_null(claim("desk", 0, 10).claimed);
}

static void a_claim_of_large_messages_gives_fewer(void **state)
{
	struct spool_op op;
	unsigned n;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(spool_begin(spool), 0);
		for (unsigned j = 0; j < 25; j++)
			spools_append(spool, "desk", WEIR_NORMAL, j, 65000, now);
		assert_int_equal(spool_commit(spool), 0);
	}
	op = claim("desk", 0, SPOOL_CLAIM_MAX);
	n = op.n_claimed;
	assert_in_range(n, 1, 99);
	assert_in_range(n * 65000, SPOOL_MOVE_MAX - 65000, SPOOL_MOVE_MAX + 65000);
	spool_claimed_free(op.claimed);
	assert_int_equal(spools_queue(spool, "desk").leased, n);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(claims_go_by_priority_and_then_by_arrival),
		TEST(a_claim_by_id_takes_that_message_from_its_queue_or_says_why_not),
		TEST(claims_of_nothing_or_of_no_sense_are_refused),
		TEST(a_claim_of_large_messages_gives_fewer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
