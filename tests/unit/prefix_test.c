// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/prefix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define ALL6 (~(prefix_address)0)

// Walks a range; checks that its prefixes lie one after the other, aligned, to its end. Their number.
static unsigned walk(prefix_address first, prefix_address last, unsigned width)
{
	unsigned n = 0;

	for (;;) {
		unsigned bits = prefix_free_bits(first, last, width);
		prefix_address mask = prefix_mask(bits);

		assert_true(bits <= width);
		assert_true((first & mask) == 0);
		assert_true(mask <= last - first);
		n++;
		if ((first | mask) == last)
			return n;
		first = (first | mask) + 1;
	}
}

static void a_prefix_is_itself(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits <= 32; bits++)
		assert_int_equal(prefix_free_bits(0, prefix_mask(bits), 32), bits);
	for (unsigned bits = 0; bits <= 128; bits++)
		assert_int_equal(prefix_free_bits(0, prefix_mask(bits), 128), bits);
	assert_int_equal(prefix_free_bits(ALL6, ALL6, 128), 0);
}

static void the_worst_ranges_take_two_prefixes_a_bit(void **state)
{
	(void)state;
	assert_int_equal(walk(1, UINT32_MAX - 1, 32), 62);
	assert_int_equal(walk(1, ALL6 - 1, 128), 254);
	assert_int_equal(walk(0, UINT32_MAX, 32), 1);
	assert_int_equal(walk(0, ALL6, 128), 1);
}

static void random_ranges_are_covered_without_gap_or_overlap(void **state)
{
	(void)state;
	srandom(3);
	for (unsigned i = 0; i < 20000; i++) {
		prefix_address a = (prefix_address)random() << 1 >> (i % 30),
			       b = (prefix_address)random() << 1 >> (i % 23);

		walk(a < b ? a : b, a < b ? b : a, 32);
		a = a << 90 | (prefix_address)random();
		b = b << 90 | (prefix_address)random();
		walk(a < b ? a : b, a < b ? b : a, 128);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_prefix_is_itself),
		cmocka_unit_test(the_worst_ranges_take_two_prefixes_a_bit),
		cmocka_unit_test(random_ranges_are_covered_without_gap_or_overlap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
