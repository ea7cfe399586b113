// SPDX-License-Identifier: BSD-3-Clause
#include "controlplane/spool_look.h"

#include <errno.h>
#include <lmdb.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "controlplane/spool_parts.h"
#include "tests/kit/folder.h"
#include "tests/kit/segments.h"

static char *folder;
static struct spool *spool;
static char why[300];
static const uint8_t boot[WEIR_BOOT_ID_SIZE] = { 1, 2, 3 };

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

static int append(const char *queue, enum weir_priority priority, uint32_t tenant, size_t length)
{
	static const uint8_t payload[65535] = "payload";
	struct spool_message message = { .record = record_make((uint16_t)length), .worker = 3, .stored_ns = 77,
					 .queue = queue, .rule = "some rule", .payload = payload };

	message.record.priority = (uint8_t)priority;
	message.record.tenant = tenant;
	memcpy(message.boot_id, boot, sizeof(boot));
	return spool_append(spool, &message);
}

struct seen {
	unsigned n;
	uint32_t tenants[16];
	uint64_t last_arrival;
};

static int see(const struct spool_message *message, void *argument)
{
	struct seen *seen = argument;

	assert_true(message->arrival > 0);
	assert_int_equal(message->worker, 3);
	assert_int_equal(message->stored_ns, 77);
	assert_string_equal(message->rule, "some rule");
	assert_memory_equal(message->boot_id, boot, sizeof(boot));
	if (message->record.payload_length >= 8)
		assert_memory_equal(message->payload, "payload", 8);
	if (seen->n < 16)
		seen->tenants[seen->n] = message->record.tenant;
	seen->n++;
	seen->last_arrival = message->arrival;
	return 0;
}

static struct seen walk(const char *queue)
{
	struct seen seen = { 0 };

	assert_int_equal(spool_walk(spool, queue, see, &seen), 0);
	return seen;
}

static void messages_of_a_queue_come_by_priority_and_then_by_arrival(void **state)
{
	struct seen seen;

	(void)state;
	assert_int_equal(spool_begin(spool), 0);
	assert_int_equal(append("desk", WEIR_NORMAL, 1, 100), 0);
	assert_int_equal(append("desk", WEIR_EMERGENCY, 2, 0), 0);
	assert_int_equal(append("other", WEIR_EMERGENCY, 3, 20), 0);
	assert_int_equal(append("desk", WEIR_NORMAL, 4, 65535), 0);
	assert_int_equal(append("desk", WEIR_EMERGENCY, 5, 8), 0);
	assert_int_equal(spool_commit(spool), 0);
	seen = walk("desk");
	assert_int_equal(seen.n, 4);
	assert_memory_equal(seen.tenants, ((uint32_t[]){ 2, 5, 1, 4 }), 16);
	assert_int_equal(walk(NULL).n, 5);
	assert_int_equal(spool_walk(spool, "none", see, &seen), -ENOENT);
}

static void a_batch_that_is_given_up_leaves_nothing(void **state)
{
	uint64_t next;

	(void)state;
	assert_int_equal(spool_begin(spool), 0);
	assert_int_equal(append("desk", WEIR_NORMAL, 1, 10), 0);
	assert_int_equal(spool_cursor_put(spool, boot, 3, 8), 0);
	spool_abort(spool);
	assert_int_equal(walk(NULL).n, 0);
	assert_int_equal(spool_cursor_get(spool, boot, 3, &next), -ENOENT);
	assert_int_equal(spool_walk(spool, "desk", see, &(struct seen){ 0 }), -ENOENT);
}

static void sum_depth(const struct spool_queue *queue, void *argument)
{
	*(uint64_t *)argument += queue->waiting;
	assert_int_equal(queue->waiting, queue->stored);
}

static void everything_goes_on_after_it_was_opened_again(void **state)
{
	uint64_t next = 0, depth = 0, arrival;

	(void)state;
	assert_int_equal(spool_begin(spool), 0);
	assert_int_equal(append("desk", WEIR_NORMAL, 1, 10), 0);
	assert_int_equal(spool_cursor_put(spool, boot, 3, 8), 0);
	assert_int_equal(spool_commit(spool), 0);
	arrival = walk("desk").last_arrival;
	reopen(8);
	assert_int_equal(spool_cursor_get(spool, boot, 3, &next), 0);
	assert_int_equal(next, 8);
	assert_int_equal(spool_begin(spool), 0);
	assert_int_equal(append("desk", WEIR_NORMAL, 2, 10), 0);
	assert_int_equal(append("a new one", WEIR_NORMAL, 3, 10), 0);
	assert_int_equal(spool_commit(spool), 0);
	assert_true(walk("desk").last_arrival > arrival);
	assert_int_equal(walk("a new one").n, 1);
	assert_int_equal(spool_queues(spool, sum_depth, &depth), 0);
	assert_int_equal(depth, 3);
}

static void cursors_of_a_dead_dataplane_are_forgotten_and_others_stay(void **state)
{
	static const uint8_t other[WEIR_BOOT_ID_SIZE] = { 9 };
	uint64_t next;

	(void)state;
	assert_int_equal(spool_begin(spool), 0);
	assert_int_equal(spool_cursor_put(spool, boot, 0, 1), 0);
	assert_int_equal(spool_cursor_put(spool, boot, 1, 2), 0);
	assert_int_equal(spool_cursor_put(spool, other, 1, 3), 0);
	assert_int_equal(spool_commit(spool), 0);
	assert_int_equal(spool_cursors_drop(spool, boot), 0);
	assert_int_equal(spool_cursor_get(spool, boot, 1, &next), -ENOENT);
	assert_int_equal(spool_cursor_get(spool, other, 1, &next), 0);
	assert_int_equal(next, 3);
}

// Appends batches until one fails; returns its error and how many were stored.
static int fill(unsigned *stored)
{
	for (*stored = 0;; (*stored)++) {
		int err = spool_begin(spool);

		if (!err)
			err = append("desk", WEIR_NORMAL, *stored, 30000);
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
	assert_int_equal(walk("desk").n, stored);
	assert_int_equal(fill(&more), -EDQUOT);
	reopen(2);
	assert_int_equal(walk("desk").n, stored + more);
	assert_int_equal(fill(&stored), -EDQUOT);
	assert_true(stored > 5);
}

// Runs an operation in batches of its own. Its result.
static int run(struct spool_op *op)
{
	assert_int_equal(spool_begin(spool), 0);
	assert_int_equal(spool_op_run(spool, op, 1000), 0);
	assert_int_equal(spool_commit(spool), 0);
	return op->result;
}

static void agents_empty_a_full_spool_and_then_it_takes_messages_again(void **state)
{
	struct spool_op claim = { .kind = OP_CLAIM, .queue = "desk", .n = 1000, .agent = "anna", .lease_ms = 1000 };
	unsigned stored, settled = 0, more;

	(void)state;
	reopen(1);
	assert_int_equal(fill(&stored), -EDQUOT);
	assert_int_equal(run(&claim), 0);
	assert_int_equal(claim.n_claimed, stored);
	assert_int_equal(fill(&more), -EDQUOT);
	assert_int_equal(more, 0);
	for (const struct spool_claimed *c = claim.claimed; c; c = c->next, settled++) {
		struct spool_op op = { .kind = OP_RETURN, .id = c->message.arrival, .retries = settled % 2 };

		memcpy(op.token, c->token, sizeof(op.token));
		assert_int_equal(run(&op), 0);
	}
	spool_claimed_free(claim.claimed);
	assert_int_equal(run(&(struct spool_op){ .kind = OP_PURGE, .queue = "desk" }), 0);
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
		err = append("desk", WEIR_NORMAL, i, 30000);
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
	assert_int_equal(append("desk", WEIR_NORMAL, 1, 10), 0);
	assert_int_equal(append("other", WEIR_NORMAL, 2, 10), 0);
	assert_int_equal(spool_commit(spool), 0);
	assert_int_equal(spool_walk(spool, "other", churn, &err), 1);
	assert_int_equal(err, -ENOSPC);
	assert_int_equal(run(&(struct spool_op){ .kind = OP_PURGE, .queue = "desk" }), 0);
	assert_int_equal(fill(&stored), -EDQUOT);
	assert_true(stored > 5);
	assert_int_equal(walk("other").n, 1);
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
	before = walk("desk").n;
	assert_int_equal(spool_begin(spool), 0);
	assert_int_equal(append("desk", WEIR_NORMAL, 1, 30000), 0);
	assert_int_equal(spool_commit(spool), 0);
	assert_int_equal(walk("desk").n, before + 1);
	assert_true(before >= stored);
}

// Writes into a table behind the spool's back.
static void forge(const char *table, const char *name, size_t name_size, MDB_val value)
{
	MDB_val key = { name_size, (void *)(uintptr_t)name };
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;

	spool_close(spool);
	spool = NULL;
	assert_int_equal(mdb_env_create(&env), 0);
	mdb_env_set_maxdbs(env, 16);
	assert_int_equal(mdb_env_open(env, folder, 0, 0640), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, table, 0, &dbi), 0);
	assert_int_equal(mdb_put(txn, dbi, &key, &value, 0), 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

static void the_first_part_of_the_file_is_written_before_it_is_used(void **state)
{
	struct stat file, again;
	uint64_t depth = 0;
	char path[300];

	(void)state;
	assert_int_equal(spool_begin(spool), 0);
	assert_int_equal(append("desk", WEIR_NORMAL, 1, 100), 0);
	assert_int_equal(spool_commit(spool), 0);
	reopen(64);
	snprintf(path, sizeof(path), "%s/data.mdb", folder);
	assert_int_equal(stat(path, &file), 0);
	assert_int_equal(file.st_size, 2 << 20);
	assert_true(file.st_blocks * 512 >= file.st_size); // no holes
	for (unsigned i = 0; i < 2000; i++) {
		assert_int_equal(spool_begin(spool), 0);
		assert_int_equal(append("desk", WEIR_NORMAL, 1, 100), 0);
		assert_int_equal(spool_commit(spool), 0);
	}
	reopen(64);
	assert_int_equal(stat(path, &again), 0);
	assert_int_equal(again.st_size, 2 << 20);
	assert_int_equal(spool_queues(spool, sum_depth, &depth), 0);
	assert_int_equal(depth, 2001);
}

static void a_spool_of_a_newer_schema_is_refused_with_a_clear_line(void **state)
{
	uint32_t schema = SPOOL_SCHEMA + 1;

	(void)state;
	forge("meta", "schema", 6, (MDB_val){ sizeof(schema), &schema });
	assert_null(spool_open(folder, 8, false, why, sizeof(why)));
	assert_non_null(strstr(why, "newer weir"));
}

// Makes of the spool what weir before schema 2 would have left: queue 1 is "desk".
static void make_schema_1(uint64_t depth)
{
	const struct spool_queue_value_1 old = { .id = 1, .depth = depth, .stored = depth };
	static const char *const later[] = { "leases", "dead", "done", "outbox", "due" };
	uint32_t schema = 1;
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;

	forge("meta", "schema", 6, (MDB_val){ sizeof(schema), &schema });
	forge("queues", "desk", 4, (MDB_val){ sizeof(old), (void *)(uintptr_t)&old });
	assert_int_equal(mdb_env_create(&env), 0);
	mdb_env_set_maxdbs(env, 16);
	assert_int_equal(mdb_env_open(env, folder, 0, 0640), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	for (unsigned i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
		assert_int_equal(mdb_dbi_open(txn, later[i], 0, &dbi), 0);
		assert_int_equal(mdb_drop(txn, dbi, 1), 0);
	}
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

static void a_spool_of_schema_1_is_brought_to_schema_2_in_place(void **state)
{
	struct spool_queue queue;

	(void)state;
	assert_int_equal(spool_begin(spool), 0);
	assert_int_equal(append("desk", WEIR_NORMAL, 1, 10), 0);
	assert_int_equal(append("desk", WEIR_EMERGENCY, 2, 3000), 0);
	assert_int_equal(append("desk", WEIR_NORMAL, 3, 10), 0);
	assert_int_equal(spool_commit(spool), 0);
	make_schema_1(3);
	assert_null(spool_open(folder, 8, true, why, sizeof(why)));
	assert_non_null(strstr(why, "older schema"));
	for (unsigned i = 0; i < 2; i++) {
		reopen(8);
		assert_int_equal(spool_queue_get(spool, "desk", &queue), 0);
		assert_int_equal(queue.waiting, 3);
		assert_int_equal(queue.stored, 3);
		assert_int_equal(queue.waiting_by[WEIR_EMERGENCY], 1);
		assert_int_equal(queue.waiting_by[WEIR_NORMAL], 2);
		assert_int_equal(queue.leased + queue.dead + queue.acknowledged + queue.removed, 0);
		assert_memory_equal(walk("desk").tenants, ((uint32_t[]){ 2, 1, 3 }), 12);
	}
}

static void a_damaged_spool_of_schema_1_is_left_as_it_was(void **state)
{
	(void)state;
	assert_int_equal(spool_begin(spool), 0);
	assert_int_equal(append("desk", WEIR_NORMAL, 1, 10), 0);
	assert_int_equal(append("desk", WEIR_NORMAL, 2, 10), 0);
	assert_int_equal(spool_commit(spool), 0);
	make_schema_1(1); // fewer than there are
	assert_null(spool_open(folder, 8, false, why, sizeof(why)));
	assert_non_null(strstr(why, "damaged"));
	assert_null(spool_open(folder, 8, true, why, sizeof(why)));
	assert_non_null(strstr(why, "older schema"));
}

static void a_torn_value_is_found(void **state)
{
	(void)state;
	assert_int_equal(spool_begin(spool), 0);
	assert_int_equal(append("desk", WEIR_NORMAL, 1, 10), 0);
	assert_int_equal(spool_commit(spool), 0);
	forge("messages", "\0\0\0\1\3\0\0\0\0\0\0\0\1", 13, (MDB_val){ 50, why });
	reopen(8);
	assert_int_equal(spool_walk(spool, "desk", see, &(struct seen){ 0 }), -EBADMSG);
}

static void names_that_cannot_be_are_not_stored(void **state)
{
	char name[SPOOL_NAME_MAX + 2];

	(void)state;
	memset(name, 'x', sizeof(name));
	name[SPOOL_NAME_MAX + 1] = '\0';
	assert_int_equal(spool_begin(spool), 0);
	assert_int_equal(append(name, WEIR_NORMAL, 1, 10), -EINVAL);
	assert_int_equal(spool_begin(spool), 0);
	assert_int_equal(append("", WEIR_NORMAL, 1, 10), -EINVAL);
	name[SPOOL_NAME_MAX] = '\0';
	assert_int_equal(spool_begin(spool), 0);
	assert_int_equal(append(name, WEIR_NORMAL, 1, 10), 0);
	assert_int_equal(spool_commit(spool), 0);
	assert_int_equal(walk(name).n, 1);
}

static void a_spool_that_was_removed_takes_nothing_until_its_folder_is_back(void **state)
{
	char *lost = strdup(folder);

	(void)state;
	folder_remove(folder);
	assert_int_equal(spool_begin(spool), -ENOENT);
	assert_int_equal(spool_begin(spool), -ENOENT);
	assert_int_equal(mkdir(lost, 0750), 0);
	folder = lost;
	assert_int_equal(spool_begin(spool), 0);
	assert_int_equal(append("desk", WEIR_NORMAL, 1, 10), 0);
	assert_int_equal(spool_commit(spool), 0);
	assert_int_equal(walk("desk").n, 1);
}

static void a_folder_that_is_not_there_or_no_spool_is_refused(void **state)
{
	char path[600];
	FILE *file;

	(void)state;
	assert_null(spool_open("/nonexistent/spool", 8, false, why, sizeof(why)));
	assert_non_null(strstr(why, "/nonexistent/spool"));
	spool_close(spool);
	spool = NULL;
	snprintf(path, sizeof(path), "%s/data.mdb", folder);
	file = fopen(path, "we");
	for (int i = 0; i < 20000; i++)
		fputc('x', file);
	fclose(file);
	assert_null(spool_open(folder, 8, false, why, sizeof(why)));
	assert_non_null(strstr(why, "no spool"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(messages_of_a_queue_come_by_priority_and_then_by_arrival),
		TEST(a_batch_that_is_given_up_leaves_nothing),
		TEST(everything_goes_on_after_it_was_opened_again),
		TEST(cursors_of_a_dead_dataplane_are_forgotten_and_others_stay),
		TEST(a_full_spool_says_so_loses_nothing_and_goes_on_with_more_room),
		TEST(agents_empty_a_full_spool_and_then_it_takes_messages_again),
		TEST(a_reader_that_stands_still_stops_the_spool_only_as_long_as_it_does),
		TEST(a_full_disk_is_an_error_and_room_mends_it),
		TEST(the_first_part_of_the_file_is_written_before_it_is_used),
		TEST(a_spool_of_a_newer_schema_is_refused_with_a_clear_line),
		TEST(a_spool_of_schema_1_is_brought_to_schema_2_in_place),
		TEST(a_damaged_spool_of_schema_1_is_left_as_it_was),
		TEST(a_torn_value_is_found),
		TEST(names_that_cannot_be_are_not_stored),
		TEST(a_spool_that_was_removed_takes_nothing_until_its_folder_is_back),
		TEST(a_folder_that_is_not_there_or_no_spool_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
