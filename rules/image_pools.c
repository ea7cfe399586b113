// SPDX-License-Identifier: BSD-3-Clause
//
// Pools, members, their health checks and slots in an image.
#include "rules/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/maglev.h"

static bool has_mac(const struct member_def *member)
{
	static const uint8_t none[6];

	return memcmp(member->mac, none, sizeof(none)) != 0;
}

// Who takes messages by the table alone: members whose next hop it gives, the standbys only where there
// are no others. Returns the number of slots.
static uint32_t find_takers(const struct pool_def *pool, struct maglev_member *member)
{
	bool any_active = false;

	for (unsigned i = 0; i < pool->n_members; i++)
		any_active |= has_mac(&pool->members[i]) && !pool->members[i].standby;
	for (unsigned i = 0; i < pool->n_members; i++) {
		const struct member_def *def = &pool->members[i];
		bool takes = has_mac(def) && !(def->standby && any_active);

		member[i] = (struct maglev_member){ def->name, takes ? def->weight : 0 };
	}
	return maglev_count(member, pool->n_members, image_pool_slots(pool));
}

uint32_t image_pool_slots(const struct pool_def *pool)
{
	if (pool->slots != 0)
		return pool->slots;
	return pool->n_members > 1 ? MAGLEV_SLOTS : 1;
}

uint32_t image_count_maglev(const struct pool_def *pool)
{
	struct maglev_member member[RULES_MAX_MEMBERS];

	return find_takers(pool, member);
}

static int fill_slots(const struct pool_def *pool, uint16_t *slot)
{
	struct maglev_member member[RULES_MAX_MEMBERS];
	uint32_t n = find_takers(pool, member);

	return n == 0 ? 0 : maglev_fill(member, pool->n_members, slot, n);
}

static void fill_members(struct image_work *work, const struct pool_def *pool,
			 struct table_member *member)
{
	for (unsigned i = 0; i < pool->n_members; i++) {
		member[i].name = image_put_string(work, pool->members[i].name);
		memcpy(member[i].address, pool->members[i].address, sizeof(member[i].address));
		member[i].family = pool->members[i].family;
		member[i].standby = pool->members[i].standby;
		memcpy(member[i].mac, pool->members[i].mac, sizeof(member[i].mac));
		member[i].weight = pool->members[i].weight;
	}
}

static void fill_health(struct image_work *work, const struct health_def *def,
			struct table_health *health)
{
	*health = (struct table_health){
		.probe = def->probe,
		.up = def->up,
		.down = def->down,
		.jitter = def->jitter,
		.port = def->port,
		.interval_ms = def->interval_ms,
		.timeout_ms = def->timeout_ms,
		.command = image_put_string(work, def->command),
	};
}

// All of a pool but for its places in the other sections.
static void fill_pool(struct image_work *work, const struct pool_def *def, struct table_pool *pool)
{
	pool->name = image_put_string(work, def->name);
	pool->port_name = image_put_string(work, def->port_name);
	pool->port_index = def->port_index;
	pool->zone = def->zone;
	pool->n_members = def->n_members;
	pool->n_slots = image_pool_slots(def);
	pool->n_maglev = image_count_maglev(def);
	pool->mode = def->mode;
	pool->standby = def->standby;
	pool->fail_back = def->fail_back;
	memcpy(pool->source, def->source, sizeof(pool->source));
	pool->source_family = def->source_family;
	pool->eject_errors = def->eject_errors;
	pool->eject_interval_ms = def->eject_interval_ms;
	pool->eject_base = def->eject_base;
	pool->eject_max = def->eject_max;
}

int image_fill_pools(struct image_work *work)
{
	struct table_pool *pool = image_section(work, TABLE_POOLS);
	struct table_member *member = image_section(work, TABLE_MEMBERS);
	struct table_health *health = image_section(work, TABLE_HEALTH);
	uint16_t *slot = image_section(work, TABLE_MAGLEV);
	uint32_t n_members = 0, n_slots = 0, n_health = 0;
	int err = 0;

	for (unsigned i = 0; err == 0 && i < work->rules->n_pools; i++) {
		const struct pool_def *def = &work->rules->pools[i];

		fill_pool(work, def, &pool[i]);
		pool[i].member = n_members;
		pool[i].maglev = n_slots;
		pool[i].health = TABLE_NONE;
		if (def->health != NULL) {
			pool[i].health = n_health;
			fill_health(work, def->health, &health[n_health++]);
		}
		fill_members(work, def, member + n_members);
		err = fill_slots(def, slot + n_slots);
		n_members += pool[i].n_members;
		n_slots += pool[i].n_maglev;
	}
	return err;
}
