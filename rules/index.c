// SPDX-License-Identifier: BSD-3-Clause
//
// Open addressing with linear probing, doubled when half full.
#include "rules/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 64 };

uint64_t index_hash(const void *data, size_t length)
{
	const unsigned char *p = data;
	uint64_t hash = length * UINT64_C(0x9e3779b97f4a7c15), word;

	for (; length >= 8; p += 8, length -= 8) {
		memcpy(&word, p, 8);
		hash = (hash ^ word) * UINT64_C(0xd6e8feb86659fd93);
		hash ^= hash >> 32;
	}
	word = 0;
	memcpy(&word, p, length);
	hash = (hash ^ word) * UINT64_C(0xd6e8feb86659fd93);
	hash = (hash ^ hash >> 32) * UINT64_C(0xd6e8feb86659fd93);
	return hash ^ hash >> 32;
}

static struct name_slot *find_name(const struct name_index *index, const char *name, uint32_t hash)
{
	uint32_t i = hash & index->mask;

	while (index->slots[i].name != NULL &&
	       (index->slots[i].hash != hash || strcmp(index->slots[i].name, name) != 0))
		i = (i + 1) & index->mask;
	return &index->slots[i];
}

// Slots that `n` entries want, 0 when there are as many already.
static uint32_t wanted_slots(const void *slots, uint32_t mask, uint64_t n)
{
	uint64_t now = slots != NULL ? (uint64_t)mask + 1 : 0, want = FIRST_SLOTS;

	while (want < 2 * n)
		want *= 2;
	return want > now ? (uint32_t)want : 0;
}

int name_index_reserve(struct name_index *index, uint32_t n)
{
	uint32_t slots = wanted_slots(index->slots, index->mask, n), i;
	struct name_index grown = { .n = index->n, .mask = slots - 1 };

	if (slots == 0)
		return 0;
	grown.slots = calloc(slots, sizeof(*grown.slots));
	if (grown.slots == NULL)
		return -ENOMEM;
	for (uint32_t old = 0; index->slots != NULL && old <= index->mask; old++) {
		if (index->slots[old].name == NULL)
			continue;
		for (i = index->slots[old].hash & grown.mask; grown.slots[i].name != NULL;)
			i = (i + 1) & grown.mask;
		grown.slots[i] = index->slots[old];
	}
	free(index->slots);
	*index = grown;
	return 0;
}

int name_index_put(struct name_index *index, const char *name, uint32_t value, uint32_t *old)
{
	uint32_t hash = (uint32_t)index_hash(name, strlen(name));
	struct name_slot *slot;

	if (name_index_reserve(index, index->n + 1) != 0)
		return -ENOMEM;
	slot = find_name(index, name, hash);
	if (slot->name != NULL) {
		*old = slot->value;
		return 1;
	}
	*slot = (struct name_slot){ .name = name, .hash = hash, .value = value };
	index->n++;
	return 0;
}

bool name_index_find(const struct name_index *index, const char *name, uint32_t *value)
{
	const struct name_slot *slot;

	if (index->slots == NULL)
		return false;
	slot = find_name(index, name, (uint32_t)index_hash(name, strlen(name)));
	if (slot->name == NULL)
		return false;
	*value = slot->value;
	return true;
}

void name_index_fini(struct name_index *index)
{
	free(index->slots);
	*index = (struct name_index){ 0 };
}

static struct id_slot *find_id(const struct id_index *index, uint32_t id)
{
	uint32_t i = (uint32_t)((id * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & index->mask;

	while (index->slots[i].id != 0 && index->slots[i].id != id)
		i = (i + 1) & index->mask;
	return &index->slots[i];
}

int id_index_reserve(struct id_index *index, uint32_t n)
{
	uint32_t slots = wanted_slots(index->slots, index->mask, n);
	struct id_index grown = { .n = index->n, .mask = slots - 1 };

	if (slots == 0)
		return 0;
	grown.slots = calloc(slots, sizeof(*grown.slots));
	if (grown.slots == NULL)
		return -ENOMEM;
	for (uint32_t old = 0; index->slots != NULL && old <= index->mask; old++)
		if (index->slots[old].id != 0)
			*find_id(&grown, index->slots[old].id) = index->slots[old];
	free(index->slots);
	*index = grown;
	return 0;
}

int id_index_put(struct id_index *index, uint32_t id, uint32_t value, uint32_t *old)
{
	struct id_slot *slot;

	if (id_index_reserve(index, index->n + 1) != 0)
		return -ENOMEM;
	slot = find_id(index, id);
	if (slot->id != 0) {
		*old = slot->value;
		return 1;
	}
	*slot = (struct id_slot){ .id = id, .value = value };
	index->n++;
	return 0;
}

bool id_index_find(const struct id_index *index, uint32_t id, uint32_t *value)
{
	const struct id_slot *slot;

	if (index->slots == NULL)
		return false;
	slot = find_id(index, id);
	*value = slot->value;
	return slot->id != 0;
}

void id_index_fini(struct id_index *index)
{
	free(index->slots);
	*index = (struct id_index){ 0 };
}
