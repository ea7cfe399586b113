// SPDX-License-Identifier: BSD-3-Clause
//
// Pools and members as JSON, for weirctl and whoever reads its output. Loop's thread.
#include "controlplane/pools_parts.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const states[] = { [ROUTE_UP] = "up",
				      [ROUTE_DOWN] = "down",
				      [ROUTE_DRAINED] = "drained",
				      [ROUTE_STANDBY] = "standby",
				      [ROUTE_NO_NEXT_HOP] = "no-next-hop",
				      [ROUTE_EJECTED] = "ejected" };
#define X(name, text) text,
static const char *const modes[] = { WEIR_FORWARD_MODES(X) };
static const char *const probes[] = { WEIR_PROBES(X) };
#undef X

// A moment of our clock as "2026-03-01T12:00:00Z".
static json_t *time_json(uint64_t at_ms)
{
	time_t wall = (time_t)((pools_wall_ms() + at_ms - pools_now_ms()) / 1000);
	char text[32] = "";
	struct tm utc;

	if (gmtime_r(&wall, &utc))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	return json_string(text);
}

static json_t *mac_json(const uint8_t mac[6])
{
	static const uint8_t none[6];
	char text[18];

	if (memcmp(mac, none, sizeof(none)) == 0)
		return json_null();
	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	return json_string(text);
}

static json_t *health_json(const struct pool *pool, const struct member *member)
{
	if (pool->def->health == TABLE_NONE)
		return json_null();
	return json_pack("{s:b, s:b, s:o, s:o}", "up", (int)member->vitals.up, "probed",
			 (int)member->vitals.probed, "since", time_json(member->vitals.since_ms),
			 "error",
			 *member->vitals.error ? json_string(member->vitals.error) : json_null());
}

static json_t *ejected_json(const struct member *member)
{
	const struct ejection *ejection = &member->ejection;

	if (member->route.member.state != ROUTE_EJECTED)
		return json_null();
	return json_pack("{s:o, s:o, s:i, s:s}", "since", time_json(ejection->since_ms), "until",
			 time_json(ejection->since_ms + ejection->for_ms), "times",
			 (int)ejection->times, "why", member_ejected_by(member));
}

static json_t *member_json(const struct pools *pools, const struct pool *pool, uint32_t i)
{
	const struct table_member *def = &pools->map->table.members[pool->def->member + i];
	const struct member *member = pool->member[i];
	bool own = member->weight != POOLS_WEIGHT_OF_FILE;
	char address[INET6_ADDRSTRLEN] = "";

	inet_ntop(def->family == 4 ? AF_INET : AF_INET6, def->address, address, sizeof(address));
	return json_pack("{s:s, s:s, s:s, s:o, s:f, s:i, s:i, s:b, s:b, s:o, s:o}", "name", member->name,
			 "address", address, "state", states[member->route.member.state],
			 "next_hop", mac_json(member->route.member.mac), "share", member->share,
			 "weight", own ? member->weight : def->weight, "weight_of_file",
			 def->weight, "standby", (int)def->standby, "drained",
			 (int)(member->drained || (own && member->weight == 0)), "health",
			 health_json(pool, member), "ejected", ejected_json(member));
}

static json_t *pool_json(const struct pools *pools, const struct pool *pool)
{
	const struct table *table = &pools->map->table;
	const struct table_pool *def = pool->def;
	json_t *members = json_array();
	json_int_t carrying = 0;

	for (uint32_t i = 0; i < def->n_members; i++) {
		json_array_append_new(members, member_json(pools, pool, i));
		carrying += pool->member[i]->route.member.state == ROUTE_UP;
	}
	return json_pack(
		"{s:s, s:s?, s:s, s:s, s:s?, s:b, s:I, s:o}", "name", pool->name, "zone",
		def->zone == TABLE_NONE16 ? NULL
					  : table_string(table, table->zones[def->zone].name),
		"mode", modes[def->mode], "redundancy",
		def->standby ? "active-standby" : "active-active", "probe",
		def->health == TABLE_NONE ? NULL : probes[table->health[def->health].probe],
		"on_standby", (int)pool->memory->on_standby, "carrying", carrying, "members",
		members);
}

json_t *pools_list_json(const struct pools *pools)
{
	json_t *array = json_array();

	for (uint32_t p = 0; p < pools->n_pools; p++)
		json_array_append_new(array, pool_json(pools, &pools->pool[p]));
	return array;
}

json_t *pools_show_json(const struct pools *pools, const char *name)
{
	for (uint32_t p = 0; p < pools->n_pools; p++)
		if (strcmp(pools->pool[p].name, name) == 0)
			return pool_json(pools, &pools->pool[p]);
	return NULL;
}
