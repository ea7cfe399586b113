// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/decode/siphash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// Reference vectors: key 00..0f, input 00.. of the index's length. The 16th is the paper's appendix A.
static const uint64_t vectors[16] = {
	UINT64_C(0x726fdb47dd0e0e31), UINT64_C(0x74f839c593dc67fd), UINT64_C(0x0d6c8009d9a94f5a),
	UINT64_C(0x85676696d7fb7e2d), UINT64_C(0xcf2794e0277187b7), UINT64_C(0x18765564cd99a68d),
	UINT64_C(0xcbc9466e58fee3ce), UINT64_C(0xab0200f58b01d137), UINT64_C(0x93f5f5799a932462),
	UINT64_C(0x9e0082df0ba9e4b0), UINT64_C(0x7a5dbbc594ddb9f3), UINT64_C(0xf4b32f46226bada7),
	UINT64_C(0x751e8fbc860ee5fb), UINT64_C(0x14ea5627c0843d90), UINT64_C(0xf723ca908e7af2ee),
	UINT64_C(0xa129ca6149be45e5),
};

// The same of SipHash-1-3.
static const uint64_t vectors13[16] = {
	UINT64_C(0xabac0158050fc4dc), UINT64_C(0xc9f49bf37d57ca93), UINT64_C(0x82cb9b024dc7d44d),
	UINT64_C(0x8bf80ab8e7ddf7fb), UINT64_C(0xcf75576088d38328), UINT64_C(0xdef9d52f49533b67),
	UINT64_C(0xc50d2b50c59f22a7), UINT64_C(0xd3927d989bb11140), UINT64_C(0x369095118d299a8e),
	UINT64_C(0x25a48eb36c063de4), UINT64_C(0x79de85ee92ff097f), UINT64_C(0x70c118c1f94dc352),
	UINT64_C(0x78a384b157b4d9a2), UINT64_C(0x306f760c1229ffa7), UINT64_C(0x605aa111c0f95d34),
	UINT64_C(0xd320d86d2a519956),
};

static uint8_t key[16], input[64];

static void the_reference_vectors_come_out(void **state)
{
	for (size_t n = 0; n < 16; n++) {
		uint8_t *exact = malloc(n ? n : 1);

		memcpy(exact, input, n);
		assert_true(siphash24(key, NULL, 0, exact, n) == vectors[n]);
		free(exact);
	}
}

static void a_message_in_two_parts_has_the_hash_of_the_whole(void **state)
{
	for (size_t n = 16; n < sizeof(input); n++)
		assert_true(siphash24(key, input, 16, input + 16, n - 16) == siphash24(key, input, 0, input, n));
	assert_true(siphash24(key, input, 8, input + 8, 7) == vectors[15]);
}

static void the_vectors_of_fewer_rounds_come_out_of_words_and_a_rest(void **state)
{
	for (size_t n = 0; n < 16; n++) {
		struct siphash hash;

		siphash_init(&hash, key);
		for (size_t i = 0; i + 8 <= n; i += 8)
			siphash13_put(&hash, siphash_load(input + i));
		assert_true(siphash13_end(&hash, siphash_rest(input, n, n % 8), n % 8) == vectors13[n]);
	}
}

static void a_piece_is_put_with_zeros_behind_it(void **state)
{
	for (size_t n = 0; n <= 24; n++) {
		uint8_t *exact = malloc(n ? n : 1), padded[24] = { 0 };
		struct siphash piece, whole;

		memcpy(padded, input, n);
		memcpy(exact, input, n);
		siphash_init(&piece, key);
		siphash_init(&whole, key);
		siphash13_put_piece(&piece, exact, n);
		siphash13_put_piece(&whole, padded, (n + 7) / 8 * 8);
		assert_true(siphash13_end(&piece, 0, 0) == siphash13_end(&whole, 0, 0));
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_reference_vectors_come_out),
		cmocka_unit_test(a_message_in_two_parts_has_the_hash_of_the_whole),
		cmocka_unit_test(the_vectors_of_fewer_rounds_come_out_of_words_and_a_rest),
		cmocka_unit_test(a_piece_is_put_with_zeros_behind_it),
	};

	for (unsigned i = 0; i < sizeof(input); i++)
		input[i] = (uint8_t)i;
	memcpy(key, input, sizeof(key));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
