// SPDX-License-Identifier: BSD-3-Clause
//
// The pools of the table in use: what operators want of each member, what its probes saw, and who
// carries. A member is known by (pool, member) names: what is known of it outlives the table, and, kept in
// state_dir/NAME/pools.json, the process. Loop's thread only.
#pragma once

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "controlplane/table_map.h"
#include "dataplane/abi/socket.h"
#include "rules/gateway.h"
#include "rules/routes.h"

struct neighbours;
struct pools;

enum { POOLS_WEIGHT_OF_FILE = -1, POOLS_WEIGHT_MAX = 1000 };

// Reads `path` where it is there; what cannot be read is said and left out. `changed` is called when routes
// may have become others. NULL when memory is out.
struct pools *pools_create(struct event_base *base, const struct gateway *gateway, const char *path,
			   void (*changed)(void *argument), void *argument);

// Who is asked for next hops; without, only given macs count.
void pools_serve(struct pools *pools, struct neighbours *neighbours);

// Keeps what is not kept yet, and forgets all.
void pools_destroy(struct pools *pools);

// This table is in use now: its members are watched. Takes a use of its own. 0 or -ENOMEM.
int pools_adopt(struct pools *pools, struct table_map *map);

// The table in use; NULL: none that is known.
struct table_map *pools_table(const struct pools *pools);

// The port of gateway.conf that a pool of `table` goes out of, -1: none.
int pools_port(const struct pools *pools, const struct table *table, const struct table_pool *pool);

// The route of each member of `table`, table_count(TABLE_MEMBERS) of them. Where it is the table in use, who
// carries is decided anew and remembered. `again_ms`: in how many milliseconds to ask again though nothing
// changes, 0: never. 0 or -ENOMEM.
int pools_evaluate(struct pools *pools, const struct table *table, struct routes_input *routes,
		   uint64_t *again_ms);

// An ICMP error about a member; one of another table than that in use is passed over. False: the table has no such
// member, or there is no such cause.
bool pools_unreachable(struct pools *pools, const struct weir_unreachable *error);

// The slots of the table in use went to the dataplane: the shares that operators see.
void pools_set_shares(struct pools *pools, const struct routes *routes);

// What operators want of a member ("POOL/MEMBER") of the table in use; kept on disk when this returns, and
// `pool` names its pool. What is no longer drained is no longer ejected either. 0; -ENOENT: there is no such member;
// -EIO: done, but not kept.
int pools_drain(struct pools *pools, const char *name, bool drained, const char **pool);
int pools_weigh(struct pools *pools, const char *name, int weight, const char **pool);

// For people: each pool with counts; one pool with its members (NULL: no such pool). New references.
json_t *pools_list_json(const struct pools *pools);
json_t *pools_show_json(const struct pools *pools, const char *pool);
