// SPDX-License-Identifier: BSD-3-Clause
//
// State of one compilation, private to the compiler's files (compile.c has the order of steps).
// Every function here returns 0, -ENOMEM, or -EINVAL with the error in `diags`.
#pragma once

#include "rules/compile.h"
#include "rules/intern.h"

enum { COUNTRY_WORDS = (WEIR_N_COUNTRIES + 63) / 64, SMALL_WORDS = TABLE_SMALL / 64 };
enum { SIZE_MAX_BYTES = 0xffff };

// A rule's match in terms of classes.
struct rule_mask {
	uint64_t small[SMALL_WORDS]; // small classes
	uint32_t countries;          // number in build.country_masks
	uint16_t min, max;           // payload bytes, inclusive
};

struct rule_list { // rule positions, ascending
	uint32_t *rule;
	uint32_t n, capacity;
};

// One link of an interned list: the list so far, and one more number. List 0 is the empty one.
struct list_link {
	uint32_t before, number;
};

struct step { // payload sizes from `from` to the next step's
	uint32_t from, verdict;
};

struct build {
	const struct rule_set *rules;
	struct diags *diags;

	// classes.c
	uint16_t country_class[WEIR_N_COUNTRIES];
	uint8_t small_class[TABLE_SMALL];
	uint16_t n_country_classes, n_small_classes;
	struct rule_mask *mask;    // by rule
	struct intern country_masks; // bit sets of country classes, COUNTRY_WORDS words each

	// rows.c
	struct intern rows;   // n_small_classes cells each; leaf numbers as in `leaves`
	struct intern leaves; // children first; reversed when the image is written

	// blocks.c
	struct intern dirs, blocks;
	struct intern lists;       // struct list_link
	struct rule_list *base;  // by country class: the rules without tenant key that can decide
	struct intern row_memo;    // (base list or none, list) of the rows made in this window
	uint32_t *row_of_memo;   // row number of each
	uint32_t memo_capacity, window; // first row of the window that dirs of new blocks count from

	// tenant_classes.c
	struct intern tenant_classes, keys, meters;
	uint32_t *class_of_tenant;
	uint32_t n_group_sets, n_named_sets; // distinct ones in use
};

static inline bool bits_have(const uint64_t *bits, unsigned i)
{
	return bits[i / 64] >> (i % 64) & 1;
}

static inline void bits_put(uint64_t *bits, unsigned i)
{
	bits[i / 64] |= UINT64_C(1) << (i % 64);
}

// classes.c: finds what is alike to every rule.
int build_classes(struct build *build);

static inline bool rule_has_country(const struct build *build, uint32_t rule, unsigned country_class)
{
	return bits_have(intern_at(&build->country_masks, build->mask[rule].countries), country_class);
}

// rows.c: the row of the rules in `list` (tried in order), `otherwise` where none holds; its number goes
// to `row`. Where `used` is not NULL, the rules that decide something are appended to it.
int build_row(struct build *build, const struct rule_list *list, uint32_t otherwise, struct rule_list *used,
	      uint32_t *row);

// leaves.c: the cell for `n` steps, the first from size 0.
int build_leaf(struct build *build, const struct step *step, uint32_t n, uint32_t *cell);

// blocks.c. build_base prepares the rules without tenant key; the others add a block and give its
// number. `named` lists rules that name a tenant; `extra` those that name one of its groups (or the
// unknown tenant).
int build_base(struct build *build);
int build_named_block(struct build *build, const struct rule_list *named, uint32_t *block);
int build_group_block(struct build *build, const struct rule_list *extra, uint32_t *block);

// tenant_classes.c: a class for each tenant, and all blocks on the way.
int build_tenants(struct build *build);

// image.c: writes it all into one image.
int build_image(struct build *build, struct table_image *image);

// ranges.c: merged disjoint ranges of the blocked prefixes of one family.
int blocked4_make(const struct rule_set *rules, struct blocked4_range **range, uint32_t *n);
int blocked6_make(const struct rule_set *rules, struct blocked6_range **range, uint32_t *n);

// placement.c: bits of the bucket array for `n` tenants, and the tenants in it (`tenant[slot]` is the
// tenant's position + 1, or 0). -EAGAIN when they do not fit: try one bit more.
unsigned placement_bits(uint32_t n_tenants);
int placement_fill(const struct rule_set *rules, unsigned bits, uint32_t *tenant);

// Appends to a list; 0 or -ENOMEM.
int rule_list_put(struct rule_list *list, uint32_t rule);
