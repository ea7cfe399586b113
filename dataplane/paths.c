// SPDX-License-Identifier: BSD-3-Clause
//
// Builds what leads to the members, see paths.h. Main thread. Routes are checked once, here, as if an enemy
// wrote them; nothing on the packet path checks them again.
#include "dataplane/paths.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dataplane/worker.h"

struct build {
	const struct live_context *context;
	struct paths *paths;
	bool *plain; // by pool: its members take every frame with other MAC addresses alone
	char *why;
	size_t why_size;
};

static int routes_map(struct build *build)
{
	struct paths *paths = build->paths;
	char reason[200];
	int err;

	if (paths->memory.fd < 0)
		return 0;
	paths->image = sealed_map(&paths->memory, "the routes'", &paths->mapped, build->why,
				  build->why_size);
	if (!paths->image)
		return -errno;
	err = routes_open(&paths->routes, &paths->live->table, paths->image, paths->memory.size,
			  reason, sizeof(reason));
	if (err)
		snprintf(build->why, build->why_size, "routes: %s", reason);
	return err;
}

static void member_fill(struct build *build, uint32_t i, const struct port *port)
{
	struct paths *paths = build->paths;
	const struct route_member *route = paths->routes.header ? &paths->routes.members[i] : NULL;
	struct live_member *member = &paths->members[i];

	memcpy(member->mac_destination, route ? route->mac : paths->live->table.members[i].mac, 6);
	memcpy(member->mac_source, port->mac, 6);
	member->name = paths->live->member_names[i];
	paths->mtus[i] = route && route->mtu ? route->mtu : port->mtu;
}

// Whatever any port takes in fits on the way to every member.
static bool pool_takes_all(const struct build *build, const struct table_pool *pool)
{
	uint16_t largest = 0;

	for (uint32_t i = 0; i < build->context->n_ports; i++)
		largest = build->context->ports[i].mtu > largest ? build->context->ports[i].mtu : largest;
	for (uint32_t m = pool->member; m < pool->member + pool->n_members; m++)
		if (build->paths->mtus[m] < largest)
			return false;
	return true;
}

static void pool_fill(struct build *build, uint32_t i)
{
	struct paths *paths = build->paths;
	const struct table_pool *pool = &paths->live->table.pools[i];
	const struct port *port = &build->context->ports[paths->live->pool_ports[i]];

	for (uint32_t m = pool->member; m < pool->member + pool->n_members; m++)
		member_fill(build, m, port);
	paths->ejects |= pool->eject_errors > 0;
	build->plain[i] = pool->mode == WEIR_MODE_L2 && pool_takes_all(build, pool);
	for (uint32_t m = pool->member; build->plain[i] && m < pool->member + pool->n_members; m++)
		paths->mtus[m] = UINT16_MAX;
}

static void forward_fill(const struct build *build, const struct verdict *verdict,
			 struct live_verdict *to)
{
	const struct paths *paths = build->paths;
	const struct table_pool *pool = &paths->live->table.pools[verdict->target];
	const struct route_pool *route =
		paths->routes.header ? &paths->routes.pools[verdict->target] : NULL;

	to->port = (uint8_t)paths->live->pool_ports[verdict->target];
	to->slot = route ? route->slot : pool->maglev;
	to->n_slots = route ? route->n_slots : pool->n_maglev;
	to->member = pool->member;
	to->plain = verdict->copy == TABLE_NONE16 && to->n_slots > 0 &&
		    pool->mode == WEIR_MODE_L2 && pool_takes_all(build, pool);
}

static void verdict_fill(const struct build *build, uint32_t i)
{
	const struct live *live = build->paths->live;
	const struct verdict *verdict = &live->table.verdicts[i];
	struct live_verdict *to = &build->paths->verdicts[i];

	to->action = verdict->action;
	to->set_priority = verdict->set_priority;
	to->name = live->rule_names[i];
	to->meter = verdict->meter;
	to->zone = verdict->zone == TABLE_NONE16
			   ? TABLE_NONE
			   : live->zone_rows[verdict->zone] * WEIR_N_COUNTRIES;
	if (verdict->action == WEIR_ACT_FORWARD)
		forward_fill(build, verdict, to);
}

static int service_compare(const void *a, const void *b)
{
	return memcmp(a, b, offsetof(struct path_service, service));
}

static int services_fill(struct paths *paths)
{
	const struct table *table = &paths->live->table;
	uint32_t n = 0;

	paths->services = calloc(table_count(table, TABLE_MEMBERS) + 1, sizeof(*paths->services));
	if (!paths->services)
		return -ENOMEM;
	for (uint32_t i = 0; i < table_count(table, TABLE_POOLS); i++) {
		const struct table_pool *pool = &table->pools[i];

		for (uint32_t m = 0; pool->mode == WEIR_MODE_NAT && m < pool->n_members; m++) {
			const struct table_member *member = &table->members[pool->member + m];
			struct path_service *to = &paths->services[n++];

			to->family = member->family;
			memcpy(to->member, member->address, sizeof(to->member));
			memcpy(to->service, pool->source, sizeof(to->service));
		}
	}
	qsort(paths->services, n, sizeof(*paths->services), service_compare);
	paths->n_services = n;
	return 0;
}

const uint8_t *paths_find_service(const struct paths *paths, unsigned family, const uint8_t address[16])
{
	struct path_service wanted = { .family = (uint8_t)family };
	const struct path_service *found;

	memcpy(wanted.member, address, sizeof(wanted.member));
	found = bsearch(&wanted, paths->services, paths->n_services, sizeof(wanted), service_compare);
	return found ? found->service : NULL;
}

// Next hops whose port this gateway has.
static int neighbours_fill(struct build *build)
{
	const struct routes *routes = &build->paths->routes;
	uint32_t n = routes->header ? routes->header->n_neighbours : 0;

	for (uint32_t i = 0; i < n; i++)
		if (routes->neighbours[i].port >= build->context->n_ports) {
			snprintf(build->why, build->why_size,
				 "routes: neighbour %u is on a port that this gateway does not have", i);
			return -EINVAL;
		}
	return neighbours_init(&build->paths->neighbours, routes->neighbours, n);
}

static int fill(struct build *build)
{
	struct paths *paths = build->paths;
	const struct table *table = &paths->live->table;
	uint32_t n_verdicts = table->header->n_rules + 1,
		 n_members = (uint32_t)table_count(table, TABLE_MEMBERS);
	size_t size = (n_verdicts * sizeof(struct live_verdict) + 63) & ~(size_t)63;
	int err = routes_map(build);

	if (err)
		return err;
	paths->slots = paths->routes.header ? paths->routes.slots : table->maglev;
	paths->verdicts = aligned_alloc(64, size);
	paths->members = calloc(n_members + 1, sizeof(*paths->members));
	paths->mtus = calloc(n_members + 1, sizeof(*paths->mtus));
	build->plain = calloc(table_count(table, TABLE_POOLS) + 1, sizeof(*build->plain));
	if (!paths->verdicts || !paths->members || !paths->mtus || !build->plain)
		return -ENOMEM;
	memset(paths->verdicts, 0, size);
	err = services_fill(paths);
	if (err == 0)
		err = neighbours_fill(build);
	if (err)
		return err;
	for (uint32_t i = 0; i < table_count(table, TABLE_POOLS); i++)
		pool_fill(build, i);
	for (uint32_t i = 0; i < n_verdicts; i++)
		verdict_fill(build, i);
	return 0;
}

struct paths *paths_create(const struct live_context *context, struct live *live,
			   struct sealed memory, char *why, size_t why_size)
{
	struct paths *paths = calloc(1, sizeof(*paths));
	struct build build = { context, paths, NULL, why, why_size };
	int err;

	snprintf(why, why_size, "no memory for the ways to the pools' members");
	if (!paths) {
		if (memory.fd >= 0)
			close(memory.fd);
		errno = ENOMEM;
		return NULL;
	}
	paths->live = live;
	paths->memory = memory;
	err = fill(&build);
	free(build.plain);
	if (err == 0)
		return paths;
	paths_destroy(paths);
	errno = -err;
	return NULL;
}

void paths_destroy(struct paths *paths)
{
	if (!paths)
		return;
	free(paths->verdicts);
	free(paths->members);
	free(paths->mtus);
	free(paths->services);
	neighbours_fini(&paths->neighbours);
	if (paths->image)
		munmap(paths->image, paths->mapped);
	if (paths->memory.fd >= 0)
		close(paths->memory.fd);
	free(paths);
}
