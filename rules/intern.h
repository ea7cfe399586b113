// SPDX-License-Identifier: BSD-3-Clause
//
// A growing array of distinct items of one size: putting an item that is there already gives its
// number. What the compiler finds alike (rows, leaves, tenant classes, …) meets in sets. Numbers rise
// in order of first putting, so the same input gives the same numbers. Not thread safe.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct intern_slot {
	uint32_t hash;
	uint32_t number; // of the item, plus one; 0: empty slot
};

struct intern {
	unsigned char *data;      // n items
	struct intern_slot *slot; // open addressing, mask + 1 slots
	size_t item;              // bytes of an item; the hash takes in whole 4-byte words
	uint32_t n, capacity, mask;
	uint32_t first;           // items below are forgotten: never found again
};

// Makes an empty set; cannot fail.
void intern_init(struct intern *set, size_t item);
void intern_fini(struct intern *set);

// Puts a copy of `item` unless an equal one is there; its number goes to `number`. Returns 0, or -ENOMEM.
int intern_put(struct intern *set, const void *item, uint32_t *number);

// Appends a copy without looking for an equal one. Returns 0, or -ENOMEM. Not to be mixed with intern_put.
int intern_append(struct intern *set, const void *item);

// Forgets all items: they stay in the array, and equal ones that come later are put anew.
void intern_forget(struct intern *set);

static inline void *intern_at(const struct intern *set, uint32_t number)
{
	return set->data + number * set->item;
}

static inline size_t intern_bytes(const struct intern *set)
{
	return set->n * set->item;
}
