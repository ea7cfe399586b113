// SPDX-License-Identifier: BSD-3-Clause
//
// Groups of tenants: their names, and the sets of them that tenants have, each kept once.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/names.h"
#include "rules/reader.h"

struct group_sets { // open addressing over interned sets
	const struct group_set **slots;
	uint32_t n, mask;
	struct group_set *scratch; // RULES_MAX_GROUPS long
};

void groups_fini(struct reader *reader)
{
	if (reader->group_sets != NULL) {
		free(reader->group_sets->slots);
		free(reader->group_sets->scratch);
		free(reader->group_sets);
	}
}

static struct group_sets *get_sets(struct reader *reader)
{
	struct group_sets *sets = reader->group_sets;

	if (sets == NULL) {
		sets = reader->group_sets = calloc(1, sizeof(*sets));
		if (sets == NULL)
			return NULL;
		sets->scratch =
			calloc(1, sizeof(*sets->scratch) + RULES_MAX_GROUPS * sizeof(uint16_t));
	}
	return sets->scratch != NULL ? sets : NULL;
}

static size_t set_size(const struct group_set *set)
{
	return sizeof(*set) + set->n * sizeof(set->group[0]);
}

static const struct group_set **find_set(struct group_sets *sets, const struct group_set *set)
{
	uint32_t i = (uint32_t)index_hash(set, set_size(set)) & sets->mask;

	while (sets->slots[i] != NULL &&
	       (sets->slots[i]->n != set->n || memcmp(sets->slots[i], set, set_size(set)) != 0))
		i = (i + 1) & sets->mask;
	return &sets->slots[i];
}

static bool grow_sets(struct group_sets *sets)
{
	struct group_sets grown = { .mask = sets->slots != NULL ? 2 * sets->mask + 1 : 255 };

	if (sets->slots != NULL && 2 * (sets->n + 1) <= sets->mask + 1)
		return true;
	grown.slots = calloc((size_t)grown.mask + 1, sizeof(*grown.slots));
	if (grown.slots == NULL)
		return false;
	for (uint32_t i = 0; sets->slots != NULL && i <= sets->mask; i++)
		if (sets->slots[i] != NULL)
			*find_set(&grown, sets->slots[i]) = sets->slots[i];
	free(sets->slots);
	sets->slots = grown.slots;
	sets->mask = grown.mask;
	return true;
}

static const struct group_set *intern_set(struct reader *reader, struct group_sets *sets)
{
	const struct group_set **slot;
	struct group_set *copy;

	if (!grow_sets(sets))
		return NULL;
	slot = find_set(sets, sets->scratch);
	if (*slot == NULL) {
		copy = arena_get(reader->arena, set_size(sets->scratch));
		if (copy == NULL)
			return NULL;
		memcpy(copy, sets->scratch, set_size(sets->scratch));
		*slot = copy;
		sets->n++;
	}
	return *slot;
}

// The number of a group, -1 when it was reported, -2 when memory is out.
static int get_group(struct reader *reader, const struct tenant_text *text, const char *name)
{
	struct rule_set *rules = reader->rules;
	const char *fault;
	uint32_t group;
	char *copy;

	if (name_index_find(&reader->groups, name, &group))
		return (int)group;
	fault = referable_fault(name, strlen(name));
	if (fault != NULL) {
		char what[160];

		snprintf(what, sizeof(what), "the group \"%.63s\" %s", name, fault);
		tenant_report(reader, text, NULL, what, "");
		return -1;
	}
	if (rules->n_groups == RULES_MAX_GROUPS) {
		tenant_report(reader, text, "4096 groups are possible",
			      "one group too many: ", name);
		return -1;
	}
	if (rules->groups == NULL)
		rules->groups = arena_get(reader->arena, RULES_MAX_GROUPS * sizeof(*rules->groups));
	copy = rules->groups != NULL ? arena_string(reader->arena, name, strlen(name)) : NULL;
	if (copy == NULL || name_index_put(&reader->groups, copy, rules->n_groups, &group) < 0)
		return -2;
	rules->groups[rules->n_groups] = copy;
	return rules->n_groups++;
}

// Puts a group into the sorted scratch set, once.
static void insert_group(struct group_set *set, uint16_t group)
{
	uint32_t at = set->n;

	while (at > 0 && set->group[at - 1] > group)
		at--;
	if (at > 0 && set->group[at - 1] == group)
		return;
	memmove(&set->group[at + 1], &set->group[at], (set->n - at) * sizeof(set->group[0]));
	set->group[at] = group;
	set->n++;
}

bool tenant_add_groups(struct reader *reader, const struct tenant_text *text,
		       struct tenant_def *tenant)
{
	struct group_sets *sets = get_sets(reader);

	if (sets == NULL)
		return false;
	sets->scratch->n = 0;
	for (uint32_t i = 0; i < text->n_groups; i++) {
		int group = get_group(reader, text, text->groups[i]);

		if (group == -2)
			return false;
		if (group >= 0)
			insert_group(sets->scratch, (uint16_t)group);
	}
	tenant->groups = intern_set(reader, sets);
	return tenant->groups != NULL;
}
