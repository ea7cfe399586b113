// SPDX-License-Identifier: BSD-3-Clause
//
// Pools and the table: which members are watched, who carries, what operators want. A watch goes on over a
// load where the member's address and its pool's health are as before. Loop's thread.
#include "controlplane/pools_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/log.h"

// What a member of the table is to be watched by.
struct wish {
	const struct table_health *health; // NULL: not at all
	struct probe_target target;
	char *command; // path of its program, or NULL
};

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool watch_fits(const struct member *member, const struct wish *wish)
{
	const struct table_health *is = &member->health, *health = wish->health;

	return member->watch && is->probe == health->probe && is->port == health->port &&
	       is->interval_ms == health->interval_ms && is->timeout_ms == health->timeout_ms &&
	       is->jitter == health->jitter && member->target.family == wish->target.family &&
	       memcmp(member->target.address, wish->target.address, sizeof(wish->target.address)) ==
		       0 &&
	       same_text(member->command, wish->command);
}

// The program of a command probe in the folder of gateway.conf. The rule file's reader allows plain names
// only; a table that somebody else made is asked again.
static int join_command(const struct pools *pools, struct wish *wish)
{
	const char *name = table_string(&pools->map->table, wish->health->command);

	if (wish->health->probe != WEIR_PROBE_COMMAND)
		return 0;
	if (*name == '\0' || *name == '.' || strchr(name, '/'))
		return -EINVAL;
	return asprintf(&wish->command, "%s/%s", pools->gateway->health_commands, name) > 0
		       ? 0
		       : -ENOMEM;
}

static int start_watch(struct member *member, struct wish *wish, unsigned i, unsigned n)
{
	if (watch_fits(member, wish)) {
		member->health = *wish->health; // thresholds may differ
		return 0;
	}
	member_unwatch(member);
	member->vitals.run = 0;
	member->health = *wish->health;
	member->command = wish->command;
	wish->command = NULL;
	wish->target.command = member->command;
	member->watch = watch_create(member->pools->watcher, wish->health, &wish->target, i, n);
	if (!member->watch)
		return -ENOMEM;
	watch_start(member->watch, member_judge, member);
	return 0;
}

// Has member `i` of the pool watched as the table says.
static int settle_watch(struct pools *pools, const struct pool *pool, unsigned i)
{
	const struct table *table = &pools->map->table;
	const struct table_member *def = &table->members[pool->def->member + i];
	struct member *member = pool->member[i];
	struct wish wish = { .target = { .family = def->family } };
	int err = 0;

	memcpy(wish.target.address, def->address, sizeof(def->address));
	if (member->target.family &&
	    (member->target.family != def->family ||
	     memcmp(member->target.address, def->address, sizeof(def->address)) != 0))
		member->ejection = (struct ejection){ 0 }; // that was another
	if (pool->def->health == TABLE_NONE) {
		member_unwatch(member);
	} else {
		wish.health = &table->health[pool->def->health];
		err = join_command(pools, &wish);
		if (!err)
			err = start_watch(member, &wish, i, pool->def->n_members);
		free(wish.command);
	}
	member->target = wish.target;
	return err;
}

static int open_pool(struct pools *pools, struct pool *pool, const struct table_pool *def,
		     uint64_t now)
{
	const struct table *table = &pools->map->table;

	pool->def = def;
	pool->name = table_string(table, def->name);
	pool->memory = pools_memory_get(pools, pool->name);
	pool->member = calloc(def->n_members, sizeof(*pool->member));
	if (!pool->memory || !pool->member)
		return -ENOMEM;
	pool->memory->seen_ms = now;
	for (uint32_t i = 0; i < def->n_members; i++) {
		struct member *member =
			pools_member_get(pools, pool->name,
					 table_string(table, table->members[def->member + i].name));

		if (!member)
			return -ENOMEM;
		member->seen_ms = now;
		member->present = true;
		pool->member[i] = member;
		pools->member[def->member + i] = member;
	}
	return 0;
}

static int open_table(struct pools *pools, struct table_map *map)
{
	uint64_t now = pools_now_ms();
	int err = 0;

	pools->map = table_map_get(map);
	pools->n_pools = (uint32_t)table_count(&map->table, TABLE_POOLS);
	pools->n_members = (uint32_t)table_count(&map->table, TABLE_MEMBERS);
	pools->pool = calloc(pools->n_pools + 1, sizeof(*pools->pool));
	pools->member = calloc(pools->n_members + 1, sizeof(*pools->member));
	if (!pools->pool || !pools->member)
		return -ENOMEM;
	for (uint32_t i = 0; i < pools->n_pools && !err; i++)
		err = open_pool(pools, &pools->pool[i], &map->table.pools[i], now);
	return err;
}

int pools_adopt(struct pools *pools, struct table_map *map)
{
	struct member **before = pools->member;
	uint32_t n_before = pools->n_members;
	int err;

	for (uint32_t i = 0; i < n_before; i++)
		if (before[i]) {
			before[i]->present = false;
			before[i]->seen_ms = pools_now_ms();
		}
	pools->member = NULL; // kept until those that are gone are known
	pools_drop_table(pools);
	err = open_table(pools, map);
	for (uint32_t i = 0; i < n_before; i++)
		if (before[i] && !before[i]->present)
			member_unwatch(before[i]);
	free(before);
	for (uint32_t p = 0; p < pools->n_pools && !err; p++)
		for (uint32_t i = 0; i < pools->pool[p].def->n_members; i++)
			if (settle_watch(pools, &pools->pool[p], i))
				log_error(
					"pool %s: member %s cannot be watched: it keeps its last state",
					pools->pool[p].name, pools->pool[p].member[i]->name);
	if (err)
		pools_drop_table(pools);
	pools_forget_old(pools);
	return err;
}

struct table_map *pools_table(const struct pools *pools)
{
	return pools->map;
}
