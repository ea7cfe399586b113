// SPDX-License-Identifier: BSD-3-Clause
//
// Whether members live: the judgement over results of probes, and the watches that make the probes, each
// at its interval, spread over it. Loop's thread only; the judgement is pure.
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "controlplane/probe.h"

// What probes have said of one member so far.
struct vitals {
	bool up;
	bool probed;           // once at least
	uint8_t run;           // results in a row that speak against `up`
	uint64_t since_ms;     // when `up` became what it is (clock of the caller)
	char error[PROBE_WHY]; // of the last probe, "" where it was answered
};

// Takes one result into account: `up` good ones in a row bring a member up, `down` bad ones bring it
// down, one that says that nobody is there at once. Whether `up` changed.
bool vitals_judge(struct vitals *vitals, const struct table_health *health,
		  enum probe_result result, const char *why, uint64_t now_ms);

// Milliseconds to the next probe: the interval, more or less by at most `jitter` percent of it; `random` is
// any number.
uint32_t health_pause(const struct table_health *health, uint32_t random);

struct watcher;
struct watch;

// A watcher runs all watches of one loop, `max_probes` of which are out at a time; what would be one too
// many comes a moment later. NULL when memory is out.
struct watcher *watcher_create(struct event_base *base, unsigned max_probes);
void watcher_destroy(struct watcher *watcher); // after its watches

// Called for each result. A watch may be destroyed from within.
typedef void (*watch_result)(void *argument, enum probe_result result, const char *why);

// Watches a member: number `i` of the `n` of its pool, so that first probes are spread over the interval. The
// target's `timeout_ms` and probe are set from `health`, which is copied; its `command` outlives the watch.
struct watch *watch_create(struct watcher *watcher, const struct table_health *health,
			   const struct probe_target *target, unsigned i, unsigned n);
void watch_start(struct watch *watch, watch_result result, void *argument);
void watch_destroy(struct watch *watch);
