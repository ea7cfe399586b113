// SPDX-License-Identifier: BSD-3-Clause
//
// The choice of who carries. Any thread.
#include "controlplane/standby.h"

static uint8_t own_state(const struct standby_member *member)
{
	if (member->drained)
		return ROUTE_DRAINED;
	if (!member->up)
		return ROUTE_DOWN;
	if (member->ejected)
		return ROUTE_EJECTED;
	return member->next_hop ? ROUTE_UP : ROUTE_NO_NEXT_HOP;
}

static bool any_live(const struct standby_member *member, unsigned n, bool standby)
{
	for (unsigned i = 0; i < n; i++)
		if (member[i].standby == standby && standby_live(&member[i]))
			return true;
	return false;
}

// When the first primary has lived long enough; UINT64_MAX where none lives.
static uint64_t fail_back_at(const struct standby_pool *pool, const struct standby_member *member,
			     unsigned n)
{
	uint64_t at = UINT64_MAX;

	for (unsigned i = 0; i < n; i++)
		if (!member[i].standby && standby_live(&member[i]) &&
		    member[i].live_ms + pool->fail_back_ms < at)
			at = member[i].live_ms + pool->fail_back_ms;
	return at;
}

static bool stays_on_standby(struct standby_pool *pool, const struct standby_member *member,
			     unsigned n, uint64_t now_ms)
{
	uint64_t at = fail_back_at(pool, member, n);

	if (!any_live(member, n, true))
		return at == UINT64_MAX && pool->on_standby; // nobody lives: as it was
	if (at == UINT64_MAX)
		return true;
	if (!pool->on_standby || at <= now_ms)
		return false;
	pool->again_ms = at;
	return true;
}

void standby_choose(struct standby_pool *pool, struct standby_member *member, unsigned n,
		    uint64_t now_ms)
{
	pool->again_ms = 0;
	pool->on_standby = pool->standby && stays_on_standby(pool, member, n, now_ms);
	for (unsigned i = 0; i < n; i++) {
		member[i].state = own_state(&member[i]);
		if (pool->standby && member[i].state == ROUTE_UP &&
		    member[i].standby != pool->on_standby)
			member[i].state = ROUTE_STANDBY;
	}
}
