// SPDX-License-Identifier: BSD-3-Clause
#include "controlplane/spool_look.h"

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

static void who_follows_a_queue_sees_what_came_wherever_it_is(void **state)
{
	struct spool_op bury = { .kind = OP_BURY, .id = 4, .forced = true }, settle;
	struct spool_since since = { .after = 0 };
	struct spool_sizes sizes;
	struct spools_ids ids = { 0 };
	uint64_t oldest[WEIR_N_PRIORITIES];

	(void)state;
	spools_fill(spool, now);
	assert_int_equal(spools_run(spool, &bury, now), 0);
	spools_claimed(spool, 1, OP_RETURN, now);
	settle = spools_claimed(spool, 3, OP_SETTLE, now);
	assert_int_equal(spools_run(spool, &settle, now), 0);
	assert_int_equal(spool_since(spool, "desk", &since, 16, spools_note, &ids), 0);
	assert_int_equal(since.last, 5);
	assert_int_equal(since.stored, 4);
	assert_int_equal(ids.n, 3);
	assert_memory_equal(ids.id, ((uint64_t[]){ 2, 1, 4 }), 24); // waiting, leased, dead
	since.after = 2;
	ids.n = 0;
	assert_int_equal(spool_since(spool, "desk", &since, 16, spools_note, &ids), 0);
	assert_int_equal(ids.n, 1);
	assert_int_equal(spool_since(spool, "none", &since, 16, spools_note, &ids), -ENOENT);
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
	struct spools_ids ids = { 0 };
	uint64_t oldest;

	(void)state;
	spools_fill(spool, now);
	assert_int_equal(spool_peek(spool, "desk", (struct spool_place){ 0 }, 2, spools_note, &ids), 0);
	assert_int_equal(ids.n, 2);
	assert_int_equal(spool_peek(spool, "desk", (struct spool_place){ WEIR_NORMAL, 1 }, 5, spools_note, &ids), 0);
	assert_int_equal(ids.n, 4);
	assert_memory_equal(ids.id, ((uint64_t[]){ 3, 1, 2, 4 }), 32);
	assert_int_equal(spool_peek(spool, "desk", (struct spool_place){ WEIR_NON_URGENT, 4 }, 5, spools_note, &ids), 0);
	assert_int_equal(spool_peek(spool, "none", (struct spool_place){ 0 }, 5, spools_note, &ids), -ENOENT);
	assert_int_equal(ids.n, 4);
	assert_int_equal(spool_oldest(spool, "desk", &oldest), 0);
	assert_int_equal(oldest, now * 1000000);
	assert_int_equal(spool_oldest(spool, "none", &oldest), -ENOENT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(who_follows_a_queue_sees_what_came_wherever_it_is),
		TEST(readers_go_on_behind_what_they_saw),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
