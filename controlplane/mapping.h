// SPDX-License-Identifier: BSD-3-Clause
//
// A segment mapped read-only and checked, shared between the loop and the consumer by counting uses.
#pragma once

#include <stddef.h>

#include "dataplane/abi/segment.h"

struct mapping {
	const struct weir_segment *segment; // its header is a private copy and never changes
	size_t size;
	_Atomic unsigned users;
};

// Maps the segment behind `fd` (which stays the caller's) and checks it. One use is the caller's.
// Returns 0; -EINVAL for what is no segment; -errno; each with one line in `why`.
int mapping_open(int fd, struct mapping **mapping, char *why, size_t why_size);

// One use more, one use less (the last unmaps; NULL is fine). Any thread.
struct mapping *mapping_get(struct mapping *mapping);
void mapping_put(struct mapping *mapping);

// Whether both are of the same start of a dataplane.
int mapping_same_boot(const struct mapping *a, const struct mapping *b);

enum { BOOT_NAME_SIZE = 2 * WEIR_BOOT_ID_SIZE + 1 };

// Writes a boot id as hexadecimal digits; returns `out`.
const char *boot_format(const uint8_t boot[WEIR_BOOT_ID_SIZE], char out[BOOT_NAME_SIZE]);
