// SPDX-License-Identifier: BSD-3-Clause
//
// The room that a spool has: of its limit, of the disk, and of its file.
#include "controlplane/spool_look.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "tests/kit/folder.h"
#include "tests/kit/segments.h"
#include "tests/kit/spools.h"

static char *folder;
static struct spool *spool;
static char why[300];

static void reopen(uint32_t size_mb)
{
	spool_close(spool);
	spool = spool_open(folder, size_mb, false, why, sizeof(why));
	assert_non_null(spool);
}

static int setup(void **state)
{
	(void)state;
	folder = folder_make();
	spool = NULL;
	reopen(8);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	spool_close(spool);
	folder_remove(folder);
	return 0;
}

static int append(const char *queue, uint16_t length)
{
	static const uint8_t payload[30000];
	const struct spool_message message = { .record = record_make(length), .stored_ns = 77, .queue = queue,
					       .rule = "some rule", .payload = payload };

	return spool_append(spool, &message);
}

static int count_one(const struct spool_message *message, void *argument)
{
	(void)message;
	++*(unsigned *)argument;
	return 0;
}

static unsigned count(const char *queue)
{
	unsigned n = 0;

	assert_int_equal(spool_walk(spool, queue, count_one, &n), 0);
	return n;
}

// Appends batches until one fails; returns its error and how many were stored.
static int fill(unsigned *stored)
{
	for (*stored = 0;; (*stored)++) {
		int err = spool_begin(spool);

		if (!err)
			err = append("desk", 30000);
		if (!err)
			err = spool_commit(spool);
		if (err) {
			spool_abort(spool);
			return err;
		}
	}
}

static void a_full_spool_says_so_loses_nothing_and_goes_on_with_more_room(void **state)
{
	unsigned stored, more;

	(void)state;
	reopen(1);
	assert_int_equal(fill(&stored), -EDQUOT);
	assert_true(stored > 5);
	assert_int_equal(count("desk"), stored);
	assert_int_equal(fill(&more), -EDQUOT);
	reopen(2);
	assert_int_equal(count("desk"), stored + more);
	assert_int_equal(fill(&stored), -EDQUOT);
	assert_true(stored > 5);
}

static void agents_empty_a_full_spool_and_then_it_takes_messages_again(void **state)
{
	struct spool_op claim = { .kind = OP_CLAIM, .queue = "desk", .n = 1000, .agent = "anna", .lease_ms = 1000 };
	unsigned stored, settled = 0, more;

	(void)state;
	reopen(1);
	assert_int_equal(fill(&stored), -EDQUOT);
	assert_int_equal(spools_run(spool, &claim, 1000), 0);
	assert_int_equal(claim.n_claimed, stored);
	assert_int_equal(fill(&more), -EDQUOT);
	assert_int_equal(more, 0);
	for (const struct spool_claimed *c = claim.claimed; c; c = c->next, settled++) {
		struct spool_op op = { .kind = OP_RETURN, .id = c->message.arrival, .retries = settled % 2 };

		memcpy(op.token, c->token, sizeof(op.token));
		assert_int_equal(spools_run(spool, &op, 1000), 0);
	}
	spool_claimed_free(claim.claimed);
	assert_int_equal(spools_run(spool, &(struct spool_op){ .kind = OP_PURGE, .queue = "desk" }, 1000), 0);
	assert_int_equal(fill(&more), -EDQUOT);
	assert_true(more > stored / 2);
}

// Messages come and go while somebody stands still in a snapshot, which keeps every page that it has: until the file may
// not grow any more.
static int churn(const struct spool_message *message, void *argument)
{
	int err = 0;

	(void)message;
	for (unsigned i = 0; i < 10000 && !err; i++) {
		struct spool_op purge = { .kind = OP_PURGE, .queue = "desk" };

		assert_int_equal(spool_begin(spool), 0);
		err = append("desk", 30000);
		if (err == -EDQUOT) // size_mb is reached: the batch goes on
			err = spool_op_run(spool, &purge, 1000);
		if (!err)
			err = spool_commit(spool);
	}
	*(int *)argument = err;
	return 1;
}

static void a_reader_that_stands_still_stops_the_spool_only_as_long_as_it_does(void **state)
{
	unsigned stored;
	int err = 0;

	(void)state;
	reopen(1);
	assert_int_equal(spool_begin(spool), 0);
	assert_int_equal(append("desk", 10), 0);
	assert_int_equal(append("other", 10), 0);
	assert_int_equal(spool_commit(spool), 0);
	assert_int_equal(spool_walk(spool, "other", churn, &err), 1);
	assert_int_equal(err, -ENOSPC);
	assert_int_equal(spools_run(spool, &(struct spool_op){ .kind = OP_PURGE, .queue = "desk" }, 1000), 0);
	assert_int_equal(fill(&stored), -EDQUOT);
	assert_true(stored > 5);
	assert_int_equal(count("other"), 1);
}

// A write that finds some room is short, and LMDB calls that EIO.
static bool is_no_room(int err)
{
	return err == -EFBIG || err == -EIO || err == -ENOSPC;
}

static void a_full_disk_is_an_error_and_room_mends_it(void **state)
{
	struct rlimit limit = { 300 << 10, RLIM_INFINITY };
	unsigned stored, before;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	assert_true(is_no_room(fill(&stored)));
	assert_true(is_no_room(fill(&before)));
	limit.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_FSIZE, &limit);
	before = count("desk");
	assert_int_equal(spool_begin(spool), 0);
	assert_int_equal(append("desk", 30000), 0);
	assert_int_equal(spool_commit(spool), 0);
	assert_int_equal(count("desk"), before + 1);
	assert_true(before >= stored);
}

static void the_first_part_of_the_file_is_written_before_it_is_used(void **state)
{
	struct stat file, again;
	struct spool_queue queue;
	char path[300];

	(void)state;
	assert_int_equal(spool_begin(spool), 0);
	assert_int_equal(append("desk", 100), 0);
	assert_int_equal(spool_commit(spool), 0);
	reopen(64);
	snprintf(path, sizeof(path), "%s/data.mdb", folder);
	assert_int_equal(stat(path, &file), 0);
	assert_int_equal(file.st_size, 2 << 20);
	assert_true(file.st_blocks * 512 >= file.st_size); // no holes
	for (unsigned i = 0; i < 2000; i++) {
		assert_int_equal(spool_begin(spool), 0);
		assert_int_equal(append("desk", 100), 0);
		assert_int_equal(spool_commit(spool), 0);
	}
	reopen(64);
	assert_int_equal(stat(path, &again), 0);
	assert_int_equal(again.st_size, 2 << 20);
	assert_int_equal(spool_queue_get(spool, "desk", &queue), 0);
	assert_int_equal(queue.waiting, 2001);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_full_spool_says_so_loses_nothing_and_goes_on_with_more_room),
		TEST(agents_empty_a_full_spool_and_then_it_takes_messages_again),
		TEST(a_reader_that_stands_still_stops_the_spool_only_as_long_as_it_does),
		TEST(a_full_disk_is_an_error_and_room_mends_it),
		TEST(the_first_part_of_the_file_is_written_before_it_is_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
