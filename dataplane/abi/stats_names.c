// SPDX-License-Identifier: BSD-3-Clause
//
// The part of a snapshot that is counted by name: rules, queues, replies, pools, members, reasons of
// rule files, forwards by zone. Reads a consistent copy of the registry. Any thread.
#include "dataplane/abi/stats_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct entry { // one name that is in use
	const struct weir_name *name;
	uint64_t count;
};

struct registry {
	struct weir_name *names;
	struct entry *list; // current entries of one kind, filled by registry_list
	uint32_t n;
};

// One try; whether the writer stayed away meanwhile.
static bool registry_try(const struct weir_segment *segment, struct registry *registry)
{
	uint64_t before = atomic_load_explicit(&segment_state(segment)->names_sequence, memory_order_acquire);

	registry->n = atomic_load_explicit(&segment_state(segment)->n_names_used, memory_order_acquire);
	if (registry->n > segment->n_names)
		registry->n = segment->n_names;
	segment_copy(registry->names, segment_names(segment), registry->n * sizeof(*registry->names));
	atomic_thread_fence(memory_order_acquire);
	return before % 2 == 0 &&
	       atomic_load_explicit(&segment_state(segment)->names_sequence, memory_order_relaxed) == before;
}

// Copies the registry while its writer stays away; a writer that died inside leaves what stands there.
static int registry_copy(const struct weir_segment *segment, struct registry *registry)
{
	struct segment_wait wait = { 0 };

	registry->names = malloc(segment->n_names * sizeof(*registry->names));
	registry->list = malloc(segment->n_names * sizeof(*registry->list));
	if (!registry->names || !registry->list)
		return -ENOMEM;
	while (!registry_try(segment, registry))
		if (!segment_wait(&wait))
			break;
	return 0;
}

static void registry_free(struct registry *registry)
{
	free(registry->names);
	free(registry->list);
}

static int by_order(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;

	if (a->name->order != b->name->order)
		return a->name->order < b->name->order ? -1 : 1;
	return a->name < b->name ? -1 : a->name > b->name;
}

// Lists the entries of a kind in the order of the current table; without `gone` only those in it.
static uint32_t registry_list(const struct weir_segment *segment, struct registry *registry, enum weir_name_kind kind,
			      bool gone)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < registry->n; i++) {
		const struct weir_name *name = &registry->names[i];

		if (name->kind != kind || (name->order == WEIR_NAME_GONE && !gone))
			continue;
		registry->list[n].name = name;
		registry->list[n++].count = stats_sum(segment, segment->named, segment->n_names, i);
	}
	qsort(registry->list, n, sizeof(registry->list[0]), by_order);
	return n;
}

static json_t *kind_json(const struct weir_segment *segment, struct registry *registry, enum weir_name_kind kind)
{
	uint32_t n = registry_list(segment, registry, kind, false);
	json_t *array = json_array();

	for (uint32_t i = 0; i < n; i++) {
		const struct entry *e = &registry->list[i];

		json_array_append_new(array, json_pack("{s:o, s:I}",
			"name", stats_text(e->name->name, sizeof(e->name->name)), "count", (json_int_t)e->count));
	}
	return array;
}

// What a pool's members got, those that left it included: a pool has no counter of its own.
static json_int_t pool_count(const struct weir_segment *segment, const struct registry *registry, const char *pool)
{
	size_t length = strnlen(pool, WEIR_NAME_MAX + 1);
	json_int_t sum = 0;

	for (uint32_t i = 0; i < registry->n; i++) {
		const struct weir_name *name = &registry->names[i];

		if (name->kind == WEIR_NAME_MEMBER && strncmp(name->name, pool, length) == 0 &&
		    name->name[length] == '/')
			sum += (json_int_t)stats_sum(segment, segment->named, segment->n_names, i);
	}
	return sum;
}

static json_t *pools_json(const struct weir_segment *segment, struct registry *registry)
{
	uint32_t n = registry_list(segment, registry, WEIR_NAME_POOL, false);
	json_t *array = json_array();

	for (uint32_t i = 0; i < n; i++) {
		const struct weir_name *name = registry->list[i].name;

		json_array_append_new(array,
				      json_pack("{s:o, s:I}", "name", stats_text(name->name, sizeof(name->name)),
						"count", pool_count(segment, registry, name->name)));
	}
	return array;
}

// Reasons keep what they counted when a later table has them no more: drops stay explained.
static void put_drops(const struct weir_segment *segment, struct registry *registry, json_t *drops)
{
	uint32_t n = registry_list(segment, registry, WEIR_NAME_REASON, true);

	for (uint32_t i = 0; i < n; i++) {
		const struct entry *e = &registry->list[i];
		json_t *name = stats_text(e->name->name, sizeof(e->name->name));
		const char *key = json_string_value(name);

		if (e->count && key) {
			json_int_t before = json_integer_value(json_object_get(drops, key));

			json_object_set_new(drops, key, json_integer(before + (json_int_t)e->count));
		}
		json_decref(name);
	}
}

// Forwards by (country, zone), those of zones of earlier tables too while they have their row.
static json_t *zones_json(const struct weir_segment *segment, struct registry *registry)
{
	const size_t n_counters = (size_t)WEIR_MAX_ZONES * WEIR_N_COUNTRIES;
	uint32_t n = registry_list(segment, registry, WEIR_NAME_ZONE, true);
	json_t *array = json_array();

	static_assert(WEIR_MAX_ZONES > UINT8_MAX, "any row stands in the matrix");
	for (uint32_t i = 0; i < n; i++) {
		const struct weir_name *zone = registry->list[i].name;

		if (!zone->has_row)
			continue;
		for (uint32_t c = 0; c < WEIR_N_COUNTRIES; c++) {
			size_t at = (size_t)zone->row * WEIR_N_COUNTRIES + c;
			uint64_t count = stats_sum(segment, segment->zones, n_counters, at);
			char country[3];

			if (count == 0)
				continue;
			weir_country_format(c, country);
			json_array_append_new(array, json_pack("{s:s, s:o, s:I}", "country", country, "zone",
				stats_text(zone->name, sizeof(zone->name)), "count", (json_int_t)count));
		}
	}
	return array;
}

int stats_put_names(const struct weir_segment *segment, json_t *root, json_t *drops)
{
	struct registry registry;
	int err = registry_copy(segment, &registry);

	if (!err) {
		json_object_set_new(root, "rules", kind_json(segment, &registry, WEIR_NAME_RULE));
		json_object_set_new(root, "queues", kind_json(segment, &registry, WEIR_NAME_QUEUE));
		json_object_set_new(root, "replies", kind_json(segment, &registry, WEIR_NAME_REPLY));
		json_object_set_new(root, "pools", pools_json(segment, &registry));
		json_object_set_new(root, "members", kind_json(segment, &registry, WEIR_NAME_MEMBER));
		json_object_set_new(root, "forward_by_zone", zones_json(segment, &registry));
		put_drops(segment, &registry, drops);
	}
	registry_free(&registry);
	return err;
}
