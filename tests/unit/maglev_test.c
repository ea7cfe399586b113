// SPDX-License-Identifier: BSD-3-Clause
//
// Members of a pool by consistent hash.

// cmocka.h needs these three before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "rules/build.h"
#include "rules/lookup.h"

enum { MAX_MEMBERS = 12 };

static char names[MAX_MEMBERS][16];
static struct member_def members[MAX_MEMBERS];

static struct pool_def make_pool(unsigned n)
{
	for (unsigned i = 0; i < MAX_MEMBERS; i++) {
		snprintf(names[i], sizeof(names[i]), "member-%u", i);
		members[i] = (struct member_def){.name = names[i], .weight = 1};
	}
	return (struct pool_def){.name = "pool", .members = members, .n_members = (uint16_t)n};
}

static uint16_t *fill(const struct pool_def *pool, uint32_t *n)
{
	uint16_t *slot;

	*n = maglev_size(pool);
	slot = calloc(*n, sizeof(*slot));
	assert_non_null(slot);
	assert_int_equal(maglev_fill(pool, slot, *n), 0);
	return slot;
}

static void members_get_slots_by_weight(void **state)
{
	struct pool_def pool = make_pool(4);
	uint32_t n, share[4] = {0};
	uint16_t *slot;

	members[0].weight = 500;
	members[2].weight = 200;
	members[1].weight = members[3].weight = 100;
	slot = fill(&pool, &n);
	assert_int_equal(n, 1021);
	for (uint32_t i = 0; i < n; i++)
		share[slot[i]]++;
	for (unsigned i = 0; i < 4; i++)
		assert_in_range(share[i], n * members[i].weight / 900 - 5, n * members[i].weight / 900 + 5);
	free(slot);
}

static void one_member_has_one_slot(void **state)
{
	struct pool_def pool = make_pool(1);
	uint32_t n;
	uint16_t *slot = fill(&pool, &n);

	assert_int_equal(n, 1);
	assert_int_equal(slot[0], 0);
	free(slot);
}

static void member_that_goes_leaves_most_others_where_they_were(void **state)
{
	struct pool_def pool = make_pool(MAX_MEMBERS);
	uint32_t n, n_less, moved = 0;
	uint16_t *slot = fill(&pool, &n), *less;

	pool.n_members--;
	less = fill(&pool, &n_less);
	assert_int_equal(n, n_less);
	for (uint32_t i = 0; i < n; i++)
		moved += slot[i] != less[i] && slot[i] != MAX_MEMBERS - 1;
	assert_true(moved < n / 20);
	free(slot);
	free(less);
}

static void every_slot_is_chosen_by_some_hash(void **state)
{
	const struct table_pool pool = {.n_members = 3, .n_maglev = 3};
	const uint16_t slot[] = {0, 1, 2};
	const struct table table = {.maglev = slot};
	unsigned count[3] = {0};

	for (uint32_t tenant = 1; tenant <= 3000; tenant++)
		count[table_find_member(&table, &pool, member_hash(tenant, 0x0a000001))]++;
	for (unsigned i = 0; i < 3; i++)
		assert_in_range(count[i], 850, 1150);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_get_slots_by_weight),
		cmocka_unit_test(one_member_has_one_slot),
		cmocka_unit_test(member_that_goes_leaves_most_others_where_they_were),
		cmocka_unit_test(every_slot_is_chosen_by_some_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
