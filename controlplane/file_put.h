// SPDX-License-Identifier: BSD-3-Clause
//
// Small files that are either whole or as they were before. Loop's thread.
#pragma once

#include <stddef.h>

// Writes `n` bytes and a newline beside `path`, syncs, and renames. 0 or -errno; then `path` is as it was.
int file_put(const char *path, const char *text, size_t n);
