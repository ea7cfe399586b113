// SPDX-License-Identifier: BSD-3-Clause
//
// What weir-pktgen does with a deck and ports: runs, the search for the highest rate, and what they found, kept for the
// reports. Main thread.
#pragma once

#include "bench/pktgen/args.h"
#include "bench/pktgen/wire.h"

struct sample {
	double at_s; // since the start of the run
	struct meter_counts {
#define X(name, text) uint64_t name;
		METER_COUNTS(X)
#undef X
	} counts;          // since the sample before
	double p50_us, p99_us; // of what came back between the two; 0: nothing did
};

struct outcome {
	double wanted;     // messages a second at the start, 0: as fast as can be
	double sent_s;
	struct meter_counts counts;
	struct quantiles {
		double p50, p90, p99, p999, max; // microseconds
		uint64_t n;
	} latency, late;
	struct sample *samples; // NULL: none
	unsigned n_samples;
};

enum { TRIALS_MAX = 64 };
struct session {
	const struct args *args;
	const struct scenario *scenario;
	const struct deck *deck;
	struct wire *wire;
	bool *stop;
	uint32_t runs;
	struct outcome outcome;          // of the run, or of the best trial
	struct outcome trials[TRIALS_MAX]; // of a search
	unsigned n_trials;
	double found;                    // messages a second that a search found; 0: none
};

// One run at the rate of the scenario, or of --rate. 0 or -ENOMEM. session_fini in every case.
int session_run(struct session *session);

// RFC 2544, 26.1: halves the range of rates until --resolution. 0 or -ENOMEM.
int session_search(struct session *session);

void session_fini(struct session *session);

// Share of the messages that did not come back, 0 to 1; where acknowledgements were asked for, at least that.
double outcome_loss(const struct outcome *outcome);
