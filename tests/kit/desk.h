// SPDX-License-Identifier: BSD-3-Clause
//
// A desk's core whose decisions are kept for tests: who takes what, who is offered what.
#pragma once

#include "controlplane/agents/desk_core.h"

enum { DESK_EVENTS = 4096 };

enum desk_what { DESK_TAKE, DESK_WAITED, DESK_OFFER, DESK_WITHDRAW, DESK_EXPIRE };

struct desk_event {
	enum desk_what what;
	uint64_t id;
	void *cookie;    // of the claim or stream
	char agent[CORE_NAME + 1]; // of a take
	unsigned n;      // takes of a claim that is over
	uint64_t ring_ms;
};

struct desk_log {
	struct core *core;
	struct desk_event event[DESK_EVENTS];
	unsigned n;
};

// A core that writes to the log; desk_log_fini destroys it.
void desk_log_init(struct desk_log *log);
void desk_log_fini(struct desk_log *log);

// The next event of a kind that was not asked for yet, taken out; NULL: none.
const struct desk_event *desk_next(struct desk_log *log, enum desk_what what);
