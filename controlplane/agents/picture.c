// SPDX-License-Identifier: BSD-3-Clause
//
// Samples of the segment's counters, and what they say as JSON. Rates are what was counted between two samples of one
// start of a dataplane, over the time between them; a second without a dataplane has none. Counters are another
// process's: whatever they do, a rate is a number that is not negative. Desk's thread.
#include "controlplane/agents/picture.h"

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/abi/stats.h"

// Samples of tenants are kept apart and less often; the share of the last minute counts from the oldest one.
enum { STEP_MS = 1000, TOPS = 7, TOP_STEP_MS = 10000, N_RATES = WEIR_HELD };

static_assert(WEIR_HELD == WEIR_N_DISPOSITIONS - 1, "all but `held`, which is no rate");

struct counts {
	uint64_t rx, disposition[WEIR_N_DISPOSITIONS], priority[WEIR_N_PRIORITIES];
};

struct sample {
	uint64_t at_ms;
	bool known;          // there is a sample before it, of the same dataplane
	struct counts rates; // a second
};

struct top {
	uint64_t at_ms;
	uint32_t *samples; // as stats_samples has it
};

struct picture {
	uint8_t boot[WEIR_BOOT_ID_SIZE];
	bool there; // `last` is of that boot
	uint64_t last_ms;
	struct counts last;
	uint64_t number; // of the newest sample; the first is 1
	struct sample sample[PICTURE_SAMPLES];
	struct top top[TOPS]; // oldest first
	unsigned n_tops;
};

struct picture *picture_create(void)
{
	return calloc(1, sizeof(struct picture));
}

static void forget_tops(struct picture *picture)
{
	while (picture->n_tops > 0)
		free(picture->top[--picture->n_tops].samples);
}

void picture_destroy(struct picture *picture)
{
	if (!picture)
		return;
	forget_tops(picture);
	free(picture);
}

static void read_counts(const struct weir_segment *segment, struct counts *counts)
{
	static struct weir_counters rows[WEIR_MAX_WORKERS]; // desk's thread alone

	*counts = (struct counts){ 0 };
	for (unsigned port = 0; port < segment->n_ports; port++) {
		segment_port_get(segment, port, rows);
		for (unsigned w = 0; w < segment->n_workers; w++) {
			counts->rx += rows[w].rx;
			for (unsigned d = 0; d < WEIR_N_DISPOSITIONS; d++)
				counts->disposition[d] += rows[w].disposition[d];
		}
	}
	for (unsigned p = 0; p < WEIR_N_PRIORITIES; p++)
		counts->priority[p] = stats_priority(segment, p);
}

static uint64_t rate(uint64_t before, uint64_t now, uint64_t ms)
{
	uint64_t n = now > before ? now - before : 0;

	return n < UINT64_MAX / 2000 ? (n * 1000 + ms / 2) / ms : n / ms * 1000;
}

static void set_rates(struct counts *rates, const struct counts *before, const struct counts *now, uint64_t ms)
{
	rates->rx = rate(before->rx, now->rx, ms);
	for (unsigned d = 0; d < WEIR_N_DISPOSITIONS; d++)
		rates->disposition[d] = rate(before->disposition[d], now->disposition[d], ms);
	for (unsigned p = 0; p < WEIR_N_PRIORITIES; p++)
		rates->priority[p] = rate(before->priority[p], now->priority[p], ms);
}

// Keeps what tenants were counted every ten seconds, for as long as the last minute needs it.
static void keep_top(struct picture *picture, const struct weir_segment *segment, uint64_t now_ms)
{
	uint32_t *samples = NULL;

	if (picture->n_tops > 0 && now_ms - picture->top[picture->n_tops - 1].at_ms < TOP_STEP_MS)
		return;
	if (picture->n_tops == TOPS) {
		samples = picture->top[0].samples;
		memmove(picture->top, picture->top + 1, (TOPS - 1) * sizeof(picture->top[0]));
		picture->n_tops--;
	} else {
		samples = calloc((size_t)segment->n_workers * WEIR_TOP_TENANTS, sizeof(*samples));
	}
	if (!samples)
		return; // once more in a second
	stats_samples(segment, samples);
	picture->top[picture->n_tops++] = (struct top){ now_ms, samples };
}

void picture_take(struct picture *picture, const struct weir_segment *segment, uint64_t now_ms)
{
	struct sample *sample = &picture->sample[picture->number++ % PICTURE_SAMPLES];
	struct counts now;

	*sample = (struct sample){ .at_ms = now_ms };
	if (!segment || !picture->there || memcmp(picture->boot, segment->boot_id, WEIR_BOOT_ID_SIZE) != 0)
		forget_tops(picture);
	if (!segment) {
		picture->there = false;
		return;
	}
	read_counts(segment, &now);
	sample->known = picture->there && now_ms > picture->last_ms &&
			memcmp(picture->boot, segment->boot_id, WEIR_BOOT_ID_SIZE) == 0;
	if (sample->known)
		set_rates(&sample->rates, &picture->last, &now, now_ms - picture->last_ms);
	picture->there = true;
	memcpy(picture->boot, segment->boot_id, WEIR_BOOT_ID_SIZE);
	picture->last = now;
	picture->last_ms = now_ms;
	keep_top(picture, segment, now_ms);
}

// One column: the rates of one thing, null where they are not known.
static json_t *column(const struct picture *picture, uint64_t after, size_t offset)
{
	json_t *array = json_array();

	for (uint64_t n = after; n < picture->number; n++) {
		const struct sample *sample = &picture->sample[n % PICTURE_SAMPLES];
		uint64_t value;

		memcpy(&value, (const char *)&sample->rates + offset, sizeof(value));
		json_array_append_new(array, sample->known ? json_integer((json_int_t)value) : json_null());
	}
	return array;
}

static json_t *rates_json(const struct picture *picture, uint64_t after)
{
	json_t *dispositions = json_object(), *priorities = json_object(), *times = json_array();

	for (uint64_t n = after; n < picture->number; n++)
		json_array_append_new(times, json_integer((json_int_t)picture->sample[n % PICTURE_SAMPLES].at_ms));
	for (unsigned d = 0; d < N_RATES; d++)
		json_object_set_new(dispositions, weir_disposition_name(d),
				    column(picture, after, offsetof(struct counts, disposition[d])));
	for (unsigned p = 0; p < WEIR_N_PRIORITIES; p++)
		json_object_set_new(priorities, weir_priority_name(p),
				    column(picture, after, offsetof(struct counts, priority[p])));
	return json_pack("{s:o, s:o, s:o, s:o}", "at_ms", times, "dispositions", dispositions, "priorities", priorities,
			 "rx", column(picture, after, offsetof(struct counts, rx)));
}

// The books of the newest sample: both sides are of the same copies of the counters.
static json_t *books_json(const struct picture *picture)
{
	json_t *dispositions;

	if (!picture->there)
		return json_null();
	dispositions = json_object();
	for (unsigned d = 0; d < WEIR_N_DISPOSITIONS; d++)
		json_object_set_new(dispositions, weir_disposition_name(d),
				    json_integer((json_int_t)picture->last.disposition[d]));
	return json_pack("{s:I, s:o}", "rx", (json_int_t)picture->last.rx, "dispositions", dispositions);
}

// The busiest tenants of the last minute, or since the dataplane was started where that is less. `ms`: that time.
static json_t *tenants_json(const struct picture *picture, const struct weir_segment *segment, uint64_t *ms)
{
	uint64_t started_ms = segment ? segment->started_ns / 1000000 : 0;
	const struct top *oldest = &picture->top[0];

	*ms = 0;
	if (!segment || picture->n_tops == 0 || memcmp(picture->boot, segment->boot_id, WEIR_BOOT_ID_SIZE) != 0)
		return json_array();
	if (started_ms <= picture->last_ms && picture->last_ms - started_ms < (TOPS - 1) * TOP_STEP_MS) {
		*ms = picture->last_ms - started_ms;
		return stats_tenants(segment, NULL);
	}
	*ms = picture->last_ms - oldest->at_ms;
	return stats_tenants(segment, oldest->samples);
}

json_t *picture_json(const struct picture *picture, const struct weir_segment *segment, uint64_t after)
{
	uint64_t kept = picture->number < PICTURE_SAMPLES ? picture->number : PICTURE_SAMPLES;
	uint64_t started_ms = segment ? segment->started_ns / 1000000 : 0, tenants_ms;
	json_t *tenants = tenants_json(picture, segment, &tenants_ms);
	json_t *generation = json_null(), *started = json_null();

	if (after > picture->number || after < picture->number - kept)
		after = picture->number - kept;
	if (segment) {
		generation = json_integer((json_int_t)atomic_load(&segment_state(segment)->generation));
		started = json_integer((json_int_t)started_ms);
	}
	return json_pack("{s:b, s:o, s:o, s:I, s:i, s:o, s:o, s:I, s:o}", "connected", segment != NULL, "generation",
			 generation, "started_ms", started, "first", (json_int_t)after + 1, "step_ms", (int)STEP_MS,
			 "rates", rates_json(picture, after), "books", books_json(picture), "tenants_ms",
			 (json_int_t)tenants_ms, "tenants", tenants);
}
