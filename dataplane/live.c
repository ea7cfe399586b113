// SPDX-License-Identifier: BSD-3-Clause
//
// Builds and takes down the table that workers use, see live.h. Main thread only. The image is
// checked once, here, as if an enemy wrote it; nothing on the packet path checks it again.
#include "dataplane/live.h"

#include <errno.h>
#include <fcntl.h>
#include <rte_cycles.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/live_parts.h"
#include "dataplane/registry.h"
#include "dataplane/worker.h"
#include "rules/lookup.h"

enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE, FAR = 2 << 20 };
enum { HUGE_PAGE = 2 << 20 }; // memory may end in one that the image does not fill

int live_fail(struct live_build *build, int error, const char *text)
{
	snprintf(build->why, build->why_size, "%s", text);
	return -error;
}

static int image_map(struct live_build *build, size_t size)
{
	struct live *live = build->live;
	int seals = fcntl(live->fd, F_GET_SEALS);
	struct stat status;

	if (seals < 0 || (seals & SEALS) != SEALS)
		return live_fail(build, EPERM, "the table's memory is not sealed");
	if (fstat(live->fd, &status) < 0)
		return live_fail(build, errno, "the table's memory cannot be looked at");
	if (size == 0 || (uint64_t)status.st_size < size)
		return live_fail(build, EINVAL, "the table is larger than its memory");
	if ((uint64_t)status.st_size - size >= HUGE_PAGE)
		return live_fail(build, EINVAL, "the table's memory is larger than the table");
	live->image = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED | MAP_POPULATE,
			   live->fd, 0);
	if (live->image == MAP_FAILED) {
		live->image = NULL;
		return live_fail(build, ENOMEM, "no memory to map the table");
	}
	live->image_size = (size_t)status.st_size;
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
		if (table->pools[i].mode != WEIR_MODE_L2)
			return live_fail(build, ENOTSUP, "this dataplane forwards in mode l2 alone");
		build->live->pool_ports[i] = (uint16_t)port;
	}
	return 0;
}

static void member_fill(struct live_build *build, const struct table_pool *pool, uint16_t port)
{
	struct live *live = build->live;

	for (uint32_t i = pool->member; i < pool->member + pool->n_members; i++) {
		struct live_member *member = &live->members[i];

		memcpy(member->mac_destination, live->table.members[i].mac, 6);
		memcpy(member->mac_source, build->context->ports[port].mac, 6);
		member->name = live->member_names[i];
	}
}

static void verdict_fill(const struct live *live, uint32_t i)
{
	const struct verdict *verdict = &live->table.verdicts[i];
	struct live_verdict *to = &live->verdicts[i];
	const struct table_pool *pool;

	to->action = verdict->action;
	to->set_priority = verdict->set_priority;
	to->name = live->rule_names[i];
	to->meter = verdict->meter;
	to->zone = verdict->zone == TABLE_NONE16
			   ? TABLE_NONE
			   : live->zone_rows[verdict->zone] * WEIR_N_COUNTRIES;
	if (verdict->action != WEIR_ACT_FORWARD)
		return;
	pool = &live->table.pools[verdict->target];
	to->port = (uint8_t)live->pool_ports[verdict->target];
	to->maglev = pool->maglev;
	to->n_maglev = pool->n_maglev;
	to->plain = verdict->copy == TABLE_NONE16 && pool->n_maglev > 0;
	to->member = pool->member;
}

// Gathers what the packet path needs of verdicts and members into one line each.
static int gather(struct live_build *build)
{
	struct live *live = build->live;
	const struct table *table = &live->table;
	uint32_t n_verdicts = table->header->n_rules + 1;

	live->far = table->header->size > FAR;
	live->any_key = table_count(table, TABLE_KEYS) > 0;
	live->any_blocked =
		table_count(table, TABLE_BLOCKED4) + table_count(table, TABLE_BLOCKED6) > 0;
	live->verdicts =
		aligned_alloc(64, (n_verdicts * sizeof(struct live_verdict) + 63) & ~(size_t)63);
	live->members = calloc(table_count(table, TABLE_MEMBERS) + 1, sizeof(struct live_member));
	if (!live->verdicts || !live->members)
		return live_fail(build, ENOMEM, "no memory for the table's verdicts");
	memset(live->verdicts, 0, n_verdicts * sizeof(struct live_verdict));
	for (uint32_t i = 0; i < table_count(table, TABLE_POOLS); i++)
		member_fill(build, &table->pools[i], live->pool_ports[i]);
	for (uint32_t i = 0; i < n_verdicts; i++)
		verdict_fill(live, i);
	return 0;
}

static int fill(struct live_build *build, size_t size)
{
	int err = image_map(build, size);

	if (err == 0)
		err = live_names_build(build);
	if (err == 0)
		err = live_zones_build(build);
	if (err == 0)
		err = ports_build(build);
	if (err == 0)
		err = gather(build);
	if (err == 0)
		err = live_meters_build(build);
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
		registry_abandon(context->registry);
		live_destroy(live);
		errno = -err;
		return NULL;
	}
	if (previous)
		live_meters_match(live, previous, meter_carry);
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

void live_destroy(struct live *live)
{
	if (!live)
		return;
	meters_fini(&live->tenant_meters);
	meters_fini(&live->rule_meters);
	free(live->verdicts);
	free(live->members);
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
