// SPDX-License-Identifier: BSD-3-Clause
//
// The names of a table in the registry: which counter each rule, queue, pool, … counts in. Main
// thread, while the table is built and when it has replaced the one before.
#include "dataplane/live_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "dataplane/registry.h"

// Registers `n` names of one kind, `name(table, i)` each; returns their registry indices.
static uint32_t *names_put(struct live_build *build, enum weir_name_kind kind, uint32_t n,
			   void (*name)(const struct table *table, uint32_t i,
					char out[2 * WEIR_NAME_MAX + 2]))
{
	uint32_t *index = calloc(n + 1, sizeof(*index));
	char text[2 * WEIR_NAME_MAX + 2];

	for (uint32_t i = 0; index && i < n; i++) {
		int entry;

		name(&build->live->table, i, text);
		entry = registry_put(build->context->registry, kind, text);
		if (entry < 0) {
			live_fail(
				build, ENOSPC,
				"too many names: drain the agent channel, or restart the dataplane");
			free(index);
			errno = ENOSPC;
			return NULL;
		}
		index[i] = (uint32_t)entry;
	}
	return index;
}

static void name_copy(const struct table *table, uint32_t offset, char out[2 * WEIR_NAME_MAX + 2])
{
	snprintf(out, 2 * WEIR_NAME_MAX + 2, "%s", table_string(table, offset));
}

static void rule_name(const struct table *table, uint32_t i, char out[2 * WEIR_NAME_MAX + 2])
{
	name_copy(table, table->rule_names[i], out);
}

static void queue_name(const struct table *table, uint32_t i, char out[2 * WEIR_NAME_MAX + 2])
{
	name_copy(table, table->queues[i].name, out);
}

static void reason_name(const struct table *table, uint32_t i, char out[2 * WEIR_NAME_MAX + 2])
{
	name_copy(table, table->reasons[i], out);
}

static void reply_name(const struct table *table, uint32_t i, char out[2 * WEIR_NAME_MAX + 2])
{
	name_copy(table, table->replies[i].name, out);
}

static void pool_name(const struct table *table, uint32_t i, char out[2 * WEIR_NAME_MAX + 2])
{
	name_copy(table, table->pools[i].name, out);
}

static void zone_name(const struct table *table, uint32_t i, char out[2 * WEIR_NAME_MAX + 2])
{
	name_copy(table, table->zones[i].name, out);
}

static void member_name(const struct table *table, uint32_t i, char out[2 * WEIR_NAME_MAX + 2])
{
	uint32_t pool = 0;

	while (i - table->pools[pool].member >= table->pools[pool].n_members)
		pool++;
	snprintf(out, 2 * WEIR_NAME_MAX + 2, "%s/%s", table_string(table, table->pools[pool].name),
		 table_string(table, table->members[i].name));
}

int live_names_build(struct live_build *build)
{
	struct live *live = build->live;
	const struct table *table = &live->table;

	live->rule_names = names_put(build, WEIR_NAME_RULE, table->header->n_rules + 1, rule_name);
	live->queue_names = names_put(build, WEIR_NAME_QUEUE,
				      (uint32_t)table_count(table, TABLE_QUEUES), queue_name);
	live->reason_names = names_put(build, WEIR_NAME_REASON,
				       (uint32_t)table_count(table, TABLE_REASONS), reason_name);
	live->reply_names = names_put(build, WEIR_NAME_REPLY,
				      (uint32_t)table_count(table, TABLE_REPLIES), reply_name);
	live->pool_names = names_put(build, WEIR_NAME_POOL,
				     (uint32_t)table_count(table, TABLE_POOLS), pool_name);
	live->member_names = names_put(build, WEIR_NAME_MEMBER,
				       (uint32_t)table_count(table, TABLE_MEMBERS), member_name);
	if (!live->rule_names || !live->queue_names || !live->reason_names || !live->reply_names ||
	    !live->pool_names || !live->member_names)
		return -errno;
	return 0;
}

int live_zones_build(struct live_build *build)
{
	const struct table *table = &build->live->table;
	uint32_t n = (uint32_t)table_count(table, TABLE_ZONES);

	build->live->zone_names = names_put(build, WEIR_NAME_ZONE, n, zone_name);
	build->live->zone_rows = calloc(n + 1, sizeof(uint32_t));
	if (!build->live->zone_names || !build->live->zone_rows)
		return -errno;
	for (uint32_t i = 0; i < n; i++) {
		int row = registry_zone_row(build->context->registry,
					    table_string(table, table->zones[i].name));

		if (row < 0)
			return live_fail(build, ENOSPC,
					 "too many zones since the dataplane started: restart it");
		build->live->zone_rows[i] = (uint32_t)row;
	}
	return 0;
}

static void names_place(struct registry *registry, const uint32_t *index, uint64_t n)
{
	for (uint32_t i = 0; i < n; i++)
		registry_place(registry, index[i], i);
}

void live_names_place(const struct live *live, struct registry *registry)
{
	const struct table *table = &live->table;

	registry_begin(registry);
	names_place(registry, live->rule_names, table->header->n_rules + 1);
	names_place(registry, live->queue_names, table_count(table, TABLE_QUEUES));
	names_place(registry, live->reason_names, table_count(table, TABLE_REASONS));
	names_place(registry, live->reply_names, table_count(table, TABLE_REPLIES));
	names_place(registry, live->pool_names, table_count(table, TABLE_POOLS));
	names_place(registry, live->zone_names, table_count(table, TABLE_ZONES));
	names_place(registry, live->member_names, table_count(table, TABLE_MEMBERS));
	registry_commit(registry);
}
