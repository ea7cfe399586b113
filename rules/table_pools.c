// SPDX-License-Identifier: BSD-3-Clause
//
// Checks of a table image: pools, their members, slots and health checks.
#include <string.h>

#include "rules/maglev.h"
#include "rules/table_check.h"

bool table_mac_good(const uint8_t mac[6])
{
	static const uint8_t none[6];

	return (mac[0] & 1) == 0 && memcmp(mac, none, sizeof(none)) != 0;
}

// The outer header of a tunnel, and the address that nat puts back, are of the member's family.
static bool source_good(const struct table *t, const struct table_pool *pool)
{
	if (pool->mode == WEIR_MODE_L2)
		return pool->source_family == 0;
	if (pool->source_family != 4 && pool->source_family != 6)
		return false;
	for (uint32_t i = pool->member; i < pool->member + pool->n_members; i++)
		if (t->members[i].family != pool->source_family)
			return false;
	return true;
}

static bool eject_good(const struct table_pool *pool)
{
	if (pool->eject_errors == 0)
		return pool->eject_interval_ms == 0 && pool->eject_base == 0 && pool->eject_max == 0;
	return pool->mode != WEIR_MODE_L2 && pool->eject_interval_ms > 0 && pool->eject_base > 0 &&
	       pool->eject_max >= pool->eject_base;
}

static int check_slots(struct table_check *check, unsigned i)
{
	const struct table *t = check->table;
	const struct table_pool *pool = &t->pools[i];

	if (!maglev_slots_good(pool->n_slots))
		return table_refuse(check, "pool %u: %u slots are no prime", i, pool->n_slots);
	if (pool->n_maglev > 1 && pool->n_maglev != pool->n_slots)
		return table_refuse(check, "pool %u: maglev slots are not those it says", i);
	for (uint32_t at = pool->maglev; at < pool->maglev + pool->n_maglev; at++) {
		if (t->maglev[at] >= pool->n_members)
			return table_refuse(check, "pool %u: a maglev slot has no member", i);
		if (!table_mac_good(t->members[pool->member + t->maglev[at]].mac))
			return table_refuse(
				check, "pool %u: a maglev slot has a member without next hop", i);
	}
	return 0;
}

static int check_pool(struct table_check *check, unsigned i)
{
	const struct table *t = check->table;
	const struct table_pool *pool = &t->pools[i];

	if (!table_string_good(t, pool->name) || !table_string_good(t, pool->port_name) ||
	    !table_zone_good(t, pool->zone))
		return table_refuse(check, "pool %u: name or zone out of range", i);
	if (pool->mode >= WEIR_N_FORWARD_MODES || pool->standby > 1 || !source_good(t, pool))
		return table_refuse(check, "pool %u: mode, source or redundancy out of range", i);
	if (pool->health != TABLE_NONE && pool->health >= table_count(t, TABLE_HEALTH))
		return table_refuse(check, "pool %u: no such health check", i);
	if (!eject_good(pool))
		return table_refuse(check, "pool %u: ejection out of range", i);
	return check_slots(check, i);
}

// Members and maglev slots of the pools follow each other without gaps.
static int check_places(struct table_check *check)
{
	const struct table *t = check->table;
	uint64_t member = 0, slot = 0;

	for (uint64_t i = 0; i < table_count(t, TABLE_POOLS); i++) {
		const struct table_pool *pool = &t->pools[i];

		if (pool->n_members == 0 || pool->member != member ||
		    pool->n_members > table_count(t, TABLE_MEMBERS) - member)
			return table_refuse(check, "pool %u: members out of range", (unsigned)i);
		if (pool->maglev != slot || pool->n_maglev > table_count(t, TABLE_MAGLEV) - slot)
			return table_refuse(check, "pool %u: maglev slots out of range",
					    (unsigned)i);
		member += pool->n_members;
		slot += pool->n_maglev;
	}
	return 0;
}

static bool member_good(const struct table *t, const struct table_member *member)
{
	return table_string_good(t, member->name) && (member->family == 4 || member->family == 6) &&
	       member->standby <= 1;
}

static bool health_good(const struct table *t, const struct table_health *health)
{
	bool command = health->probe == WEIR_PROBE_COMMAND;

	return health->probe < WEIR_N_PROBES && health->up > 0 && health->down > 0 &&
	       health->jitter <= 50 && health->timeout_ms > 0 &&
	       health->timeout_ms < health->interval_ms && command == (health->port == 0) &&
	       command == (health->command != 0) && table_string_good(t, health->command);
}

int table_check_pools(struct table_check *check)
{
	const struct table *t = check->table;
	int err = 0;

	for (uint64_t i = 0; i < table_count(t, TABLE_MEMBERS); i++)
		if (!member_good(t, &t->members[i]))
			return table_refuse(check, "member %u: name or family out of range",
					    (unsigned)i);
	for (uint64_t i = 0; i < table_count(t, TABLE_HEALTH); i++)
		if (!health_good(t, &t->health[i]))
			return table_refuse(check, "health check %u: a value out of range",
					    (unsigned)i);
	err = check_places(check);
	for (uint64_t i = 0; err == 0 && i < table_count(t, TABLE_POOLS); i++)
		err = check_pool(check, (unsigned)i);
	return err;
}
