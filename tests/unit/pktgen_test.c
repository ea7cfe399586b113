// SPDX-License-Identifier: BSD-3-Clause
#include "bench/pktgen/deck.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/pktgen/dice.h"
#include "bench/pktgen/histogram.h"
#include "bench/pktgen/pace.h"
#include "bench/pktgen/stamp.h"
#include "dataplane/parse.h"

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void a_histogram_tells_quantiles_to_a_thousandth(void **state)
{
	static const double shares[] = { 0, 0.001, 0.5, 0.9, 0.99, 0.999, 1 };
	enum { N = 20000 };
	struct histogram *histogram = calloc(1, sizeof(*histogram));
	struct random random = { 5 };
	uint64_t *values = calloc(N, sizeof(*values));

	(void)state;
	assert_int_equal(histogram_quantile(histogram, 0.5), 0);
	for (unsigned i = 0; i < N; i++) {
		values[i] = random_next(&random) >> random_below(&random, 64);
		histogram_push(histogram, values[i]);
		assert_true(histogram_value(histogram_bucket(values[i])) >= values[i]);
		assert_true(histogram_bucket(values[i]) < HISTOGRAM_BUCKETS);
	}
	assert_int_equal(histogram_count(histogram), N);
	qsort(values, N, sizeof(*values), compare);
	for (unsigned i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		unsigned rank = (unsigned)(shares[i] * N);
		uint64_t right = values[rank ? rank - 1 : 0], told = histogram_quantile(histogram, shares[i]);

		assert_true(told >= right && told - right <= right / 1000);
	}
	free(values);
	free(histogram);
}

static void every_bucket_is_the_one_of_its_largest_value(void **state)
{
	(void)state;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		assert_int_equal(histogram_bucket(histogram_value(i)), i);
	assert_int_equal(histogram_value(HISTOGRAM_BUCKETS - 1), UINT64_MAX);
}

static void what_came_between_two_looks_is_told_apart(void **state)
{
	struct histogram *all = calloc(3, sizeof(*all));

	(void)state;
	histogram_push(&all[0], 100);
	histogram_between(&all[0], &all[1], &all[2]);
	assert_int_equal(histogram_quantile(&all[2], 1), 100);
	histogram_push(&all[0], 7);
	histogram_between(&all[0], &all[1], &all[2]);
	assert_int_equal(histogram_count(&all[2]), 1);
	assert_int_equal(histogram_quantile(&all[2], 1), 7);
	free(all);
}

static void messages_are_due_by_the_rate_whenever_one_looks(void **state)
{
	struct rate rate = { .messages = 1000, .shape = SHAPE_STEADY };
	struct pace pace;
	uint64_t due[64];
	unsigned n = 0;

	(void)state;
	pace_start(&pace, &rate, 1000, 1e9, 5);
	assert_int_equal(pace_due(&pace, 5, due, 64), 1);
	assert_int_equal(due[0], 5);
	assert_int_equal(pace_due(&pace, 6, due, 64), 0);
	// Held up for 3.5 ms: what it owes is due when it should have gone, as far as there is room.
	assert_int_equal(pace_due(&pace, 3500005, due, 2), 2);
	assert_int_equal(due[0], 1000005);
	assert_int_equal(pace_due(&pace, 3500005, due, 64), 1);
	assert_int_equal(due[0], 3000005);
	for (uint64_t now = 0; now < 2000000000; now += 777777)
		n += pace_due(&pace, now + 5, due, 64);
	assert_int_equal(n, 1996); // of 2000 within two seconds, four of them above
}

static void rates_have_their_shapes(void **state)
{
	const struct rate step = { .shape = SHAPE_STEP, .factor = 10, .at = 3, .over = 1 };
	const struct rate sine = { .shape = SHAPE_SINE, .factor = 0.5, .over = 10 };
	const struct rate flash = { .shape = SHAPE_FLASH, .factor = 9, .at = 2, .over = 0.5, .decay = 1 };

	(void)state;
	assert_float_equal(rate_at(&step, 100, 0), 100, 1e-6);
	assert_float_equal(rate_at(&step, 100, 3), 100, 1e-6);
	assert_float_equal(rate_at(&step, 100, 3.5), 550, 1e-6);
	assert_float_equal(rate_at(&step, 100, 9), 1000, 1e-6);
	assert_float_equal(rate_at(&sine, 100, 2.5), 150, 1e-3);
	assert_float_equal(rate_at(&sine, 100, 7.5), 50, 1e-3);
	assert_float_equal(rate_at(&flash, 100, 1.9), 100, 1e-6);
	assert_float_equal(rate_at(&flash, 100, 2.5), 900, 1e-6);
	assert_float_equal(rate_at(&flash, 100, 3.5), 500, 1e-6);
	assert_float_equal(rate_at(&sine, 1, 7.5), 1, 1e-6); // never none
}

static void faces_come_by_their_shares(void **state)
{
	struct weights weights = { 3, { { 0, 1 }, { 0, 0 }, { 0, 3 } } };
	struct random random = { 1 };
	unsigned n[100] = { 0 };
	struct dice dice;

	(void)state;
	assert_int_equal(dice_of_weights(&dice, &weights), 0);
	for (unsigned i = 0; i < 100000; i++)
		n[dice_draw(&dice, &random)]++;
	dice_fini(&dice);
	assert_int_equal(n[1], 0);
	assert_in_range(n[0], 24300, 25700);
	memset(n, 0, sizeof(n));
	assert_int_equal(dice_of_zipf(&dice, 100, 1), 0);
	for (unsigned i = 0; i < 100000; i++)
		n[dice_draw(&dice, &random)]++;
	dice_fini(&dice);
	assert_in_range(n[0], 18500, 20100); // 1 of 5.187, the hundredth harmonic number
	assert_in_range(n[9], 1700, 2160);
}

// Every frame of the deck with a stamp in it.
static void a_stamped_frame_is_right_and_says_when_it_was_due(void **state)
{
	static const struct listener services[] = { { .protocol = WEIR_NATIVE, .port = 5700 }, { .protocol = WEIR_SIP, .port = 5060 },
						    { .protocol = WEIR_COAP, .port = 5683 } };
	struct listeners *listeners = calloc(1, sizeof(*listeners));
	struct scenario scenario;
	struct packet packet;
	struct diags diags;
	struct deck deck;
	unsigned stamped = 0;
	uint64_t due;

	(void)state;
	diags_init(&diags);
	assert_int_equal(listeners_init(listeners, services, 3), 0);
	assert_int_equal(scenario_read_text(&scenario, "s", "frames = 3000; protocols = { native = 1; sip = 1; coap = 1; };"
					    "sources = { ipv6_share = 0.5; }; sizes = [ 64, 91, 92, 120, 511, 1500 ];", &diags), 0);
	assert_int_equal(deck_make(&deck, &scenario), 0);
	for (unsigned i = 0; i < deck.n; i++) {
		const struct deck_frame *frame = &deck.frames[i];
		uint8_t *at = deck.bytes + frame->at, *udp = at + frame->udp;

		if (frame->stamp) {
			stamp_put(at + frame->stamp, udp + 6, 77, i * UINT64_C(0x123456789abcdef));
			assert_true(stamp_get(udp, (uint32_t)(udp[4] << 8 | udp[5]), 77, &due));
			assert_true(due == i * UINT64_C(0x123456789abcdef));
			assert_false(stamp_get(udp, (uint32_t)(udp[4] << 8 | udp[5]), 78, &due));
			stamped++;
		}
		parse_frame(listeners, at, frame->length, false, &packet);
		assert_int_equal(packet.reason, WEIR_REASON_NONE);
	}
	assert_true(stamped > deck.n / 3);
	deck_fini(&deck);
	diags_fini(&diags);
	free(listeners);
}

static void a_share_of_the_line_counts_what_the_line_carries(void **state)
{
	struct deck deck = { .n = 10, .total = 600 };
	struct rate rate = { .messages = 0.5, .line_bps = 10e9 };

	(void)state;
	assert_float_equal(deck_rate(&deck, &rate), 10e9 / 84 / 8 / 2, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_histogram_tells_quantiles_to_a_thousandth),
		cmocka_unit_test(every_bucket_is_the_one_of_its_largest_value),
		cmocka_unit_test(what_came_between_two_looks_is_told_apart),
		cmocka_unit_test(messages_are_due_by_the_rate_whenever_one_looks),
		cmocka_unit_test(rates_have_their_shapes),
		cmocka_unit_test(faces_come_by_their_shares),
		cmocka_unit_test(a_stamped_frame_is_right_and_says_when_it_was_due),
		cmocka_unit_test(a_share_of_the_line_counts_what_the_line_carries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
