// SPDX-License-Identifier: BSD-3-Clause
#include "controlplane/agents/hook_breaker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

// retry 1 s, break 30 s after 5 failures in a row, 4 at a time.
static struct hook_breaker fresh(void)
{
	struct hook_breaker breaker;

	hook_breaker_init(&breaker, 1000, 30000, 5, 4);
	return breaker;
}

static void fail_at(struct hook_breaker *breaker, uint64_t now)
{
	hook_breaker_begin(breaker);
	hook_breaker_failed(breaker, now, 0, 0);
}

static void begins_at_most_max_deliveries_at_a_time(void **state)
{
	struct hook_breaker b = fresh();

	(void)state;
	for (unsigned n = 4; n > 0; n--) {
		assert_int_equal(hook_breaker_room(&b, 0), n);
		hook_breaker_begin(&b);
	}
	assert_int_equal(hook_breaker_room(&b, 0), 0);
	assert_int_equal(hook_breaker_next(&b, 0), 0); // one that ends is told
	hook_breaker_taken(&b);
	assert_int_equal(hook_breaker_room(&b, 0), 1);
	hook_breaker_dropped(&b);
	assert_int_equal(hook_breaker_room(&b, 0), 2);
	assert_int_equal(b.delivered, 1);
	assert_int_equal(b.failed, 0);
}

static void waits_twice_as_long_after_each_failure_in_a_row(void **state)
{
	struct hook_breaker b = fresh();
	uint64_t now = 50;

	(void)state;
	b.break_after = 100;
	for (uint64_t wait = 1000; wait < 64000; wait *= 2) {
		fail_at(&b, now);
		assert_int_equal(hook_breaker_next(&b, now), now + wait);
		assert_int_equal(hook_breaker_room(&b, now + wait - 1), 0);
		now += wait;
		assert_int_equal(hook_breaker_room(&b, now), 1); // no more until one is taken
	}
	for (unsigned i = 0; i < 80; i++) {
		fail_at(&b, now);
		now += HOOK_BACK_OFF_MAX_MS;
		assert_int_equal(b.until_ms, now);
	}
	hook_breaker_begin(&b);
	hook_breaker_taken(&b);
	assert_int_equal(hook_breaker_room(&b, 0), 4);
	fail_at(&b, now);
	assert_int_equal(b.until_ms, now + 1000);
}

static void chance_takes_up_to_half_of_a_wait(void **state)
{
	(void)state;
	for (uint64_t i = 0; i <= 16; i++) {
		struct hook_breaker b = fresh();

		hook_breaker_begin(&b);
		hook_breaker_failed(&b, 0, 0, (uint32_t)(i * UINT32_MAX / 16));
		assert_in_range(b.until_ms, 500, 1000);
		assert_in_range(b.until_ms, 1000 - 500 * i / 16, 1001 - 500 * i / 16);
	}
}

static void what_the_server_asks_for_is_kept_even_when_it_takes_others(void **state)
{
	struct hook_breaker b = fresh();

	(void)state;
	hook_breaker_begin(&b);
	hook_breaker_begin(&b);
	hook_breaker_failed(&b, 0, 7000, 0);
	assert_int_equal(hook_breaker_room(&b, 6999), 0);
	assert_int_equal(hook_breaker_next(&b, 0), 7000);
	hook_breaker_taken(&b);
	assert_int_equal(hook_breaker_room(&b, 6999), 0);
	assert_int_equal(hook_breaker_room(&b, 7000), 4);
	hook_breaker_begin(&b);
	hook_breaker_failed(&b, 7000, UINT64_MAX / 2, 0); // not for ever
	assert_int_equal(hook_breaker_room(&b, 7000 + HOOK_ASKED_MAX_MS), 1);
}

static void opens_after_failures_in_a_row_and_tries_one_when_its_time_is_over(void **state)
{
	struct hook_breaker b = fresh();

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		fail_at(&b, 0);
	hook_breaker_begin(&b);
	hook_breaker_taken(&b); // not in a row
	for (unsigned i = 0; i < 4; i++)
		fail_at(&b, 0);
	assert_int_equal(b.state, HOOK_CLOSED);
	hook_breaker_begin(&b);
	assert_true(hook_breaker_failed(&b, 100, 0, 0));
	assert_int_equal(b.state, HOOK_OPEN);
	assert_int_equal(hook_breaker_room(&b, 30099), 0);
	assert_int_equal(b.state, HOOK_OPEN);
	assert_int_equal(hook_breaker_room(&b, 30100), 1);
	assert_int_equal(b.state, HOOK_HALF_OPEN);
	hook_breaker_begin(&b);
	assert_int_equal(hook_breaker_room(&b, 30100), 0);
	hook_breaker_taken(&b);
	assert_int_equal(b.state, HOOK_CLOSED);
	assert_int_equal(hook_breaker_room(&b, 30100), 4);
	assert_int_equal(b.delivered, 2);
	assert_int_equal(b.failed, 9);
}

static void each_failed_try_opens_it_for_twice_as_long_up_to_eight_times(void **state)
{
	struct hook_breaker b = fresh();
	static const unsigned times[] = { 1, 2, 4, 8, 8, 8 };
	uint64_t now = 0;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		fail_at(&b, now);
	for (unsigned i = 0; i < 6; i++) {
		hook_breaker_begin(&b);
		assert_true(hook_breaker_failed(&b, now, 0, 0));
		assert_int_equal(b.until_ms, now + 30000ull * times[i]);
		now = b.until_ms;
		assert_int_equal(hook_breaker_room(&b, now), 1);
	}
	hook_breaker_begin(&b);
	hook_breaker_taken(&b);
	for (unsigned i = 0; i < 5; i++)
		fail_at(&b, now);
	assert_int_equal(b.until_ms, now + 30000); // from the beginning
}

static void late_failures_change_nothing_and_a_late_success_closes(void **state)
{
	struct hook_breaker b = fresh();

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		hook_breaker_begin(&b);
	for (unsigned i = 0; i < 5; i++)
		fail_at(&b, 0);
	assert_false(hook_breaker_failed(&b, 20000, 0, 0));
	assert_int_equal(b.until_ms, 30000);
	hook_breaker_taken(&b);
	assert_int_equal(b.state, HOOK_CLOSED);
	assert_int_equal(hook_breaker_room(&b, 20000), 3);
}

static void a_url_that_is_gone_is_tried_no_more(void **state)
{
	struct hook_breaker b = fresh();

	(void)state;
	hook_breaker_begin(&b);
	hook_breaker_begin(&b);
	hook_breaker_begin(&b);
	hook_breaker_gone(&b);
	hook_breaker_taken(&b);
	hook_breaker_failed(&b, 5, 5, 5);
	assert_int_equal(b.state, HOOK_DISABLED);
	assert_int_equal(b.in_flight, 0);
	assert_int_equal(hook_breaker_room(&b, UINT64_MAX), 0);
	assert_int_equal(hook_breaker_next(&b, 0), 0);
	assert_string_equal(hook_state_name(b.state), "disabled");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins_at_most_max_deliveries_at_a_time),
		cmocka_unit_test(waits_twice_as_long_after_each_failure_in_a_row),
		cmocka_unit_test(chance_takes_up_to_half_of_a_wait),
		cmocka_unit_test(what_the_server_asks_for_is_kept_even_when_it_takes_others),
		cmocka_unit_test(opens_after_failures_in_a_row_and_tries_one_when_its_time_is_over),
		cmocka_unit_test(each_failed_try_opens_it_for_twice_as_long_up_to_eight_times),
		cmocka_unit_test(late_failures_change_nothing_and_a_late_success_closes),
		cmocka_unit_test(a_url_that_is_gone_is_tried_no_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
