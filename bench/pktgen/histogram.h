// SPDX-License-Identifier: BSD-3-Clause
//
// Durations, each to three significant digits over the whole range of 64 bits: buckets of one below 2,048, then 1,024
// for each power of two, as HdrHistogram has them. One writer; others may read while it writes, and see each bucket of
// some moment.
#pragma once

#include <stdint.h>

enum { HISTOGRAM_BITS = 10, HISTOGRAM_BUCKETS = (64 - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS };

struct histogram {
	uint64_t counts[HISTOGRAM_BUCKETS];
};

static inline unsigned histogram_bucket(uint64_t value)
{
	unsigned shift;

	if (value < 2u << HISTOGRAM_BITS)
		return (unsigned)value;
	shift = 63u - (unsigned)__builtin_clzll(value) - HISTOGRAM_BITS;
	return (shift << HISTOGRAM_BITS) + (unsigned)(value >> shift);
}

static inline void histogram_push(struct histogram *histogram, uint64_t value)
{
	uint64_t *count = &histogram->counts[histogram_bucket(value)];

	__atomic_store_n(count, *count + 1, __ATOMIC_RELAXED);
}

// The largest value of a bucket.
uint64_t histogram_value(unsigned bucket);

// `now` less `before` into `before`, which becomes `now`: what came between two looks is left in `between`.
void histogram_between(const struct histogram *now, struct histogram *before, struct histogram *between);

// Number of values, and the value that `share` (0 to 1) of them do not exceed; 0 where there is none.
uint64_t histogram_count(const struct histogram *histogram);
uint64_t histogram_quantile(const struct histogram *histogram, double share);
