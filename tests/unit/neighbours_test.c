// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/neighbours.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/kit/rules.h"
#include "tests/kit/tables.h"

enum { MAX = 300 };

static struct route_neighbour list[MAX];
static struct neighbours neighbours;

static int compare(const void *a, const void *b)
{
	return route_neighbour_compare(a, b);
}

static void clear_behind(uint8_t address[16], unsigned length)
{
	for (unsigned bit = length; bit < 128; bit++)
		address[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
}

// Addresses of few distinct bytes, so that prefixes lie in each other.
static void random_address(uint64_t *random, unsigned family, uint8_t address[16])
{
	memset(address, 0, 16);
	for (unsigned i = 0; i < (family == 4 ? 4u : 16u); i++)
		address[i] = (uint8_t[]){ 0, 1, 0x80, 0xff }[kit_random_below(random, 4)];
}

static uint32_t make_list(uint64_t *random)
{
	uint32_t n = kit_random_below(random, MAX + 1), kept = 0;

	memset(list, 0, sizeof(list));
	for (uint32_t i = 0; i < n; i++) {
		list[i].family = kit_random_below(random, 2) ? 4 : 6;
		list[i].length = (uint8_t)kit_random_below(random, list[i].family == 4 ? 33 : 129);
		random_address(random, list[i].family, list[i].address);
		clear_behind(list[i].address, list[i].length);
	}
	qsort(list, n, sizeof(list[0]), compare);
	for (uint32_t i = 0; i < n; i++)
		if (kept == 0 || route_neighbour_compare(&list[kept - 1], &list[i]) != 0)
			list[kept++] = list[i];
	return kept;
}

static const struct route_neighbour *find_slowly(uint32_t n, unsigned family,
						 const uint8_t address[16])
{
	const struct route_neighbour *best = NULL;

	for (uint32_t i = 0; i < n; i++) {
		uint8_t masked[16];

		memcpy(masked, address, 16);
		clear_behind(masked, list[i].length);
		if (list[i].family == family && memcmp(masked, list[i].address, 16) == 0 &&
		    (best == NULL || list[i].length > best->length))
			best = &list[i];
	}
	return best;
}

static void the_longest_prefix_is_the_one_that_a_linear_search_finds(void **state)
{
	uint64_t random = kit_seed();
	unsigned found = 0;

	for (unsigned round = 0; round < 200; round++) {
		uint32_t n = make_list(&random);

		assert_int_equal(neighbours_init(&neighbours, list, n), 0);
		for (unsigned i = 0; i < 200; i++) {
			unsigned family = i % 2 ? 4 : 6;
			uint8_t address[16];
			const struct route_neighbour *got;

			random_address(&random, family, address);
			got = neighbours_find(&neighbours, family, address);
			assert_ptr_equal(got, find_slowly(n, family, address));
			found += got != NULL;
		}
		neighbours_fini(&neighbours);
	}
	assert_in_range(found, 1000, 39000);
}

static void without_neighbours_nothing_is_found(void **state)
{
	const uint8_t address[16] = { 10 };

	assert_int_equal(neighbours_init(&neighbours, NULL, 0), 0);
	assert_null(neighbours_find(&neighbours, 4, address));
	neighbours_fini(&neighbours);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_prefix_is_the_one_that_a_linear_search_finds),
		cmocka_unit_test(without_neighbours_nothing_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
