// SPDX-License-Identifier: BSD-3-Clause
//
// Pools and their members. Members live in a tree by name; a table in use points into it. Decisions are
// made by pools_evaluate alone, which the router calls when something has changed. Loop's thread.
#include "controlplane/pools.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "controlplane/clock.h"
#include "controlplane/events.h"
#include "controlplane/log.h"
#include "controlplane/pools_parts.h"

enum { SAVE_S = 1, MAX_PROBES = 4096, SPARE_FDS = 256, FORGET_MAX = 100 };

#define LONG_AGO_MS (UINT64_C(1) << 42) // 139 years

uint64_t pools_now_ms(void)
{
	return clock_ms(CLOCK_BOOTTIME) + LONG_AGO_MS; // so that there are moments before the machine started
}

uint64_t pools_wall_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

static int compare_members(const void *a, const void *b)
{
	const struct member *left = a, *right = b;
	int order = strcmp(left->pool, right->pool);

	return order ? order : strcmp(left->name, right->name);
}

static int compare_memories(const void *a, const void *b)
{
	return strcmp(((const struct pool_memory *)a)->name, ((const struct pool_memory *)b)->name);
}

struct member *pools_member_find(const struct pools *pools, const char *pool, const char *name)
{
	struct member key;
	void *node;

	snprintf(key.pool, sizeof(key.pool), "%s", pool);
	snprintf(key.name, sizeof(key.name), "%s", name);
	node = tfind(&key, &pools->members, compare_members);
	return node ? *(struct member **)node : NULL;
}

struct member *pools_member_get(struct pools *pools, const char *pool, const char *name)
{
	struct member *member = pools_member_find(pools, pool, name);

	if (member)
		return member;
	member = calloc(1, sizeof(*member));
	if (!member)
		return NULL;
	snprintf(member->pool, sizeof(member->pool), "%s", pool);
	snprintf(member->name, sizeof(member->name), "%s", name);
	member->pools = pools;
	member->weight = POOLS_WEIGHT_OF_FILE;
	member->vitals = (struct vitals){ .up = true, .since_ms = pools_now_ms() };
	member->seen_ms = member->vitals.since_ms;
	if (tsearch(member, &pools->members, compare_members))
		return member;
	free(member);
	return NULL;
}

static struct pool_memory *find_memory(const struct pools *pools, const char *name)
{
	struct pool_memory key;
	void *node;

	snprintf(key.name, sizeof(key.name), "%s", name);
	node = tfind(&key, &pools->memories, compare_memories);
	return node ? *(struct pool_memory **)node : NULL;
}

const struct pool_memory *pools_memory_find(const struct pools *pools, const char *name)
{
	return find_memory(pools, name);
}

struct pool_memory *pools_memory_get(struct pools *pools, const char *name)
{
	struct pool_memory *memory = find_memory(pools, name);

	if (memory)
		return memory;
	memory = calloc(1, sizeof(*memory));
	if (!memory)
		return NULL;
	snprintf(memory->name, sizeof(memory->name), "%s", name);
	memory->seen_ms = pools_now_ms();
	if (tsearch(memory, &pools->memories, compare_memories))
		return memory;
	free(memory);
	return NULL;
}

void member_unwatch(struct member *member)
{
	watch_destroy(member->watch);
	member->watch = NULL;
	free(member->command);
	member->command = NULL;
}

static void member_destroy(void *node)
{
	member_unwatch(node);
	free(node);
}

void pools_save_soon(struct pools *pools)
{
	static const struct timeval soon = { SAVE_S, 0 };

	if (!event_pending(pools->save, EV_TIMEOUT, NULL))
		event_add(pools->save, &soon);
}

int pools_save(struct pools *pools)
{
	int err = pools_file_write(pools);

	event_del(pools->save);
	if (err && err != pools->said)
		log_warning("%s: not written: %s", pools->path, strerror(-err));
	pools->said = err;
	return err;
}

static void on_save(evutil_socket_t fd, short what, void *argument)
{
	(void)fd;
	(void)what;
	pools_save(argument);
}

// Something about a member changed.
void pools_note_change(struct pools *pools)
{
	pools_save_soon(pools);
	pools->changed(pools->argument);
}

void member_judge(void *argument, enum probe_result result, const char *why)
{
	struct member *member = argument;

	member_probed(member, result);
	if (!vitals_judge(&member->vitals, &member->health, result, why, pools_now_ms()))
		return;
	if (member->vitals.up)
		log_info("pool %s: member %s is up", member->pool, member->name);
	else
		log_warning("pool %s: member %s is down: %s", member->pool, member->name, why);
	pools_note_change(member->pools);
}

// As many probes at a time as descriptors allow.
static unsigned probes_allowed(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return SPARE_FDS;
	limit.rlim_cur =
		limit.rlim_max < MAX_PROBES + SPARE_FDS ? limit.rlim_max : MAX_PROBES + SPARE_FDS;
	setrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur > 2 * SPARE_FDS ? (unsigned)limit.rlim_cur - SPARE_FDS
					      : SPARE_FDS / 4;
}

struct pools *pools_create(struct event_base *base, const struct gateway *gateway, const char *path,
			   void (*changed)(void *argument), void *argument)
{
	struct pools *pools = calloc(1, sizeof(*pools));

	if (!pools)
		return NULL;
	pools->base = base;
	pools->gateway = gateway;
	pools->path = path;
	pools->changed = changed;
	pools->argument = argument;
	pools->watcher = watcher_create(base, probes_allowed());
	pools->save = event_new(base, -1, 0, on_save, pools);
	if (!pools->watcher || !pools->save) {
		pools_destroy(pools);
		return NULL;
	}
	pools_file_read(pools);
	return pools;
}

void pools_serve(struct pools *pools, struct neighbours *neighbours)
{
	pools->neighbours = neighbours;
}

// The members that have been in no table for so long; one at a time, since a tree must not change under a walk.
static void find_old(const void *node, VISIT visit, void *argument)
{
	const struct member *member = *(struct member *const *)node;
	const struct member **old = argument;

	if ((visit == postorder || visit == leaf) && !member->present &&
	    pools_now_ms() - member->seen_ms > (uint64_t)MEMBER_FORGET_S * 1000)
		*old = member;
}

void pools_forget_old(struct pools *pools)
{
	for (unsigned i = 0; i < FORGET_MAX; i++) { // the rest the next time
		struct member *old = NULL;

		twalk_r(pools->members, find_old, &old);
		if (!old)
			return;
		tdelete(old, &pools->members, compare_members);
		member_destroy(old);
	}
}

void pools_drop_table(struct pools *pools)
{
	for (uint32_t i = 0; i < pools->n_pools; i++)
		free(pools->pool[i].member);
	free(pools->pool);
	free(pools->member);
	pools->pool = NULL;
	pools->member = NULL;
	pools->n_pools = pools->n_members = 0;
	table_map_put(pools->map);
	pools->map = NULL;
}

void pools_destroy(struct pools *pools)
{
	if (!pools)
		return;
	if (pools->save && event_pending(pools->save, EV_TIMEOUT, NULL))
		pools_save(pools);
	pools_drop_table(pools);
	tdestroy(pools->members, member_destroy);
	tdestroy(pools->memories, free);
	watcher_destroy(pools->watcher);
	event_destroy(pools->save);
	free(pools);
}
