// SPDX-License-Identifier: BSD-3-Clause
//
// Watches over members. A watch is waiting for its time or has one probe out, never two: a probe's time
// limit is below its interval. Loop's thread.
#include "controlplane/health.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/log.h"

enum { CROWDED_MS = 10, MAX_COMMANDS = 64 };

struct watcher {
	struct event_base *base;
	unsigned n_probes, max_probes, n_commands;
	int said; // the error of starting a probe that was logged
};

struct watch {
	struct watcher *watcher;
	struct table_health health;
	struct probe_target target;
	struct event *timer;
	struct probe *probe; // that is out, or NULL
	watch_result result;
	void *argument;
	unsigned i, n;
};

bool vitals_judge(struct vitals *vitals, const struct table_health *health,
		  enum probe_result result, const char *why, uint64_t now_ms)
{
	bool good = result == PROBE_ALIVE;

	vitals->probed = true;
	snprintf(vitals->error, sizeof(vitals->error), "%s", why);
	if (good == vitals->up) {
		vitals->run = 0;
		return false;
	}
	if (vitals->run < UINT8_MAX)
		vitals->run++;
	if (result != PROBE_UNREACHABLE && vitals->run < (good ? health->up : health->down))
		return false;
	vitals->up = good;
	vitals->run = 0;
	vitals->since_ms = now_ms;
	return true;
}

uint32_t health_pause(const struct table_health *health, uint32_t random)
{
	uint32_t spread = (uint32_t)((uint64_t)health->interval_ms * health->jitter / 100);

	return health->interval_ms - spread +
	       (uint32_t)((uint64_t)random % (2 * (uint64_t)spread + 1));
}

struct watcher *watcher_create(struct event_base *base, unsigned max_probes)
{
	struct watcher *watcher = calloc(1, sizeof(*watcher));

	if (watcher) {
		watcher->base = base;
		watcher->max_probes = max_probes;
	}
	return watcher;
}

void watcher_destroy(struct watcher *watcher)
{
	free(watcher);
}

static void wait_ms(struct watch *watch, uint32_t ms)
{
	const struct timeval pause = { ms / 1000, ms % 1000 * 1000 };

	event_add(watch->timer, &pause);
}

static bool is_command(const struct watch *watch)
{
	return watch->health.probe == WEIR_PROBE_COMMAND;
}

static void count(struct watch *watch, int by)
{
	watch->watcher->n_probes += (unsigned)by;
	if (is_command(watch))
		watch->watcher->n_commands += (unsigned)by;
}

static void on_done(void *argument, enum probe_result result, const char *why)
{
	struct watch *watch = argument;

	watch->probe = NULL;
	count(watch, -1);
	watch->result(watch->argument, result, why); // may destroy the watch
}

// An error of starting a probe is ours (no descriptor, no memory), not the member's, or it tells that there is
// no way to it.
static void settle_error(struct watch *watch, int err)
{
	struct watcher *watcher = watch->watcher;
	bool own =
		err == EMFILE || err == ENFILE || err == ENOMEM || err == ENOBUFS || err == EAGAIN;
	bool nobody = err == ECONNREFUSED || err == EHOSTUNREACH || err == ENETUNREACH;

	if (!own) {
		watch->result(watch->argument, nobody ? PROBE_UNREACHABLE : PROBE_FAILED,
			      strerror(err));
		return;
	}
	if (watcher->said != err)
		log_warning("a health probe cannot start: %s: it is tried again", strerror(err));
	watcher->said = err;
}

static void on_time(evutil_socket_t fd, short what, void *argument)
{
	struct watch *watch = argument;
	struct watcher *watcher = watch->watcher;

	(void)fd;
	(void)what;
	if (watcher->n_probes >= watcher->max_probes ||
	    (is_command(watch) && watcher->n_commands >= MAX_COMMANDS)) {
		wait_ms(watch, CROWDED_MS);
		return;
	}
	wait_ms(watch, health_pause(&watch->health, arc4random()));
	if (watch->probe) // late by more than its jitter
		return;
	watch->probe = probe_start(watcher->base, &watch->target, on_done, watch);
	if (watch->probe) {
		count(watch, 1);
		watcher->said = 0;
	} else {
		settle_error(watch, errno);
	}
}

struct watch *watch_create(struct watcher *watcher, const struct table_health *health,
			   const struct probe_target *target, unsigned i, unsigned n)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->watcher = watcher;
	watch->health = *health;
	watch->target = *target;
	watch->target.probe = health->probe;
	watch->target.port = health->port;
	watch->target.timeout_ms = health->timeout_ms;
	watch->i = i;
	watch->n = n ? n : 1;
	watch->timer = event_new(watcher->base, -1, 0, on_time, watch);
	if (watch->timer)
		return watch;
	free(watch);
	return NULL;
}

void watch_start(struct watch *watch, watch_result result, void *argument)
{
	uint32_t slice = watch->health.interval_ms / watch->n;

	watch->result = result;
	watch->argument = argument;
	wait_ms(watch, (uint32_t)((uint64_t)watch->health.interval_ms * watch->i / watch->n) +
			       arc4random_uniform(slice + 1));
}

void watch_destroy(struct watch *watch)
{
	if (!watch)
		return;
	if (watch->probe) {
		probe_cancel(watch->probe);
		count(watch, -1);
	}
	event_free(watch->timer);
	free(watch);
}
