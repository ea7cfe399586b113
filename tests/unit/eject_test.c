// SPDX-License-Identifier: BSD-3-Clause
#include "controlplane/eject.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "dataplane/abi/socket.h"

static const struct table_pool pool = {
	.eject_errors = 3, .eject_interval_ms = 1000, .eject_base = 30, .eject_max = 100
};
static struct ejection ejection;
static uint64_t now;

static int setup(void **state)
{
	(void)state;
	ejection = (struct ejection){ 0 };
	now = 1 << 30;
	return 0;
}

static bool error_after(uint64_t ms)
{
	now += ms;
	return eject_note(&ejection, &pool, WEIR_PORT_UNREACHABLE, now);
}

static void eject(void)
{
	assert_false(error_after(0));
	assert_false(error_after(0));
	assert_true(error_after(0));
	assert_true(eject_holds(&ejection, now));
}

// Brings it back by time alone, which is to take exactly so long.
static void comes_back_after(uint64_t ms)
{
	now += ms - 1;
	assert_true(eject_holds(&ejection, now));
	assert_false(eject_settle(&ejection, now));
	now++;
	assert_false(eject_holds(&ejection, now));
	assert_true(eject_settle(&ejection, now));
	assert_false(eject_settle(&ejection, now));
}

static void as_many_errors_as_the_pool_says_within_the_interval_eject(void **state)
{
	(void)state;
	eject();
	assert_int_equal(ejection.cause, WEIR_PORT_UNREACHABLE);
	assert_int_equal(ejection.times, 1);
	assert_false(error_after(1)); // it is out already
}

static void errors_that_come_seldom_do_not_eject(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++)
		assert_false(error_after(500));
	assert_false(ejection.out);
}

static void the_interval_begins_with_an_error(void **state)
{
	(void)state;
	assert_false(error_after(0));
	assert_false(error_after(999));
	assert_false(error_after(1)); // a new one
	assert_false(error_after(500));
	assert_true(error_after(499));
}

static void a_pool_without_ejection_ejects_nobody(void **state)
{
	const struct table_pool none = { 0 };

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		assert_false(eject_note(&ejection, &none, WEIR_PORT_UNREACHABLE, now));
}

static void the_time_doubles_up_to_the_most(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		eject();
		comes_back_after(i == 0 ? 30000 : i == 1 ? 60000 : 100000);
	}
}

static void who_has_been_well_for_long_begins_anew(void **state)
{
	(void)state;
	eject();
	comes_back_after(30000);
	now += 100000;
	eject();
	comes_back_after(60000);
	now += 100001;
	eject();
	assert_int_equal(ejection.times, 1);
	comes_back_after(30000);
}

static void errors_from_before_do_not_count_after(void **state)
{
	(void)state;
	eject();
	comes_back_after(30000);
	assert_false(error_after(0));
	assert_false(error_after(0));
	assert_true(error_after(0));
}

static void as_many_good_probes_in_a_row_as_health_says_bring_it_back(void **state)
{
	(void)state;
	assert_false(eject_probed(&ejection, true, 1, now)); // it is not out
	eject();
	assert_false(eject_probed(&ejection, true, 2, now));
	assert_false(eject_probed(&ejection, false, 2, now));
	assert_false(eject_probed(&ejection, true, 2, now));
	assert_true(eject_holds(&ejection, now));
	assert_true(eject_probed(&ejection, true, 2, now));
	assert_false(eject_holds(&ejection, now));
	eject(); // what it answers is not what it is sent: the time has doubled
	comes_back_after(60000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(as_many_errors_as_the_pool_says_within_the_interval_eject, setup),
		cmocka_unit_test_setup(errors_that_come_seldom_do_not_eject, setup),
		cmocka_unit_test_setup(the_interval_begins_with_an_error, setup),
		cmocka_unit_test_setup(a_pool_without_ejection_ejects_nobody, setup),
		cmocka_unit_test_setup(the_time_doubles_up_to_the_most, setup),
		cmocka_unit_test_setup(who_has_been_well_for_long_begins_anew, setup),
		cmocka_unit_test_setup(errors_from_before_do_not_count_after, setup),
		cmocka_unit_test_setup(as_many_good_probes_in_a_row_as_health_says_bring_it_back, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
