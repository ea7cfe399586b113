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

#include "dataplane/registry.h"
#include "dataplane/worker.h"
#include "rules/lookup.h"

enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE, FAR = 2 << 20 };
enum { HUGE_PAGE = 2 << 20 }; // memory may end in one that the image does not fill

// Where a table is being built: what to build it with, and where to say what is wrong.
struct build {
	const struct live_context *context;
	struct live *live;
	char *why;
	size_t why_size;
};

static int fail(struct build *build, int error, const char *text)
{
	snprintf(build->why, build->why_size, "%s", text);
	return -error;
}

static int image_map(struct build *build, size_t size)
{
	struct live *live = build->live;
	int seals = fcntl(live->fd, F_GET_SEALS);
	struct stat status;

	if (seals < 0 || (seals & SEALS) != SEALS)
		return fail(build, EPERM, "the table's memory is not sealed");
	if (fstat(live->fd, &status) < 0)
		return fail(build, errno, "the table's memory cannot be looked at");
	if (size == 0 || (uint64_t)status.st_size < size)
		return fail(build, EINVAL, "the table is larger than its memory");
	if ((uint64_t)status.st_size - size >= HUGE_PAGE)
		return fail(build, EINVAL, "the table's memory is larger than the table");
	live->image = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED | MAP_POPULATE,
			   live->fd, 0);
	if (live->image == MAP_FAILED) {
		live->image = NULL;
		return fail(build, ENOMEM, "no memory to map the table");
	}
	live->image_size = (size_t)status.st_size;
	return table_open(&live->table, live->image, size, build->why, build->why_size);
}

// Registers `n` names of one kind, `name(table, i)` each; returns their registry indices.
static uint32_t *names_put(struct build *build, enum weir_name_kind kind, uint32_t n,
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
			fail(build, ENOSPC,
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

static int names_build(struct build *build)
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

static int zones_build(struct build *build)
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
			return fail(build, ENOSPC,
				    "too many zones since the dataplane started: restart it");
		build->live->zone_rows[i] = (uint32_t)row;
	}
	return 0;
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

static int ports_build(struct build *build)
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

static void member_fill(struct build *build, const struct table_pool *pool, uint16_t port)
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
	to->plain = verdict->action == WEIR_ACT_FORWARD && verdict->copy == TABLE_NONE16;
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
	to->member = pool->member;
}

// Gathers what the packet path needs of verdicts and members into one line each.
static int gather(struct build *build)
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
		return fail(build, ENOMEM, "no memory for the table's verdicts");
	memset(live->verdicts, 0, n_verdicts * sizeof(struct live_verdict));
	for (uint32_t i = 0; i < table_count(table, TABLE_POOLS); i++)
		member_fill(build, &table->pools[i], live->pool_ports[i]);
	for (uint32_t i = 0; i < n_verdicts; i++)
		verdict_fill(live, i);
	return 0;
}

static bool any_tenant_metered(const struct table *table)
{
	for (uint64_t i = 0; i < table_count(table, TABLE_TENANT_CLASSES); i++)
		if (table->tenant_classes[i].meter != TABLE_NONE)
			return true;
	return false;
}

static bool any_rule_metered(const struct table *table)
{
	for (uint32_t i = 0; i <= table->header->n_rules; i++)
		if (table->verdicts[i].meter != TABLE_NONE)
			return true;
	return false;
}

static int meters_build(struct build *build)
{
	struct live *live = build->live;
	const struct table *table = &live->table;
	struct meter_rates rates = { table->meters, (uint32_t)table_count(table, TABLE_METERS),
				     rte_get_tsc_hz() << METER_TICK_SHIFT };
	uint32_t workers = build->context->n_workers;
	uint32_t slots = any_tenant_metered(table) ? (table->bucket_mask + 1) * TABLE_WAYS : 0;
	uint32_t rules = any_rule_metered(table) ? table->header->n_rules + 1 : 0;
	int err = meters_init(&live->tenant_meters, slots, workers, &rates);

	if (err == 0)
		err = meters_init(&live->rule_meters, rules, workers, &rates);
	return err ? fail(build, ENOMEM, "no memory for the table's rate limiters") : 0;
}

// Calls `each` for every limiter that both tables have: same tenant id, same rule name (registry
// index).
static void meters_match(struct live *live, const struct live *previous,
			 void (*each)(struct meters *to, uint32_t i, const struct meters *from,
				      uint32_t j, uint64_t now))
{
	uint64_t now = rte_rdtsc() << METER_TICK_SHIFT;
	uint32_t class, n_old = previous->table.header->n_rules + 1;

	for (uint32_t slot = 0; previous->tenant_meters.n && slot < live->tenant_meters.n; slot++) {
		uint32_t id = live->table.buckets[slot / TABLE_WAYS].id[slot % TABLE_WAYS];
		uint32_t old =
			id ? table_find_tenant(&previous->table, id, &class) : TENANT_SLOT_NONE;

		if (old != TENANT_SLOT_NONE)
			each(&live->tenant_meters, slot, &previous->tenant_meters, old, now);
	}
	if (previous->rule_meters.n == 0 || live->rule_meters.n == 0)
		return;
	uint32_t *by_name = malloc(WEIR_MAX_NAMES * sizeof(*by_name));

	if (!by_name)
		return; // limiters start afresh: one burst more, nothing else
	memset(by_name, 0xff, WEIR_MAX_NAMES * sizeof(*by_name));
	for (uint32_t i = 0; i < n_old; i++)
		by_name[previous->rule_names[i]] = i;
	for (uint32_t i = 0; i < live->rule_meters.n; i++)
		if (by_name[live->rule_names[i]] != UINT32_MAX)
			each(&live->rule_meters, i, &previous->rule_meters,
			     by_name[live->rule_names[i]], now);
	free(by_name);
}

static void settle_one(struct meters *to, uint32_t i, const struct meters *from, uint32_t j,
		       uint64_t now)
{
	meter_settle(to, i, from, j);
}

static int live_build(struct build *build, size_t size)
{
	int err = image_map(build, size);

	if (err == 0)
		err = names_build(build);
	if (err == 0)
		err = zones_build(build);
	if (err == 0)
		err = ports_build(build);
	if (err == 0)
		err = gather(build);
	if (err == 0)
		err = meters_build(build);
	return err;
}

struct live *live_create(const struct live_context *context, const struct live *previous, int fd,
			 size_t size, char *why, size_t why_size)
{
	struct live *live = calloc(1, sizeof(*live));
	struct build build = { context, live, why, why_size };
	int err;

	snprintf(why, why_size, "no memory for the table");
	if (!live) {
		close(fd);
		errno = ENOMEM;
		return NULL;
	}
	live->fd = fd;
	err = live_build(&build, size);
	if (err) {
		registry_abandon(context->registry);
		live_destroy(live);
		errno = -err;
		return NULL;
	}
	if (previous)
		meters_match(live, previous, meter_carry);
	return live;
}

static void names_place(struct registry *registry, const uint32_t *index, uint64_t n)
{
	for (uint32_t i = 0; i < n; i++)
		registry_place(registry, index[i], i);
}

void live_settle(struct live *live, const struct live *previous, struct registry *registry)
{
	const struct table *table = &live->table;

	if (previous)
		meters_match(live, previous, settle_one);
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
