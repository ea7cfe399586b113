// SPDX-License-Identifier: BSD-3-Clause
//
// See session.h.
#include "bench/pktgen/session.h"

#include <errno.h>
#include <math.h>
#include <rte_cycles.h>
#include <rte_launch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SAMPLES_A_SECOND = 10, SAMPLES_MAX = 36000, TRIAL_SECONDS = 2 };

static struct meter_counts counts_of(const struct meter *meter)
{
	struct meter_counts counts;

#define X(name, text) counts.name = METER_GET(meter, name);
	METER_COUNTS(X)
#undef X
	return counts;
}

static struct meter_counts less(struct meter_counts now, struct meter_counts before)
{
#define X(name, text) now.name -= before.name;
	METER_COUNTS(X)
#undef X
	return now;
}

static struct quantiles quantiles_of(const struct histogram *histogram)
{
	double us = 1e6 / (double)rte_get_tsc_hz();

	return (struct quantiles){
		.p50 = us * (double)histogram_quantile(histogram, 0.5),
		.p90 = us * (double)histogram_quantile(histogram, 0.9),
		.p99 = us * (double)histogram_quantile(histogram, 0.99),
		.p999 = us * (double)histogram_quantile(histogram, 0.999),
		.max = us * (double)histogram_quantile(histogram, 1),
		.n = histogram_count(histogram),
	};
}

// What is looked at while the lcore works.
struct watch {
	struct meter meter;
	struct histogram before, between;
	struct meter_counts last, told;
	uint64_t start;
	double told_at;
};

static void tell(struct watch *watch, double at, const struct sample *sample)
{
	struct meter_counts now = counts_of(&watch->meter), since = less(now, watch->told);
	double span = at - watch->told_at;

	fprintf(stderr, "\r%7.1f s  sent %8.3f M/s  back %8.3f M/s  not back %10llu  p50 %8.1f us  p99 %8.1f us ", at,
		(double)since.sent / span / 1e6, (double)(since.forwarded + since.answered) / span / 1e6,
		(unsigned long long)(now.sent - now.forwarded - now.answered), sample->p50_us, sample->p99_us);
	watch->told = now;
	watch->told_at = at;
}

static void take_sample(struct watch *watch, struct outcome *outcome, bool live)
{
	double us = 1e6 / (double)rte_get_tsc_hz();
	struct meter_counts now = counts_of(&watch->meter);
	struct sample sample = { .at_s = (double)(rte_rdtsc() - watch->start) / (double)rte_get_tsc_hz(),
				 .counts = less(now, watch->last) };

	histogram_between(&watch->meter.latency, &watch->before, &watch->between);
	sample.p50_us = us * (double)histogram_quantile(&watch->between, 0.5);
	sample.p99_us = us * (double)histogram_quantile(&watch->between, 0.99);
	watch->last = now;
	if (outcome->samples && outcome->n_samples < SAMPLES_MAX)
		outcome->samples[outcome->n_samples++] = sample;
	if (live && sample.at_s - watch->told_at >= 0.5)
		tell(watch, sample.at_s, &sample);
}

// Runs once; the samples are the caller's to free.
static int run_once(struct session *session, double base, double seconds, struct outcome *outcome)
{
	const struct args *args = session->args;
	bool live = !args->quiet && isatty(STDERR_FILENO);
	struct watch *watch = calloc(1, sizeof(*watch));
	struct run run = { .deck = session->deck, .rate = &session->scenario->rate, .base = base, .seconds = seconds,
			   .limit = args->count, .settle_s = args->settle_s, .n_ports = session->wire->n_ports,
			   .pool = session->wire->pool, .stop = session->stop };

	*outcome = (struct outcome){ .wanted = base, .samples = calloc(SAMPLES_MAX, sizeof(struct sample)) };
	if (!watch || !outcome->samples) {
		free(watch);
		return -ENOMEM;
	}
	run.meter = &watch->meter;
	run.mark = (uint32_t)getpid() << 8 | (++session->runs & 0xff);
	memcpy(run.ports, session->wire->ports, sizeof(run.ports));
	watch->start = rte_rdtsc();
	rte_eal_remote_launch(run_loop, &run, session->wire->lcore);
	while (rte_eal_get_lcore_state(session->wire->lcore) == RUNNING) {
		rte_delay_us_sleep(1000000 / SAMPLES_A_SECOND);
		take_sample(watch, outcome, live);
	}
	rte_eal_wait_lcore(session->wire->lcore);
	take_sample(watch, outcome, false);
	if (live)
		fputs("\n", stderr);
	outcome->sent_s = run.sent_s;
	outcome->counts = counts_of(&watch->meter);
	outcome->latency = quantiles_of(&watch->meter.latency);
	outcome->late = quantiles_of(&watch->meter.late);
	free(watch);
	return 0;
}

static double seconds_of(const struct session *session)
{
	return session->args->seconds > 0 ? session->args->seconds : session->scenario->seconds;
}

int session_run(struct session *session)
{
	double base =
		session->args->rate >= 0 ? session->args->rate : deck_rate(session->deck, &session->scenario->rate);

	return run_once(session, base, seconds_of(session), &session->outcome);
}

double outcome_loss(const struct outcome *outcome)
{
	const struct meter_counts *c = &outcome->counts;
	uint64_t back = c->forwarded + c->answered;

	return c->sent == 0 || back >= c->sent ? 0 : (double)(c->sent - back) / (double)c->sent;
}

// A trial at `rate` (0: as fast as can be); whether it lost no more than was accepted, and kept its rate.
static int trial(struct session *session, double rate, bool *good)
{
	double seconds = session->args->seconds > 0 ? session->args->seconds : TRIAL_SECONDS, got;
	struct outcome *outcome = &session->trials[session->n_trials++];
	int err = run_once(session, rate, seconds, outcome);

	free(outcome->samples);
	outcome->samples = NULL;
	outcome->n_samples = 0;
	if (err)
		return err;
	got = (double)outcome->counts.sent / outcome->sent_s;
	*good = outcome->counts.sent > 0 && outcome_loss(outcome) <= session->args->loss &&
		(rate == 0 || got >= rate * (1 - session->args->resolution));
	if (!session->args->quiet)
		printf("  trial %2u: wanted %11.0f/s, sent %11.0f/s, lost %.6f %%: %s\n", session->n_trials,
		       rate, got, 100 * outcome_loss(outcome), *good ? "good" : "too much");
	if (*good && got > session->found) {
		session->found = got;
		session->outcome = *outcome;
	}
	return 0;
}

int session_search(struct session *session)
{
	double low = 0, high;
	bool good = false;
	int err = trial(session, 0, &good);

	high = (double)session->trials[0].counts.sent / session->trials[0].sent_s;
	while (!err && !good && (high - low) / high > session->args->resolution && session->n_trials < TRIALS_MAX &&
	       !__atomic_load_n(session->stop, __ATOMIC_RELAXED)) {
		double middle = (low + high) / 2;
		bool kept = false;

		err = trial(session, middle, &kept);
		if (kept)
			low = middle;
		else
			high = middle;
	}
	return err;
}

void session_fini(struct session *session)
{
	free(session->outcome.samples);
}
