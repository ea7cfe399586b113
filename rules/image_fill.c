// SPDX-License-Identifier: BSD-3-Clause
//
// Fills the sections of an image where they lie. The image is all zero before, so that what no field
// covers stays zero.

#include "rules/image.h"

#include <string.h>

void *image_section(const struct image_work *work, enum table_section_id id)
{
	return work->image + work->header->section[id].offset;
}

uint32_t image_put_string(struct image_work *work, const char *string)
{
	size_t at = work->string_at, n = string == NULL ? 0 : strlen(string);

	if (n == 0)
		return 0;
	memcpy((char *)image_section(work, TABLE_STRINGS) + at, string, n);
	work->string_at += n + 1;
	return (uint32_t)at;
}

static void fill_header(struct image_work *work)
{
	const struct build *build = work->build;
	struct table_header *header = work->header;

	header->bucket_bits = work->bucket_bits;
	header->n_tenants = work->rules->n_tenants;
	header->n_domains = work->domains.n;
	header->n_rules = work->rules->n_rules;
	header->n_country_classes = build->n_country_classes;
	header->n_small_classes = build->n_small_classes;
	memcpy(header->country_class, build->country_class, sizeof(header->country_class));
	memcpy(header->small_class, build->small_class, sizeof(header->small_class));
}

static void fill_tenants(struct image_work *work)
{
	const struct build *build = work->build;
	struct tenant_bucket *bucket = image_section(work, TABLE_TENANT_BUCKETS);
	uint32_t *name = image_section(work, TABLE_TENANT_NAMES);

	for (size_t slot = 0; slot < work->n[TABLE_TENANT_NAMES]; slot++) {
		uint32_t tenant = work->slots[slot] - 1;

		if (work->slots[slot] == 0)
			continue;
		bucket[slot / TABLE_WAYS].id[slot % TABLE_WAYS] = work->rules->tenants[tenant].id;
		bucket[slot / TABLE_WAYS].class[slot % TABLE_WAYS] = build->class_of_tenant[tenant];
		name[slot] = work->name_at[tenant] = image_put_string(work, work->rules->tenants[tenant].name);
	}
}

static uint32_t final_cell(uint32_t cell, uint32_t n_leaves)
{
	return cell & TABLE_LEAF ? TABLE_LEAF | (n_leaves - 1 - (cell & ~TABLE_LEAF)) : cell;
}

// Cells and leaves; leaf numbers are turned round (leaves.c).
static void fill_cells(struct image_work *work)
{
	const struct build *build = work->build;
	uint32_t n_leaves = build->leaves.n, *cell = image_section(work, TABLE_CELLS);
	struct table_leaf *leaf = image_section(work, TABLE_LEAVES);

	for (uint32_t i = 0; i < build->rows.n; i++) {
		const uint32_t *row = intern_at(&build->rows, i);

		for (unsigned s = 0; s < build->n_small_classes; s++)
			*cell++ = final_cell(row[s], n_leaves);
	}
	for (uint32_t i = 0; i < n_leaves; i++) {
		leaf[i] = *(const struct table_leaf *)intern_at(&build->leaves, n_leaves - 1 - i);
		for (unsigned s = 0; s < TABLE_STEPS; s++)
			leaf[i].cell[s] = final_cell(leaf[i].cell[s], n_leaves);
	}
}

static void copy_pool(struct image_work *work, enum table_section_id id, const struct intern *pool)
{
	if (pool->n > 0)
		memcpy(image_section(work, id), pool->data, intern_bytes(pool));
}

static void fill_classes(struct image_work *work)
{
	const struct build *build = work->build;

	copy_pool(work, TABLE_TENANT_CLASSES, &build->tenant_classes);
	copy_pool(work, TABLE_KEYS, &build->keys);
	copy_pool(work, TABLE_BLOCKS, &build->blocks);
	copy_pool(work, TABLE_DIRS, &build->dirs);
	fill_cells(work);
}

static struct verdict make_verdict(const struct image_work *work, const struct action_def *action, uint32_t meter)
{
	return (struct verdict){
		.action = (uint8_t)action->kind,
		.set_priority = action->set_priority,
		.exceed = action->exceed,
		.exceed_named = action->exceed_named,
		.target = action->target,
		.exceed_target = action->exceed == WEIR_ACT_DROP ? TABLE_NONE16 : action->exceed_target,
		.copy = action->copy,
		.zone = action->kind == WEIR_ACT_FORWARD ? work->rules->pools[action->target].zone : TABLE_NONE16,
		.meter = meter,
	};
}

static void fill_verdicts(struct image_work *work, const uint32_t *meter)
{
	struct verdict *verdict = image_section(work, TABLE_VERDICTS);
	uint32_t *name = image_section(work, TABLE_RULE_NAMES);

	static_assert(TABLE_NONE16 == RULES_NO_INDEX, "indices go over as they are");
	for (uint32_t i = 0; i <= work->rules->n_rules; i++) {
		verdict[i] = make_verdict(work, &work->rules->rules[i].action, meter[i]);
		name[i] = image_put_string(work, work->rules->rules[i].name);
	}
	copy_pool(work, TABLE_METERS, &work->build->meters);
}

static void fill_names(struct image_work *work)
{
	const struct rule_set *rules = work->rules;
	struct table_zone *zone = image_section(work, TABLE_ZONES);
	struct table_queue *queue = image_section(work, TABLE_QUEUES);
	struct table_reply *reply = image_section(work, TABLE_REPLIES);
	uint32_t *reason = image_section(work, TABLE_REASONS);

	for (unsigned i = 0; i < rules->n_zones; i++)
		zone[i].name = image_put_string(work, rules->zones[i].name);
	for (unsigned i = 0; i < rules->n_queues; i++) {
		queue[i].name = image_put_string(work, rules->queues[i].name);
		queue[i].zone = rules->queues[i].zone;
		queue[i].routing = (uint16_t)rules->queues[i].routing;
	}
	for (unsigned i = 0; i < rules->n_replies; i++) {
		reply[i].name = image_put_string(work, rules->replies[i].name);
		reply[i].text = image_put_string(work, rules->replies[i].text);
		reply[i].text_length = (uint32_t)strlen(rules->replies[i].text);
		reply[i].retry_after = rules->replies[i].retry_after;
		reply[i].status = rules->replies[i].status;
	}
	for (unsigned i = 0; i < rules->n_reasons; i++)
		reason[i] = image_put_string(work, rules->reasons[i]);
}

static void fill_blocked(struct image_work *work)
{
	struct table_header *header = work->header;

	memcpy(image_section(work, TABLE_BLOCKED4), work->blocked4, work->n[TABLE_BLOCKED4] * sizeof(*work->blocked4));
	memcpy(image_section(work, TABLE_BLOCKED6), work->blocked6, work->n[TABLE_BLOCKED6] * sizeof(*work->blocked6));
	for (size_t i = 0; i < work->n[TABLE_BLOCKED4]; i++)
		for (uint32_t at = work->blocked4[i].first >> 16; at <= work->blocked4[i].last >> 16; at++)
			bits_put(header->blocked4_any, at);
	for (size_t i = 0; i < work->n[TABLE_BLOCKED6]; i++)
		for (uint64_t at = work->blocked6[i].first[0] >> 48; at <= work->blocked6[i].last[0] >> 48; at++)
			bits_put(header->blocked6_any, (unsigned)at);
}

int image_fill(struct image_work *work, const uint32_t *meter)
{
	fill_header(work);
	fill_tenants(work);
	image_fill_words(work);
	fill_classes(work);
	fill_verdicts(work, meter);
	fill_names(work);
	fill_blocked(work);
	image_fill_geo(work);
	return image_fill_pools(work);
}
