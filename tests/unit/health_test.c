// SPDX-License-Identifier: BSD-3-Clause
#include "controlplane/health.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static const struct table_health health = { .probe = WEIR_PROBE_TCP,
					    .up = 2,
					    .down = 3,
					    .jitter = 20,
					    .interval_ms = 1000,
					    .timeout_ms = 500 };

static bool judge(struct vitals *vitals, enum probe_result result)
{
	return vitals_judge(vitals, &health, result, result == PROBE_ALIVE ? "" : "why", 7);
}

static void it_takes_as_many_failures_in_a_row_as_said(void **state)
{
	struct vitals vitals = { .up = true, .since_ms = 1 };

	(void)state;
	assert_false(judge(&vitals, PROBE_FAILED));
	assert_false(judge(&vitals, PROBE_FAILED));
	assert_false(judge(&vitals, PROBE_ALIVE)); // not in a row
	assert_false(judge(&vitals, PROBE_FAILED));
	assert_false(judge(&vitals, PROBE_FAILED));
	assert_true(vitals.up && vitals.since_ms == 1);
	assert_string_equal(vitals.error, "why");
	assert_true(judge(&vitals, PROBE_FAILED));
	assert_true(!vitals.up && vitals.since_ms == 7);
}

static void it_takes_as_many_answers_in_a_row_as_said(void **state)
{
	struct vitals vitals = { .up = false };

	(void)state;
	assert_false(judge(&vitals, PROBE_ALIVE));
	assert_false(judge(&vitals, PROBE_FAILED));
	assert_false(judge(&vitals, PROBE_ALIVE));
	assert_true(judge(&vitals, PROBE_ALIVE));
	assert_true(vitals.up && vitals.probed);
	assert_string_equal(vitals.error, "");
}

static void nobody_there_is_down_at_once(void **state)
{
	struct vitals vitals = { .up = true };

	(void)state;
	assert_true(judge(&vitals, PROBE_UNREACHABLE));
	assert_false(vitals.up);
	assert_false(judge(&vitals, PROBE_UNREACHABLE));
}

static void no_number_of_failures_overflows(void **state)
{
	struct table_health most = health;
	struct vitals vitals = { .up = true };

	(void)state;
	most.down = 255;
	for (unsigned i = 0; i < 254; i++)
		assert_false(vitals_judge(&vitals, &most, PROBE_FAILED, "why", 0));
	assert_true(vitals_judge(&vitals, &most, PROBE_FAILED, "why", 0));
}

static void pauses_lie_within_the_jitter_and_reach_both_ends(void **state)
{
	struct table_health exact = health;

	(void)state;
	for (uint32_t random = 0; random < 5000; random++)
		assert_in_range(health_pause(&health, random * 0x9e3779b9u), 800, 1200);
	assert_int_equal(health_pause(&health, 0), 800);
	assert_int_equal(health_pause(&health, 400), 1200);
	exact.jitter = 0;
	assert_int_equal(health_pause(&exact, 12345), 1000);
	exact.interval_ms = 3600000;
	exact.jitter = 50;
	assert_in_range(health_pause(&exact, UINT32_MAX), 1800000, 5400000);
}

struct crowd {
	struct event_base *base;
	unsigned results, wanted;
};

static void on_result(void *argument, enum probe_result result, const char *why)
{
	struct crowd *crowd = argument;

	(void)why;
	assert_int_equal(result, PROBE_UNREACHABLE); // nobody listens there
	if (++crowd->results == crowd->wanted)
		event_base_loopbreak(crowd->base);
}

static void a_watcher_makes_the_probes_of_all_though_few_may_be_out(void **state)
{
	enum { N = 200 };
	struct table_health quick = { .probe = WEIR_PROBE_TCP,
				      .up = 1,
				      .down = 1,
				      .port = 1,
				      .interval_ms = 20,
				      .timeout_ms = 10 };
	struct probe_target target = { .family = 4, .address = { 127, 0, 0, 1 } };
	struct crowd crowd = { .base = event_base_new(), .wanted = 3 * N };
	struct watcher *watcher = watcher_create(crowd.base, 2);
	struct watch *watch[N];

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		watch[i] = watch_create(watcher, &quick, &target, i, N);
		assert_non_null(watch[i]);
		watch_start(watch[i], on_result, &crowd);
	}
	event_base_dispatch(crowd.base);
	assert_int_equal(crowd.results, crowd.wanted);
	for (unsigned i = 0; i < N; i++)
		watch_destroy(watch[i]);
	watcher_destroy(watcher);
	event_base_free(crowd.base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_takes_as_many_failures_in_a_row_as_said),
		cmocka_unit_test(it_takes_as_many_answers_in_a_row_as_said),
		cmocka_unit_test(nobody_there_is_down_at_once),
		cmocka_unit_test(no_number_of_failures_overflows),
		cmocka_unit_test(pauses_lie_within_the_jitter_and_reach_both_ends),
		cmocka_unit_test(a_watcher_makes_the_probes_of_all_though_few_may_be_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
