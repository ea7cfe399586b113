// SPDX-License-Identifier: BSD-3-Clause
//
// Blocked sources: merged ranges against a look at every prefix.

// cmocka.h needs these three before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "rules/lookup.h"
#include "tests/kit/tables.h"

enum { MAX_PREFIXES = 40 };

static struct blocked_def prefixes[MAX_PREFIXES];

static void make_prefixes(struct rule_set *rules, uint64_t *random)
{
	rules->blocked = prefixes;
	rules->n_blocked = kit_random_below(random, MAX_PREFIXES + 1);
	for (uint32_t i = 0; i < rules->n_blocked; i++) {
		struct blocked_def *prefix = &prefixes[i];

		*prefix = (struct blocked_def){.family = kit_random_below(random, 2) == 0 ? 4 : 6};
		prefix->length = (uint8_t)kit_random_below(random, prefix->family == 4 ? 33 : 129);
		if (kit_random_below(random, 4) != 0)
			prefix->length |= prefix->family == 4 ? 24 : 96; // few short ones
		if (prefix->length > (prefix->family == 4 ? 32 : 128))
			prefix->length = prefix->family == 4 ? 32 : 128;
		for (unsigned bit = 0; bit < prefix->length; bit++)
			if (kit_random_below(random, 8) == 0)
				prefix->address[bit / 8] |= (uint8_t)(0x80 >> (bit % 8));
	}
}

static bool scan(const struct rule_set *rules, unsigned family, const uint8_t address[16])
{
	for (uint32_t i = 0; i < rules->n_blocked; i++) {
		unsigned bit = 0;

		if (prefixes[i].family != family)
			continue;
		while (bit < prefixes[i].length &&
		       !((prefixes[i].address[bit / 8] ^ address[bit / 8]) & (0x80 >> (bit % 8))))
			bit++;
		if (bit == prefixes[i].length)
			return true;
	}
	return false;
}

// An address in, at the edge of, or far from a prefix.
static void make_address(const struct rule_set *rules, uint64_t *random, uint8_t address[16])
{
	const struct blocked_def *near = &prefixes[kit_random_below(random, rules->n_blocked + 1) % MAX_PREFIXES];
	unsigned fill = kit_random_below(random, 3);

	memcpy(address, near->address, 16);
	for (unsigned bit = near->length; bit < 128; bit++)
		if (fill == 0 || (fill == 1 && kit_random_below(random, 2) == 0))
			address[bit / 8] |= (uint8_t)(0x80 >> (bit % 8));
	if (kit_random_below(random, 2) == 0)
		address[kit_random_below(random, 16)] ^= (uint8_t)(1u << kit_random_below(random, 8));
}

static uint64_t word(const uint8_t *at, unsigned n)
{
	uint64_t out = 0;

	for (unsigned i = 0; i < n; i++)
		out = out << 8 | at[i];
	return out;
}

static void ranges_block_what_the_prefixes_block(void **state)
{
	uint64_t random = kit_seed();
	unsigned n_blocked = 0;

	for (unsigned i = 0; i < 300; i++) {
		struct kit_rules_shape shape = {.n_pools = 1};
		struct rule_set *rules = kit_rules_random(&shape, i);
		struct kit_table kit;

		make_prefixes(rules, &random);
		kit_table_compile(&kit, rules);
		for (unsigned k = 0; k < 200; k++) {
			uint8_t address[16];
			bool blocked4, blocked6;

			make_address(rules, &random, address);
			blocked4 = table_blocks4(&kit.table, (uint32_t)word(address, 4));
			blocked6 = table_blocks6(&kit.table, word(address, 8), word(address + 8, 8));
			assert_int_equal(blocked4, scan(rules, 4, address));
			assert_int_equal(blocked6, scan(rules, 6, address));
			n_blocked += blocked4 + blocked6;
		}
		kit_table_close(&kit);
	}
	assert_true(n_blocked > 1000);
}

static void adjoining_prefixes_are_one_range(void **state)
{
	struct kit_rules_shape shape = {.n_pools = 1};
	struct rule_set *rules = kit_rules_random(&shape, 1);
	struct kit_table kit;

	rules->blocked = prefixes;
	rules->n_blocked = 3;
	prefixes[0] = (struct blocked_def){.family = 4, .length = 25, .address = {192, 0, 2, 128}};
	prefixes[1] = (struct blocked_def){.family = 4, .length = 25, .address = {192, 0, 2, 0}};
	prefixes[2] = (struct blocked_def){.family = 4, .length = 32, .address = {192, 0, 2, 7}};
	kit_table_compile(&kit, rules);
	assert_int_equal(table_count(&kit.table, TABLE_BLOCKED4), 1);
	assert_int_equal(kit.table.blocked4[0].first, 0xc0000200);
	assert_int_equal(kit.table.blocked4[0].last, 0xc00002ff);
	kit_table_close(&kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_block_what_the_prefixes_block),
		cmocka_unit_test(adjoining_prefixes_are_one_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
