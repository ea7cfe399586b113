// SPDX-License-Identifier: BSD-3-Clause
//
// Numbers that look random and are the same for the same seed on every machine: splitmix64 (Steele, Lea, Flood
// 2014), which passes BigCrush and needs one word of state.
#pragma once

#include <stdint.h>

struct random {
	uint64_t state;
};

static inline uint64_t random_next(struct random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

// 0 to below `n`; n at most 2^32.
static inline uint32_t random_below(struct random *random, uint64_t n)
{
	return (uint32_t)((random_next(random) >> 32) * n >> 32);
}

// 0 to below 1.
static inline double random_share(struct random *random)
{
	return (double)(random_next(random) >> 11) * 0x1p-53;
}
