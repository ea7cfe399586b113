// SPDX-License-Identifier: BSD-3-Clause
//
// What the parts of pools share: pools.c (life, decisions), pools_file.c (pools.json), pools_json.c (for
// people), pools_eject.c (ICMP errors). Internal to them.
#pragma once

#include "controlplane/eject.h"
#include "controlplane/health.h"
#include "controlplane/pools.h"
#include "dataplane/abi/names.h"

enum { MEMBER_FORGET_S = 24 * 3600 }; // what is in no table for so long is forgotten

struct member {
	char pool[WEIR_NAME_MAX + 1], name[WEIR_NAME_MAX + 1];
	struct pools *pools;
	struct vitals vitals;
	struct ejection ejection;
	bool drained;
	int weight;       // POOLS_WEIGHT_OF_FILE, or an operator's
	bool live;        // could carry, when last decided
	uint64_t live_ms; // since when
	uint64_t seen_ms; // last in a table in use
	// in the table in use
	bool present;
	struct probe_target target;
	struct table_health health; // valid while watched
	struct watch *watch;
	char *command;             // path, of a command probe
	struct routes_input route; // as last decided
	double share;              // of the pool's slots, 0 to 1
};

struct pool_memory { // outlives the table
	char name[WEIR_NAME_MAX + 1];
	bool on_standby;
	bool dead; // nobody carried, when last decided: so that it is said once
	uint64_t seen_ms;
};

struct pool { // of the table in use
	const struct table_pool *def;
	const char *name;
	struct pool_memory *memory;
	struct member **member; // def->n_members
};

struct pools {
	struct event_base *base;
	const struct gateway *gateway;
	const char *path;
	void (*changed)(void *argument);
	void *argument;
	struct neighbours *neighbours;
	struct watcher *watcher;
	struct event *save;       // pending: something is to be kept
	void *members, *memories; // tsearch trees
	struct table_map *map;
	struct pool *pool;
	struct member **member; // all of the table in use
	uint32_t n_pools, n_members;
	int said; // the error of keeping that was logged
};

// Milliseconds of a clock that never goes back and counts while the machine sleeps, and of the wall's.
uint64_t pools_now_ms(void);
uint64_t pools_wall_ms(void);

// What is known by that name, made where it is not there; NULL when memory is out.
struct member *pools_member_get(struct pools *pools, const char *pool, const char *name);
struct pool_memory *pools_memory_get(struct pools *pools, const char *name);

struct member *pools_member_find(const struct pools *pools, const char *pool, const char *name);

const struct pool_memory *pools_memory_find(const struct pools *pools, const char *name);

// No longer watches a member.
void member_unwatch(struct member *member);

// A watch's result (health.h); `argument` is the member.
void member_judge(void *argument, enum probe_result result, const char *why);

// pools_eject.c: brings a member back whose time is over, and says so; a probe's result.
void member_settle(struct member *member, uint64_t now_ms);
void member_probed(struct member *member, enum probe_result result);
const char *member_ejected_by(const struct member *member); // for people

void pools_drop_table(struct pools *pools);

// Forgets the members that have been in no table for MEMBER_FORGET_S.
void pools_forget_old(struct pools *pools);

// What is known or wanted changed: it is kept soon, and routes may become others.
void pools_note_change(struct pools *pools);

void pools_save_soon(struct pools *pools);

// Keeps it now; 0 or -errno, which is logged once.
int pools_save(struct pools *pools);

// pools_file.c. Reading says what it leaves out; writing returns 0 or -errno.
void pools_file_read(struct pools *pools);
int pools_file_write(struct pools *pools);
