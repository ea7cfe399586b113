// SPDX-License-Identifier: BSD-3-Clause
//
// Dealing of buckets, see steer_deal.h. Each bucket has a home among the workers, as with equal weights. A worker that
// must have fewer gives up some, one that must have more gets of these, always in one fixed order; then each sibling
// takes its share in an order of its own. Orders step through the buckets by an odd number, which takes from all
// homes alike.
#include "controlplane/steer_deal.h"

#include <string.h>

enum { N = WEIR_STEER_BUCKETS, STEP = 2531, APART = 1327 };

// The `i`th bucket of order `which`.
static unsigned nth(unsigned which, unsigned i)
{
	return (i * STEP + which * APART) % N;
}

void steer_wish_init(struct steer_wish *wish, const struct gateway *gateway)
{
	memset(wish, 0, sizeof(*wish));
	wish->n_workers = gateway->n_workers;
	wish->n_siblings = gateway->n_siblings;
	memset(wish->weight, STEER_WEIGHT_MAX, wish->n_workers);
}

// How many buckets each worker gets: the whole parts, and what is left one each to the largest rests.
static void quotas(const struct steer_wish *wish, unsigned quota[GATEWAY_MAX_WORKERS])
{
	unsigned rest[GATEWAY_MAX_WORKERS], sum = 0, left = N;

	for (unsigned w = 0; w < wish->n_workers; w++)
		sum += wish->weight[w];
	for (unsigned w = 0; w < wish->n_workers; w++) {
		quota[w] = N * wish->weight[w] / sum;
		rest[w] = N * wish->weight[w] % sum;
		left -= quota[w];
	}
	for (; left > 0; left--) {
		unsigned most = 0;

		for (unsigned w = 1; w < wish->n_workers; w++)
			if (rest[w] > rest[most])
				most = w;
		quota[most]++;
		rest[most] = 0;
	}
}

// The next worker from `from` on that lacks buckets.
static unsigned lacking(const struct steer_wish *wish, const unsigned *has, const unsigned *quota,
			unsigned from)
{
	unsigned w = from % wish->n_workers;

	while (has[w] >= quota[w])
		w = (w + 1) % wish->n_workers;
	return w;
}

static void deal_workers(const struct steer_wish *wish, uint8_t *bucket)
{
	unsigned quota[GATEWAY_MAX_WORKERS], has[GATEWAY_MAX_WORKERS] = { 0 };
	uint16_t pool[N];
	unsigned n = 0;

	quotas(wish, quota);
	for (unsigned b = 0; b < N; b++) {
		bucket[b] = (uint8_t)(b % wish->n_workers);
		has[bucket[b]]++;
	}
	for (unsigned i = 0; i < N; i++) {
		unsigned b = nth(0, i), home = bucket[b];

		if (has[home] <= quota[home])
			continue;
		has[home]--;
		pool[n++] = (uint16_t)b;
	}
	for (unsigned i = 0; i < n; i++) {
		unsigned w = lacking(wish, has, quota, i);

		has[w]++;
		bucket[pool[i]] = (uint8_t)w;
	}
}

void steer_deal(const struct steer_wish *wish, uint8_t bucket[WEIR_STEER_BUCKETS])
{
	deal_workers(wish, bucket);
	for (unsigned s = 0; s < wish->n_siblings; s++) {
		unsigned left = (N * wish->percent[s] + 50) / 100;

		for (unsigned i = 0; i < N && left > 0; i++) {
			unsigned b = nth(s + 1, i);

			if (bucket[b] & WEIR_STEER_SIBLING)
				continue;
			bucket[b] = (uint8_t)(WEIR_STEER_SIBLING | s);
			left--;
		}
	}
}
