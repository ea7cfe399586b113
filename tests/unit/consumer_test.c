// SPDX-License-Identifier: BSD-3-Clause
#include "controlplane/consumer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "controlplane/spool_keep.h"
#include "controlplane/spool_look.h"
#include "tests/kit/folder.h"
#include "tests/kit/segments.h"

static const struct segment_shape shape = { 2, 1, 8, 64 };
static char *folder, *run;
static struct spool *spool;
static struct consumer *consumer;
static struct segment_file file;
static int news;

static void start(void)
{
	char why[300];

	spool = spool_open(folder, 16, false, why, sizeof(why));
	assert_non_null(spool);
	consumer = consumer_create(spool, run, 16, news);
	assert_non_null(consumer);
}

static void stop(void)
{
	consumer_destroy(consumer);
	spool_close(spool);
}

static void make_segment(void)
{
	assert_int_equal(segment_file_make(&file, run, &shape), 0);
	segment_name(file.segment, 2, WEIR_NAME_QUEUE, 0, "desk");
	segment_name(file.segment, 3, WEIR_NAME_RULE, 0, "fraud");
}

static void attach(void)
{
	struct mapping *map;
	char why[200];

	assert_int_equal(mapping_open(file.fd, &map, why, sizeof(why)), 0);
	consumer_attach(consumer, map);
	mapping_put(map);
}

static int setup(void **state)
{
	(void)state;
	folder = folder_make();
	run = folder_make();
	news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	start();
	make_segment();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stop();
	segment_file_close(&file);
	close(news);
	folder_remove(folder);
	folder_remove(run);
	return 0;
}

static int push(unsigned worker, uint32_t number)
{
	uint8_t payload[600] = { 0 };
	struct weir_record record = record_make((uint16_t)(number * 37 % sizeof(payload)));

	record.queue = 2;
	record.rule = 3;
	record.tenant = number;
	return record_push(file.segment, worker, &record, payload);
}

static void push_many(uint32_t first, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(push(i % 2, first + i), 0);
}

static bool all_consumed(void *argument)
{
	uint64_t durable[WEIR_MAX_WORKERS];

	(void)argument;
	if (consumer_consumed(consumer, durable) != 2)
		return false;
	for (unsigned w = 0; w < 2; w++)
		if (durable[w] != segment_producer(file.segment, w)->head)
			return false;
	return true;
}

static bool is_removed(void *argument)
{
	return access(argument, F_OK) < 0;
}

struct seen {
	unsigned n, twice, times[1000];
};

static int see(const struct spool_message *message, void *argument)
{
	struct seen *seen = argument;

	seen->n++;
	if (seen->times[message->record.tenant % 1000]++)
		seen->twice++;
	assert_string_equal(message->queue, "desk");
	assert_string_equal(message->rule, "fraud");
	return 0;
}

static unsigned stored(void)
{
	struct seen seen = { 0 };

	assert_int_equal(spool_walk(spool, NULL, see, &seen), 0);
	assert_int_equal(seen.twice, 0);
	return seen.n;
}

static void messages_are_in_the_spool_before_they_are_acknowledged(void **state)
{
	(void)state;
	attach();
	push_many(0, 20);
	assert_true(wait_until(all_consumed, NULL, 20));
	assert_int_equal(stored(), 20);
}

static void a_restarted_consumer_goes_on_where_the_spool_ends(void **state)
{
	(void)state;
	attach();
	push_many(0, 10);
	assert_true(wait_until(all_consumed, NULL, 20));
	stop(); // the dataplane never heard: its tail stands at 0
	push_many(10, 10);
	start();
	attach();
	assert_true(wait_until(all_consumed, NULL, 20));
	assert_int_equal(stored(), 20);
}

static void a_dead_dataplanes_segment_is_drained_and_removed(void **state)
{
	struct segment_file dead = file;

	(void)state;
	push_many(0, 20);
	assert_int_equal(flock(dead.fd, LOCK_UN), 0);
	assert_true(wait_until(is_removed, dead.path, 20));
	assert_int_equal(stored(), 20);
}

static void a_segment_that_is_locked_is_left_alone(void **state)
{
	struct segment_file live = file;

	(void)state;
	push_many(0, 4);
	make_segment();
	push_many(4, 2);
	assert_int_equal(flock(file.fd, LOCK_UN), 0);
	assert_true(wait_until(is_removed, file.path, 20));
	assert_int_equal(access(live.path, F_OK), 0);
	assert_int_equal(stored(), 2);
	segment_file_close(&live);
}

static void a_dataplane_that_dies_in_service_is_drained_from_its_cursor(void **state)
{
	(void)state;
	attach();
	push_many(0, 10);
	assert_true(wait_until(all_consumed, NULL, 20));
	push_many(10, 10);
	consumer_detach(consumer);
	assert_int_equal(flock(file.fd, LOCK_UN), 0);
	assert_true(wait_until(is_removed, file.path, 20));
	assert_int_equal(stored(), 20);
}

static bool one_stopped(void *argument)
{
	struct consumer_status status;

	(void)argument;
	consumer_status(consumer, &status);
	return status.stopped_channels == 1;
}

static void a_record_that_cannot_be_stops_its_channel_and_no_other(void **state)
{
	struct weir_record bad = record_make(10);
	uint64_t durable[WEIR_MAX_WORKERS];

	(void)state;
	push_many(0, 4);
	bad.queue = 5; // an entry that nobody wrote
	bad.rule = 3;
	assert_int_equal(record_push(file.segment, 1, &bad, (uint8_t[10]){ 0 }), 0);
	push_many(4, 4);
	attach();
	assert_true(wait_until(one_stopped, NULL, 20));
	assert_int_equal(stored(), 6);
	assert_int_equal(consumer_consumed(consumer, durable), 2);
	assert_true(durable[1] < segment_producer(file.segment, 1)->head);
	assert_int_equal(durable[0], segment_producer(file.segment, 0)->head);
	consumer_detach(consumer);
	flock(file.fd, LOCK_UN);
	assert_true(wait_until(one_stopped, NULL, 20));
	assert_int_equal(access(file.path, F_OK), 0);
}

static bool is_stalled(void *argument)
{
	struct consumer_status status;

	(void)argument;
	consumer_status(consumer, &status);
	return status.stalled != 0;
}

static void nothing_is_acknowledged_while_the_disk_is_full(void **state)
{
	struct rlimit limit = { 4096, RLIM_INFINITY };
	uint64_t durable[WEIR_MAX_WORKERS];

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	attach();
	push_many(0, 4);
	assert_true(wait_until(all_consumed, NULL, 20));
	setrlimit(RLIMIT_FSIZE, &limit);
	push_many(4, 16);
	assert_true(wait_until(is_stalled, NULL, 20));
	assert_int_equal(consumer_consumed(consumer, durable), 2);
	assert_true(durable[0] < segment_producer(file.segment, 0)->head);
	limit.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_FSIZE, &limit);
	assert_true(wait_until(all_consumed, NULL, 20));
	assert_false(is_stalled(NULL));
	assert_int_equal(stored(), 20);
}

static void a_file_that_is_no_segment_is_left_where_it_is(void **state)
{
	char path[600];
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/segment.junk", run);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	assert_int_equal(write(fd, "junk", 4), 4);
	close(fd);
	push_many(0, 2);
	flock(file.fd, LOCK_UN);
	assert_true(wait_until(is_removed, file.path, 20));
	assert_int_equal(access(path, F_OK), 0);
}

// Operations of one submitter, told on the consumer's thread, looked at under the lock.
struct desk {
	pthread_mutex_t lock;
	unsigned n_done, n_wrong, n_claimed;
	struct spool_op ops[1000];
};

static struct desk desks[2];

static void op_done(struct spool_op *op)
{
	struct desk *desk = op->owner;

	pthread_mutex_lock(&desk->lock);
	desk->n_wrong += op != &desk->ops[desk->n_done]; // in the order they were handed over
	desk->n_done++;
	desk->n_claimed += op->n_claimed;
	pthread_mutex_unlock(&desk->lock);
}

static unsigned n_done(struct desk *desk)
{
	unsigned n;

	pthread_mutex_lock(&desk->lock);
	n = desk->n_done;
	pthread_mutex_unlock(&desk->lock);
	return n;
}

static bool all_done(void *argument)
{
	return n_done(&desks[0]) + n_done(&desks[1]) == *(unsigned *)argument;
}

static void open_desks(void)
{
	for (unsigned i = 0; i < 2; i++) {
		memset(&desks[i], 0, sizeof(desks[i]));
		pthread_mutex_init(&desks[i].lock, NULL);
	}
}

static void close_desks(void)
{
	for (unsigned d = 0; d < 2; d++) {
		for (unsigned i = 0; i < desks[d].n_done; i++)
			spool_claimed_free(desks[d].ops[i].claimed);
		pthread_mutex_destroy(&desks[d].lock);
	}
}

// Hands over `n` claims of one message each, in chains of up to three.
static void *claim_many(void *argument)
{
	struct desk *desk = argument;

	for (unsigned i = 0; i < 300; i++) {
		struct spool_op *op = &desk->ops[i];

		*op = (struct spool_op){ .kind = OP_CLAIM, .done = op_done, .owner = desk, .queue = "desk", .n = 1,
					 .agent = "anna", .lease_ms = 60000 };
		op->next = i % 3 != 2 ? op + 1 : NULL;
		if (i % 3 == 2)
			consumer_submit(consumer, op - 2);
	}
	return NULL;
}

static void operations_of_several_threads_are_done_in_order_while_messages_come(void **state)
{
	struct spool_queue queue;
	unsigned n = 600;
	pthread_t threads[2];

	(void)state;
	open_desks();
	attach();
	push_many(0, 8);
	assert_true(wait_until(all_consumed, NULL, 20));
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, claim_many, &desks[i]), 0);
	push_many(8, 12);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_true(wait_until(all_done, &n, 20));
	assert_true(wait_until(all_consumed, NULL, 20));
	assert_int_equal(desks[0].n_wrong + desks[1].n_wrong, 0);
	assert_int_equal(spool_queue_get(spool, "desk", &queue), 0);
	assert_int_equal(queue.stored, 20);
	assert_int_equal(queue.leased, desks[0].n_claimed + desks[1].n_claimed);
	assert_true(queue.leased >= 8);
	close_desks();
}

static void submit(struct spool_op op)
{
	struct desk *desk = &desks[0];
	unsigned i = n_done(desk), n = i + 1;

	desk->ops[i] = op;
	desk->ops[i].done = op_done;
	desk->ops[i].owner = desk;
	consumer_submit(consumer, &desk->ops[i]);
	assert_true(wait_until(all_done, &n, 20));
}

static void watchers_hear_of_messages_and_of_answers(void **state)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	eventfd_t n;

	(void)state;
	open_desks();
	assert_int_equal(consumer_watch(consumer, fd, CONSUMER_MESSAGES), 0);
	attach();
	push_many(0, 2);
	assert_true(wait_until(all_consumed, NULL, 20));
	assert_int_equal(eventfd_read(fd, &n), 0);
	submit((struct spool_op){ .kind = OP_CLAIM, .queue = "desk", .n = 2, .agent = "anna", .lease_ms = 60000 });
	assert_int_equal(desks[0].n_claimed, 2);
	assert_int_equal(eventfd_read(fd, &n), -1);
	assert_int_equal(consumer_watch(consumer, fd, 0), 0);
	for (int i = 0; i < CONSUMER_WATCHERS; i++)
		assert_int_equal(consumer_watch(consumer, 1000 + i, CONSUMER_ANSWERS), 0);
	assert_int_equal(consumer_watch(consumer, fd, CONSUMER_MESSAGES), -ENOSPC);
	for (int i = 0; i < CONSUMER_WATCHERS; i++)
		assert_int_equal(consumer_watch(consumer, 1000 + i, 0), 0);
	close_desks();
	close(fd);
}

static bool all_dead(void *argument)
{
	struct spool_queue queue;

	(void)argument;
	assert_int_equal(spool_queue_get(spool, "desk", &queue), 0);
	return queue.dead == 20;
}

static void retention_is_kept_to_while_the_consumer_runs(void **state)
{
	const struct spool_limits limits = { .waiting_ms = 1, .dead_ms = 3600000, .done_ms = 3600000 };

	(void)state;
	attach();
	push_many(0, 20);
	assert_true(wait_until(all_consumed, NULL, 20));
	consumer_keep(consumer, &limits);
	assert_true(wait_until(all_dead, NULL, 20));
	assert_int_equal(stored(), 0);
}

static void operations_are_done_though_the_spool_takes_no_messages(void **state)
{
	struct rlimit limit = { 4096, RLIM_INFINITY };

	(void)state;
	open_desks();
	signal(SIGXFSZ, SIG_IGN);
	attach();
	push_many(0, 4);
	assert_true(wait_until(all_consumed, NULL, 20));
	setrlimit(RLIMIT_FSIZE, &limit);
	push_many(4, 16);
	assert_true(wait_until(is_stalled, NULL, 20));
	submit((struct spool_op){ .kind = OP_PURGE, .queue = "none" });
	assert_true(desks[0].ops[0].result < 0); // -ENOENT, or what the disk says
	limit.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_FSIZE, &limit);
	assert_true(wait_until(all_consumed, NULL, 20));
	submit((struct spool_op){ .kind = OP_CLAIM, .queue = "desk", .n = 20, .agent = "anna", .lease_ms = 60000 });
	assert_int_equal(desks[0].n_claimed, 20);
	close_desks();
}

static void operations_that_were_handed_over_are_done_before_the_consumer_ends(void **state)
{
	(void)state;
	open_desks();
	attach();
	push_many(0, 4);
	assert_true(wait_until(all_consumed, NULL, 20));
	claim_many(&desks[0]);
	consumer_destroy(consumer);
	assert_int_equal(n_done(&desks[0]), 300);
	assert_int_equal(desks[0].n_claimed, 4);
	spool_close(spool);
	close_desks();
	start();
}

static int look_at_port(const struct spool_message *message, void *argument)
{
	(void)argument;
	assert_int_equal(message->record.port_tag, weir_port_tag("in0"));
	return 0;
}

static void a_stored_message_knows_its_port_by_name(void **state)
{
	struct weir_port *port = (struct weir_port *)((char *)file.segment + file.segment->ports);

	(void)state;
	strcpy(port->name, "in0");
	attach();
	push_many(0, 3);
	assert_true(wait_until(all_consumed, NULL, 20));
	assert_int_equal(spool_walk(spool, NULL, look_at_port, NULL), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(messages_are_in_the_spool_before_they_are_acknowledged),
		TEST(a_restarted_consumer_goes_on_where_the_spool_ends),
		TEST(a_dead_dataplanes_segment_is_drained_and_removed),
		TEST(a_segment_that_is_locked_is_left_alone),
		TEST(a_dataplane_that_dies_in_service_is_drained_from_its_cursor),
		TEST(a_record_that_cannot_be_stops_its_channel_and_no_other),
		TEST(nothing_is_acknowledged_while_the_disk_is_full),
		TEST(a_file_that_is_no_segment_is_left_where_it_is),
		TEST(operations_of_several_threads_are_done_in_order_while_messages_come),
		TEST(watchers_hear_of_messages_and_of_answers),
		TEST(a_stored_message_knows_its_port_by_name),
		TEST(retention_is_kept_to_while_the_consumer_runs),
		TEST(operations_are_done_though_the_spool_takes_no_messages),
		TEST(operations_that_were_handed_over_are_done_before_the_consumer_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
