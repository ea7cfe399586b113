// SPDX-License-Identifier: BSD-3-Clause
#include "controlplane/spool_keep.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "controlplane/spool_audit.h"
#include "tests/kit/folder.h"
#include "tests/kit/spools.h"

static char *folder;
static struct spool *spool;
static const struct spool_limits limits = { .waiting_ms = 1000, .dead_ms = 5000, .done_ms = 2000 };

static int setup(void **state)
{
	(void)state;
	folder = folder_make();
	spool = spools_open(folder);
	return 0;
}

static int teardown(void **state)
{
	unsigned mended;
	char why[300];

	(void)state;
	assert_int_equal(spool_audit(spool, true, &mended, why, sizeof(why)), 0);
	assert_int_equal(mended, 0);
	spool_close(spool);
	folder_remove(folder);
	return 0;
}

// `n` messages, round the priorities, stored at `now_ms`.
static void store(unsigned n, uint64_t now_ms)
{
	assert_int_equal(spool_begin(spool), 0);
	for (unsigned i = 0; i < n; i++)
		spools_append(spool, "desk", i % WEIR_N_PRIORITIES, i, 10, now_ms);
	assert_int_equal(spool_commit(spool), 0);
}

static struct spool_kept keep(uint64_t now_ms)
{
	struct spool_kept kept;

	assert_int_equal(spool_keep(spool, &limits, now_ms, &kept), 0);
	return kept;
}

static struct spool_queue desk(void)
{
	return spools_queue(spool, "desk");
}

static int is_expired(const struct spool_dead_letter *letter, void *argument)
{
	(void)argument;
	assert_int_equal(letter->reason, SPOOL_DEAD_EXPIRED);
	return 0;
}

static void what_waits_too_long_is_dead_and_what_is_dead_too_long_is_gone(void **state)
{
	(void)state;
	store(8, 1000);
	store(4, 1500);
	assert_int_equal(keep(1999).expired, 0);
	assert_int_equal(keep(2000).expired, 8);
	assert_int_equal(keep(2000).expired, 0);
	assert_int_equal(desk().waiting, 4);
	assert_int_equal(desk().dead, 8);
	assert_int_equal(spool_dead(spool, "desk", (struct spool_place){ 0 }, 100, is_expired, NULL), 0);
	assert_int_equal(keep(6999).removed, 0);
	assert_int_equal(keep(7000).removed, 8);
	assert_int_equal(desk().removed, 8);
	assert_int_equal(desk().dead, 4);
}

static void a_receipt_is_known_for_so_long(void **state)
{
	struct spool_op op = { .kind = OP_CLAIM, .queue = "desk", .n = 1, .agent = "anna", .lease_ms = 10 };
	struct spool_op settle = { .kind = OP_SETTLE, .id = 1 };

	(void)state;
	store(1, 1000);
	assert_int_equal(spools_run(spool, &op, 1100), 0);
	memcpy(settle.token, op.claimed->token, sizeof(settle.token));
	spool_claimed_free(op.claimed);
	assert_int_equal(keep(9000).expired, 0); // it is leased
	assert_int_equal(spools_run(spool, &settle, 9000), 0);
	assert_int_equal(keep(10999).forgotten, 0);
	assert_int_equal(spools_run(spool, &settle, 9000), -EALREADY);
	assert_int_equal(keep(11000).forgotten, 1);
	assert_int_equal(spools_run(spool, &settle, 9000), -ENOENT);
	assert_int_equal(desk().acknowledged, 1);
}

static void many_go_by_steps(void **state)
{
	unsigned steps = 0, expired = 0;
	struct spool_kept kept;

	(void)state;
	store(1000, 1000);
	do {
		kept = keep(3000);
		expired += kept.expired;
		steps++;
	} while (kept.more);
	assert_int_equal(expired, 1000);
	assert_true(steps >= 4);
	for (steps = 0; keep(9000).more; steps++)
		;
	assert_true(steps >= 3);
	assert_int_equal(desk().removed, 1000);
}

static void a_revived_message_counts_from_then_and_hides_nothing_behind_it(void **state)
{
	struct spool_op op = { .kind = OP_REVIVE, .id = 1 };

	(void)state;
	store(1, 1000);
	assert_int_equal(keep(2000).expired, 1);
	assert_int_equal(spools_run(spool, &op, 3000), 0);
	assert_int_equal(spool_begin(spool), 0);
	spools_append(spool, "desk", 0, 7, 10, 2500);
	assert_int_equal(spool_commit(spool), 0);
	assert_int_equal(keep(3500).expired, 1);
	assert_int_equal(desk().waiting, 1);
	assert_int_equal(keep(4000).expired, 1);
	assert_int_equal(desk().waiting, 0);
}

static void a_clock_that_was_set_back_removes_nothing(void **state)
{
	(void)state;
	store(4, 100000);
	assert_int_equal(keep(0).expired, 0);
	assert_int_equal(keep(500).expired, 0);
	assert_int_equal(desk().waiting, 4);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_waits_too_long_is_dead_and_what_is_dead_too_long_is_gone),
		TEST(a_receipt_is_known_for_so_long),
		TEST(many_go_by_steps),
		TEST(a_revived_message_counts_from_then_and_hides_nothing_behind_it),
		TEST(a_clock_that_was_set_back_removes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
