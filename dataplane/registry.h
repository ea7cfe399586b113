// SPDX-License-Identifier: BSD-3-Clause
//
// The registry of names in the segment (abi/segment.h): every rule, queue, reason, reply, pool,
// member and zone that has a counter keeps its index as long as any table in use, or any message
// not yet consumed, has the name. So counters go on over a change of rules, and records in the
// agent channel stay readable after it. Main thread only.
#pragma once

#include <stdint.h>

#include "dataplane/abi/segment.h"

struct registry;

// Over a fresh segment. NULL when memory is out.
struct registry *registry_create(struct weir_segment *segment);
void registry_destroy(struct registry *registry);

// Index of (kind, name), added where it is new. -ENOSPC when the registry is full even after names
// were given up that no table has and no unread record refers to.
int registry_put(struct registry *registry, enum weir_name_kind kind, const char *name);

// Row of a zone in weir_segment.zones; -ENOSPC past WEIR_MAX_ZONES.
int registry_zone_row(struct registry *registry, const char *name);

// The table being built was refused: nothing that registry_put returned since the last commit is
// about to be used any more.
void registry_abandon(struct registry *registry);

// A new table is in use: brackets registry_place calls, which give each of its names its position
// (readers see one table or the other). Names that get none are GONE.
void registry_begin(struct registry *registry);
void registry_place(struct registry *registry, uint32_t index, uint32_t order);
void registry_commit(struct registry *registry);
