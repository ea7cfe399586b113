// SPDX-License-Identifier: BSD-3-Clause
//
// Keeps the decisions of a desk's core.
#include "tests/kit/desk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(struct desk_log *log, const struct desk_event *event)
{
	if (log->n == DESK_EVENTS)
		abort();
	log->event[log->n++] = *event;
}

static bool on_take(void *argument, const struct core_take *take)
{
	struct desk_event event = { .what = DESK_TAKE, .id = take->id, .cookie = take->cookie };

	snprintf(event.agent, sizeof(event.agent), "%s", take->agent);
	put(argument, &event);
	return true;
}

static void on_waited(void *argument, void *cookie, unsigned n_taken)
{
	put(argument, &(struct desk_event){ .what = DESK_WAITED, .cookie = cookie, .n = n_taken });
}

static void on_offer(void *argument, void *cookie, const struct core_offer *offer)
{
	put(argument, &(struct desk_event){ .what = DESK_OFFER, .id = offer->id, .cookie = cookie,
					    .ring_ms = offer->ring_ms });
}

static void on_withdraw(void *argument, void *cookie, uint64_t id)
{
	put(argument, &(struct desk_event){ .what = DESK_WITHDRAW, .id = id, .cookie = cookie });
}

static void on_expire(void *argument, uint64_t id)
{
	put(argument, &(struct desk_event){ .what = DESK_EXPIRE, .id = id });
}

void desk_log_init(struct desk_log *log)
{
	const struct core_acts acts = { on_take, on_waited, on_offer, on_withdraw, on_expire, log };

	log->n = 0;
	log->core = core_create(&acts);
	if (!log->core)
		abort();
}

void desk_log_fini(struct desk_log *log)
{
	core_destroy(log->core);
}

const struct desk_event *desk_next(struct desk_log *log, enum desk_what what)
{
	static struct desk_event event;

	for (unsigned i = 0; i < log->n; i++)
		if (log->event[i].what == what) {
			event = log->event[i];
			log->n--;
			memmove(&log->event[i], &log->event[i + 1], (log->n - i) * sizeof(log->event[0]));
			return &event;
		}
	return NULL;
}
