// SPDX-License-Identifier: BSD-3-Clause
//
// Table images outside of the socket: files to and from sealed memory, and the last good table and
// its last routes, that a restarted dataplane starts with. Main thread only.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "rules/gateway.h"

// Copies a file into a sealed memfd. The descriptor (the caller's) and `*size`; or -errno with
// `why`.
int store_open(const char *path, size_t *size, char *why, size_t why_size);

// Finds the newest table kept with a generation below `below`: its path into `path`; its generation,
// or 0 when there is none. UINT64_MAX finds the last good one; should that be damaged, its own
// generation finds the one before.
uint64_t store_find(const struct gateway *gateway, uint64_t below, char *path, size_t size);

// Keeps `image` as the last good table: written aside, synced, renamed; older ones and their routes are
// removed. 0 or -errno.
int store_put(const struct gateway *gateway, uint64_t generation, const void *image, size_t size);

// Keeps `image` as the last routes of table `generation`, or, where it is NULL, none. Written aside and renamed, not
// synced: they change often, and after a loss of power their checksum tells whether they are whole. 0 or -errno.
int store_put_routes(const struct gateway *gateway, uint64_t generation, const void *image, size_t size);

// Where they are kept. 0 or -ENAMETOOLONG.
int store_routes_path(const struct gateway *gateway, uint64_t generation, char *path, size_t size);
