// SPDX-License-Identifier: BSD-3-Clause
//
// See histogram.h.
#include "bench/pktgen/histogram.h"

uint64_t histogram_value(unsigned bucket)
{
	unsigned shift;

	if (bucket < 2u << HISTOGRAM_BITS)
		return bucket;
	shift = (bucket >> HISTOGRAM_BITS) - 1;
	return (((uint64_t)bucket - ((uint64_t)shift << HISTOGRAM_BITS)) << shift) + ((UINT64_C(1) << shift) - 1);
}

void histogram_between(const struct histogram *now, struct histogram *before, struct histogram *between)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t count = __atomic_load_n(&now->counts[i], __ATOMIC_RELAXED);

		between->counts[i] = count - before->counts[i];
		before->counts[i] = count;
	}
}

uint64_t histogram_count(const struct histogram *histogram)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		sum += histogram->counts[i];
	return sum;
}

uint64_t histogram_quantile(const struct histogram *histogram, double share)
{
	uint64_t n = histogram_count(histogram), seen = 0;
	double wanted = share * (double)n;

	for (unsigned i = 0; n && i < HISTOGRAM_BUCKETS; i++) {
		seen += histogram->counts[i];
		if (seen > 0 && (double)seen >= wanted)
			return histogram_value(i);
	}
	return 0;
}
