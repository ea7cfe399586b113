// SPDX-License-Identifier: BSD-3-Clause
//
// A whole file as bytes, for rule files, tenant files and gateway.conf.
#pragma once

#include <stddef.h>

// Largest rule file with all that it includes, and largest gateway.conf.
#define FILE_MAX_TEXT ((size_t)256 << 20)
// Largest tenant file.
#define FILE_MAX_CSV ((size_t)1 << 30)

// Reads the regular file `path` of at most `max` bytes into `*data` (malloc'ed, a NUL behind it,
// the caller frees it). Returns 0, or -errno with one line of reason in `why`: cannot be opened, not
// a regular file, too large, read error. Never waits for a pipe or a device.
int file_read(const char *path, size_t max, char **data, size_t *length, char *why,
	      size_t why_size);

// Joins `folder_of`'s folder and `name` (which stands alone when it is absolute); NULL when memory
// is out. The caller frees it.
char *file_join(const char *folder_of, const char *name);
