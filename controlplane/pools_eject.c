// SPDX-License-Identifier: BSD-3-Clause
//
// Members that ICMP errors take out, and what brings them back. Loop's thread.
#include "controlplane/log.h"
#include "controlplane/pools_parts.h"

#define X(name, text) text,
static const char *const causes[] = { WEIR_UNREACHABLE_CAUSES(X) };
#undef X

const char *member_ejected_by(const struct member *member)
{
	return causes[member->ejection.cause];
}

// The pool that member `i` of the table in use is in.
static const struct table_pool *pool_of(const struct pools *pools, uint32_t i)
{
	uint32_t low = 0, high = pools->n_pools - 1;

	while (low < high) {
		uint32_t middle = low + (high - low + 1) / 2;

		if (pools->pool[middle].def->member <= i)
			low = middle;
		else
			high = middle - 1;
	}
	return pools->pool[low].def;
}

bool pools_unreachable(struct pools *pools, const struct weir_unreachable *error)
{
	const struct table_pool *pool;
	struct member *member;

	if (error->cause >= WEIR_N_UNREACHABLE_CAUSES)
		return false;
	if (!pools->map || pools->map->table.header->crc != error->table_crc)
		return true; // a load is on its way
	if (error->member >= pools->n_members)
		return false;
	pool = pool_of(pools, error->member);
	member = pools->member[error->member];
	if (!eject_note(&member->ejection, pool, error->cause, pools_now_ms()))
		return true;
	log_warning("pool %s: member %s is ejected for %u s: %u ICMP errors within %u ms, the last: %s",
		    member->pool, member->name, (unsigned)(member->ejection.for_ms / 1000),
		    pool->eject_errors, pool->eject_interval_ms, member_ejected_by(member));
	pools_note_change(pools);
	return true;
}

void member_settle(struct member *member, uint64_t now_ms)
{
	if (!eject_settle(&member->ejection, now_ms))
		return;
	log_info("pool %s: member %s is no longer ejected: its time is over", member->pool,
		 member->name);
	pools_save_soon(member->pools);
}

void member_probed(struct member *member, enum probe_result result)
{
	if (!eject_probed(&member->ejection, result == PROBE_ALIVE, member->health.up,
			  pools_now_ms()))
		return;
	log_info("pool %s: member %s is no longer ejected: it answers probes", member->pool,
		 member->name);
	pools_note_change(member->pools);
}
