// SPDX-License-Identifier: BSD-3-Clause
//
// Writes what has been built into one image: places the tenants, counts every section, lays them out in
// the order of their ids, and has them filled where they lie. Every byte that no field covers is zero.

#include "rules/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const size_t element[TABLE_N_SECTIONS] = {
#define X(name, type) sizeof(type),
	TABLE_SECTIONS(X)
#undef X
};

static size_t aligned(size_t n)
{
	return (n + 63) & ~(size_t)63;
}

static size_t string_bytes(const char *string)
{
	return string == NULL || *string == '\0' ? 0 : strlen(string) + 1;
}

static size_t count_strings(const struct rule_set *rules)
{
	size_t n = 1;

	for (uint32_t i = 0; i < rules->n_tenants; i++) {
		n += string_bytes(rules->tenants[i].name);
		for (unsigned k = 0; k < rules->tenants[i].n_domains; k++)
			n += string_bytes(rules->tenants[i].domains[k]);
	}
	for (uint32_t i = 0; i <= rules->n_rules; i++)
		n += string_bytes(rules->rules[i].name);
	for (unsigned i = 0; i < rules->n_zones; i++)
		n += string_bytes(rules->zones[i].name);
	for (unsigned i = 0; i < rules->n_pools; i++) {
		n += string_bytes(rules->pools[i].name) + string_bytes(rules->pools[i].port_name);
		for (unsigned m = 0; m < rules->pools[i].n_members; m++)
			n += string_bytes(rules->pools[i].members[m].name);
		if (rules->pools[i].health != NULL)
			n += string_bytes(rules->pools[i].health->command);
	}
	for (unsigned i = 0; i < rules->n_queues; i++)
		n += string_bytes(rules->queues[i].name);
	for (unsigned i = 0; i < rules->n_replies; i++)
		n += string_bytes(rules->replies[i].name) + string_bytes(rules->replies[i].text);
	for (unsigned i = 0; i < rules->n_reasons; i++)
		n += string_bytes(rules->reasons[i]);
	for (unsigned i = 0; i < rules->n_geo_files; i++)
		n += string_bytes(rules->geo_files[i].path);
	return n;
}

static int place_tenants(struct image_work *work)
{
	uint32_t n = work->rules->n_tenants;
	int err = -EAGAIN;

	for (work->bucket_bits = placement_bits(n); err == -EAGAIN; work->bucket_bits++) {
		free(work->slots);
		work->slots = malloc(sizeof(*work->slots) * TABLE_WAYS << work->bucket_bits);
		if (work->slots == NULL)
			return -ENOMEM;
		err = placement_fill(work->rules, work->bucket_bits, work->slots);
	}
	work->bucket_bits--;
	return err;
}

static int place_words(struct image_work *work)
{
	int err = words_init(&work->domains, work->rules, true);

	if (err == 0)
		err = words_init(&work->names, work->rules, false);
	if (err != 0)
		return err;
	work->name_at = calloc((size_t)work->rules->n_tenants + 1, sizeof(*work->name_at));
	return work->name_at == NULL ? -ENOMEM : 0;
}

static void count_geo(struct image_work *work)
{
	work->n[TABLE_GEO4_BLOCKS] = work->geo4.n_blocks;
	work->n[TABLE_GEO4_COUNTRIES] = work->n[TABLE_GEO4_ROWS] = work->geo4.n;
	work->n[TABLE_GEO6_BLOCKS] = work->geo6.n_blocks;
	work->n[TABLE_GEO6_COUNTRIES] = work->n[TABLE_GEO6_ROWS] = work->geo6.n;
	work->n[TABLE_GEO_SPLITS] = work->geo6.n_splits;
	work->n[TABLE_GEO_FILES] = work->rules->n_geo_files;
}

static int count_sections(struct image_work *work)
{
	const struct rule_set *rules = work->rules;
	const struct build *build = work->build;
	uint32_t n4, n6;

	if (blocked4_make(rules, &work->blocked4, &n4) != 0 || blocked6_make(rules, &work->blocked6, &n6) != 0)
		return -ENOMEM;
	if (geo_build_init(&work->geo4, rules->geo4, rules->n_geo4, false) != 0 ||
	    geo_build_init(&work->geo6, rules->geo6, rules->n_geo6, true) != 0)
		return -ENOMEM;
	count_geo(work);
	work->n[TABLE_STRINGS] = count_strings(rules);
	work->n[TABLE_TENANT_BUCKETS] = UINT64_C(1) << work->bucket_bits;
	work->n[TABLE_TENANT_NAMES] = (uint64_t)TABLE_WAYS << work->bucket_bits;
	work->n[TABLE_DOMAINS] = UINT64_C(1) << work->domains.bits;
	work->n[TABLE_NAMES] = UINT64_C(1) << work->names.bits;
	work->n[TABLE_TENANT_CLASSES] = build->tenant_classes.n;
	work->n[TABLE_KEYS] = build->keys.n;
	work->n[TABLE_BLOCKS] = build->blocks.n;
	work->n[TABLE_DIRS] = (uint64_t)build->dirs.n * build->n_country_classes;
	work->n[TABLE_CELLS] = (uint64_t)build->rows.n * build->n_small_classes;
	work->n[TABLE_LEAVES] = build->leaves.n;
	work->n[TABLE_VERDICTS] = work->n[TABLE_RULE_NAMES] = (uint64_t)rules->n_rules + 1;
	work->n[TABLE_METERS] = build->meters.n;
	work->n[TABLE_ZONES] = rules->n_zones;
	work->n[TABLE_POOLS] = rules->n_pools;
	for (unsigned i = 0; i < rules->n_pools; i++) {
		work->n[TABLE_MEMBERS] += rules->pools[i].n_members;
		work->n[TABLE_HEALTH] += rules->pools[i].health != NULL;
		work->n[TABLE_MAGLEV] += image_count_maglev(&rules->pools[i]);
	}
	work->n[TABLE_QUEUES] = rules->n_queues;
	work->n[TABLE_REPLIES] = rules->n_replies;
	work->n[TABLE_REASONS] = rules->n_reasons;
	work->n[TABLE_BLOCKED4] = n4;
	work->n[TABLE_BLOCKED6] = n6;
	return 0;
}

static int refuse_size(const struct image_work *work)
{
	const uint64_t *n = work->n;

	diags_push(work->build->diags, DIAG_ERROR, work->rules->files[0], 0,
		   "put tenants that are treated alike in one group",
		   "the table would have %zu MiB, at most %zu are possible: %zu MiB of rows, %zu MiB of size steps, "
		   "%zu MiB of tenants, %zu MiB of names, %zu MiB of pools' slots, %zu MiB of addresses",
		   work->size >> 20, TABLE_IMAGE_MAX >> 20, (size_t)(n[TABLE_CELLS] * 4 + n[TABLE_DIRS] * 2) >> 20,
		   (size_t)(n[TABLE_LEAVES] * sizeof(struct table_leaf)) >> 20,
		   (size_t)(n[TABLE_TENANT_BUCKETS] * 96 + n[TABLE_TENANT_CLASSES] * 32 +
			    (n[TABLE_DOMAINS] + n[TABLE_NAMES]) * sizeof(struct word_bucket)) >> 20,
		   (size_t)n[TABLE_STRINGS] >> 20, (size_t)n[TABLE_MAGLEV] * sizeof(uint16_t) >> 20,
		   (size_t)((n[TABLE_GEO4_BLOCKS] + n[TABLE_GEO6_BLOCKS]) * 64 +
			    (n[TABLE_GEO4_ROWS] + n[TABLE_GEO6_ROWS]) * 6 + n[TABLE_GEO_SPLITS] * 24) >> 20);
	return -EINVAL;
}

static int lay_out(struct image_work *work)
{
	size_t at = aligned(sizeof(*work->header));
	struct table_header header = {.magic = TABLE_MAGIC, .abi = TABLE_ABI};

	for (unsigned i = 0; i < TABLE_N_SECTIONS; i++) {
		header.section[i] = (struct table_section){.offset = at, .n = work->n[i]};
		at += aligned(work->n[i] * element[i]);
	}
	header.size = work->size = at;
	if (at > TABLE_IMAGE_MAX)
		return refuse_size(work);
	work->image = aligned_alloc(64, at);
	if (work->image == NULL)
		return -ENOMEM;
	memset(work->image, 0, at);
	work->header = (struct table_header *)(void *)work->image;
	*work->header = header;
	work->string_at = 1;
	return 0;
}

// Meters are interned before the sections are counted.
static int intern_meters(const struct image_work *work, uint32_t *meter)
{
	int err = 0;

	for (uint32_t i = 0; err == 0 && i <= work->rules->n_rules; i++) {
		const struct action_def *action = &work->rules->rules[i].action;
		struct table_meter item = {.rate = action->rate, .burst = action->burst == 0 ? 1 : action->burst};

		meter[i] = TABLE_NONE;
		if (action->rate != 0)
			err = intern_put(&work->build->meters, &item, &meter[i]);
	}
	return err;
}

static int make_image(struct image_work *work, uint32_t *meter)
{
	const size_t crc_end = offsetof(struct table_header, crc) + sizeof(work->header->crc);
	int err = intern_meters(work, meter);

	if (err == 0)
		err = place_tenants(work);
	if (err == 0)
		err = place_words(work);
	if (err == 0)
		err = count_sections(work);
	if (err == 0)
		err = lay_out(work);
	if (err != 0)
		return err;
	err = image_fill(work, meter);
	work->header->crc = table_crc(0, work->image + crc_end, work->size - crc_end);
	return err;
}

int build_image(struct build *build, struct table_image *image)
{
	struct image_work work = {.build = build, .rules = build->rules};
	uint32_t *meter = malloc(((size_t)build->rules->n_rules + 1) * sizeof(*meter));
	int err = meter == NULL ? -ENOMEM : make_image(&work, meter);

	if (err == 0)
		*image = (struct table_image){.data = work.image, .size = work.size};
	else
		free(work.image);
	free(meter);
	free(work.slots);
	words_fini(&work.domains);
	words_fini(&work.names);
	free(work.name_at);
	free(work.blocked4);
	free(work.blocked6);
	geo_build_fini(&work.geo4);
	geo_build_fini(&work.geo6);
	return err;
}
