// SPDX-License-Identifier: BSD-3-Clause
//
// Depth limits: when a queue closes and opens, and what the dataplane is told. Spool, link and table are the test's.
#include "controlplane/depth.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>

#include <cmocka.h>

#include "controlplane/consumer.h"
#include "controlplane/link.h"
#include "controlplane/pools.h"
#include "controlplane/spool_look.h"
#include "tests/kit/text.h"

static struct event_base *base;
static struct depth *depth;
static struct kit_text kit;
static struct table_map map;
static struct gateway gateway;
static struct gateway_queue limits[2];
static int watched;
static uint64_t waiting_a, waiting_b, generation;
static int spool_says, link_says;
static unsigned n_told;
static uint64_t told_generation, told_bits;

int spool_queue_get(struct spool *spool, const char *name, struct spool_queue *queue)
{
	(void)spool;
	memset(queue, 0, sizeof(*queue));
	queue->waiting = name[0] == 'a' ? waiting_a : waiting_b;
	return spool_says;
}

int consumer_watch(struct consumer *consumer, int fd, unsigned what)
{
	(void)consumer;
	assert_true(what == CONSUMER_MESSAGES || what == 0);
	watched = what ? fd : -1;
	return 0;
}

struct table_map *pools_table(const struct pools *pools)
{
	(void)pools;
	return &map;
}

bool link_is_up(const struct link *link)
{
	(void)link;
	return generation > 0;
}

uint64_t link_generation(const struct link *link)
{
	(void)link;
	return generation;
}

int link_queues(struct link *link, uint64_t of, const uint64_t closed[WEIR_QUEUES_MAX / 64])
{
	(void)link;
	if (link_says)
		return link_says;
	n_told++;
	told_generation = of;
	told_bits = closed[0];
	for (unsigned i = 1; i < WEIR_QUEUES_MAX / 64; i++)
		assert_int_equal(closed[i], 0);
	return 0;
}

static void open_table(const char *queues)
{
	char text[400];

	snprintf(text, sizeof(text), "version = 1;\nqueues = ( %s );\ndefault = { agents = \"a\"; };\n", queues);
	kit_text_open(&kit, text);
	map.table = kit.table;
}

static void make(unsigned n)
{
	const struct depth_parts parts = { .base = base, .gateway = &gateway };

	gateway.queues = limits;
	gateway.n_queues = n;
	depth = depth_create(&parts);
	assert_non_null(depth);
}

static int setup(void **state)
{
	static char a[] = "a", b[] = "b";

	(void)state;
	limits[0] = (struct gateway_queue){ .name = a, .depth = 100 };
	limits[1] = (struct gateway_queue){ .name = b, .depth = 1 };
	waiting_a = waiting_b = told_generation = told_bits = 0;
	n_told = 0;
	spool_says = link_says = 0;
	watched = -1;
	generation = 5;
	base = event_base_new();
	open_table("{ name = \"x\"; }, { name = \"a\"; }, { name = \"b\"; }");
	make(2);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	depth_stop(depth);
	assert_int_equal(watched, -1);
	depth_destroy(depth);
	kit_text_close(&kit);
	event_base_free(base);
	return 0;
}

// Messages have come: waits until the dataplane was told `n` times.
static void until_told(unsigned n)
{
	if (watched >= 0)
		eventfd_write(watched, 1);
	for (unsigned i = 0; i < 10000 && n_told < n; i++)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(n_told, n);
}

static void a_queue_closes_at_its_depth_and_opens_when_an_eighth_has_gone(void **state)
{
	(void)state;
	depth_changed(depth);
	assert_int_equal(n_told, 1);
	assert_int_equal(told_bits, 0);
	waiting_a = 99;
	depth_changed(depth);
	assert_int_equal(told_bits, 0);
	waiting_a = 100;
	until_told(3);
	assert_int_equal(told_bits, 1 << 1);
	assert_true(depth_is_closed(depth, "a"));
	waiting_a = 89;
	depth_changed(depth);
	assert_int_equal(told_bits, 1 << 1);
	waiting_a = 88;
	until_told(5); // by its own clock
	assert_int_equal(told_bits, 0);
	assert_false(depth_is_closed(depth, "a"));
	assert_false(depth_is_closed(depth, "x"));
}

static void a_queue_for_one_message_opens_when_it_is_empty(void **state)
{
	(void)state;
	waiting_b = 7; // came while it was open
	depth_changed(depth);
	assert_int_equal(told_bits, 1 << 2);
	waiting_b = 1;
	depth_changed(depth);
	assert_int_equal(told_bits, 1 << 2);
	waiting_b = 0;
	depth_changed(depth);
	assert_int_equal(told_bits, 0);
}

static void a_new_table_and_a_new_dataplane_are_told(void **state)
{
	(void)state;
	waiting_a = 100;
	depth_changed(depth);
	assert_int_equal(told_generation, 5);
	assert_int_equal(told_bits, 1 << 1);
	kit_text_close(&kit);
	open_table("{ name = \"a\"; }, { name = \"x\"; }");
	generation = 6;
	depth_changed(depth);
	assert_int_equal(told_generation, 6);
	assert_int_equal(told_bits, 1);
	generation = 0; // the dataplane is gone
	depth_changed(depth);
	assert_int_equal(n_told, 2);
	generation = 6;
	depth_changed(depth);
	assert_int_equal(n_told, 3);
	assert_int_equal(told_bits, 1);
}

static void nobody_is_told_twice_what_has_not_changed(void **state)
{
	(void)state;
	depth_changed(depth);
	waiting_a = 100;
	until_told(2);
	for (unsigned i = 0; i < 3; i++) { // looks by the clock
		eventfd_write(watched, 1);
		event_base_loop(base, EVLOOP_ONCE);
		event_base_loop(base, EVLOOP_ONCE);
	}
	assert_int_equal(n_told, 2);
}

static void a_link_that_is_full_is_told_later(void **state)
{
	(void)state;
	waiting_a = 100;
	link_says = -EAGAIN;
	depth_changed(depth);
	assert_int_equal(n_told, 0);
	link_says = 0;
	until_told(1);
	assert_int_equal(told_bits, 1 << 1);
}

static void a_spool_that_cannot_be_read_changes_nothing(void **state)
{
	(void)state;
	waiting_a = 100;
	depth_changed(depth);
	waiting_a = 0;
	spool_says = -EIO;
	depth_changed(depth);
	assert_int_equal(told_bits, 1 << 1);
	spool_says = -ENOENT; // no message ever came to it
	depth_changed(depth);
	assert_int_equal(told_bits, 0);
}

static void without_limits_what_another_control_plane_closed_is_opened(void **state)
{
	(void)state;
	depth_stop(depth);
	depth_destroy(depth);
	make(0);
	assert_int_equal(watched, -1);
	waiting_a = 1000;
	depth_changed(depth);
	assert_int_equal(n_told, 1);
	assert_int_equal(told_bits, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_queue_closes_at_its_depth_and_opens_when_an_eighth_has_gone),
		TEST(a_queue_for_one_message_opens_when_it_is_empty),
		TEST(a_new_table_and_a_new_dataplane_are_told),
		TEST(nobody_is_told_twice_what_has_not_changed),
		TEST(a_link_that_is_full_is_told_later),
		TEST(a_spool_that_cannot_be_read_changes_nothing),
		TEST(without_limits_what_another_control_plane_closed_is_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
