// SPDX-License-Identifier: BSD-3-Clause
//
// Writes what has been built into one image: counts every section, lays them out in the order of their
// ids, and fills them where they lie. Every byte that no field covers is zero.

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/build.h"

struct image_work {
	struct build *build;
	const struct rule_set *rules;
	unsigned char *image;
	struct table_header *header; // at the start of the image
	size_t size, string_at;
	uint32_t *slots; // placement of the tenants
	unsigned bucket_bits;
	struct blocked4_range *blocked4;
	struct blocked6_range *blocked6;
	uint64_t n[TABLE_N_SECTIONS];
};

static const size_t element[TABLE_N_SECTIONS] = {
#define X(name, type) sizeof(type),
	TABLE_SECTIONS(X)
#undef X
};

static size_t aligned(size_t n)
{
	return (n + 63) & ~(size_t)63;
}

static void *section(const struct image_work *work, enum table_section_id id)
{
	return work->image + work->header->section[id].offset;
}

// Puts a string where the last one ended and returns its offset; NULL and "" are offset 0.
static uint32_t put_string(struct image_work *work, const char *string)
{
	size_t at = work->string_at, n = string == NULL ? 0 : strlen(string);

	if (n == 0)
		return 0;
	memcpy((char *)section(work, TABLE_STRINGS) + at, string, n);
	work->string_at += n + 1;
	return (uint32_t)at;
}

static size_t string_bytes(const char *string)
{
	return string == NULL || *string == '\0' ? 0 : strlen(string) + 1;
}

static size_t count_strings(const struct rule_set *rules)
{
	size_t n = 1;

	for (uint32_t i = 0; i < rules->n_tenants; i++)
		n += string_bytes(rules->tenants[i].name);
	for (uint32_t i = 0; i <= rules->n_rules; i++)
		n += string_bytes(rules->rules[i].name);
	for (unsigned i = 0; i < rules->n_zones; i++)
		n += string_bytes(rules->zones[i].name);
	for (unsigned i = 0; i < rules->n_pools; i++) {
		n += string_bytes(rules->pools[i].name) + string_bytes(rules->pools[i].port_name);
		for (unsigned m = 0; m < rules->pools[i].n_members; m++)
			n += string_bytes(rules->pools[i].members[m].name);
	}
	for (unsigned i = 0; i < rules->n_queues; i++)
		n += string_bytes(rules->queues[i].name);
	for (unsigned i = 0; i < rules->n_replies; i++)
		n += string_bytes(rules->replies[i].name) + string_bytes(rules->replies[i].text);
	for (unsigned i = 0; i < rules->n_reasons; i++)
		n += string_bytes(rules->reasons[i]);
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

static int count_sections(struct image_work *work)
{
	const struct rule_set *rules = work->rules;
	const struct build *build = work->build;
	uint32_t n4, n6;

	if (blocked4_make(rules, &work->blocked4, &n4) != 0 || blocked6_make(rules, &work->blocked6, &n6) != 0)
		return -ENOMEM;
	work->n[TABLE_STRINGS] = count_strings(rules);
	work->n[TABLE_TENANT_BUCKETS] = UINT64_C(1) << work->bucket_bits;
	work->n[TABLE_TENANT_NAMES] = (uint64_t)TABLE_WAYS << work->bucket_bits;
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
		work->n[TABLE_MAGLEV] += maglev_size(&rules->pools[i]);
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
		   "%zu MiB of tenants, %zu MiB of names",
		   work->size >> 20, TABLE_IMAGE_MAX >> 20, (size_t)(n[TABLE_CELLS] * 4 + n[TABLE_DIRS] * 2) >> 20,
		   (size_t)(n[TABLE_LEAVES] * sizeof(struct table_leaf)) >> 20,
		   (size_t)(n[TABLE_TENANT_BUCKETS] * 96 + n[TABLE_TENANT_CLASSES] * 32) >> 20,
		   (size_t)n[TABLE_STRINGS] >> 20);
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

static void fill_header(struct image_work *work)
{
	const struct build *build = work->build;
	struct table_header *header = work->header;

	header->bucket_bits = work->bucket_bits;
	header->n_tenants = work->rules->n_tenants;
	header->n_rules = work->rules->n_rules;
	header->n_country_classes = build->n_country_classes;
	header->n_small_classes = build->n_small_classes;
	memcpy(header->country_class, build->country_class, sizeof(header->country_class));
	memcpy(header->small_class, build->small_class, sizeof(header->small_class));
}

static void fill_tenants(struct image_work *work)
{
	const struct build *build = work->build;
	struct tenant_bucket *bucket = section(work, TABLE_TENANT_BUCKETS);
	uint32_t *name = section(work, TABLE_TENANT_NAMES);

	for (size_t slot = 0; slot < work->n[TABLE_TENANT_NAMES]; slot++) {
		uint32_t tenant = work->slots[slot] - 1;

		if (work->slots[slot] == 0)
			continue;
		bucket[slot / TABLE_WAYS].id[slot % TABLE_WAYS] = work->rules->tenants[tenant].id;
		bucket[slot / TABLE_WAYS].class[slot % TABLE_WAYS] = build->class_of_tenant[tenant];
		name[slot] = put_string(work, work->rules->tenants[tenant].name);
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
	uint32_t n_leaves = build->leaves.n, *cell = section(work, TABLE_CELLS);
	struct table_leaf *leaf = section(work, TABLE_LEAVES);

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
		memcpy(section(work, id), pool->data, intern_bytes(pool));
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
		.target = action->target,
		.exceed_target = action->exceed == WEIR_ACT_DROP ? TABLE_NONE16 : action->exceed_target,
		.copy = action->copy,
		.zone = action->kind == WEIR_ACT_FORWARD ? work->rules->pools[action->target].zone : TABLE_NONE16,
		.meter = meter,
	};
}

static void fill_verdicts(struct image_work *work, const uint32_t *meter)
{
	struct verdict *verdict = section(work, TABLE_VERDICTS);
	uint32_t *name = section(work, TABLE_RULE_NAMES);

	static_assert(TABLE_NONE16 == RULES_NO_INDEX, "indices go over as they are");
	for (uint32_t i = 0; i <= work->rules->n_rules; i++) {
		verdict[i] = make_verdict(work, &work->rules->rules[i].action, meter[i]);
		name[i] = put_string(work, work->rules->rules[i].name);
	}
	copy_pool(work, TABLE_METERS, &work->build->meters);
}

static void fill_members(struct image_work *work, const struct pool_def *pool, struct table_member *member)
{
	for (unsigned i = 0; i < pool->n_members; i++) {
		member[i].name = put_string(work, pool->members[i].name);
		memcpy(member[i].address, pool->members[i].address, sizeof(member[i].address));
		member[i].family = pool->members[i].family;
		memcpy(member[i].mac, pool->members[i].mac, sizeof(member[i].mac));
		member[i].weight = pool->members[i].weight;
	}
}

static int fill_pools(struct image_work *work)
{
	struct table_pool *pool = section(work, TABLE_POOLS);
	struct table_member *member = section(work, TABLE_MEMBERS);
	uint16_t *slot = section(work, TABLE_MAGLEV);
	uint32_t n_members = 0, n_slots = 0;
	int err = 0;

	for (unsigned i = 0; err == 0 && i < work->rules->n_pools; i++) {
		const struct pool_def *def = &work->rules->pools[i];

		pool[i].name = put_string(work, def->name);
		pool[i].port_name = put_string(work, def->port_name);
		pool[i].port_index = def->port_index;
		pool[i].zone = def->zone;
		pool[i].member = n_members;
		pool[i].n_members = def->n_members;
		pool[i].maglev = n_slots;
		pool[i].n_maglev = maglev_size(def);
		fill_members(work, def, member + n_members);
		err = maglev_fill(def, slot + n_slots, pool[i].n_maglev);
		n_members += pool[i].n_members;
		n_slots += pool[i].n_maglev;
	}
	return err;
}

static void fill_names(struct image_work *work)
{
	const struct rule_set *rules = work->rules;
	struct table_zone *zone = section(work, TABLE_ZONES);
	struct table_queue *queue = section(work, TABLE_QUEUES);
	struct table_reply *reply = section(work, TABLE_REPLIES);
	uint32_t *reason = section(work, TABLE_REASONS);

	for (unsigned i = 0; i < rules->n_zones; i++)
		zone[i].name = put_string(work, rules->zones[i].name);
	for (unsigned i = 0; i < rules->n_queues; i++) {
		queue[i].name = put_string(work, rules->queues[i].name);
		queue[i].zone = rules->queues[i].zone;
		queue[i].routing = (uint16_t)rules->queues[i].routing;
	}
	for (unsigned i = 0; i < rules->n_replies; i++) {
		reply[i].name = put_string(work, rules->replies[i].name);
		reply[i].text = put_string(work, rules->replies[i].text);
		reply[i].text_length = (uint32_t)strlen(rules->replies[i].text);
		reply[i].retry_after = rules->replies[i].retry_after;
		reply[i].status = rules->replies[i].status;
	}
	for (unsigned i = 0; i < rules->n_reasons; i++)
		reason[i] = put_string(work, rules->reasons[i]);
}

static void fill_blocked(struct image_work *work)
{
	struct table_header *header = work->header;

	memcpy(section(work, TABLE_BLOCKED4), work->blocked4, work->n[TABLE_BLOCKED4] * sizeof(*work->blocked4));
	memcpy(section(work, TABLE_BLOCKED6), work->blocked6, work->n[TABLE_BLOCKED6] * sizeof(*work->blocked6));
	for (size_t i = 0; i < work->n[TABLE_BLOCKED4]; i++)
		for (uint32_t at = work->blocked4[i].first >> 16; at <= work->blocked4[i].last >> 16; at++)
			bits_put(header->blocked4_any, at);
	for (size_t i = 0; i < work->n[TABLE_BLOCKED6]; i++)
		for (uint64_t at = work->blocked6[i].first[0] >> 48; at <= work->blocked6[i].last[0] >> 48; at++)
			bits_put(header->blocked6_any, (unsigned)at);
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
		err = count_sections(work);
	if (err == 0)
		err = lay_out(work);
	if (err != 0)
		return err;
	fill_header(work);
	fill_tenants(work);
	fill_classes(work);
	fill_verdicts(work, meter);
	fill_names(work);
	fill_blocked(work);
	err = fill_pools(work);
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
	free(work.blocked4);
	free(work.blocked6);
	return err;
}
