// SPDX-License-Identifier: BSD-3-Clause
//
// Builds and takes down the table that workers use, see live.h. Main thread only. The image is
// checked once, here, as if an enemy wrote it; nothing on the packet path checks it again.
#include "dataplane/live.h"

#include <errno.h>
#include <rte_cycles.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dataplane/live_parts.h"
#include "dataplane/registry.h"
#include "dataplane/sealed.h"
#include "dataplane/worker.h"
#include "rules/lookup.h"

enum { FAR = 2 << 20 };

int live_fail(struct live_build *build, int error, const char *text)
{
	snprintf(build->why, build->why_size, "%s", text);
	return -error;
}

static int image_map(struct live_build *build, size_t size)
{
	struct live *live = build->live;
	const struct sealed memory = { live->fd, size };

	live->image = sealed_map(&memory, "the table's", &live->image_size, build->why, build->why_size);
	if (!live->image)
		return -errno;
	return table_open(&live->table, live->image, size, build->why, build->why_size);
}

static int port_find(const struct live_context *context, const struct table *table,
		     const struct table_pool *pool)
{
	if (pool->port_name == 0)
		return pool->port_index < context->n_ports ? pool->port_index : -1;
	for (uint32_t i = 0; i < context->n_ports; i++)
		if (strcmp(context->ports[i].name, table_string(table, pool->port_name)) == 0)
			return (int)i;
	return -1;
}

static int ports_build(struct live_build *build)
{
	const struct table *table = &build->live->table;
	uint32_t n = (uint32_t)table_count(table, TABLE_POOLS);

	build->live->pool_ports = calloc(n + 1, sizeof(uint16_t));
	if (!build->live->pool_ports)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		int port = port_find(build->context, table, &table->pools[i]);

		if (port < 0) {
			snprintf(build->why, build->why_size,
				 "pool \"%s\" is on a port that this gateway does not have",
				 table_string(table, table->pools[i].name));
			return -EINVAL;
		}
		build->live->pool_ports[i] = (uint16_t)port;
	}
	return 0;
}

// The queues that were closed stay so, by their names: a load opens nothing.
static void carry_closed(struct live *live, const struct live *previous)
{
	uint32_t n = (uint32_t)table_count(&live->table, TABLE_QUEUES),
		 before = (uint32_t)table_count(&previous->table, TABLE_QUEUES);

	for (uint32_t j = 0; j < before; j++)
		for (uint32_t i = 0; live_is_closed(previous, j) && i < n; i++)
			if (live->queue_names[i] == previous->queue_names[j])
				live->closed[i / 64] |= UINT64_C(1) << (i % 64);
}

void live_close(struct live *live, const uint64_t closed[WEIR_QUEUES_MAX / 64])
{
	for (unsigned i = 0; i < WEIR_QUEUES_MAX / 64; i++)
		atomic_store_explicit(&live->closed[i], closed[i], memory_order_relaxed);
}

static int queues_check(struct live_build *build)
{
	if (table_count(&build->live->table, TABLE_QUEUES) <= WEIR_QUEUES_MAX)
		return 0;
	snprintf(build->why, build->why_size, "more than %d queues", WEIR_QUEUES_MAX);
	return -EINVAL;
}

static void note(struct live *live)
{
	const struct table *table = &live->table;

	live->far = table->header->size > FAR;
	live->any_key = table_count(table, TABLE_KEYS) > 0;
	live->locates = table_count(table, TABLE_GEO_FILES) > 0;
	live->any_blocked = table_count(table, TABLE_BLOCKED4) + table_count(table, TABLE_BLOCKED6) > 0;
}

static int fill(struct live_build *build, size_t size)
{
	int err = image_map(build, size);

	if (err == 0)
		err = queues_check(build);
	if (err == 0)
		err = live_names_build(build);
	if (err == 0)
		err = live_zones_build(build);
	if (err == 0)
		err = ports_build(build);
	if (err == 0)
		err = live_meters_build(build);
	if (err == 0)
		note(build->live);
	return err;
}

struct live *live_create(const struct live_context *context, const struct live *previous, int fd,
			 size_t size, char *why, size_t why_size)
{
	struct live *live = calloc(1, sizeof(*live));
	struct live_build build = { context, live, why, why_size };
	int err;

	snprintf(why, why_size, "no memory for the table");
	if (!live) {
		close(fd);
		errno = ENOMEM;
		return NULL;
	}
	live->fd = fd;
	err = fill(&build, size);
	if (err) {
		live_abandon(live, context->registry);
		errno = -err;
		return NULL;
	}
	if (previous) {
		live_meters_match(live, previous, meter_carry);
		carry_closed(live, previous);
	}
	return live;
}

static void settle_one(struct meters *to, uint32_t i, const struct meters *from, uint32_t j,
		       uint64_t now)
{
	meter_settle(to, i, from, j);
}

void live_settle(struct live *live, const struct live *previous, struct registry *registry)
{
	if (previous)
		live_meters_match(live, previous, settle_one);
	live_names_place(live, registry);
}

void live_abandon(struct live *live, struct registry *registry)
{
	registry_abandon(registry);
	live_destroy(live);
}

void live_destroy(struct live *live)
{
	if (!live)
		return;
	meters_fini(&live->tenant_meters);
	meters_fini(&live->rule_meters);
	free(live->rule_names);
	free(live->queue_names);
	free(live->reason_names);
	free(live->reply_names);
	free(live->pool_names);
	free(live->member_names);
	free(live->zone_names);
	free(live->zone_rows);
	free(live->pool_ports);
	if (live->image)
		munmap(live->image, live->image_size);
	close(live->fd);
	free(live);
}
