// SPDX-License-Identifier: BSD-3-Clause
//
// What was loaded when, by whom, with what result: one JSON object a line in state_dir/NAME/history,
// the oldest dropped when there are many. Loop's thread only.
#pragma once

#include <jansson.h>

enum { HISTORY_KEPT = 1000, HISTORY_SHOWN = 100 };

// Appends `entry` (borrowed). 0 or -errno; a full disk costs the entry, nothing else.
int history_append(const char *path, const json_t *entry);

// The last `most` entries, oldest first, as a new array; lines that are no JSON are left out.
json_t *history_read(const char *path, size_t most);

// Appends what an operator did to something, and logs it.
void history_note(const char *path, const char *event, const char *what, const char *who);

// Now, as "2026-03-01T12:00:00Z".
void history_time(char out[32]);
