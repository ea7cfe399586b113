// SPDX-License-Identifier: BSD-3-Clause
//
// Compiled rule sets for tests.

#include "tests/kit/tables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

uint64_t kit_seed(void)
{
	const char *text = getenv("WEIR_SEED");
	uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : 20260722;

	print_message("WEIR_SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

void kit_table_compile(struct kit_table *kit, struct rule_set *rules)
{
	char why[160] = "";

	kit->rules = rules;
	diags_init(&kit->diags);
	if (rules_compile(rules, &kit->image, &kit->diags) != 0) {
		diags_print(&kit->diags, stderr);
		fail_msg("does not compile");
	}
	if (table_open(&kit->table, kit->image.data, kit->image.size, why, sizeof(why)) != 0)
		fail_msg("does not open: %s", why);
}

void kit_table_open(struct kit_table *kit, const struct kit_rules_shape *shape, uint64_t random)
{
	struct rule_set *rules = kit_rules_random(shape, random);

	assert_non_null(rules);
	kit_table_compile(kit, rules);
}

void kit_table_close(struct kit_table *kit)
{
	diags_fini(&kit->diags);
	table_image_fini(&kit->image);
	kit_rules_destroy(kit->rules);
}
