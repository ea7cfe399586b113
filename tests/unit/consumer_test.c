// SPDX-License-Identifier: BSD-3-Clause
#include "controlplane/consumer.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "controlplane/spool_keep.h"
#include "controlplane/spool_look.h"
#include "tests/kit/consumers.h"
#include "tests/kit/folder.h"

static struct consumer_kit kit;

static int setup(void **state)
{
	(void)state;
	consumer_kit_open(&kit);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	consumer_kit_close(&kit);
	return 0;
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

	assert_int_equal(spool_walk(kit.spool, NULL, see, &seen), 0);
	assert_int_equal(seen.twice, 0);
	return seen.n;
}

static void messages_are_in_the_spool_before_they_are_acknowledged(void **state)
{
	(void)state;
	consumer_kit_attach(&kit);
	consumer_kit_push(&kit, 0, 20);
	assert_true(wait_until(consumer_kit_consumed, &kit, 20));
	assert_int_equal(stored(), 20);
}

static void a_restarted_consumer_goes_on_where_the_spool_ends(void **state)
{
	(void)state;
	consumer_kit_attach(&kit);
	consumer_kit_push(&kit, 0, 10);
	assert_true(wait_until(consumer_kit_consumed, &kit, 20));
	consumer_kit_stop(&kit); // the dataplane never heard: its tail stands at 0
	consumer_kit_push(&kit, 10, 10);
	consumer_kit_start(&kit);
	consumer_kit_attach(&kit);
	assert_true(wait_until(consumer_kit_consumed, &kit, 20));
	assert_int_equal(stored(), 20);
}

static void a_dead_dataplanes_segment_is_drained_and_removed(void **state)
{
	struct segment_file dead = kit.file;

	(void)state;
	consumer_kit_push(&kit, 0, 20);
	assert_int_equal(flock(dead.fd, LOCK_UN), 0);
	assert_true(wait_until(is_removed, dead.path, 20));
	assert_int_equal(stored(), 20);
}

static void a_segment_that_is_locked_is_left_alone(void **state)
{
	struct segment_file live = kit.file;

	(void)state;
	consumer_kit_push(&kit, 0, 4);
	consumer_kit_segment(&kit);
	consumer_kit_push(&kit, 4, 2);
	assert_int_equal(flock(kit.file.fd, LOCK_UN), 0);
	assert_true(wait_until(is_removed, kit.file.path, 20));
	assert_int_equal(access(live.path, F_OK), 0);
	assert_int_equal(stored(), 2);
	segment_file_close(&live);
}

static void a_dataplane_that_dies_in_service_is_drained_from_its_cursor(void **state)
{
	(void)state;
	consumer_kit_attach(&kit);
	consumer_kit_push(&kit, 0, 10);
	assert_true(wait_until(consumer_kit_consumed, &kit, 20));
	consumer_kit_push(&kit, 10, 10);
	consumer_detach(kit.consumer);
	assert_int_equal(flock(kit.file.fd, LOCK_UN), 0);
	assert_true(wait_until(is_removed, kit.file.path, 20));
	assert_int_equal(stored(), 20);
}

static bool one_stopped(void *argument)
{
	struct consumer_status status;

	(void)argument;
	consumer_status(kit.consumer, &status);
	return status.stopped_channels == 1;
}

static void a_record_that_cannot_be_stops_its_channel_and_no_other(void **state)
{
	struct weir_record bad = record_make(10);
	uint64_t durable[WEIR_MAX_WORKERS];

	(void)state;
	consumer_kit_push(&kit, 0, 4);
	bad.queue = 5; // an entry that nobody wrote
	bad.rule = 3;
	assert_int_equal(record_push(kit.file.segment, 1, &bad, (uint8_t[10]){ 0 }), 0);
	consumer_kit_push(&kit, 4, 4);
	consumer_kit_attach(&kit);
	assert_true(wait_until(one_stopped, NULL, 20));
	assert_int_equal(stored(), 6);
	assert_int_equal(consumer_consumed(kit.consumer, durable), 2);
	assert_true(durable[1] < segment_producer(kit.file.segment, 1)->head);
	assert_int_equal(durable[0], segment_producer(kit.file.segment, 0)->head);
	consumer_detach(kit.consumer);
	flock(kit.file.fd, LOCK_UN);
	assert_true(wait_until(one_stopped, NULL, 20));
	assert_int_equal(access(kit.file.path, F_OK), 0);
}

static void nothing_is_acknowledged_while_the_disk_is_full(void **state)
{
	struct rlimit limit = { 4096, RLIM_INFINITY };
	uint64_t durable[WEIR_MAX_WORKERS];

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	consumer_kit_attach(&kit);
	consumer_kit_push(&kit, 0, 4);
	assert_true(wait_until(consumer_kit_consumed, &kit, 20));
	setrlimit(RLIMIT_FSIZE, &limit);
	consumer_kit_push(&kit, 4, 16);
	assert_true(wait_until(consumer_kit_stalled, &kit, 20));
	assert_int_equal(consumer_consumed(kit.consumer, durable), 2);
	assert_true(durable[0] < segment_producer(kit.file.segment, 0)->head);
	limit.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_FSIZE, &limit);
	assert_true(wait_until(consumer_kit_consumed, &kit, 20));
	assert_false(consumer_kit_stalled(&kit));
	assert_int_equal(stored(), 20);
}

static void a_file_that_is_no_segment_is_left_where_it_is(void **state)
{
	char path[600];
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/segment.junk", kit.run);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	assert_int_equal(write(fd, "junk", 4), 4);
	close(fd);
	consumer_kit_push(&kit, 0, 2);
	flock(kit.file.fd, LOCK_UN);
	assert_true(wait_until(is_removed, kit.file.path, 20));
	assert_int_equal(access(path, F_OK), 0);
}

static bool all_dead(void *argument)
{
	struct spool_queue queue;

	(void)argument;
	assert_int_equal(spool_queue_get(kit.spool, "desk", &queue), 0);
	return queue.dead == 20;
}

static void retention_is_kept_to_while_the_consumer_runs(void **state)
{
	const struct spool_limits limits = { .waiting_ms = 1, .dead_ms = 3600000, .done_ms = 3600000 };

	(void)state;
	consumer_kit_attach(&kit);
	consumer_kit_push(&kit, 0, 20);
	assert_true(wait_until(consumer_kit_consumed, &kit, 20));
	consumer_keep(kit.consumer, &limits);
	assert_true(wait_until(all_dead, NULL, 20));
	assert_int_equal(stored(), 0);
}

static int look_at_port(const struct spool_message *message, void *argument)
{
	(void)argument;
	assert_int_equal(message->record.port_tag, weir_port_tag("in0"));
	return 0;
}

static void a_stored_message_knows_its_port_by_name(void **state)
{
	struct weir_port *port = (struct weir_port *)((char *)kit.file.segment + kit.file.segment->ports);

	(void)state;
	strcpy(port->name, "in0");
	consumer_kit_attach(&kit);
	consumer_kit_push(&kit, 0, 3);
	assert_true(wait_until(consumer_kit_consumed, &kit, 20));
	assert_int_equal(spool_walk(kit.spool, NULL, look_at_port, NULL), 0);
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
		TEST(a_stored_message_knows_its_port_by_name),
		TEST(retention_is_kept_to_while_the_consumer_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
