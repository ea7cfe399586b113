// SPDX-License-Identifier: BSD-3-Clause
//
// One limiter under threads that draw on it as fast as they can, each with a clock of its own that
// follows a common one by a bounded lag, as the TSCs of workers in a burst do.
#include "dataplane/meter.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { TICKS = 1 << 30, MAX_THREADS = 8, LIMITERS = 3 }; // ticks: a simulated second

struct run {
	struct meters meters;
	_Atomic uint64_t clock; // simulated, only forward
	uint64_t end;
	uint32_t step, lag; // ticks: between messages, and of a thread behind the clock at most
};

struct thread {
	pthread_t id;
	struct run *run;
	unsigned worker, only; // limiter drawn on; LIMITERS: each in turn
	uint64_t admitted[LIMITERS];
};

static void *draw(void *argument)
{
	struct thread *thread = argument;
	struct run *run = thread->run;
	uint32_t *credit = meters_credit(&run->meters, thread->worker);
	unsigned seed = thread->worker + 1;

	for (uint64_t i = 0;; i++) {
		uint64_t now = atomic_fetch_add(&run->clock, run->step);
		uint32_t limiter = thread->only < LIMITERS ? thread->only : i % LIMITERS;

		if (now >= run->end)
			return NULL;
		now -= run->lag ? (uint32_t)rand_r(&seed) % run->lag : 0;
		thread->admitted[limiter] +=
			meter_take(&run->meters, credit, limiter, 0, now);
	}
}

// Runs `n` threads for `seconds` of simulated time at `rate` and `burst`, offering `offered` a second in
// all; fills what each limiter admitted.
static uint32_t run_threads(unsigned n, struct table_meter meter, uint32_t offered, uint32_t lag,
			    double seconds, unsigned only, uint64_t admitted[LIMITERS])
{
	struct meter_rates rates = { &meter, 1, TICKS };
	struct run run = { .clock = TICKS, .end = TICKS + (uint64_t)(seconds * TICKS),
			   .step = TICKS / offered, .lag = lag };
	struct thread threads[MAX_THREADS];
	uint32_t chunk;

	assert_int_equal(meters_init(&run.meters, LIMITERS, n, &rates), 0);
	chunk = run.meters.profiles[0].chunk;
	for (unsigned w = 0; w < n; w++) {
		threads[w] = (struct thread){ .run = &run, .worker = w, .only = only };
		pthread_create(&threads[w].id, NULL, draw, &threads[w]);
	}
	for (unsigned k = 0; k < LIMITERS; k++)
		admitted[k] = 0;
	for (unsigned w = 0; w < n; w++) {
		pthread_join(threads[w].id, NULL);
		for (unsigned k = 0; k < LIMITERS; k++)
			admitted[k] += threads[w].admitted[k];
	}
	meters_fini(&run.meters);
	return chunk;
}

static void no_more_is_admitted_than_rate_burst_and_a_chunk_a_worker(void **state)
{
	static const struct table_meter meters[] = { { 1000, 20 }, { 20000, 400 }, { 100000, 8000 } };
	enum { SECONDS = 2 };

	for (unsigned n = 1; n <= MAX_THREADS; n *= 2) {
		for (unsigned m = 0; m < 3; m++) {
			uint64_t admitted[LIMITERS];
			uint32_t rate = meters[m].rate, burst = meters[m].burst,
				 chunk = run_threads(n, meters[m], 4 * rate, 0, SECONDS, 1, admitted);

			assert_in_range(admitted[1], (uint64_t)(SECONDS * rate * 0.98),
					(uint64_t)SECONDS * rate + burst + n * chunk);
			assert_int_equal(admitted[0] + admitted[2], 0);
		}
	}
}

static void clocks_that_differ_admit_no_more(void **state)
{
	const struct table_meter meter = { 20000, 400 };
	uint64_t admitted[LIMITERS];
	uint32_t chunk = run_threads(4, meter, 100000, TICKS / 2000, 2, 1, admitted);

	assert_in_range(admitted[1], 39200, 40000 + 400 + 4 * chunk + 10); // 10: of the lag itself
}

static void limiters_do_not_draw_on_each_other(void **state)
{
	const struct table_meter meter = { 5000, 100 };
	uint64_t admitted[LIMITERS];
	uint32_t chunk = run_threads(4, meter, 60000, 0, 2, LIMITERS, admitted);

	for (unsigned k = 0; k < LIMITERS; k++)
		assert_in_range(admitted[k], 9800, 10000 + 100 + 4 * chunk);
}

// But for what a thread asks for with a time long past, because it was stopped in between.
static void a_rate_that_is_not_reached_refuses_nothing(void **state)
{
	const struct table_meter meter = { 50000, 1000 };
	uint64_t admitted[LIMITERS];
	uint64_t offered = 2 * (uint64_t)TICKS / (TICKS / 45000);

	run_threads(4, meter, 45000, 0, 2, 0, admitted);
	assert_in_range(admitted[0], offered - 100, offered + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_more_is_admitted_than_rate_burst_and_a_chunk_a_worker),
		cmocka_unit_test(clocks_that_differ_admit_no_more),
		cmocka_unit_test(limiters_do_not_draw_on_each_other),
		cmocka_unit_test(a_rate_that_is_not_reached_refuses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
