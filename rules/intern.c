// SPDX-License-Identifier: BSD-3-Clause
//
// Set of distinct items: a doubling array and an open-addressed hash of (hash, number) pairs, which
// compares items only where the 32 hash bits are equal.

#include "rules/intern.h"

#include <errno.h>
#include <nmmintrin.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 16 };

// Two checksums side by side, which hides the latency of the instruction over long items.
static uint32_t hash_item(const void *item, size_t n)
{
	const unsigned char *byte = item;
	uint64_t a = n, b = 0, word[2];
	uint32_t half;

	for (; n >= sizeof(word); n -= sizeof(word), byte += sizeof(word)) {
		memcpy(word, byte, sizeof(word));
		a = _mm_crc32_u64(a, word[0]);
		b = _mm_crc32_u64(b, word[1]);
	}
	for (; n >= sizeof(half); n -= sizeof(half), byte += sizeof(half)) {
		memcpy(&half, byte, sizeof(half));
		a = _mm_crc32_u32((uint32_t)a, half);
	}
	return (uint32_t)(((a << 32 | b) * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

void intern_init(struct intern *set, size_t item)
{
	*set = (struct intern){.item = item};
}

void intern_fini(struct intern *set)
{
	free(set->data);
	free(set->slot);
	*set = (struct intern){.item = set->item};
}

static int grow_data(struct intern *set)
{
	uint32_t capacity = set->capacity == 0 ? FIRST_CAPACITY : set->capacity * 2;
	void *data;

	if (set->n < set->capacity)
		return 0;
	if (capacity <= set->capacity)
		return -ENOMEM;
	data = realloc(set->data, capacity * set->item);
	if (data == NULL)
		return -ENOMEM;
	set->data = data;
	set->capacity = capacity;
	return 0;
}

static void slot_put(struct intern_slot *slot, uint32_t mask, struct intern_slot value)
{
	uint32_t at = value.hash & mask;

	while (slot[at].number != 0)
		at = (at + 1) & mask;
	slot[at] = value;
}

// Keeps the hash at most half full.
static int grow_slots(struct intern *set)
{
	uint32_t n_slots = set->slot == NULL ? 0 : set->mask + 1;
	uint32_t n_new = n_slots == 0 ? 4 * FIRST_CAPACITY : n_slots * 2;
	struct intern_slot *slot;

	if ((set->n - set->first) * UINT64_C(2) < n_slots)
		return 0;
	slot = calloc(n_new, sizeof(*slot));
	if (slot == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < n_slots; i++)
		if (set->slot[i].number != 0)
			slot_put(slot, n_new - 1, set->slot[i]);
	free(set->slot);
	set->slot = slot;
	set->mask = n_new - 1;
	return 0;
}

int intern_append(struct intern *set, const void *item)
{
	int err = grow_data(set);

	if (err != 0)
		return err;
	memcpy(intern_at(set, set->n++), item, set->item);
	return 0;
}

int intern_put(struct intern *set, const void *item, uint32_t *number)
{
	struct intern_slot value = {.hash = hash_item(item, set->item)};
	int err = grow_slots(set);

	if (err != 0)
		return err;
	for (uint32_t at = value.hash & set->mask; set->slot[at].number != 0; at = (at + 1) & set->mask) {
		*number = set->slot[at].number - 1;
		if (set->slot[at].hash == value.hash && memcmp(intern_at(set, *number), item, set->item) == 0)
			return 0;
	}
	*number = set->n;
	err = intern_append(set, item);
	if (err != 0)
		return err;
	value.number = set->n;
	slot_put(set->slot, set->mask, value);
	return 0;
}

void intern_forget(struct intern *set)
{
	set->first = set->n;
	if (set->slot != NULL)
		memset(set->slot, 0, ((size_t)set->mask + 1) * sizeof(*set->slot));
}
