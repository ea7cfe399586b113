// SPDX-License-Identifier: BSD-3-Clause
//
// Equivalence classes: countries that no rule tells apart, and (protocol, priority, channel)
// combinations that no rule tells apart. One class at first; each distinct set that some rule asks
// for splits every class into what is inside and what is outside. Classes are numbered by their
// first member.

#include "rules/build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { N_PROTOCOL_SMALL = WEIR_N_PROTOCOLS * 64 }; // small keys of protocols that exist

// Splits the classes of `n` items by `set`; returns the new number of classes.
static unsigned refine(uint16_t *class, unsigned n, const uint64_t *set)
{
	uint16_t renumbered[2][WEIR_N_COUNTRIES];
	unsigned n_classes = 0;

	memset(renumbered, 0xff, sizeof(renumbered));
	for (unsigned i = 0; i < n; i++) {
		uint16_t *to = &renumbered[bits_have(set, i)][class[i]];

		if (*to == 0xffff)
			*to = (uint16_t)n_classes++;
		class[i] = *to;
	}
	return n_classes;
}

// Bit set of classes out of a bit set of their members.
static void project(const uint64_t *set, const uint16_t *class, unsigned n, uint64_t *out)
{
	for (unsigned i = 0; i < n; i++)
		if (bits_have(set, i))
			bits_put(out, class[i]);
}

static int find_countries(struct build *build)
{
	const struct rule_set *rules = build->rules;
	struct intern sets;
	int err = 0;

	intern_init(&sets, sizeof(struct country_set));
	for (uint32_t i = 0; err == 0 && i < rules->n_rules; i++)
		err = intern_put(&sets, &rules->rules[i].match.countries, &build->mask[i].countries);
	build->n_country_classes = 1;
	for (uint32_t i = 0; i < sets.n; i++)
		build->n_country_classes =
			(uint16_t)refine(build->country_class, WEIR_N_COUNTRIES, intern_at(&sets, i));
	for (uint32_t i = 0; err == 0 && i < sets.n; i++) {
		uint64_t mask[COUNTRY_WORDS] = {0};

		project(intern_at(&sets, i), build->country_class, WEIR_N_COUNTRIES, mask);
		err = intern_append(&build->country_masks, mask);
	}
	intern_fini(&sets);
	return err;
}

struct small_set {
	uint64_t bits[SMALL_WORDS];
};

static struct small_set small_set_of(const struct match_def *match)
{
	struct small_set set = {{0}};

	for (unsigned protocol = 0; protocol < WEIR_N_PROTOCOLS; protocol++)
		for (unsigned priority = 0; priority < WEIR_N_PRIORITIES; priority++)
			if ((match->protocols >> protocol & 1) && (match->priorities >> priority & 1))
				set.bits[protocol] |= (uint64_t)match->channels << (priority * WEIR_N_CHANNELS);
	return set;
}

// Small keys of the protocol number that does not exist are never asked for; they join class 0.
static int find_smalls(struct build *build)
{
	const struct rule_set *rules = build->rules;
	uint16_t class[N_PROTOCOL_SMALL] = {0};
	struct intern sets;
	uint32_t number;
	int err = 0;

	static_assert(WEIR_N_PRIORITIES * WEIR_N_CHANNELS == 64, "a word of small keys a protocol");
	intern_init(&sets, sizeof(struct small_set));
	for (uint32_t i = 0; err == 0 && i < rules->n_rules; i++) {
		struct small_set set = small_set_of(&rules->rules[i].match);

		err = intern_put(&sets, &set, &number);
	}
	build->n_small_classes = 1;
	for (uint32_t i = 0; i < sets.n; i++)
		build->n_small_classes = (uint16_t)refine(class, N_PROTOCOL_SMALL, intern_at(&sets, i));
	intern_fini(&sets);
	for (unsigned i = 0; i < N_PROTOCOL_SMALL; i++)
		build->small_class[i] = (uint8_t)class[i];
	for (uint32_t i = 0; err == 0 && i < rules->n_rules; i++) {
		struct small_set set = small_set_of(&rules->rules[i].match);

		project(set.bits, class, N_PROTOCOL_SMALL, build->mask[i].small);
	}
	return err;
}

int build_classes(struct build *build)
{
	const struct rule_set *rules = build->rules;
	int err;

	build->mask = calloc((size_t)rules->n_rules + 1, sizeof(*build->mask));
	if (build->mask == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < rules->n_rules; i++) {
		build->mask[i].min = rules->rules[i].match.size_min;
		build->mask[i].max = rules->rules[i].match.size_max;
	}
	err = find_countries(build);
	return err != 0 ? err : find_smalls(build);
}
