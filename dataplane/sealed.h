// SPDX-License-Identifier: BSD-3-Clause
//
// Memory that comes from the other process: a memfd sealed against write, shrink, grow and further
// seals, so that what has been checked stays as it was. Main thread only.
#pragma once

#include <stddef.h>

struct sealed {
	int fd; // -1: none
	size_t size; // of the image in it
};

// Checks the seals and sizes of `memory` and maps it read-only, `*mapped` bytes. Returns NULL with errno
// (EPERM not sealed, EINVAL sizes, ENOMEM) and one line in `why` that calls it `whose` ("the table's").
// The descriptor stays the caller's.
void *sealed_map(const struct sealed *memory, const char *whose, size_t *mapped, char *why, size_t why_size);
