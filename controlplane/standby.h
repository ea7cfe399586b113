// SPDX-License-Identifier: BSD-3-Clause
//
// Who of a pool's members carries traffic now, from what is known of each. Pure; any thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "rules/routes.h"

struct standby_member {
	bool standby;     // of an active-standby pool: carries only where no other can
	bool drained;     // by an operator, or of weight 0
	bool up;          // as health says; true without health
	bool ejected;     // by ICMP errors
	bool next_hop;    // there is a way to it
	uint64_t live_ms; // since when it could carry, where it can
	uint8_t state;    // enum route_state, out
};

struct standby_pool {
	bool standby;    // active-standby
	bool on_standby; // standby members carry: in, as it was; out, as it is
	uint64_t fail_back_ms;
	uint64_t again_ms; // out: when to ask again though nothing changes; 0: never
};

// Whether a member could carry.
static inline bool standby_live(const struct standby_member *member)
{
	return !member->drained && member->up && !member->ejected && member->next_hop;
}

// Sets the state of each of the `n` members; ROUTE_UP is who carries. Standby members carry where no
// primary lives, and until one has lived for fail_back_ms; should the last of them die before, the
// primaries take over at once.
void standby_choose(struct standby_pool *pool, struct standby_member *member, unsigned n,
		    uint64_t now_ms);
