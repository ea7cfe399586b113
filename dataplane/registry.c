// SPDX-License-Identifier: BSD-3-Clause
//
// Registry of names, see registry.h. An open-addressing index (FNV-1a, linear probing) over the
// entries in the segment; entries are never moved. What registry_put returned since the last commit
// or abandon is pinned: a table that is being built may be about to use it.
#include "dataplane/registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { INDEX_BITS = 18, INDEX_SIZE = 1 << INDEX_BITS };
static_assert(INDEX_SIZE >= 2 * WEIR_MAX_NAMES, "the index is at most half full");

struct registry {
	struct weir_segment *segment;
	struct weir_name *names;
	uint32_t used;   // entries [0, used) have been taken at some time
	uint32_t n_free; // of these, given up since; none before `first_free`
	uint32_t first_free;
	uint32_t n_zones;
	uint8_t pinned[WEIR_MAX_NAMES];
	uint64_t gone_since[64]; // heads of the agent channels when a table last went out of use
	uint32_t *index;         // [INDEX_SIZE] 1 + entry, 0: empty
};

static uint32_t hash(enum weir_name_kind kind, const char *name)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ kind;

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * UINT64_C(0x100000001b3);
	return (uint32_t)(h >> 32 ^ h) & (INDEX_SIZE - 1);
}

// Position in the index where (kind, name) is or would be.
static uint32_t probe(const struct registry *registry, enum weir_name_kind kind, const char *name)
{
	uint32_t at = hash(kind, name);

	while (registry->index[at] != 0) {
		const struct weir_name *entry = &registry->names[registry->index[at] - 1];

		if (entry->kind == kind && strcmp(entry->name, name) == 0)
			return at;
		at = (at + 1) & (INDEX_SIZE - 1);
	}
	return at;
}

struct registry *registry_create(struct weir_segment *segment)
{
	struct registry *registry = calloc(1, sizeof(*registry));

	if (!registry)
		return NULL;
	registry->index = calloc(INDEX_SIZE, sizeof(*registry->index));
	if (!registry->index) {
		free(registry);
		return NULL;
	}
	registry->segment = segment;
	registry->names = (struct weir_name *)((char *)segment + segment->names);
	return registry;
}

void registry_destroy(struct registry *registry)
{
	if (!registry)
		return;
	free(registry->index);
	free(registry);
}

static struct weir_worker *worker_words(const struct registry *registry)
{
	return (struct weir_worker *)((char *)registry->segment + registry->segment->worker);
}

// Whether every record written before the last table went out of use has been consumed.
static bool all_consumed(const struct registry *registry)
{
	const struct weir_worker *worker = worker_words(registry);

	for (uint32_t w = 0; w < registry->segment->n_workers; w++)
		if (atomic_load(&worker[w].tail) < registry->gone_since[w])
			return false;
	return true;
}

static void counters_clear(struct registry *registry, uint32_t entry)
{
	struct weir_segment *segment = registry->segment;
	uint64_t *named = (uint64_t *)((char *)segment + segment->named);

	for (uint32_t w = 0; w < segment->n_workers; w++)
		named[(size_t)w * segment->n_names + entry] = 0;
}

static bool is_needed(const struct registry *registry, uint32_t i)
{
	const struct weir_name *entry = &registry->names[i];

	return entry->kind == WEIR_NAME_ZONE || registry->pinned[i] ||
	       (entry->kind != WEIR_NAME_FREE && entry->order != WEIR_NAME_GONE);
}

// Gives up the names that no table has, and rebuilds the index. Zones keep their rows.
static void reclaim(struct registry *registry)
{
	if (!all_consumed(registry))
		return;
	atomic_fetch_add(&segment_state_own(registry->segment)->names_sequence, 1);
	memset(registry->index, 0, INDEX_SIZE * sizeof(*registry->index));
	registry->n_free = registry->first_free = 0;
	for (uint32_t i = 0; i < registry->used; i++) {
		struct weir_name *entry = &registry->names[i];

		if (is_needed(registry, i)) {
			registry->index[probe(registry, entry->kind, entry->name)] = i + 1;
			continue;
		}
		memset(entry, 0, sizeof(*entry));
		counters_clear(registry, i);
		registry->n_free++;
	}
	atomic_fetch_add(&segment_state_own(registry->segment)->names_sequence, 1);
}

// An entry that is free, or -ENOSPC.
static int entry_take(struct registry *registry)
{
	if (registry->used < registry->segment->n_names)
		return (int)registry->used++;
	if (registry->n_free == 0)
		reclaim(registry);
	if (registry->n_free == 0)
		return -ENOSPC;
	while (registry->names[registry->first_free].kind != WEIR_NAME_FREE)
		registry->first_free++;
	registry->n_free--;
	return (int)registry->first_free;
}

int registry_put(struct registry *registry, enum weir_name_kind kind, const char *name)
{
	uint32_t at = probe(registry, kind, name);
	struct weir_name *entry;
	int i;

	if (registry->index[at] != 0) {
		registry->pinned[registry->index[at] - 1] = 1;
		return (int)registry->index[at] - 1;
	}
	i = entry_take(registry);
	if (i < 0)
		return i;
	entry = &registry->names[i];
	atomic_fetch_add(&segment_state_own(registry->segment)->names_sequence, 1);
	entry->kind = (uint8_t)kind;
	entry->order = WEIR_NAME_GONE;
	strncpy(entry->name, name, sizeof(entry->name) - 1);
	atomic_store(&segment_state_own(registry->segment)->n_names_used, registry->used);
	atomic_fetch_add(&segment_state_own(registry->segment)->names_sequence, 1);
	registry->pinned[i] = 1;
	registry->index[probe(registry, kind, name)] = (uint32_t)i + 1; // reclaim may have moved it
	return i;
}

int registry_zone_row(struct registry *registry, const char *name)
{
	int entry = registry_put(registry, WEIR_NAME_ZONE, name);

	if (entry < 0)
		return entry;
	if (!registry->names[entry].has_row) {
		if (registry->n_zones == WEIR_MAX_ZONES)
			return -ENOSPC;
		registry->names[entry].row = (uint8_t)registry->n_zones++;
		registry->names[entry].has_row = 1;
	}
	return registry->names[entry].row;
}

void registry_begin(struct registry *registry)
{
	const struct weir_worker *worker = worker_words(registry);

	atomic_fetch_add(&segment_state_own(registry->segment)->names_sequence, 1);
	for (uint32_t i = 0; i < registry->used; i++)
		registry->names[i].order = WEIR_NAME_GONE;
	for (uint32_t w = 0; w < registry->segment->n_workers; w++)
		registry->gone_since[w] = atomic_load(&worker[w].head);
}

void registry_place(struct registry *registry, uint32_t index, uint32_t order)
{
	registry->names[index].order = order;
}

void registry_abandon(struct registry *registry)
{
	memset(registry->pinned, 0, sizeof(registry->pinned));
}

void registry_commit(struct registry *registry)
{
	memset(registry->pinned, 0, sizeof(registry->pinned));
	atomic_fetch_add(&segment_state_own(registry->segment)->names_sequence, 1);
}
