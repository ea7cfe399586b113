// SPDX-License-Identifier: BSD-3-Clause
//
// Routes on their way: whenever who carries may have changed, an image is made of what the pools say and, where
// it is another one, given to the dataplane, at most one each 50 ms (fewer where they take long to make) and one at a
// time. A new table gets the routes for it with it. Loop's thread only.
#pragma once

#include <event2/event.h>

#include "controlplane/image.h"
#include "controlplane/table_map.h"
#include "dataplane/abi/socket.h"

struct link;
struct neighbours;
struct pools;
struct router;

// `link` and `neighbours` (NULL: none) are given by router_serve. NULL when memory is out.
struct router *router_create(struct event_base *base, struct pools *pools);
void router_serve(struct router *router, struct link *link, struct neighbours *neighbours);
void router_destroy(struct router *router);

// The sealed routes for a table that is to be offered, the caller's to close; size 0 where none can be made,
// which is said.
struct sealed router_make(struct router *router, const struct table_map *map);

// This table is in use, or will be as soon as there is a dataplane: its members are watched.
void router_adopt(struct router *router, struct table_map *map);

// Something that routes are made of may have changed (`argument` is the router).
void router_changed(void *argument);

// Calls `settled` whenever all that has changed is with the dataplane and in use (or there is none, or it refused).
void router_tell(struct router *router, void (*settled)(void *argument), void *argument);

// What the link says (link.h).
void router_up(struct router *router);
void router_down(struct router *router);
void router_ack(struct router *router, const struct weir_routes_ack *ack);
