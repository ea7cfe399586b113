// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/meter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

enum { TICKS = 1 << 30 }; // a simulated second

static struct meters make(uint32_t rate, uint32_t burst, uint32_t n_workers)
{
	struct table_meter meter = { rate, burst };
	struct meter_rates rates = { &meter, 1, TICKS };
	struct meters meters;

	assert_int_equal(meters_init(&meters, 1, n_workers, &rates), 0);
	return meters;
}

// Offers `offered` messages a second for `seconds`, each to a worker that `pick` names; returns
// those admitted.
static uint64_t offer(struct meters *meters, uint64_t from, double seconds, uint64_t offered,
		      unsigned (*pick)(uint64_t i))
{
	uint64_t n = (uint64_t)(seconds * (double)offered), admitted = 0;

	for (uint64_t i = 0; i < n; i++)
		admitted +=
			meter_take(meters, meters_credit(meters, pick(i)), 0, 0, from + i * (TICKS / 16) / offered * 16);
	return admitted;
}

static unsigned first_only(uint64_t i)
{
	return 0;
}

static unsigned in_turn(uint64_t i)
{
	return i % 4;
}

static unsigned by_phases(uint64_t i) // a worker at a time, changing every 1,000 messages
{
	return i / 1000 % 4;
}

static unsigned skewed(uint64_t i)
{
	return i % 100 < 97 ? 1 : i % 4;
}

static void a_rate_holds_within_two_per_cent_however_traffic_is_spread(void **state)
{
	static unsigned (*const spread[])(uint64_t) = { first_only, in_turn, by_phases, skewed };
	static const uint32_t rates[] = { 100, 5000, 50000, 1000000 };

	for (unsigned s = 0; s < 4; s++) {
		for (unsigned r = 0; r < 4; r++) {
			struct meters meters =
				make(rates[r], rates[r] / 50,
				     4); // 2 at the lowest: a bucket of 1 has no slack
			double expected = rates[r];
			uint64_t admitted;

			offer(&meters, TICKS, 0.5, 4 * (uint64_t)rates[r],
			      spread[s]); // empty the burst
			admitted = offer(&meters, TICKS + TICKS / 2, 1, 4 * (uint64_t)rates[r],
					 spread[s]);
			assert_in_range(admitted, (uint64_t)(expected * 0.98),
					(uint64_t)(expected * 1.02));
			meters_fini(&meters);
		}
	}
}

static void traffic_below_the_rate_is_never_refused(void **state)
{
	struct meters meters = make(10000, 100, 4);

	assert_int_equal(offer(&meters, 5, 2, 9500, in_turn), 19000);
	meters_fini(&meters);
}

static void a_full_bucket_admits_its_burst_at_once_and_no_more(void **state)
{
	struct meters meters = make(1000, 77, 1);
	unsigned admitted = 0;

	for (unsigned i = 0; i < 1000; i++)
		admitted += meter_take(&meters, meters_credit(&meters, 0), 0, 0, TICKS);
	assert_int_equal(admitted, 77);
	meters_fini(&meters);
}

static void an_idle_time_fills_no_more_than_the_burst(void **state)
{
	struct meters meters = make(1000, 50, 1);
	unsigned admitted = 0;

	for (unsigned i = 0; i < 100; i++)
		meter_take(&meters, meters_credit(&meters, 0), 0, 0, TICKS);
	for (unsigned i = 0; i < 1000; i++)
		admitted += meter_take(&meters, meters_credit(&meters, 0), 0, 0, 100 * (uint64_t)TICKS);
	assert_int_equal(admitted, 50);
	meters_fini(&meters);
}

static void a_new_table_does_not_fill_the_bucket_again(void **state)
{
	struct meters old = make(1000, 50, 1), new = make(1000, 50, 1);
	unsigned admitted = 0;

	for (unsigned i = 0; i < 30; i++)
		admitted += meter_take(&old, meters_credit(&old, 0), 0, 0, TICKS);
	meter_carry(&new, 0, &old, 0, TICKS);
	for (unsigned i = 0; i < 10; i++) // a worker that has not switched yet
		admitted += meter_take(&old, meters_credit(&old, 0), 0, 0, TICKS);
	meter_settle(&new, 0, &old, 0);
	for (unsigned i = 0; i < 100; i++)
		admitted += meter_take(&new, meters_credit(&new, 0), 0, 0, TICKS);
	assert_in_range(admitted, 50, 50 + 6); // chunks that the old table's worker had taken and
					       // not spent are lost, not doubled
	meters_fini(&old);
	meters_fini(&new);
}

static void no_limiters_take_no_memory(void **state)
{
	struct meter_rates none = { NULL, 0, TICKS };
	struct meters meters;

	assert_int_equal(meters_init(&meters, 0, 4, &none), 0);
	assert_null(meters.due);
	meters_fini(&meters);
}

static void assert_resident(void *array, size_t size)
{
	size_t n = (size + 4095) / 4096;
	unsigned char *pages = malloc(n);

	assert_non_null(pages);
	assert_int_equal(mincore(array, size, pages), 0);
	for (size_t i = 0; i < n; i++)
		assert_true(pages[i] & 1);
	free(pages);
}

static void no_worker_meets_a_page_that_is_not_there(void **state)
{
	enum { N = 1000000, WORKERS = 2 };
	struct table_meter meter = { 100, 10 };
	struct meter_rates rates = { &meter, 1, TICKS };
	struct meters meters;

	assert_int_equal(meters_init(&meters, N, WORKERS, &rates), 0);
	assert_resident((void *)(uintptr_t)meters.due, N * sizeof(*meters.due));
	for (unsigned w = 0; w < WORKERS; w++)
		assert_resident(meters.credit[w], N * sizeof(**meters.credit));
	meters_fini(&meters);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rate_holds_within_two_per_cent_however_traffic_is_spread),
		cmocka_unit_test(traffic_below_the_rate_is_never_refused),
		cmocka_unit_test(a_full_bucket_admits_its_burst_at_once_and_no_more),
		cmocka_unit_test(an_idle_time_fills_no_more_than_the_burst),
		cmocka_unit_test(a_new_table_does_not_fill_the_bucket_again),
		cmocka_unit_test(no_limiters_take_no_memory),
		cmocka_unit_test(no_worker_meets_a_page_that_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
