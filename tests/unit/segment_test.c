// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/abi/segment.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/kit/segments.h"

static const struct segment_shape shape = { 2, 3, 16, 1024 };

static int check(const struct weir_segment *segment)
{
	struct weir_segment checked;
	char why[200] = "";
	int err = segment_check(segment, (size_t)segment->size, &checked, why, sizeof(why));

	assert_int_equal(err == 0, why[0] == '\0');
	return err;
}

static void a_laid_out_segment_passes_its_check(void **state)
{
	struct weir_segment *segment = segment_make(&shape);

	(void)state;
	assert_int_equal(check(segment), 0);
	assert_int_equal(segment->ring % 64, 0);
	assert_true(segment->ring + 2u * 1024 * 256 <= segment->size);
	free(segment);
}

static void every_header_word_that_is_wrong_is_refused(void **state)
{
	struct weir_segment *good = segment_make(&shape), *bad = segment_make(&shape), checked;
	char why[200];

	(void)state;
#define REFUSED(field, value)                                                            \
	do {                                                                             \
		memcpy(bad, good, sizeof(*bad));                                         \
		bad->field = (value);                                                    \
		assert_int_equal(segment_check(bad, (size_t)good->size, &checked, why, sizeof(why)), -EINVAL); \
	} while (0)
	REFUSED(magic, 1);
	REFUSED(abi, 99);
	REFUSED(n_workers, 0);
	REFUSED(n_workers, WEIR_MAX_WORKERS + 1);
	REFUSED(n_ports, 0);
	REFUSED(n_ports, 1000);
	REFUSED(n_names, WEIR_MAX_NAMES + 1);
	REFUSED(ring_slots, 1000);
	REFUSED(ring_slots, 0x80000000u);
	REFUSED(size, good->size + 1);
	REFUSED(counters, 8);
	REFUSED(names, good->names + 1);
	REFUSED(ring, good->size);
	REFUSED(ring, UINT64_MAX - 63);
	REFUSED(zones, good->size - 64);
	REFUSED(state, WEIR_SEGMENT_HEADER - 64); // would stand under a reader's copy of the header
	assert_int_equal(segment_check(good, 10, &checked, why, sizeof(why)), -EINVAL);
	free(good);
	free(bad);
}

struct writer {
	struct weir_counters *block;
	_Atomic bool stop;
};

static void *write_counters(void *argument)
{
	struct writer *w = argument;

	for (uint64_t n = 1; !w->stop; n++) {
		atomic_store_explicit(&w->block->sequence, 2 * n - 1, memory_order_relaxed);
		atomic_thread_fence(memory_order_release);
		__atomic_store_n(&w->block->rx, 2 * n, __ATOMIC_RELAXED);
		__atomic_store_n(&w->block->disposition[WEIR_FORWARD], n, __ATOMIC_RELAXED);
		__atomic_store_n(&w->block->disposition[WEIR_HELD], n, __ATOMIC_RELAXED);
		atomic_store_explicit(&w->block->sequence, 2 * n, memory_order_release);
		for (volatile int pause = 0; pause < 1000; pause++)
			;
	}
	return NULL;
}

static void a_copy_of_counters_balances_while_the_worker_writes(void **state)
{
	struct weir_segment *segment = segment_make(&shape);
	struct writer writer = { .block = segment_block(segment, 1, 2) };
	struct weir_counters copy;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, write_counters, &writer), 0);
	for (int i = 0; i < 100000; i++) {
		assert_int_equal(segment_counters_get(segment, 1, 2, &copy), 0);
		assert_int_equal(copy.rx, copy.disposition[WEIR_FORWARD] + copy.disposition[WEIR_HELD]);
	}
	writer.stop = true;
	pthread_join(thread, NULL);
	free(segment);
}

static void a_writer_that_died_inside_does_not_hang_the_reader(void **state)
{
	struct weir_segment *segment = segment_make(&shape);
	struct weir_counters copy;

	(void)state;
	segment_block(segment, 0, 0)->sequence = 7;
	segment_block(segment, 0, 0)->rx = 5;
	assert_int_equal(segment_counters_get(segment, 0, 0, &copy), -EAGAIN);
	assert_int_equal(copy.rx, 5);
	free(segment);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_laid_out_segment_passes_its_check),
		cmocka_unit_test(every_header_word_that_is_wrong_is_refused),
		cmocka_unit_test(a_copy_of_counters_balances_while_the_worker_writes),
		cmocka_unit_test(a_writer_that_died_inside_does_not_hang_the_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
