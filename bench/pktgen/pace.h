// SPDX-License-Identifier: BSD-3-Clause
//
// When messages are due: message i + 1 is due 1 / rate after message i, whenever the sender gets round to it. So a
// sender that was held up sends what it owes at once, and latency is measured from the time at which a message should
// have gone.
#pragma once

#include "bench/pktgen/scenario.h"

struct pace {
	const struct rate *rate;
	double base;       // messages a second at the start
	double hz;         // TSC cycles a second
	uint64_t start;    // TSC
	double next;       // cycles from the start at which the next message is due
	double interval;   // to the one behind it
	double slice_end;  // until when the interval holds
};

enum { PACE_SLICES = 1000 }; // a second: how often the rate is looked at

static inline void pace_start(struct pace *pace, const struct rate *rate, double base, double hz, uint64_t now)
{
	*pace = (struct pace){ .rate = rate, .base = base, .hz = hz, .start = now };
}

// Fills `due` (TSC) with those of the next `max` messages that are due at `now`; their number.
static inline unsigned pace_due(struct pace *pace, uint64_t now, uint64_t *due, unsigned max)
{
	double at = (double)(now - pace->start);
	unsigned n = 0;

	while (n < max && pace->next <= at) {
		if (pace->next >= pace->slice_end) {
			pace->interval = pace->hz / rate_at(pace->rate, pace->base, pace->next / pace->hz);
			pace->slice_end = pace->next + pace->hz / PACE_SLICES;
		}
		due[n++] = pace->start + (uint64_t)pace->next;
		pace->next += pace->interval;
	}
	return n;
}
