// SPDX-License-Identifier: BSD-3-Clause
//
// See report.h.
#include "bench/pktgen/report.h"

#include <errno.h>
#include <inttypes.h>
#include <rte_cycles.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void print_quantiles(const char *what, const struct quantiles *q)
{
	if (q->n)
		printf("  %-10s p50 %9.1f  p90 %9.1f  p99 %9.1f  p99.9 %9.1f  max %9.1f us (%" PRIu64 ")\n", what,
		       q->p50, q->p90, q->p99, q->p999, q->max, q->n);
}

void report_print(const struct session *session)
{
	const struct outcome *o = &session->outcome;
	const struct meter_counts *c = &o->counts;
	double s = o->sent_s > 0 ? o->sent_s : 1;
	uint64_t back = c->forwarded + c->answered;

	printf("%s: %s\n", session->scenario->name, session->scenario->about);
	if (session->n_trials)
		printf("  highest rate with at most %g %% lost: %.0f messages a second (%u trials)\n",
		       100 * session->args->loss, session->found, session->n_trials);
	printf("  sent       %12" PRIu64 "  in %.2f s: %.3f M/s, %.3f Gbit/s on the line\n", c->sent, o->sent_s,
	       (double)c->sent / s / 1e6, 8 * ((double)c->sent_bytes + 24.0 * (double)c->sent) / s / 1e9);
	printf("  forwarded  %12" PRIu64 "\n  answered   %12" PRIu64 "\n", c->forwarded, c->answered);
	printf("  not back   %12" PRIu64 "  (%.6f %%)%s\n", c->sent > back ? c->sent - back : 0,
	       100 * outcome_loss(o),
	       c->asked ? ", or more: answers may be acknowledgements of what was forwarded" : "");
	if (c->other)
		printf("  other      %12" PRIu64 "  frames that are no messages\n", c->other);
	print_quantiles("latency", &o->latency);
	print_quantiles("sent late", &o->late);
	if (c->no_mbufs)
		printf("  mbufs were out %" PRIu64 " times: --memory-mb may be too low\n", c->no_mbufs);
}

static json_t *counts_json(const struct meter_counts *counts)
{
	json_t *json = json_object();

#define X(name, text) json_object_set_new(json, text, json_integer((json_int_t)counts->name));
	METER_COUNTS(X)
#undef X
	return json;
}

static json_t *quantiles_json(const struct quantiles *q)
{
	return json_pack("{s:I, s:f, s:f, s:f, s:f, s:f}", "n", (json_int_t)q->n, "p50_us", q->p50, "p90_us", q->p90,
			 "p99_us", q->p99, "p999_us", q->p999, "max_us", q->max);
}

static json_t *samples_json(const struct outcome *outcome)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < outcome->n_samples; i++) {
		const struct sample *sample = &outcome->samples[i];

		json_array_append_new(list, json_pack("{s:f, s:f, s:f, s:o}", "at_s", sample->at_s, "p50_us",
						      sample->p50_us, "p99_us", sample->p99_us, "counts",
						      counts_json(&sample->counts)));
	}
	return list;
}

static json_t *outcome_json(const struct outcome *outcome)
{
	return json_pack("{s:f, s:f, s:f, s:o, s:o, s:o}", "wanted", outcome->wanted, "seconds", outcome->sent_s,
			 "loss", outcome_loss(outcome), "counts", counts_json(&outcome->counts), "latency",
			 quantiles_json(&outcome->latency), "late", quantiles_json(&outcome->late));
}

json_t *report_json(const struct session *session)
{
	json_t *json = outcome_json(&session->outcome), *trials = json_array();
	char when[32];
	time_t now = time(NULL);
	struct tm utc;

	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
	json_object_set_new(json, "scenario", json_string(session->scenario->name));
	json_object_set_new(json, "about", json_string(session->scenario->about));
	json_object_set_new(json, "seed", json_integer((json_int_t)session->scenario->seed));
	json_object_set_new(json, "when", json_string(when));
	json_object_set_new(json, "tsc_hz", json_integer((json_int_t)rte_get_tsc_hz()));
	json_object_set_new(json, "deck", json_pack("{s:i, s:f}", "frames", (int)session->deck->n, "mean_bytes",
						    (double)session->deck->total / session->deck->n));
	if (session->n_trials)
		json_object_set_new(json, "found", json_real(session->found));
	for (unsigned i = 0; i < session->n_trials; i++)
		json_array_append_new(trials, outcome_json(&session->trials[i]));
	json_object_set_new(json, "trials", trials);
	json_object_set_new(json, "samples", samples_json(&session->outcome));
	return json;
}

int report_write_json(const json_t *report, const char *path)
{
	FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
	int err;

	if (!file)
		return -errno;
	err = json_dumpf(report, file, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) < 0 ? -EIO : 0;
	fputc('\n', file);
	if (file != stdout && fclose(file) != 0)
		err = -errno;
	return err;
}
