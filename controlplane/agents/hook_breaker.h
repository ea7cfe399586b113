// SPDX-License-Identifier: BSD-3-Clause
//
// When a webhook's URL may be tried: back-off after failures, and a circuit breaker. Pure: times are milliseconds of
// one clock that never goes back, and chance is an argument. One thread.
//
// closed: deliveries go out. After a failure none does for retry_ms, twice as long after each more in a row (at most a
// minute), less up to half of it by chance, and never less than the server asked for. open: after break_after failures
// in a row none goes out for break_ms; messages wait in their queue. half-open: then one goes out. If it is
// taken, the breaker closes; if not, it opens again for twice as long, up to eight times break_ms. disabled: the server
// said that it is gone for good (410); until weir starts again.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define HOOK_STATES(X) X(CLOSED, "closed") X(OPEN, "open") X(HALF_OPEN, "half-open") X(DISABLED, "disabled")
enum hook_state {
#define X(name, text) HOOK_##name,
	HOOK_STATES(X)
#undef X
	HOOK_N_STATES
};
const char *hook_state_name(enum hook_state state);

enum { HOOK_BACK_OFF_MAX_MS = 60000, HOOK_ASKED_MAX_MS = 3600000, HOOK_BREAK_TIMES = 8 };

struct hook_breaker {
	uint64_t retry_ms, break_ms; // settings
	unsigned break_after;
	unsigned max;                // deliveries at a time
	enum hook_state state;
	unsigned in_flight;
	unsigned failures;           // in a row
	unsigned times;              // break_ms is taken so many times
	uint64_t until_ms;           // nothing goes out before, after failures
	uint64_t asked_ms;           // nor before this, as the server asked, though it takes others
	uint64_t delivered, failed;  // ever
};

void hook_breaker_init(struct hook_breaker *breaker, uint64_t retry_ms, uint64_t break_ms, unsigned break_after,
		       unsigned max);

// How many deliveries may begin now. An open breaker whose time is over becomes half-open.
unsigned hook_breaker_room(struct hook_breaker *breaker, uint64_t now_ms);

// When hook_breaker_room is worth asking again though nothing was told meanwhile; 0: it is not.
uint64_t hook_breaker_next(const struct hook_breaker *breaker, uint64_t now_ms);

// A delivery begins; one of the four below follows.
void hook_breaker_begin(struct hook_breaker *breaker);

void hook_breaker_taken(struct hook_breaker *breaker);
// It failed. `asked_ms`: what the server wants us to wait, 0: nothing said. `chance`: any number. Whether that opened
// the breaker.
bool hook_breaker_failed(struct hook_breaker *breaker, uint64_t now_ms, uint64_t asked_ms, uint32_t chance);
// The server is gone for good.
void hook_breaker_gone(struct hook_breaker *breaker);
// It came to nothing for a reason of ours.
void hook_breaker_dropped(struct hook_breaker *breaker);
