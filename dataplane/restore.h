// SPDX-License-Identifier: BSD-3-Clause
//
// The table that a dataplane starts with, before any control plane has come: the one that it is
// given, or the last good one with its last routes (store.h). Main thread only.
#pragma once

#include <stddef.h>

#include "dataplane/swap.h"

// Offers the image in file `path` to `swap`; where that is NULL the last good table, or the one
// before it where that is damaged. 0, also where there is no last table: the control plane will
// bring one; -errno with `why` when `path` cannot be used.
int restore_table(struct swap *swap, const char *path, char *why, size_t why_size);
