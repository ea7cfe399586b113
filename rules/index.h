// SPDX-License-Identifier: BSD-3-Clause
//
// Hash tables of the reader: a name or an id to a number. They keep pointers to names, not copies.
// libc only; not thread safe. A zeroed index is an empty one.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct name_slot {
	const char *name; // NULL: empty
	uint32_t hash, value;
};

struct name_index {
	struct name_slot *slots;
	uint32_t n, mask; // mask + 1 slots, at most half of them used
};

struct id_slot {
	uint32_t id; // 0: empty
	uint32_t value;
};

struct id_index {
	struct id_slot *slots;
	uint32_t n, mask;
};

// Puts `name` with `value`, unless it is there. Returns 0, 1 when it was there (its value in `*old`,
// nothing changed), -ENOMEM.
int name_index_put(struct name_index *index, const char *name, uint32_t value, uint32_t *old);

// Makes room for `n` names, so that putting them does not grow it; -ENOMEM.
int name_index_reserve(struct name_index *index, uint32_t n);

bool name_index_find(const struct name_index *index, const char *name, uint32_t *value);

// The name nearest to `name` by edit distance (a third of its length at most, 2 at most), or NULL.
const char *name_index_nearest(const struct name_index *index, const char *name);

void name_index_fini(struct name_index *index);

// As name_index_put, for an id that is not 0.
int id_index_put(struct id_index *index, uint32_t id, uint32_t value, uint32_t *old);

int id_index_reserve(struct id_index *index, uint32_t n);
bool id_index_find(const struct id_index *index, uint32_t id, uint32_t *value);
void id_index_fini(struct id_index *index);

// 64-bit hash of bytes, the same in every run.
uint64_t index_hash(const void *data, size_t length);

// Whether `near` is `name` but for a slip of the pen: the distance that name_index_nearest allows.
// Returns the distance, or -1 for names further apart.
int name_distance(const char *name, const char *near);
