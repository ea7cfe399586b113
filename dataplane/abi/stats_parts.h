// SPDX-License-Identifier: BSD-3-Clause
//
// What stats.c and stats_names.c say to each other; nobody else includes this.
#pragma once

#include <jansson.h>

#include "dataplane/abi/segment.h"

// A JSON string of a copy of whatever stands in shared memory: bytes that are no UTF-8 become '?'.
json_t *stats_text(const char *text, size_t size);

// Sum over all workers of element `index` of an array of `n` counters a worker.
uint64_t stats_sum(const struct weir_segment *segment, uint64_t array, size_t n, size_t index);

// Adds rules, queues, replies, pools, members and forward_by_zone to `root`, and the reasons named in
// rule files to `drops`. 0 or -ENOMEM.
int stats_put_names(const struct weir_segment *segment, json_t *root, json_t *drops);
