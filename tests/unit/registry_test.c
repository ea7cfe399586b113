// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/registry.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/kit/segments.h"

enum { NAMES = 8, WORKERS = 2 };

static struct weir_segment *segment;
static struct registry *registry;

static void open_names(uint32_t names)
{
	const struct segment_shape shape = { WORKERS, 1, names, 16 };

	segment = segment_make(&shape);
	registry = registry_create(segment);
	assert_non_null(registry);
}

static int setup(void **state)
{
	open_names(NAMES);
	return 0;
}

static int teardown(void **state)
{
	registry_destroy(registry);
	free(segment);
	return 0;
}

// Puts `n` rules called "<prefix>0", "<prefix>1", … into use as a table; their indices.
static void use(const char *prefix, uint32_t n, int index[])
{
	char name[32];

	for (uint32_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s%u", prefix, i);
		index[i] = registry_put(registry, WEIR_NAME_RULE, name);
		assert_true(index[i] >= 0);
	}
	registry_begin(registry);
	for (uint32_t i = 0; i < n; i++)
		registry_place(registry, (uint32_t)index[i], i);
	registry_commit(registry);
}

static void use_nothing(void)
{
	use("", 0, NULL);
}

static const struct weir_name *entry(int index)
{
	return &segment_names(segment)[index];
}

static int put(const char *name)
{
	return registry_put(registry, WEIR_NAME_RULE, name);
}

static void a_name_keeps_its_index_over_tables_that_have_it_or_not(void **state)
{
	int first[3], second[3], again[3];

	use("a", 3, first);
	use("b", 3, second);
	use("a", 3, again);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(first[i], again[i]);
		assert_int_not_equal(first[i], second[i]);
		assert_int_equal(entry(first[i])->order, i);
		assert_int_equal(entry(second[i])->order, WEIR_NAME_GONE);
	}
	assert_int_equal(segment_state_own(segment)->names_sequence % 2, 0);
	assert_int_equal(segment_state_own(segment)->n_names_used, 6);
}

static void the_same_text_of_two_kinds_is_two_names(void **state)
{
	int rule = put("x"), queue = registry_put(registry, WEIR_NAME_QUEUE, "x");

	assert_int_not_equal(rule, queue);
	assert_int_equal(entry(rule)->kind, WEIR_NAME_RULE);
	assert_int_equal(entry(queue)->kind, WEIR_NAME_QUEUE);
}

static void a_gone_name_is_given_up_only_when_all_channels_are_consumed(void **state)
{
	int index[NAMES];

	use("a", NAMES, index);
	segment_producer(segment, 1)->head = 10; // messages that name them
	use_nothing();
	segment_producer(segment, 1)->head = 12;
	for (uint64_t tail = 0; tail < 10; tail += 3) {
		segment_producer(segment, 1)->tail = tail;
		assert_int_equal(put("new"), -ENOSPC);
		assert_string_equal(entry(index[0])->name, "a0");
	}
	segment_producer(segment, 1)->tail = 10;
	assert_in_range(put("new"), 0, NAMES - 1);
}

static void the_counters_of_a_name_that_is_reused_begin_at_zero(void **state)
{
	int index[NAMES], new;

	use("a", NAMES, index);
	for (unsigned i = 0; i < NAMES; i++)
		for (unsigned w = 0; w < WORKERS; w++)
			*segment_named(segment, w, i) = 100 + i;
	use("a", NAMES - 1, index);
	new = put("new");
	assert_int_equal(new, NAMES - 1);
	assert_string_equal(entry(new)->name, "new");
	for (unsigned w = 0; w < WORKERS; w++) {
		assert_int_equal(*segment_named(segment, w, NAMES - 1), 0);
		assert_int_equal(*segment_named(segment, w, 0), 100);
	}
}

static void what_a_table_in_the_making_uses_is_not_given_up(void **state)
{
	int index[NAMES], kept;

	use("a", NAMES, index);
	use_nothing();
	kept = put("a3");
	assert_int_equal(kept, index[3]);
	for (unsigned i = 0; i < NAMES - 1; i++) {
		char name[8];

		snprintf(name, sizeof(name), "new%u", i);
		assert_int_not_equal(put(name), kept);
	}
	assert_string_equal(entry(kept)->name, "a3");
	assert_int_equal(put("one-more"), -ENOSPC);
}

static void a_table_refused_for_lack_of_room_leaves_room_for_a_smaller_one(void **state)
{
	int index[NAMES], n = 0;
	char name[16];

	use("a", 2, index);
	do
		snprintf(name, sizeof(name), "b%d", n++);
	while (put(name) >= 0);
	assert_int_equal(n, NAMES - 2 + 1);
	registry_abandon(registry);
	use("c", NAMES - 2, index);
	assert_int_equal(put("a0"), 0); // the first table ran until then
}

static void a_full_registry_finds_what_it_has(void **state)
{
	int index[NAMES];

	use("a", NAMES, index);
	assert_int_equal(put("new"), -ENOSPC);
	assert_int_equal(put("new"), -ENOSPC);
	assert_int_equal(put("a5"), index[5]);
}

static void giving_up_names_is_done_once_for_many(void **state)
{
	enum { MANY = 1000 };
	int index[MANY];
	uint64_t before;

	teardown(state);
	open_names(MANY);
	use("a", MANY, index);
	use_nothing();
	before = segment_state_own(segment)->names_sequence;
	use("b", MANY, index);
	assert_true(segment_state_own(segment)->names_sequence - before <= 2 * MANY + 2 + 2);
}

static void a_zone_keeps_its_row_and_the_rows_end_at_their_number(void **state)
{
	char name[16];

	teardown(state);
	open_names(WEIR_MAX_ZONES + 2);
	for (int i = 0; i < WEIR_MAX_ZONES; i++) {
		snprintf(name, sizeof(name), "zone%d", i);
		assert_int_equal(registry_zone_row(registry, name), i);
		if (i % 16 == 0)
			use_nothing();
	}
	assert_int_equal(registry_zone_row(registry, "one-more"), -ENOSPC);
	assert_int_equal(registry_zone_row(registry, "zone7"), 7);
	use_nothing();
	assert_int_equal(registry_zone_row(registry, "zone255"), 255);
}

// Tables of random names, messages unread for random times: each name of the table in use has an entry
// of its own that does not change, and a refusal comes only where there is truly no room.
static void random_tables_never_share_or_lose_an_entry(void **state)
{
	int index[NAMES];

	srand(3);
	for (unsigned round = 0; round < 5000; round++) {
		struct weir_worker *worker = segment_producer(segment, (unsigned)rand() % WORKERS);
		unsigned n = (unsigned)rand() % NAMES, first = (unsigned)rand() % 30, k;
		char name[8];

		for (k = 0; k < n; k++) {
			snprintf(name, sizeof(name), "n%u", first + k);
			index[k] = put(name);
			if (index[k] < 0)
				break;
		}
		if (k < n) {
			assert_int_equal(index[k], -ENOSPC);
			registry_abandon(registry);
			for (unsigned w = 0; w < WORKERS; w++)
				atomic_store(&segment_producer(segment, w)->tail,
					     atomic_load(&segment_producer(segment, w)->head));
			continue;
		}
		registry_begin(registry);
		for (k = 0; k < n; k++)
			registry_place(registry, (uint32_t)index[k], k);
		registry_commit(registry);
		for (k = 0; k < n; k++) {
			snprintf(name, sizeof(name), "n%u", first + k);
			assert_string_equal(entry(index[k])->name, name);
			assert_int_equal(entry(index[k])->order, k);
		}
		if (rand() % 3 == 0)
			worker->head += (unsigned)rand() % 5;
		else
			atomic_store(&worker->tail, atomic_load(&worker->head));
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_name_keeps_its_index_over_tables_that_have_it_or_not),
		TEST(the_same_text_of_two_kinds_is_two_names),
		TEST(a_gone_name_is_given_up_only_when_all_channels_are_consumed),
		TEST(the_counters_of_a_name_that_is_reused_begin_at_zero),
		TEST(what_a_table_in_the_making_uses_is_not_given_up),
		TEST(a_table_refused_for_lack_of_room_leaves_room_for_a_smaller_one),
		TEST(a_full_registry_finds_what_it_has),
		TEST(giving_up_names_is_done_once_for_many),
		TEST(a_zone_keeps_its_row_and_the_rows_end_at_their_number),
		TEST(random_tables_never_share_or_lose_an_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
