// SPDX-License-Identifier: BSD-3-Clause
//
// Back-off and circuit breaker of one webhook. Deliveries that were under way when the breaker opened are told
// still: one that is taken closes it, for the server is there; one that failed changes nothing more. One thread.
#include "controlplane/agents/hook_breaker.h"

#include <assert.h>

const char *hook_state_name(enum hook_state state)
{
	static const char *const names[] = {
#define X(name, text) [HOOK_##name] = text,
		HOOK_STATES(X)
#undef X
	};
	return names[state];
}

void hook_breaker_init(struct hook_breaker *breaker, uint64_t retry_ms, uint64_t break_ms, unsigned break_after,
		       unsigned max)
{
	*breaker = (struct hook_breaker){ .retry_ms = retry_ms, .break_ms = break_ms, .break_after = break_after,
					  .max = max, .times = 1 };
}

unsigned hook_breaker_room(struct hook_breaker *breaker, uint64_t now_ms)
{
	unsigned max = breaker->max;

	if (breaker->state == HOOK_DISABLED || now_ms < breaker->until_ms || now_ms < breaker->asked_ms)
		return 0;
	if (breaker->state == HOOK_OPEN)
		breaker->state = HOOK_HALF_OPEN;
	if (breaker->state == HOOK_HALF_OPEN || breaker->failures > 0)
		max = 1; // until it is known that the server takes messages again
	return breaker->in_flight < max ? max - breaker->in_flight : 0;
}

uint64_t hook_breaker_next(const struct hook_breaker *breaker, uint64_t now_ms)
{
	uint64_t next = breaker->until_ms > breaker->asked_ms ? breaker->until_ms : breaker->asked_ms;

	return breaker->state != HOOK_DISABLED && next > now_ms ? next : 0;
}

void hook_breaker_begin(struct hook_breaker *breaker)
{
	breaker->in_flight++;
}

void hook_breaker_dropped(struct hook_breaker *breaker)
{
	assert(breaker->in_flight > 0);
	breaker->in_flight--;
}

void hook_breaker_taken(struct hook_breaker *breaker)
{
	hook_breaker_dropped(breaker);
	breaker->delivered++;
	if (breaker->state == HOOK_DISABLED)
		return;
	breaker->state = HOOK_CLOSED;
	breaker->failures = 0;
	breaker->times = 1;
	breaker->until_ms = 0;
}

static void open_breaker(struct hook_breaker *breaker, uint64_t now_ms)
{
	breaker->state = HOOK_OPEN;
	breaker->until_ms = now_ms + breaker->break_ms * breaker->times;
	if (breaker->times < HOOK_BREAK_TIMES)
		breaker->times *= 2;
}

// What to wait after so many failures in a row.
static uint64_t back_off(const struct hook_breaker *breaker, uint32_t chance)
{
	uint64_t wait = breaker->retry_ms;

	for (unsigned i = 1; i < breaker->failures && wait < HOOK_BACK_OFF_MAX_MS; i++)
		wait *= 2;
	if (wait > HOOK_BACK_OFF_MAX_MS)
		wait = HOOK_BACK_OFF_MAX_MS;
	return wait - wait / 2 * chance / UINT32_MAX;
}

bool hook_breaker_failed(struct hook_breaker *breaker, uint64_t now_ms, uint64_t asked_ms, uint32_t chance)
{
	bool opens;

	hook_breaker_dropped(breaker);
	breaker->failed++;
	breaker->failures++;
	opens = breaker->state == HOOK_HALF_OPEN ||
		(breaker->state == HOOK_CLOSED && breaker->failures >= breaker->break_after);
	if (opens)
		open_breaker(breaker, now_ms);
	else if (breaker->state == HOOK_CLOSED && now_ms + back_off(breaker, chance) > breaker->until_ms)
		breaker->until_ms = now_ms + back_off(breaker, chance);
	if (asked_ms > HOOK_ASKED_MAX_MS)
		asked_ms = HOOK_ASKED_MAX_MS;
	if (asked_ms > 0 && now_ms + asked_ms > breaker->asked_ms)
		breaker->asked_ms = now_ms + asked_ms;
	return opens;
}

void hook_breaker_gone(struct hook_breaker *breaker)
{
	hook_breaker_dropped(breaker);
	breaker->failed++;
	breaker->state = HOOK_DISABLED;
}
