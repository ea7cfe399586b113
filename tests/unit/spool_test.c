// SPDX-License-Identifier: BSD-3-Clause
#include "controlplane/spool_look.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/kit/folder.h"
#include "tests/kit/segments.h"
#include "tests/kit/spools.h"

static char *folder;
static struct spool *spool;
static char why[300];
static const uint8_t boot[WEIR_BOOT_ID_SIZE] = { 1, 2, 3 };

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
	reopen();
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

static void a_torn_value_is_found(void **state)
{
	char key[] = "\0\0\0\1\3\0\0\0\0\0\0\0\1";

	(void)state;
	assert_int_equal(spool_begin(spool), 0);
	assert_int_equal(append("desk", WEIR_NORMAL, 1, 10), 0);
	assert_int_equal(spool_commit(spool), 0);
	spool_close(spool);
	spools_forge(folder, "messages", (MDB_val){ 13, key }, &(MDB_val){ 50, why });
	spool = NULL;
	reopen();
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
		TEST(a_torn_value_is_found),
		TEST(names_that_cannot_be_are_not_stored),
		TEST(a_spool_that_was_removed_takes_nothing_until_its_folder_is_back),
		TEST(a_folder_that_is_not_there_or_no_spool_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
