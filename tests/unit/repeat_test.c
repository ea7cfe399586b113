// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/repeat.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/kit/rules.h"

enum { LIFETIME_S = 247, LIFETIME = LIFETIME_S * REPEAT_TICKS };

static const uint8_t secret[SIPHASH_KEY_SIZE] = "sixteen secrets";

static struct repeat table_of(unsigned lines)
{
	struct repeat repeat;

	assert_int_equal(repeat_init(&repeat, lines * sizeof(struct repeat_line), LIFETIME_S, secret), 0);
	return repeat;
}

static uint64_t key_of(const struct repeat *repeat, uint32_t n)
{
	struct repeat_ends ends = { .source_port = (uint16_t)n, .id = (uint16_t)(n >> 16), .ip_version = 4 };

	return repeat_key(repeat, &ends);
}

static void a_message_that_comes_again_is_told_the_same(void **state)
{
	struct repeat repeat = table_of(16);
	uint64_t key = key_of(&repeat, 1);

	repeat_prefetch(&repeat, key);
	assert_int_equal(repeat_claim(&repeat, key, 1000), REPEAT_NEW);
	assert_int_equal(repeat_claim(&repeat, key, 1000), REPEAT_PENDING);
	repeat_put(&repeat, key, 77);
	assert_int_equal(repeat_claim(&repeat, key, 1001), 77);
	assert_int_equal(repeat_claim(&repeat, key, 1001), 77);
	repeat_put(&repeat, key, 78);
	assert_int_equal(repeat_claim(&repeat, key, 1002), 78);
	repeat_fini(&repeat);
}

static void it_is_forgotten_when_its_time_is_over_counted_from_the_first(void **state)
{
	struct repeat repeat = table_of(16);
	uint64_t key = key_of(&repeat, 1);

	repeat_claim(&repeat, key, 1000);
	repeat_put(&repeat, key, 77);
	assert_int_equal(repeat_claim(&repeat, key, 1000 + LIFETIME), 77);
	assert_int_equal(repeat_claim(&repeat, key, 1000 + LIFETIME + 1), REPEAT_NEW);
	assert_int_equal(repeat_claim(&repeat, key, 1000 + LIFETIME + 2), REPEAT_PENDING);
	assert_int_equal(repeat.evicted, 0);
	repeat_fini(&repeat);
}

static void what_is_put_as_new_may_come_again(void **state)
{
	struct repeat repeat = table_of(1);
	uint64_t key = key_of(&repeat, 1);

	repeat_claim(&repeat, key, 0);
	repeat_put(&repeat, key, REPEAT_NEW);
	assert_int_equal(repeat_claim(&repeat, key, 1), REPEAT_NEW);
	repeat_put(&repeat, key_of(&repeat, 2), 5); // never claimed
	assert_int_equal(repeat_claim(&repeat, key_of(&repeat, 2), 1), REPEAT_NEW);
	repeat_fini(&repeat);
}

static void a_full_line_forgets_its_oldest_and_counts_it(void **state)
{
	struct repeat repeat = table_of(1);

	for (uint32_t i = 0; i < REPEAT_WAYS; i++)
		assert_int_equal(repeat_claim(&repeat, key_of(&repeat, i), i), REPEAT_NEW);
	assert_int_equal(repeat.evicted, 0);
	assert_int_equal(repeat_claim(&repeat, key_of(&repeat, 9), 9), REPEAT_NEW);
	assert_int_equal(repeat.evicted, 1);
	for (uint32_t i = 1; i < REPEAT_WAYS; i++)
		assert_int_equal(repeat_claim(&repeat, key_of(&repeat, i), 9), REPEAT_PENDING);
	assert_int_equal(repeat_claim(&repeat, key_of(&repeat, 0), 9), REPEAT_NEW);
	assert_int_equal(repeat.evicted, 2);
	repeat_fini(&repeat);
}

static void what_is_over_makes_room_without_being_counted(void **state)
{
	struct repeat repeat = table_of(1);

	for (uint32_t i = 0; i < REPEAT_WAYS; i++)
		repeat_claim(&repeat, key_of(&repeat, i), i);
	assert_int_equal(repeat_claim(&repeat, key_of(&repeat, 9), LIFETIME + 1), REPEAT_NEW);
	assert_int_equal(repeat.evicted, 0);
	assert_int_equal(repeat_claim(&repeat, key_of(&repeat, 1), LIFETIME + 1), REPEAT_PENDING);
	repeat_fini(&repeat);
}

static void time_may_pass_the_end_of_its_counter(void **state)
{
	struct repeat repeat = table_of(4);
	uint64_t key = key_of(&repeat, 1);

	assert_int_equal(repeat_claim(&repeat, key, UINT32_MAX - 3), REPEAT_NEW);
	assert_int_equal(repeat_claim(&repeat, key, LIFETIME - 4), REPEAT_PENDING);
	assert_int_equal(repeat_claim(&repeat, key, LIFETIME - 3), REPEAT_NEW);
	repeat_fini(&repeat);
}

static void each_part_of_a_message_s_name_makes_another_key(void **state)
{
	struct repeat repeat = table_of(1);
	struct repeat_ends ends = { .ip_version = 6 };
	uint64_t plain = repeat_key(&repeat, &ends);
	struct siphash hash;

	for (unsigned i = 0; i < sizeof(ends); i++) {
		((uint8_t *)&ends)[i] ^= 1;
		assert_true(repeat_key(&repeat, &ends) != plain);
		((uint8_t *)&ends)[i] ^= 1;
	}
	ends.ip_version = 4;
	for (unsigned i = 0; i < sizeof(ends.address); i++) {
		uint64_t four = repeat_key(&repeat, &ends);

		ends.address[i] ^= 1;
		assert_int_equal(repeat_key(&repeat, &ends) == four, i >= 8);
		ends.address[i] ^= 1;
	}
	ends.ip_version = 6;
	assert_true(repeat_key(&repeat, &ends) == plain);
	repeat_name(&repeat, &ends, &hash);
	siphash13_put(&hash, 0);
	assert_true(repeat_key_of(siphash13_end(&hash, 0, 0)) != plain);
	repeat_fini(&repeat);
}

static void another_secret_puts_messages_into_other_lines(void **state)
{
	static const uint8_t other[SIPHASH_KEY_SIZE] = "sixteen secretz";
	struct repeat one = table_of(1024), two;
	unsigned same = 0;

	assert_int_equal(repeat_init(&two, 65536, LIFETIME_S, other), 0);
	for (uint32_t i = 0; i < 1000; i++)
		same += ((key_of(&one, i) ^ key_of(&two, i)) & one.mask) == 0;
	assert_true(same < 10);
	repeat_fini(&one);
	repeat_fini(&two);
}

static void a_table_takes_a_power_of_two_of_lines(void **state)
{
	struct repeat repeat;

	assert_int_equal(repeat_init(&repeat, 63, LIFETIME_S, secret), -EINVAL);
	assert_int_equal(repeat_init(&repeat, 64, 0, secret), -EINVAL);
	assert_int_equal(repeat_init(&repeat, 64, UINT32_MAX, secret), -EINVAL);
	assert_int_equal(repeat_init(&repeat, SIZE_MAX / 4, LIFETIME_S, secret), -ENOMEM);
	assert_int_equal(repeat_init(&repeat, 127, LIFETIME_S, secret), 0);
	assert_int_equal(repeat.mask, 0);
	repeat_fini(&repeat);
	assert_int_equal(repeat_init(&repeat, 3 << 20, LIFETIME_S, secret), 0);
	assert_int_equal(repeat.mask + 1, (2 << 20) / 64);
	repeat_fini(&repeat);
}

// The oracle: for each line a list of what is remembered, the oldest first. Written for clarity.
enum { LINES = 8, UNIVERSE = 200 };

struct memory {
	uint32_t who, born, told;
};

struct oracle {
	struct memory list[LINES][REPEAT_WAYS];
	unsigned n[LINES];
	uint64_t evicted;
};

static void oracle_remove(struct oracle *oracle, unsigned line, unsigned at)
{
	for (oracle->n[line]--; at < oracle->n[line]; at++)
		oracle->list[line][at] = oracle->list[line][at + 1];
}

static struct memory *oracle_find(struct oracle *oracle, unsigned line, uint32_t who)
{
	for (unsigned i = 0; i < oracle->n[line]; i++)
		if (oracle->list[line][i].who == who)
			return &oracle->list[line][i];
	return NULL;
}

static uint32_t oracle_claim(struct oracle *oracle, unsigned line, uint32_t who, uint32_t now)
{
	struct memory *memory;

	while (oracle->n[line] > 0 && now - oracle->list[line][0].born > LIFETIME)
		oracle_remove(oracle, line, 0);
	memory = oracle_find(oracle, line, who);
	if (memory)
		return memory->told;
	if (oracle->n[line] == REPEAT_WAYS) {
		oracle_remove(oracle, line, 0);
		oracle->evicted++;
	}
	oracle->list[line][oracle->n[line]++] = (struct memory){ who, now, REPEAT_PENDING };
	return REPEAT_NEW;
}

static void oracle_put(struct oracle *oracle, unsigned line, uint32_t who, uint32_t told)
{
	struct memory *memory = oracle_find(oracle, line, who);

	if (memory && told == REPEAT_NEW)
		oracle_remove(oracle, line, (unsigned)(memory - oracle->list[line]));
	else if (memory)
		memory->told = told;
}

// No two claims at the same tick: which of two that are as old goes is not said. A put comes after the claim of its message.
static void random_work_goes_as_in_a_list_of_each_line(void **state)
{
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct repeat repeat = table_of(LINES);
		struct oracle oracle = { 0 };
		uint64_t random = seed;
		uint32_t now = (uint32_t)(seed % 2 ? 0 : UINT32_MAX - 20000), step = seed % 4 ? 20 : 2000;

		for (unsigned i = 0; i < 20000; i++) {
			uint32_t who = kit_random_below(&random, UNIVERSE), told = kit_random_below(&random, 5);
			uint64_t key = key_of(&repeat, who);
			unsigned line = key & (LINES - 1);

			now += 1 + kit_random_below(&random, step);
			assert_int_equal(repeat_claim(&repeat, key, now), oracle_claim(&oracle, line, who, now));
			if (kit_random_below(&random, 2)) {
				repeat_put(&repeat, key, told);
				oracle_put(&oracle, line, who, told);
			}
			assert_int_equal(repeat.evicted, oracle.evicted);
		}
		assert_true(oracle.evicted > 0 || step == 2000);
		repeat_fini(&repeat);
	}
}

// Many at the same tick: nothing is remembered that was not claimed, and each that is forgotten too early is counted.
static void whatever_is_forgotten_too_early_has_been_counted(void **state)
{
	static uint32_t born[4096];
	static bool claimed[4096];
	struct repeat repeat = table_of(256);
	uint64_t random = 5, missed = 0;

	for (uint32_t i = 0; i < 400000; i++) {
		uint32_t now = i / 64, who = kit_random_below(&random, 4096);
		bool alive = claimed[who] && now - born[who] <= LIFETIME;
		uint32_t told = repeat_claim(&repeat, key_of(&repeat, who), now);

		assert_true(told == REPEAT_NEW || (alive && told == REPEAT_OWNERS + who));
		missed += alive && told == REPEAT_NEW;
		if (told == REPEAT_NEW)
			born[who] = now;
		claimed[who] = true;
		repeat_put(&repeat, key_of(&repeat, who), REPEAT_OWNERS + who);
	}
	assert_true(missed > 0 && missed <= repeat.evicted);
	repeat_fini(&repeat);
}

// One message after the other.
static uint64_t key_of_words(const struct repeat_names *names, unsigned i)
{
	const uint64_t (*word)[REPEAT_LANES] = names->word[i / REPEAT_LANES];
	unsigned count = names->count[i], lane = i % REPEAT_LANES;
	uint64_t last = word[count - 1][lane];
	struct siphash hash;

	siphash_init(&hash, secret);
	for (unsigned k = 0; k + 1 < count; k++)
		siphash13_put(&hash, word[k][lane]);
	hash.length = 0; // it is in the last word
	return repeat_key_of(siphash13_end(&hash, last, 0));
}

static void keys_of_many_messages_are_those_of_each(void **state)
{
	struct repeat_names *names = calloc(1, sizeof(*names));
	uint64_t random = 7;

	for (unsigned turn = 0; turn < 20 * REPEAT_NAMES; turn++) {
		unsigned n = turn % (REPEAT_NAMES + 1), most = turn % REPEAT_WORDS;
		uint64_t key[REPEAT_NAMES];

		for (names->n = 0; names->n < n; names->n++) {
			uint64_t *word = repeat_names_next(names);

			names->count[names->n] = (uint8_t)(1 + kit_random(&random) % (most + 1));
			for (unsigned k = 0; k < names->count[names->n]; k++)
				word[k * REPEAT_LANES] = kit_random(&random);
		}
		repeat_keys(secret, names, key);
		for (unsigned i = 0; i < n; i++)
			assert_true(key[i] == key_of_words(names, i));
	}
	free(names);
}

static void the_words_of_ends_make_the_key_of_ends(void **state)
{
	struct repeat repeat = table_of(1);
	struct repeat_names *names = calloc(1, sizeof(*names));
	uint64_t random = 7;

	for (names->n = 0; names->n < REPEAT_NAMES; names->n++) {
		unsigned version = names->n % 3 ? 4 : 6, n = version == 4 ? 2 : 5;
		uint64_t *word = repeat_names_next(names);

		word[0] = (uint64_t)version << 48 | kit_random(&random) >> 16;
		for (unsigned k = 1; k < n; k++)
			word[k * REPEAT_LANES] = kit_random(&random);
		word[n * REPEAT_LANES] = (uint64_t)n * 8 << 56;
		names->count[names->n] = (uint8_t)(n + 1);
	}
	for (unsigned i = 0; i < names->n; i++) {
		struct repeat_ends ends;
		uint64_t key[REPEAT_NAMES];

		for (unsigned k = 0; k < sizeof(ends) / 8; k++)
			memcpy((uint8_t *)&ends + 8 * k, &names->word[i / REPEAT_LANES][k][i % REPEAT_LANES], 8);
		repeat_keys(secret, names, key);
		assert_true(key[i] == repeat_key(&repeat, &ends));
	}
	free(names);
	repeat_fini(&repeat);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_that_comes_again_is_told_the_same),
		cmocka_unit_test(it_is_forgotten_when_its_time_is_over_counted_from_the_first),
		cmocka_unit_test(what_is_put_as_new_may_come_again),
		cmocka_unit_test(a_full_line_forgets_its_oldest_and_counts_it),
		cmocka_unit_test(what_is_over_makes_room_without_being_counted),
		cmocka_unit_test(time_may_pass_the_end_of_its_counter),
		cmocka_unit_test(each_part_of_a_message_s_name_makes_another_key),
		cmocka_unit_test(keys_of_many_messages_are_those_of_each),
		cmocka_unit_test(the_words_of_ends_make_the_key_of_ends),
		cmocka_unit_test(another_secret_puts_messages_into_other_lines),
		cmocka_unit_test(a_table_takes_a_power_of_two_of_lines),
		cmocka_unit_test(random_work_goes_as_in_a_list_of_each_line),
		cmocka_unit_test(whatever_is_forgotten_too_early_has_been_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
