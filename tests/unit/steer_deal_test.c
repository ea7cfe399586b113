// SPDX-License-Identifier: BSD-3-Clause
#include "controlplane/steer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N = WEIR_STEER_BUCKETS, GW = WEIR_STEER_SIBLING };

static struct steer_wish wish_of(unsigned n_workers, unsigned n_siblings)
{
	struct steer_wish wish = { .n_workers = (uint16_t)n_workers, .n_siblings = (uint16_t)n_siblings };

	memset(wish.weight, STEER_WEIGHT_MAX, n_workers);
	return wish;
}

static unsigned count(const uint8_t *bucket, uint8_t to)
{
	unsigned n = 0;

	for (unsigned b = 0; b < N; b++)
		n += bucket[b] == to;
	return n;
}

static unsigned differing(const uint8_t *a, const uint8_t *b)
{
	unsigned n = 0;

	for (unsigned i = 0; i < N; i++)
		n += a[i] != b[i];
	return n;
}

static void equal_weights_deal_alike(void **state)
{
	uint8_t bucket[N];

	for (unsigned n = 1; n <= GATEWAY_MAX_WORKERS; n++) {
		struct steer_wish wish = wish_of(n, 0);

		steer_deal(&wish, bucket);
		for (unsigned w = 0; w < n; w++)
			assert_in_range(count(bucket, (uint8_t)w), N / n, N / n + 1);
	}
}

static void weights_give_shares_to_the_bucket(void **state)
{
	struct steer_wish wish = wish_of(3, 0);
	uint8_t bucket[N];

	wish.weight[0] = 100;
	wish.weight[1] = 50;
	wish.weight[2] = 0;
	steer_deal(&wish, bucket);
	assert_int_equal(count(bucket, 0), 2731);
	assert_int_equal(count(bucket, 1), 1365);
	assert_int_equal(count(bucket, 2), 0);
}

static void a_weight_moves_what_it_must_and_back_restores_the_table(void **state)
{
	uint8_t before[N], between[N], after[N];

	for (unsigned n = 2; n <= 8; n++) {
		struct steer_wish wish = wish_of(n, 0);
		unsigned had;

		steer_deal(&wish, before);
		had = count(before, 1);
		wish.weight[1] = 40;
		steer_deal(&wish, between);
		assert_int_equal(differing(before, between), had - count(between, 1));
		for (unsigned b = 0; b < N; b++)
			assert_true(before[b] == between[b] || before[b] == 1);
		wish.weight[1] = STEER_WEIGHT_MAX;
		steer_deal(&wish, after);
		assert_memory_equal(before, after, N);
	}
}

static void a_move_takes_its_share_from_all_workers_and_back_restores_the_table(void **state)
{
	uint8_t before[N], between[N], more[N], after[N];

	for (unsigned n = 1; n <= 8; n++) {
		struct steer_wish wish = wish_of(n, 2);

		steer_deal(&wish, before);
		wish.percent[0] = 30;
		steer_deal(&wish, between);
		assert_int_equal(count(between, GW), 1229);
		assert_int_equal(differing(before, between), 1229);
		for (unsigned w = 0; w < n; w++)
			assert_in_range(count(between, (uint8_t)w), 2867 / n * 97 / 100, 2867 / n * 103 / 100 + 1);
		wish.percent[0] = 45;
		steer_deal(&wish, more);
		assert_int_equal(differing(between, more), 1843 - 1229);
		wish.percent[0] = 0;
		steer_deal(&wish, after);
		assert_memory_equal(before, after, N);
	}
}

static void siblings_share_and_can_have_all(void **state)
{
	struct steer_wish wish = wish_of(2, 3);
	uint8_t bucket[N];

	wish.percent[0] = 33;
	wish.percent[1] = 33;
	wish.percent[2] = 34;
	steer_deal(&wish, bucket);
	assert_int_equal(count(bucket, 0) + count(bucket, 1), 0);
	assert_in_range(count(bucket, GW), N * 33 / 100, N * 33 / 100 + 1);
	assert_in_range(count(bucket, GW | 2), N * 34 / 100 - 1, N * 34 / 100 + 1);
}

static void any_wish_is_met_and_no_bucket_is_left_out(void **state)
{
	srand(1);
	for (unsigned i = 0; i < 300; i++) {
		struct steer_wish wish = wish_of(1 + (unsigned)rand() % GATEWAY_MAX_WORKERS, (unsigned)rand() % 4);
		unsigned sum = 0, left = 100;
		uint8_t bucket[N];

		for (unsigned w = 0; w < wish.n_workers; w++)
			sum += wish.weight[w] = (uint8_t)(rand() % 101);
		for (unsigned s = 0; s < wish.n_siblings; s++)
			left -= wish.percent[s] = (uint8_t)((unsigned)rand() % (left + 1));
		if (sum == 0)
			continue;
		steer_deal(&wish, bucket);
		for (unsigned b = 0; b < N; b++)
			if (bucket[b] & GW)
				assert_true((bucket[b] ^ GW) < wish.n_siblings);
			else
				assert_true(bucket[b] < wish.n_workers && wish.weight[bucket[b]] > 0);
	}
}

static struct gateway gateway;
static char names[2][4] = { "gw2", "gw3" };

static bool read_wish(struct steer_wish *wish, const char *text)
{
	json_t *state = json_loads(text, 0, NULL);
	bool all;

	gateway = (struct gateway){ .n_workers = 2, .n_siblings = 2 };
	gateway.siblings[0].name = names[0];
	gateway.siblings[1].name = names[1];
	steer_wish_init(wish, &gateway);
	all = steer_wish_read(wish, &gateway, state);
	json_decref(state);
	return all;
}

static void what_is_wanted_comes_back_from_its_file(void **state)
{
	struct steer_wish wish, again;
	json_t *written;

	assert_true(read_wish(&wish, "{\"weights\": {\"1\": 0}, \"moves\": {\"gw3\": 30}}"));
	assert_int_equal(wish.weight[0], STEER_WEIGHT_MAX);
	assert_int_equal(wish.weight[1], 0);
	assert_int_equal(wish.percent[0], 0);
	assert_int_equal(wish.percent[1], 30);
	written = steer_wish_json(&wish, &gateway);
	steer_wish_init(&again, &gateway);
	assert_true(steer_wish_read(&again, &gateway, written));
	assert_memory_equal(&wish, &again, sizeof(wish));
	json_decref(written);
}

static void what_cannot_be_is_left_out_of_what_is_wanted(void **state)
{
	static const char *const texts[] = {
		"[]", "{}", "{\"weights\": 5, \"moves\": {}}", "{\"weights\": {\"2\": 5}, \"moves\": {}}",
		"{\"weights\": {\"x\": 5}, \"moves\": {}}", "{\"weights\": {\"0\": 101}, \"moves\": {}}",
		"{\"weights\": {\"0\": -1}, \"moves\": {}}", "{\"weights\": {\"0\": 1.5}, \"moves\": {}}",
		"{\"weights\": {\"0\": 0, \"1\": 0}, \"moves\": {}}", "{\"weights\": {}, \"moves\": {\"gw4\": 5}}",
		"{\"weights\": {}, \"moves\": {\"gw2\": 101}}", "{\"weights\": {}, \"moves\": {\"gw2\": null}}",
	};

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct steer_wish wish, plain;

		assert_false(read_wish(&wish, texts[i]));
		steer_wish_init(&plain, &gateway);
		assert_memory_equal(&wish, &plain, sizeof(wish));
	}
}

static void moves_of_more_than_all_are_left_out(void **state)
{
	struct steer_wish wish;

	assert_false(read_wish(&wish, "{\"weights\": {}, \"moves\": {\"gw2\": 60, \"gw3\": 41}}"));
	assert_int_equal(wish.percent[0], 60);
	assert_int_equal(wish.percent[1], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_weights_deal_alike),
		cmocka_unit_test(weights_give_shares_to_the_bucket),
		cmocka_unit_test(a_weight_moves_what_it_must_and_back_restores_the_table),
		cmocka_unit_test(a_move_takes_its_share_from_all_workers_and_back_restores_the_table),
		cmocka_unit_test(siblings_share_and_can_have_all),
		cmocka_unit_test(any_wish_is_met_and_no_bucket_is_left_out),
		cmocka_unit_test(what_is_wanted_comes_back_from_its_file),
		cmocka_unit_test(what_cannot_be_is_left_out_of_what_is_wanted),
		cmocka_unit_test(moves_of_more_than_all_are_left_out),
	};

	return cmocka_run_group_tests_name("steer_deal", tests, NULL, NULL);
}
