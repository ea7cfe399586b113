// SPDX-License-Identifier: BSD-3-Clause
//
// Pools as the control plane has them, for tests: a gateway of one port, tables of pools, the file of what is known.
#pragma once

#include "controlplane/pools.h"

// A member, and two of them, as a rule file has them.
#define MEMBER(name, more)                                                                         \
	"{ name = \"" name "\"; address = \"127.0.0.1\"; mac = \"02:00:00:00:00:01\"; " more "}"
#define TWO MEMBER("a", "") ", " MEMBER("b", "")

struct pools_kit {
	char *folder, path[600]; // path: of pools.json, in the folder
	struct event_base *base;
	struct gateway *gateway;
	unsigned changes; // that were told
};

void pools_kit_open(struct pools_kit *kit);
void pools_kit_close(struct pools_kit *kit);

// Pools that keep what they know at this path.
struct pools *pools_kit_start(struct pools_kit *kit, const char *path);

// A table of these pools, for rules that drop everything. -> table_map_put
struct table_map *pools_kit_compile(const struct pools_kit *kit, const char *pools);

// The same, put in use.
void pools_kit_adopt(const struct pools_kit *kit, struct pools *pools, const char *text);

// Checks the states of all members, in order: u(p), d(own), (d)r(ained), s(tandby), n(o next hop), e(jected).
void pools_kit_check(struct pools *pools, const struct table *table, const char *expected);
