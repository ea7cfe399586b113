// SPDX-License-Identifier: BSD-3-Clause
//
// The triage picture for operators who look on: messages a second by disposition and priority over the last minutes,
// busiest tenants of the last one, the books. A sample each second is taken from the segment, whoever looks, so
// that a page that is opened shows what was before, and many pages cost no more than one. Desk's thread.
#pragma once

#include <jansson.h>
#include <stdint.h>

struct picture;
struct weir_segment;

enum { PICTURE_SAMPLES = 300 }; // kept; one a second

// NULL when memory is out.
struct picture *picture_create(void);
void picture_destroy(struct picture *picture);

// Takes a sample at `now_ms` (CLOCK_REALTIME) of the segment of the dataplane that is connected, NULL: none is. What it
// counts from is the sample before, so the first one of a dataplane shows no rates.
void picture_take(struct picture *picture, const struct weir_segment *segment, uint64_t now_ms);

// The object Picture of docs/api.yaml, with the samples whose numbers are above `after` (all that are kept, where
// `after` is no number of ours). `segment` as above; tenants have no names yet. A new reference, NULL when memory is
// out.
json_t *picture_json(const struct picture *picture, const struct weir_segment *segment, uint64_t after);
