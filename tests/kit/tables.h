// SPDX-License-Identifier: BSD-3-Clause
//
// A random rule set compiled and opened, for tests. Fails the running cmocka test when it cannot.
#pragma once

#include "rules/compile.h"
#include "tests/kit/rules.h"

struct kit_table {
	struct rule_set *rules;
	struct table_image image;
	struct table table;
	struct diags diags; // of the compilation
};

// Makes rules of `shape` from `random`, compiles and opens them.
void kit_table_open(struct kit_table *kit, const struct kit_rules_shape *shape, uint64_t random);

// Compiles and opens rules that are there already; they go with the kit.
void kit_table_compile(struct kit_table *kit, struct rule_set *rules);
void kit_table_close(struct kit_table *kit);

// Seed of a test: WEIR_SEED, else a fixed one. Prints it.
uint64_t kit_seed(void);
