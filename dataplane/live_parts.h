// SPDX-License-Identifier: BSD-3-Clause
//
// What the files live*.c share, and nobody else uses. Main thread.
#pragma once

#include <stddef.h>

#include "dataplane/live.h"

// Where a table is being built: what to build it with, and where to say what is wrong.
struct live_build {
	const struct live_context *context;
	struct live *live;
	char *why;
	size_t why_size;
};

// Says why the table is refused; returns -error.
int live_fail(struct live_build *build, int error, const char *text);

// Registers every name of the table (live_names.c). 0; -ENOMEM; -ENOSPC when the registry is full.
int live_names_build(struct live_build *build);
int live_zones_build(struct live_build *build);

// Gives each name its position in the table, which is now the one in use.
void live_names_place(const struct live *live, struct registry *registry);

// Makes the limiters, full (live_meters.c). 0 or -ENOMEM.
int live_meters_build(struct live_build *build);

// Calls `each` for every limiter that both tables have: same tenant id, same rule name (registry
// index).
void live_meters_match(struct live *live, const struct live *previous,
		       void (*each)(struct meters *to, uint32_t i, const struct meters *from,
				    uint32_t j, uint64_t now));
