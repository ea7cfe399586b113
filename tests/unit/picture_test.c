// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "controlplane/agents/picture.h"
#include "tests/kit/segments.h"

static struct weir_segment *segment;
static struct picture *picture;

static int begin(void **state)
{
	static const struct segment_shape shape = { 2, 2, 16, 16 };

	(void)state;
	segment = segment_make(&shape);
	segment->boot_id[0] = 1;
	picture = picture_create();
	return picture ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	picture_destroy(picture);
	free(segment);
	return 0;
}

// Frames more of a worker on a port; all balances.
static void count(unsigned worker, unsigned port, enum weir_disposition disposition, uint64_t n)
{
	struct weir_counters *block = segment_block(segment, worker, port);

	block->rx += n;
	block->disposition[disposition] += n;
}

static void decode(unsigned worker, uint32_t country, enum weir_priority priority, uint64_t n)
{
	uint64_t *counters = (uint64_t *)((char *)segment + segment->countries);

	counters[(worker * WEIR_N_COUNTRIES + country) * WEIR_N_PRIORITIES + priority] += n;
}

static void sample(unsigned worker, unsigned at, uint32_t tenant, uint32_t samples)
{
	struct weir_top *top = (struct weir_top *)((char *)segment + segment->tenants) + worker * WEIR_TOP_TENANTS + at;

	top->tenant = tenant;
	top->samples = samples;
}

// A rate of the sample at `at` in an answer; -1 where it is null, -2 where it is not there.
static json_int_t rate(const json_t *json, const char *kind, const char *name, size_t at)
{
	const json_t *column = json_object_get(json_object_get(json, "rates"), kind);
	const json_t *value = json_array_get(name ? json_object_get(column, name) : column, at);

	return !value ? -2 : json_is_null(value) ? -1 : json_integer_value(value);
}

static json_int_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void rates_are_what_was_counted_between_two_samples_over_their_time(void **state)
{
	json_t *json;

	(void)state;
	count(0, 0, WEIR_FORWARD, 1000);
	picture_take(picture, segment, 10000);
	count(0, 0, WEIR_FORWARD, 30);
	count(1, 1, WEIR_AGENTS, 5);
	decode(0, 82, WEIR_URGENT, 30);
	decode(1, 3, WEIR_EMERGENCY, 5);
	picture_take(picture, segment, 10500);
	count(1, 0, WEIR_DROP, 3);
	picture_take(picture, segment, 12500);
	json = picture_json(picture, segment, 0);
	assert_int_equal(number(json, "first"), 1);
	assert_int_equal(rate(json, "at_ms", NULL, 1), 10500);
	assert_int_equal(rate(json, "rx", NULL, 0), -1); // there is nothing before it
	assert_int_equal(rate(json, "rx", NULL, 1), 70);
	assert_int_equal(rate(json, "dispositions", "forward", 1), 60);
	assert_int_equal(rate(json, "dispositions", "agents", 1), 10);
	assert_int_equal(rate(json, "dispositions", "drop", 2), 2); // 1.5
	assert_int_equal(rate(json, "dispositions", "held", 1), -2);
	assert_int_equal(rate(json, "priorities", "urgent", 1), 60);
	assert_int_equal(rate(json, "priorities", "emergency", 1), 10);
	assert_int_equal(rate(json, "priorities", "normal", 1), 0);
	assert_int_equal(rate(json, "rx", NULL, 3), -2);
	json_decref(json);
}

static void the_books_balance_and_are_of_the_newest_sample(void **state)
{
	json_t *json, *books, *value;
	json_int_t sum = 0;
	const char *name;

	(void)state;
	count(0, 0, WEIR_FORWARD, 10);
	count(1, 1, WEIR_HELD, 2);
	picture_take(picture, segment, 1000);
	count(0, 0, WEIR_DROP, 7); // nobody looked since
	json = picture_json(picture, segment, 0);
	books = json_object_get(json, "books");
	json_object_foreach(json_object_get(books, "dispositions"), name, value)
		sum += json_integer_value(value);
	assert_int_equal(number(books, "rx"), 12);
	assert_int_equal(sum, 12);
	json_decref(json);
}

static void who_asks_again_gets_what_is_new(void **state)
{
	json_t *json;

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		picture_take(picture, segment, 1000 * (i + 1));
	json = picture_json(picture, segment, 3);
	assert_int_equal(number(json, "first"), 4);
	assert_int_equal(rate(json, "at_ms", NULL, 0), 4000);
	assert_int_equal(rate(json, "at_ms", NULL, 2), -2);
	json_decref(json);
	json = picture_json(picture, segment, 5);
	assert_int_equal(rate(json, "at_ms", NULL, 0), -2);
	json_decref(json);
	json = picture_json(picture, segment, 900); // of another start of the control plane
	assert_int_equal(number(json, "first"), 1);
	assert_int_equal(rate(json, "at_ms", NULL, 4), 5000);
	json_decref(json);
}

static void the_oldest_samples_go_when_there_are_too_many(void **state)
{
	json_t *json;

	(void)state;
	for (unsigned i = 1; i <= PICTURE_SAMPLES + 20; i++) {
		count(0, 0, WEIR_REPLY, i);
		picture_take(picture, segment, 1000 * (uint64_t)i);
	}
	json = picture_json(picture, segment, 2);
	assert_int_equal(number(json, "first"), 21);
	assert_int_equal(json_array_size(json_object_get(json_object_get(json, "rates"), "rx")), PICTURE_SAMPLES);
	assert_int_equal(rate(json, "dispositions", "reply", 0), 21);
	assert_int_equal(rate(json, "dispositions", "reply", PICTURE_SAMPLES - 1), PICTURE_SAMPLES + 20);
	json_decref(json);
}

static void without_a_dataplane_there_are_no_rates_and_no_books(void **state)
{
	json_t *json;

	(void)state;
	picture_take(picture, segment, 1000);
	picture_take(picture, segment, 2000);
	picture_take(picture, NULL, 3000);
	json = picture_json(picture, NULL, 0);
	assert_false(json_is_true(json_object_get(json, "connected")));
	assert_true(json_is_null(json_object_get(json, "generation")));
	assert_true(json_is_null(json_object_get(json, "books")));
	assert_int_equal(rate(json, "rx", NULL, 1), 0);
	assert_int_equal(rate(json, "rx", NULL, 2), -1);
	assert_int_equal(json_array_size(json_object_get(json, "tenants")), 0);
	json_decref(json);
}

static void another_dataplane_begins_anew(void **state)
{
	json_t *json;

	(void)state;
	count(0, 0, WEIR_FORWARD, 500);
	sample(0, 0, 9, 400);
	picture_take(picture, segment, 101000);
	segment->boot_id[0] = 2;
	count(0, 0, WEIR_FORWARD, 100);
	sample(0, 0, 9, 500);
	json = picture_json(picture, segment, 0); // before its first sample
	assert_int_equal(json_array_size(json_object_get(json, "tenants")), 0);
	json_decref(json);
	picture_take(picture, segment, 102000);
	count(0, 0, WEIR_FORWARD, 7);
	picture_take(picture, segment, 103000);
	json = picture_json(picture, segment, 0);
	assert_int_equal(rate(json, "rx", NULL, 1), -1);
	assert_int_equal(rate(json, "rx", NULL, 2), 7);
	assert_int_equal(json_array_size(json_object_get(json, "tenants")), 0);
	json_decref(json);
	segment->started_ns = 100000000000; // it was started a moment ago: then since the start
	json = picture_json(picture, segment, 0);
	assert_int_equal(number(json_array_get(json_object_get(json, "tenants"), 0), "id"), 9);
	assert_int_equal(number(json, "tenants_ms"), 3000);
	json_decref(json);
}

static void counters_and_clocks_that_go_back_give_no_nonsense(void **state)
{
	json_t *json;

	(void)state;
	count(0, 0, WEIR_FORWARD, 500);
	picture_take(picture, segment, 2000);
	segment_block(segment, 0, 0)->rx = 1;
	picture_take(picture, segment, 3000);
	picture_take(picture, segment, 1000);
	segment_block(segment, 0, 0)->rx = UINT64_MAX / 2;
	picture_take(picture, segment, 2000);
	json = picture_json(picture, segment, 0);
	assert_int_equal(rate(json, "rx", NULL, 1), 0);
	assert_int_equal(rate(json, "rx", NULL, 2), -1);
	assert_true(rate(json, "rx", NULL, 3) > 0);
	json_decref(json);
}

static void the_busiest_tenants_are_those_of_the_last_minute(void **state)
{
	json_t *json, *tenants;

	(void)state;
	sample(0, 0, 9, 1000000);
	for (unsigned second = 0; second < 100; second++) {
		sample(0, 0, 9, 1000000 + (second < 20 ? second * 10 : 200));
		sample(1, 3, 8, second * 3);
		sample(1, 4, 7, second);
		picture_take(picture, segment, 1000 * (uint64_t)(second + 1));
	}
	json = picture_json(picture, segment, 0);
	tenants = json_object_get(json, "tenants");
	assert_in_range(number(json, "tenants_ms"), 60000, 70000);
	assert_int_equal(json_array_size(tenants), 2);
	assert_int_equal(number(json_array_get(tenants, 0), "id"), 8);
	assert_true(json_real_value(json_object_get(json_array_get(tenants, 0), "share")) == 0.75);
	json_decref(json);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(rates_are_what_was_counted_between_two_samples_over_their_time),
		TEST(the_books_balance_and_are_of_the_newest_sample),
		TEST(who_asks_again_gets_what_is_new),
		TEST(the_oldest_samples_go_when_there_are_too_many),
		TEST(without_a_dataplane_there_are_no_rates_and_no_books),
		TEST(another_dataplane_begins_anew),
		TEST(counters_and_clocks_that_go_back_give_no_nonsense),
		TEST(the_busiest_tenants_are_those_of_the_last_minute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
