// SPDX-License-Identifier: BSD-3-Clause
#include "controlplane/spool_audit.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "controlplane/spool_parts.h"
#include "controlplane/spool_value.h"
#include "tests/kit/folder.h"
#include "tests/kit/spools.h"

static char *folder, why[300];
static struct spool *spool;
static const uint64_t now = 1000;

// Messages 1 to 4 of "desk": 1 waits, 2 is leased, 3 dead, 4 settled.
static int setup(void **state)
{
	struct spool_op claim = { .kind = OP_CLAIM, .queue = "desk", .id = 2, .agent = "anna", .lease_ms = 10 };
	struct spool_op settle = { .kind = OP_SETTLE, .id = 4 }, bury = { .kind = OP_BURY, .id = 3, .forced = true };

	(void)state;
	folder = folder_make();
	spool = spools_open(folder);
	assert_int_equal(spool_begin(spool), 0);
	for (unsigned i = 0; i < 4; i++)
		spools_append(spool, "desk", 0, i, 10, now);
	assert_int_equal(spool_commit(spool), 0);
	assert_int_equal(spools_run(spool, &claim, now), 0);
	spool_claimed_free(claim.claimed);
	claim.id = 4;
	assert_int_equal(spools_run(spool, &claim, now), 0);
	memcpy(settle.token, claim.claimed->token, sizeof(settle.token));
	spool_claimed_free(claim.claimed);
	assert_int_equal(spools_run(spool, &settle, now), 0);
	assert_int_equal(spools_run(spool, &bury, now), 0);
	spool_close(spool);
	spool = NULL;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	spool_close(spool);
	folder_remove(folder);
	return 0;
}

// Opens the spool, which mends it; then nothing is left to be mended.
static void mend(void)
{
	unsigned mended = 99;

	spool = spools_open(folder);
	assert_int_equal(spool_audit(spool, true, &mended, why, sizeof(why)), 0);
	assert_int_equal(mended, 0);
}

static void is_refused(const char *because)
{
	assert_null(spool_open(folder, 16, false, why, sizeof(why)));
	if (!strstr(why, because))
		fail_msg("%s", why);
}

static MDB_val text(const char *name)
{
	return (MDB_val){ strlen(name), (void *)(uintptr_t)name };
}

static void put_queue(const char *name, struct spool_queue_value value)
{
	spools_forge(folder, "queues", text(name), &(MDB_val){ sizeof(value), &value });
}

static void a_whole_spool_is_left_as_it_is(void **state)
{
	(void)state;
	mend();
	assert_int_equal(spools_queue(spool, "desk").waiting, 1);
}

static void counts_that_differ_from_the_tables_are_mended(void **state)
{
	struct spool_queue queue;

	(void)state;
	put_queue("desk", (struct spool_queue_value){ .id = 1, .stored = 9, .acknowledged = 1, .leased = 5,
						      .waiting_by = { 0, 3 } });
	mend();
	queue = spools_queue(spool, "desk");
	assert_int_equal(queue.waiting_by[0], 1);
	assert_int_equal(queue.waiting, 1);
	assert_int_equal(queue.leased, 1);
	assert_int_equal(queue.dead, 1);
	assert_int_equal(queue.removed, 5);
	spool_close(spool);
	put_queue("desk", (struct spool_queue_value){ .id = 1, .stored = 2, .acknowledged = 1 });
	mend();
	assert_int_equal(spools_queue(spool, "desk").stored, 4);
}

static void ids_in_use_are_not_given_out_again(void **state)
{
	struct spool_state numbers = { .next_arrival = 2, .next_queue = 1 };

	(void)state;
	spools_forge(folder, "meta", text("state"), &(MDB_val){ sizeof(numbers), &numbers });
	mend();
	assert_int_equal(spool_begin(spool), 0);
	spools_append(spool, "a new one", 0, 1, 10, now);
	assert_int_equal(spool_commit(spool), 0);
	assert_int_equal(spools_queue(spool, "a new one").id, 2);
	assert_int_equal(spools_run(spool, &(struct spool_op){ .kind = OP_BURY, .id = 5, .forced = true }, now), 0);
}

static void a_lease_of_a_settled_message_is_dropped(void **state)
{
	struct spool_id_key key = spool_id_key(2);
	struct spool_receipt receipt = { .version = SPOOL_HEAD_VERSION };

	(void)state;
	spools_forge(folder, "done", (MDB_val){ sizeof(key), &key }, &(MDB_val){ sizeof(receipt), &receipt });
	mend();
	assert_int_equal(spools_queue(spool, "desk").leased, 0);
	assert_int_equal(spools_queue(spool, "desk").waiting, 1);
}

static void missing_times_of_dead_letters_and_receipts_are_made_again(void **state)
{
	struct spool_due_key dead = spool_due_key(DUE_DEAD, now, 3), done = spool_due_key(DUE_DONE, now, 4);

	(void)state;
	spools_forge(folder, "due", (MDB_val){ sizeof(dead), &dead }, NULL);
	spools_forge(folder, "due", (MDB_val){ sizeof(done), &done }, NULL);
	mend();
	assert_int_equal(spools_run(spool, &(struct spool_op){ .kind = OP_REVIVE, .id = 3 }, now), 0);
}

static void a_lease_that_cannot_be_read_refuses_the_spool_and_is_named(void **state)
{
	struct spool_id_key key = spool_id_key(2);

	(void)state;
	spools_forge(folder, "leases", (MDB_val){ sizeof(key), &key }, &(MDB_val){ 5, why });
	is_refused("the lease of message 2 cannot be read");
	is_refused("the lease of message 2 cannot be read");
}

static void messages_of_no_queue_refuse_the_spool(void **state)
{
	struct spool_key key;

	(void)state;
	spool_key_format(&key, 77, 0, 1);
	spools_forge(folder, "messages", (MDB_val){ sizeof(key), &key }, &(MDB_val){ 5, why });
	is_refused("a message that waits is of no queue");
	spools_forge(folder, "messages", (MDB_val){ sizeof(key), &key }, NULL);
	spools_forge(folder, "dead", (MDB_val){ sizeof(key), &key }, &(MDB_val){ 5, why });
	is_refused("a dead letter is of no queue");
	spools_forge(folder, "dead", (MDB_val){ sizeof(key), &key }, NULL);
	put_queue("other", (struct spool_queue_value){ .id = 1 });
	is_refused("two queues have the number 1");
}

static void a_queue_that_cannot_be_read_refuses_the_spool(void **state)
{
	(void)state;
	spools_forge(folder, "queues", text("desk"), &(MDB_val){ 5, why });
	is_refused("damaged");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_whole_spool_is_left_as_it_is),
		TEST(counts_that_differ_from_the_tables_are_mended),
		TEST(ids_in_use_are_not_given_out_again),
		TEST(a_lease_of_a_settled_message_is_dropped),
		TEST(missing_times_of_dead_letters_and_receipts_are_made_again),
		TEST(a_lease_that_cannot_be_read_refuses_the_spool_and_is_named),
		TEST(messages_of_no_queue_refuse_the_spool),
		TEST(a_queue_that_cannot_be_read_refuses_the_spool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
