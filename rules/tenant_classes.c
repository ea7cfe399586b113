// SPDX-License-Identifier: BSD-3-Clause
//
// Tenant classes: what a tenant's rules come to (a group block by the groups that it is in, a named
// block by the rules that name it), with its key, rate and home. Sets of groups and of rules are
// interned as lists, so that a block is made once for each distinct set, however many tenants have it.

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/build.h"

struct index { // rules by tenant, or by group: those of i are rule[first[i]] to rule[first[i + 1] - 1]
	uint32_t *first;
	uint32_t *rule;
};

struct tenant_work {
	struct build *build;
	struct index by_tenant, by_group;
	struct intern group_sets; // struct group_set pointers met so far
	struct rule_list blocks;  // block of each of group_sets
	uint32_t *
		block_of_list; // group block of a list of groups, named block of a list of rules; + 1
	uint32_t lists_capacity;
	struct rule_list scratch;
};

static void index_fini(struct index *index)
{
	free(index->first);
	free(index->rule);
}

// Indexes the rules by what they name; `n` things can be named.
static int index_make(struct index *index, const struct rule_set *rules, size_t n, bool groups)
{
	size_t total = 0;

	index->first = calloc(n + 2, sizeof(*index->first));
	if (index->first == NULL)
		return -ENOMEM;
	for (uint32_t r = 0; r < rules->n_rules; r++) {
		const struct match_def *match = &rules->rules[r].match;
		uint32_t n_named = groups ? match->n_groups : match->n_tenants;

		for (uint32_t i = 0; i < n_named; i++)
			index->first[(groups ? match->groups[i] : match->tenants[i]) + 2]++;
		total += n_named;
	}
	index->rule = malloc((total + 1) * sizeof(*index->rule));
	if (index->rule == NULL || total > UINT32_MAX)
		return -ENOMEM;
	for (size_t i = 2; i < n + 2; i++)
		index->first[i] += index->first[i - 1];
	for (uint32_t r = 0; r < rules->n_rules; r++) {
		const struct match_def *match = &rules->rules[r].match;
		uint32_t n_named = groups ? match->n_groups : match->n_tenants;

		for (uint32_t i = 0; i < n_named; i++)
			index->rule[index->first[(groups ? match->groups[i] : match->tenants[i]) +
						 1]++] = r;
	}
	return 0;
}

static int compare_rules(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void sort_unique(struct rule_list *list)
{
	uint32_t n = 0;

	if (list->n == 0)
		return;
	qsort(list->rule, list->n, sizeof(*list->rule), compare_rules);
	for (uint32_t i = 1; i < list->n; i++)
		if (list->rule[i] != list->rule[n])
			list->rule[++n] = list->rule[i];
	list->n = n + 1;
}

// The block made for an interned list, kept by list number; room is made as lists come.
static int block_of(struct tenant_work *work, uint32_t list, uint32_t **block)
{
	if (list >= work->lists_capacity) {
		uint32_t capacity = list + list / 2 + 1024;
		uint32_t *grown = realloc(work->block_of_list, capacity * sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		memset(grown + work->lists_capacity, 0,
		       (capacity - work->lists_capacity) * sizeof(*grown));
		work->block_of_list = grown;
		work->lists_capacity = capacity;
	}
	*block = &work->block_of_list[list];
	return 0;
}

static int extend_list(struct build *build, uint32_t *list, uint32_t number)
{
	struct list_link link = { .before = *list, .number = number };
	int err = intern_put(&build->lists, &link, list);

	++*list;
	return err;
}

static size_t built_bytes(const struct build *build)
{
	return intern_bytes(&build->rows) + intern_bytes(&build->leaves) +
	       intern_bytes(&build->dirs) + intern_bytes(&build->blocks) +
	       intern_bytes(&build->tenant_classes);
}

// Refuses to go on when the image would be too large, and says of what.
static int check_growth(const struct build *build)
{
	if (built_bytes(build) <= TABLE_IMAGE_MAX)
		return 0;
	diags_push(
		build->diags, DIAG_ERROR, build->rules->files[0], 0,
		"name fewer tenants one by one, or put tenants that are treated alike in one group",
		"the table grows past %zu MiB: %u distinct sets of groups and %u distinct sets of rules that name "
		"tenants, over %u country classes and %u classes of protocol, priority and channel, "
		"made %zu MiB of rows, %zu MiB of size steps and %zu MiB of directories",
		TABLE_IMAGE_MAX >> 20, build->n_group_sets, build->n_named_sets,
		build->n_country_classes, build->n_small_classes, intern_bytes(&build->rows) >> 20,
		intern_bytes(&build->leaves) >> 20, intern_bytes(&build->dirs) >> 20);
	return -EINVAL;
}

static int add_rules_of(struct tenant_work *work, const struct index *index, uint32_t of)
{
	int err = 0;

	for (uint32_t i = index->first[of]; err == 0 && i < index->first[of + 1]; i++)
		err = rule_list_put(&work->scratch, index->rule[i]);
	return err;
}

// The group block of a set of groups, by the groups among them that rules name.
static int group_block(struct tenant_work *work, const struct group_set *set, uint32_t *block)
{
	struct build *build = work->build;
	uint32_t list = 0, number, *known;
	int err = intern_put(&work->group_sets, &set, &number);

	if (err != 0 || number < work->blocks.n) {
		*block = err == 0 ? work->blocks.rule[number] : 0;
		return err;
	}
	work->scratch.n = 0;
	for (uint32_t i = 0; err == 0 && i < set->n; i++)
		err = add_rules_of(work, &work->by_group, set->group[i]);
	sort_unique(&work->scratch);
	for (uint32_t i = 0; err == 0 && i < work->scratch.n; i++)
		err = extend_list(build, &list, work->scratch.rule[i]);
	if (err == 0)
		err = block_of(work, list, &known);
	if (err == 0 && *known == 0) {
		err = build_group_block(build, &work->scratch, known);
		build->n_group_sets++;
		++*known;
	}
	*block = err == 0 ? *known - 1 : 0;
	return err != 0 ? err : rule_list_put(&work->blocks, *block);
}

// The named block of the rules that name tenant `t`. Lists of this kind begin with a mark, so that they
// are never taken for those of groups.
static int named_block(struct tenant_work *work, uint32_t t, uint32_t *block)
{
	const struct index *index = &work->by_tenant;
	struct build *build = work->build;
	uint32_t list = 0, *known;
	int err;

	*block = 0;
	if (index->first[t] == index->first[t + 1])
		return 0;
	err = extend_list(build, &list, UINT32_MAX);
	for (uint32_t i = index->first[t]; err == 0 && i < index->first[t + 1]; i++)
		err = extend_list(build, &list, index->rule[i]);
	if (err == 0)
		err = block_of(work, list, &known);
	if (err == 0 && *known == 0) {
		work->scratch.n = 0;
		err = add_rules_of(work, index, t);
		if (err == 0)
			err = build_named_block(build, &work->scratch, known);
		build->n_named_sets++;
		++*known;
	}
	*block = err == 0 ? *known - 1 : 0;
	return err;
}

static int tenant_meter(struct build *build, const struct tenant_def *tenant, uint32_t *meter)
{
	struct table_meter item = { .rate = tenant->rate,
				    .burst = tenant->burst == 0 ? 1 : tenant->burst };

	*meter = TABLE_NONE;
	return tenant->rate == 0 ? 0 : intern_put(&build->meters, &item, meter);
}

// Country classes that a rule which names tenant `t` asks for, folded to 64 bits.
static uint64_t named_countries(const struct tenant_work *work, uint32_t t)
{
	const struct index *index = &work->by_tenant;
	uint64_t folded = 0;

	for (uint32_t i = index->first[t]; i < index->first[t + 1]; i++) {
		uint32_t number = work->build->mask[index->rule[i]].countries;
		const uint64_t *countries = intern_at(&work->build->country_masks, number);

		for (unsigned w = 0; w < COUNTRY_WORDS; w++)
			folded |= countries[w];
	}
	return folded;
}

static int make_class(struct tenant_work *work, uint32_t t)
{
	const struct tenant_def *tenant = &work->build->rules->tenants[t];
	struct tenant_class class = { .key = TABLE_NONE, .home = tenant->home };
	struct build *build = work->build;
	int err = group_block(work, tenant->groups, &class.group_block);

	if (err == 0)
		err = named_block(work, t, &class.named_block);
	class.named_countries = named_countries(work, t);
	if (err == 0)
		err = tenant_meter(build, tenant, &class.meter);
	if (err == 0 && tenant->key != NULL)
		err = intern_put(&build->keys, tenant->key, &class.key);
	if (err == 0)
		err = intern_put(&build->tenant_classes, &class, &build->class_of_tenant[t]);
	return err != 0 ? err : check_growth(build);
}

// Class 0: the unknown tenant. It is forgotten, so that no tenant joins it.
static int make_unknown_class(struct tenant_work *work)
{
	const struct rule_set *rules = work->build->rules;
	struct tenant_class class = { .key = TABLE_NONE,
				      .meter = TABLE_NONE,
				      .home = WEIR_COUNTRY_NONE };
	struct build *build = work->build;
	uint32_t number;
	int err = build_named_block(build, &work->scratch, &class.named_block);

	for (uint32_t i = 0; err == 0 && i < rules->n_rules; i++)
		if (rules->rules[i].match.unknown_tenant)
			err = rule_list_put(&work->scratch, i);
	if (err == 0)
		err = build_group_block(build, &work->scratch, &class.group_block);
	if (err == 0)
		err = intern_put(&build->tenant_classes, &class, &number);
	intern_forget(&build->tenant_classes);
	return err;
}

static int make_classes(struct tenant_work *work)
{
	const struct rule_set *rules = work->build->rules;
	int err = index_make(&work->by_tenant, rules, rules->n_tenants, false);

	if (err == 0)
		err = index_make(&work->by_group, rules, rules->n_groups, true);
	if (err == 0)
		err = make_unknown_class(work);
	for (uint32_t t = 0; err == 0 && t < rules->n_tenants; t++)
		err = make_class(work, t);
	return err;
}

int build_tenants(struct build *build)
{
	struct tenant_work work = { .build = build };
	int err = -ENOMEM;

	intern_init(&work.group_sets, sizeof(struct group_set *));
	build->class_of_tenant =
		malloc(((size_t)build->rules->n_tenants + 1) * sizeof(*build->class_of_tenant));
	if (build->class_of_tenant != NULL)
		err = make_classes(&work);
	index_fini(&work.by_tenant);
	index_fini(&work.by_group);
	intern_fini(&work.group_sets);
	free(work.blocks.rule);
	free(work.block_of_list);
	free(work.scratch.rule);
	return err;
}
