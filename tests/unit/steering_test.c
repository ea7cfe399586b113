// SPDX-License-Identifier: BSD-3-Clause
//
// The main thread's part in the steering table: what may be wanted, and workers that stand still.
#include "dataplane/steering.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rules/gateway_reader.h"
#include "tests/kit/segments.h"

enum { WORKERS = 2, GW2 = WEIR_STEER_SIBLING };

static const char config[] =
	"dataplane = { main_cpu = 0; worker_cpus = [ 1, 2 ]; dispatch_cpu = 3; };\n"
	"ports = ( { name = \"in0\"; device = \"x\"; } );\n"
	"siblings = ( { name = \"gw2\"; port = \"in0\"; mac = \"02:00:00:00:00:02\"; },\n"
	"             { name = \"gw3\"; port = \"in0\"; mac = \"02:00:00:00:00:03\"; } );\n";

static struct {
	struct gateway *gateway;
	struct weir_segment *segment;
	struct steering steering;
	char why[200];
} t;

// As the dispatcher does when it looks.
static void take_up(void)
{
	atomic_store(&t.steering.used, atomic_load(&t.steering.current)->version);
}

static int setup(void **state)
{
	const struct segment_shape shape = { WORKERS + 1, 1, 64, 1024 };
	struct diags diags;

	memset(&t, 0, sizeof(t));
	diags_init(&diags);
	t.gateway = gateway_read_text("g.conf", config, strlen(config), true, &diags);
	diags_print(&diags, stderr);
	diags_fini(&diags);
	assert_non_null(t.gateway);
	t.segment = segment_make(&shape);
	steering_init(&t.steering, t.gateway);
	t.steering.running = true;
	take_up();
	return 0;
}

static int teardown(void **state)
{
	gateway_destroy(t.gateway);
	free(t.segment);
	return 0;
}

static void what_cannot_be_wanted_is_refused(void **state)
{
	uint8_t bucket[WEIR_STEER_BUCKETS] = { 0 };

	bucket[7] = WORKERS;
	assert_int_equal(steering_want(&t.steering, bucket, t.why, sizeof(t.why)), -EINVAL);
	assert_string_equal(t.why, "bucket 7 goes to worker 2, which is not there (one gateway.conf for both daemons?)");
	bucket[7] = GW2 | 2;
	assert_int_equal(steering_want(&t.steering, bucket, t.why, sizeof(t.why)), -EINVAL);
	bucket[7] = 0xff;
	assert_int_equal(steering_want(&t.steering, bucket, t.why, sizeof(t.why)), -EINVAL);
	bucket[7] = GW2 | 1;
	assert_int_equal(steering_want(&t.steering, bucket, t.why, sizeof(t.why)), 0);
	assert_int_equal(steering_want(&t.steering, bucket, t.why, sizeof(t.why)), -EBUSY);
	t.steering.steers = false;
	assert_int_equal(steering_want(&t.steering, bucket, t.why, sizeof(t.why)), -EOPNOTSUPP);
}

static unsigned buckets_of(uint8_t to)
{
	const struct steering_table *table = atomic_load(&t.steering.current);
	unsigned n = 0;

	for (unsigned b = 0; b < WEIR_STEER_BUCKETS; b++) {
		assert_true(table->local[b] < WORKERS);
		n += table->to[b] == to;
	}
	return n;
}

// `ms` milliseconds in which the workers of the mask `run` turn.
static void pass(uint64_t *now, unsigned ms, unsigned run)
{
	for (unsigned i = 0; i < ms; i += 5, *now += 5) {
		for (unsigned w = 0; w < WORKERS; w++)
			if (run >> w & 1)
				atomic_fetch_add(&segment_producer(t.segment, w)->turns, 1);
		steering_watch(&t.steering, t.segment, *now);
		steering_poll(&t.steering);
		take_up();
	}
}

static void a_worker_that_stands_still_is_taken_out_and_given_back(void **state)
{
	const struct weir_worker *held = segment_producer(t.segment, 1);
	uint8_t before[WEIR_STEER_BUCKETS];
	uint64_t now = 1000;

	pass(&now, 2000, 3);
	assert_int_equal(held->stalls, 0);
	assert_int_equal(buckets_of(1), WEIR_STEER_BUCKETS / 2);
	memcpy(before, atomic_load(&t.steering.current)->to, sizeof(before));
	pass(&now, 400, 1);
	assert_int_equal(buckets_of(1), WEIR_STEER_BUCKETS / 2);
	pass(&now, 200, 1);
	assert_int_equal(held->stalls, 1);
	assert_int_equal(held->out, 1);
	assert_int_equal(buckets_of(0), WEIR_STEER_BUCKETS);
	pass(&now, 20, 3);
	assert_int_equal(held->out, 0);
	assert_memory_equal(atomic_load(&t.steering.current)->to, before, sizeof(before));
	pass(&now, 600, 1);
	assert_int_equal(held->stalls, 2);
}

static void what_a_stalled_worker_had_is_dealt_by_weight_and_siblings_keep_theirs(void **state)
{
	uint8_t bucket[WEIR_STEER_BUCKETS];
	uint64_t now = 1000;

	for (unsigned b = 0; b < WEIR_STEER_BUCKETS; b++)
		bucket[b] = b % 4 == 3 ? GW2 : 1; // worker 0 has weight 0
	pass(&now, 10, 3);
	assert_int_equal(steering_want(&t.steering, bucket, t.why, sizeof(t.why)), 0);
	pass(&now, 10, 3);
	assert_int_equal(buckets_of(0), 0);
	assert_int_equal(atomic_load(&t.steering.current)->local[3], 1);
	pass(&now, 700, 1);
	assert_int_equal(buckets_of(0), WEIR_STEER_BUCKETS / 4 * 3); // better than nobody
	assert_int_equal(buckets_of(GW2), WEIR_STEER_BUCKETS / 4);
	assert_int_equal(atomic_load(&t.steering.current)->local[3], 0);
	pass(&now, 700, 0); // nobody runs: it stays with somebody
	assert_int_equal(buckets_of(0) + buckets_of(1), WEIR_STEER_BUCKETS / 4 * 3);
}

static void a_main_thread_that_was_away_blames_nobody(void **state)
{
	uint64_t now = 1000;

	pass(&now, 10, 3);
	for (unsigned i = 0; i < 5; i++) {
		now += 5000;
		steering_watch(&t.steering, t.segment, now);
	}
	assert_int_equal(segment_producer(t.segment, 0)->stalls, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_cannot_be_wanted_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(a_worker_that_stands_still_is_taken_out_and_given_back, setup, teardown),
		cmocka_unit_test_setup_teardown(what_a_stalled_worker_had_is_dealt_by_weight_and_siblings_keep_theirs, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_main_thread_that_was_away_blames_nobody, setup, teardown),
	};

	return cmocka_run_group_tests_name("steering", tests, NULL, NULL);
}
