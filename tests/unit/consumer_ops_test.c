// SPDX-License-Identifier: BSD-3-Clause
//
// Operations of agents on their way through the consumer, and who hears of commits.
#include "controlplane/consumer.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

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
			consumer_submit(kit.consumer, op - 2);
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
	consumer_kit_attach(&kit);
	consumer_kit_push(&kit, 0, 8);
	assert_true(wait_until(consumer_kit_consumed, &kit, 20));
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, claim_many, &desks[i]), 0);
	consumer_kit_push(&kit, 8, 12);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_true(wait_until(all_done, &n, 20));
	assert_true(wait_until(consumer_kit_consumed, &kit, 20));
	assert_int_equal(desks[0].n_wrong + desks[1].n_wrong, 0);
	assert_int_equal(spool_queue_get(kit.spool, "desk", &queue), 0);
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
	consumer_submit(kit.consumer, &desk->ops[i]);
	assert_true(wait_until(all_done, &n, 20));
}

static void watchers_hear_of_messages_and_of_answers(void **state)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	eventfd_t n;

	(void)state;
	open_desks();
	assert_int_equal(consumer_watch(kit.consumer, fd, CONSUMER_MESSAGES), 0);
	consumer_kit_attach(&kit);
	consumer_kit_push(&kit, 0, 2);
	assert_true(wait_until(consumer_kit_consumed, &kit, 20));
	assert_int_equal(eventfd_read(fd, &n), 0);
	submit((struct spool_op){ .kind = OP_CLAIM, .queue = "desk", .n = 2, .agent = "anna", .lease_ms = 60000 });
	assert_int_equal(desks[0].n_claimed, 2);
	assert_int_equal(eventfd_read(fd, &n), -1);
	assert_int_equal(consumer_watch(kit.consumer, fd, 0), 0);
	for (int i = 0; i < CONSUMER_WATCHERS; i++)
		assert_int_equal(consumer_watch(kit.consumer, 1000 + i, CONSUMER_ANSWERS), 0);
	assert_int_equal(consumer_watch(kit.consumer, fd, CONSUMER_MESSAGES), -ENOSPC);
	for (int i = 0; i < CONSUMER_WATCHERS; i++)
		assert_int_equal(consumer_watch(kit.consumer, 1000 + i, 0), 0);
	close_desks();
	close(fd);
}

static void operations_are_done_though_the_spool_takes_no_messages(void **state)
{
	struct rlimit limit = { 4096, RLIM_INFINITY };

	(void)state;
	open_desks();
	signal(SIGXFSZ, SIG_IGN);
	consumer_kit_attach(&kit);
	consumer_kit_push(&kit, 0, 4);
	assert_true(wait_until(consumer_kit_consumed, &kit, 20));
	setrlimit(RLIMIT_FSIZE, &limit);
	consumer_kit_push(&kit, 4, 16);
	assert_true(wait_until(consumer_kit_stalled, &kit, 20));
	submit((struct spool_op){ .kind = OP_PURGE, .queue = "none" });
	assert_true(desks[0].ops[0].result < 0); // -ENOENT, or what the disk says
	limit.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_FSIZE, &limit);
	assert_true(wait_until(consumer_kit_consumed, &kit, 20));
	submit((struct spool_op){ .kind = OP_CLAIM, .queue = "desk", .n = 20, .agent = "anna", .lease_ms = 60000 });
	assert_int_equal(desks[0].n_claimed, 20);
	close_desks();
}

static void operations_that_were_handed_over_are_done_before_the_consumer_ends(void **state)
{
	(void)state;
	open_desks();
	consumer_kit_attach(&kit);
	consumer_kit_push(&kit, 0, 4);
	assert_true(wait_until(consumer_kit_consumed, &kit, 20));
	claim_many(&desks[0]);
	consumer_destroy(kit.consumer);
	assert_int_equal(n_done(&desks[0]), 300);
	assert_int_equal(desks[0].n_claimed, 4);
	spool_close(kit.spool);
	close_desks();
	consumer_kit_start(&kit);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(operations_of_several_threads_are_done_in_order_while_messages_come),
		TEST(watchers_hear_of_messages_and_of_answers),
		TEST(operations_are_done_though_the_spool_takes_no_messages),
		TEST(operations_that_were_handed_over_are_done_before_the_consumer_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
