// SPDX-License-Identifier: BSD-3-Clause
//
// Who carries, for the table in use and for one on offer; and what operators want. The decision for a table
// on offer changes nothing that is remembered: it may yet be refused. Loop's thread.
#include "controlplane/pools_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/log.h"
#include "controlplane/neighbours.h"
#include "controlplane/standby.h"

// One pool on its way through a decision.
struct choice {
	struct pools *pools;
	const struct table *table;
	const struct table_pool *def;
	struct member *const *known; // by member, NULL where nothing is known
	struct standby_pool pool;
	struct standby_member *member;
	struct routes_input *route;
	uint64_t now_ms, again_ms; // when an ejection ends, 0: none does
	int port;
};

static bool find_next_hop(struct choice *choice, const struct table_member *def,
			  struct routes_input *route)
{
	static const uint8_t none[6];

	if (memcmp(def->mac, none, sizeof(none)) != 0) {
		memcpy(route->member.mac, def->mac, sizeof(def->mac));
		return true;
	}
	return choice->pools->neighbours && choice->port >= 0 &&
	       neighbours_find(choice->pools->neighbours, (unsigned)choice->port, def->family,
			       def->address, route->member.mac, &route->member.mtu);
}

int pools_port(const struct pools *pools, const struct table *table, const struct table_pool *pool)
{
	return gateway_port_find(pools->gateway,
				 pool->port_name ? table_string(table, pool->port_name) : NULL,
				 pool->port_index);
}

static void again_at(uint64_t *again_ms, uint64_t at_ms)
{
	if (at_ms && (!*again_ms || at_ms < *again_ms))
		*again_ms = at_ms;
}

// What is known of a member; one of which nothing is known lives.
static void describe(struct choice *choice, uint32_t i)
{
	const struct table_member *def = &choice->table->members[choice->def->member + i];
	const struct member *known = choice->known[i];
	struct standby_member *member = &choice->member[i];
	struct routes_input *route = &choice->route[i];
	int weight = known && known->weight != POOLS_WEIGHT_OF_FILE ? known->weight : def->weight;

	*route = (struct routes_input){ .weight = (uint16_t)weight };
	*member = (struct standby_member){
		.standby = def->standby,
		.drained = weight == 0 || (known && known->drained),
		.up = choice->def->health == TABLE_NONE || !known || known->vitals.up,
		.ejected = choice->def->eject_errors && known &&
			   eject_holds(&known->ejection, choice->now_ms),
		.next_hop = find_next_hop(choice, def, route),
		.live_ms = known && known->live ? known->live_ms : choice->now_ms,
	};
	if (member->ejected)
		again_at(&choice->again_ms, known->ejection.since_ms + known->ejection.for_ms);
}

static void choose(struct choice *choice)
{
	choice->again_ms = 0;
	for (uint32_t i = 0; i < choice->def->n_members; i++)
		describe(choice, i);
	standby_choose(&choice->pool, choice->member, choice->def->n_members, choice->now_ms);
	for (uint32_t i = 0; i < choice->def->n_members; i++) {
		choice->route[i].member.state = choice->member[i].state;
		if (choice->member[i].state != ROUTE_UP)
			choice->route[i].weight = 0;
	}
}

// Remembers what was decided for a pool of the table in use, and says what people must know.
static void remember(const struct choice *choice, struct pool *pool)
{
	struct pool_memory *memory = pool->memory;
	bool dead = true;

	for (uint32_t i = 0; i < choice->def->n_members; i++) {
		struct member *member = pool->member[i];
		bool live = standby_live(&choice->member[i]);

		if (live && !member->live)
			member->live_ms = choice->now_ms;
		member->live = live;
		member->route = choice->route[i];
		dead &= choice->route[i].weight == 0;
	}
	if (dead && !memory->dead)
		log_error("pool %s: no member can take messages: they go where the rules say",
			  memory->name);
	else if (!dead && memory->dead)
		log_info("pool %s: takes messages again", memory->name);
	if (choice->pool.on_standby && !memory->on_standby)
		log_warning("pool %s: its standby members take over", memory->name);
	else if (!choice->pool.on_standby && memory->on_standby)
		log_info("pool %s: its first members take over again", memory->name);
	if (memory->on_standby != choice->pool.on_standby)
		pools_save_soon(choice->pools);
	memory->dead = dead;
	memory->on_standby = choice->pool.on_standby;
}

// Decides one pool; in how many milliseconds again, 0: not by time.
static uint64_t choose_pool(struct choice *choice, struct pool *in_use)
{
	const char *name = table_string(choice->table, choice->def->name);
	const struct pool_memory *memory =
		in_use ? in_use->memory : pools_memory_find(choice->pools, name);

	choice->port = pools_port(choice->pools, choice->table, choice->def);
	choice->pool = (struct standby_pool){
		.standby = choice->def->standby,
		.on_standby = memory && memory->on_standby,
		.fail_back_ms = (uint64_t)choice->def->fail_back * 1000,
	};
	for (uint32_t i = 0; in_use && i < choice->def->n_members; i++)
		member_settle(in_use->member[i], choice->now_ms);
	choose(choice);
	if (in_use)
		remember(choice, in_use);
	again_at(&choice->again_ms, choice->pool.again_ms);
	return choice->again_ms ? choice->again_ms - choice->now_ms : 0;
}

// What is known of the members of a pool of a table on offer.
static void find_known(const struct choice *choice, struct member **known)
{
	const char *pool = table_string(choice->table, choice->def->name);

	for (uint32_t i = 0; i < choice->def->n_members; i++)
		known[i] = pools_member_find(
			choice->pools, pool,
			table_string(choice->table,
				     choice->table->members[choice->def->member + i].name));
}

static uint32_t largest_pool(const struct table *table)
{
	uint32_t n = 1;

	for (uint64_t p = 0; p < table_count(table, TABLE_POOLS); p++)
		if (table->pools[p].n_members > n)
			n = table->pools[p].n_members;
	return n;
}

int pools_evaluate(struct pools *pools, const struct table *table, struct routes_input *routes,
		   uint64_t *again_ms)
{
	bool in_use = pools->map && table == &pools->map->table;
	uint32_t n = largest_pool(table);
	struct standby_member *room = calloc(n, sizeof(*room));
	struct member **found = calloc(n, sizeof(*found));
	struct choice choice = {
		.pools = pools, .table = table, .member = room, .now_ms = pools_now_ms()
	};
	int err = room && found ? 0 : -ENOMEM;

	*again_ms = 0;
	for (uint64_t p = 0; p < table_count(table, TABLE_POOLS) && !err; p++) {
		uint64_t after;

		choice.def = &table->pools[p];
		choice.route = &routes[choice.def->member];
		choice.known = in_use ? pools->pool[p].member : found;
		if (!in_use)
			find_known(&choice, found);
		after = choose_pool(&choice, in_use ? &pools->pool[p] : NULL);
		again_at(again_ms, after);
	}
	free(room);
	free(found);
	return err;
}

void pools_set_shares(struct pools *pools, const struct routes *routes)
{
	for (uint32_t p = 0; p < pools->n_pools && routes->header->n_pools == pools->n_pools; p++) {
		const struct route_pool *slots = &routes->pools[p];
		struct pool *pool = &pools->pool[p];

		for (uint32_t i = 0; i < pool->def->n_members; i++)
			pool->member[i]->share = 0;
		for (uint32_t s = 0; s < slots->n_slots; s++)
			pool->member[routes->slots[slots->slot + s]]->share += 1.0 / slots->n_slots;
	}
}

// "POOL/MEMBER" in the table in use; a '/' may also be part of either.
static struct member *find_present(const struct pools *pools, const char *name)
{
	for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
		char pool[WEIR_NAME_MAX + 1];
		struct member *member;

		if ((size_t)(slash - name) >= sizeof(pool))
			break;
		memcpy(pool, name, (size_t)(slash - name));
		pool[slash - name] = '\0';
		member = pools_member_find(pools, pool, slash + 1);
		if (member && member->present)
			return member;
	}
	return NULL;
}

// Keeps a change of a member, and names its pool.
static int keep(struct member *member, const char **pool)
{
	*pool = member->pool;
	pools_note_change(member->pools);
	return pools_save(member->pools) ? -EIO : 0;
}

int pools_drain(struct pools *pools, const char *name, bool drained, const char **pool)
{
	struct member *member = find_present(pools, name);

	if (!member)
		return -ENOENT;
	member->drained = drained;
	if (!drained)
		member->ejection = (struct ejection){ 0 };
	if (!drained && member->weight == 0)
		member->weight = POOLS_WEIGHT_OF_FILE;
	return keep(member, pool);
}

int pools_weigh(struct pools *pools, const char *name, int weight, const char **pool)
{
	struct member *member = find_present(pools, name);

	if (!member)
		return -ENOENT;
	member->weight = weight;
	return keep(member, pool);
}
