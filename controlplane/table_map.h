// SPDX-License-Identifier: BSD-3-Clause
//
// A sealed table image mapped and opened for look-ups, counted: it is gone when nobody uses it.
// Any thread.
#pragma once

#include "rules/table.h"

struct table_map {
	struct table table;
	void *data;
	size_t size; // of the mapping
	_Atomic unsigned uses;
};

// Checks the seals, maps `size` bytes of `fd` (which stays the caller's) and opens the table as if an
// enemy wrote it. One use is the caller's. NULL with one line in `why`.
struct table_map *table_map_open(int fd, size_t size, char *why, size_t why_size);

struct table_map *table_map_get(struct table_map *map); // one use more; NULL stays NULL
void table_map_put(struct table_map *map);              // one less
