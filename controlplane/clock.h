// SPDX-License-Identifier: BSD-3-Clause
//
// The time of a clock of the kernel's (CLOCK_MONOTONIC, CLOCK_REALTIME, …) as one number. Any thread.
#pragma once

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static inline uint64_t clock_ms(clockid_t clock)
{
	return clock_ns(clock) / 1000000;
}
