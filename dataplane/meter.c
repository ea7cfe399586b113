// SPDX-License-Identifier: BSD-3-Clause
//
// Rate limiters, see meter.h. Workers call meter_take and meter_claim; everything else is the main
// thread's. A limiter never admits more than rate * time + burst + one chunk per worker.
#include "dataplane/meter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

// Large arrays that are touched at random: in huge pages where there are some, zeroed, and touched here, so that no
// worker meets a page that is not there.
static void *array_create(size_t size)
{
	volatile uint8_t *array = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (array == MAP_FAILED)
		return NULL;
	madvise((void *)(uintptr_t)array, size, MADV_HUGEPAGE);
	for (size_t at = 0; at < size; at += PAGE)
		array[at] = 0;
	return (void *)(uintptr_t)array;
}

static void array_destroy(void *array, size_t size)
{
	if (array)
		munmap(array, size);
}

static struct meter_profile profile_of(const struct table_meter *meter, uint32_t n_workers,
				       uint64_t ticks_a_second)
{
	uint64_t chunk = meter->rate / 2000, share = meter->burst / (8 * (uint64_t)n_workers);
	struct meter_profile profile;

	profile.increment = (ticks_a_second + meter->rate / 2) / meter->rate;
	profile.tolerance = profile.increment * meter->burst;
	profile.chunk = (uint32_t)(chunk < share ? chunk : share);
	if (profile.chunk == 0)
		profile.chunk = 1;
	return profile;
}

int meters_init(struct meters *meters, uint32_t n, uint32_t n_workers,
		const struct meter_rates *rates)
{
	memset(meters, 0, sizeof(*meters));
	if (n == 0 || rates->n == 0)
		return 0;
	meters->n = n;
	meters->n_workers = n_workers;
	meters->due = array_create(n * sizeof(*meters->due));
	meters->carried = array_create(n * sizeof(*meters->carried));
	meters->credit = calloc(n_workers, sizeof(*meters->credit));
	meters->profiles = calloc(rates->n, sizeof(*meters->profiles));
	if (!meters->due || !meters->carried || !meters->credit || !meters->profiles)
		goto fail;
	for (uint32_t w = 0; w < n_workers; w++) {
		meters->credit[w] = array_create(n * sizeof(uint32_t));
		if (!meters->credit[w])
			goto fail;
	}
	for (uint32_t i = 0; i < rates->n; i++)
		meters->profiles[i] = profile_of(&rates->list[i], n_workers, rates->ticks_a_second);
	return 0;
fail:
	meters_fini(meters);
	return -ENOMEM;
}

void meters_fini(struct meters *meters)
{
	for (uint32_t w = 0; meters->credit && w < meters->n_workers; w++)
		array_destroy(meters->credit[w], meters->n * sizeof(uint32_t));
	array_destroy(meters->due, meters->n * sizeof(*meters->due));
	array_destroy(meters->carried, meters->n * sizeof(*meters->carried));
	free(meters->credit);
	free(meters->profiles);
	memset(meters, 0, sizeof(*meters));
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) > 0 ? a : b;
}

void meter_carry(struct meters *meters, uint32_t to, const struct meters *previous, uint32_t from,
		 uint64_t now)
{
	uint64_t due = later(atomic_load_explicit(&previous->due[from], memory_order_relaxed), now);

	meters->carried[to] = due;
	atomic_store_explicit(&meters->due[to], due, memory_order_relaxed);
}

void meter_settle(struct meters *meters, uint32_t to, const struct meters *previous, uint32_t from)
{
	uint64_t due = atomic_load_explicit(&previous->due[from], memory_order_relaxed);
	uint64_t taken = later(due, meters->carried[to]) - meters->carried[to];

	if (taken)
		atomic_fetch_add_explicit(&meters->due[to], taken, memory_order_relaxed);
}

uint32_t meter_claim(_Atomic uint64_t *due, const struct meter_profile *profile, uint64_t now)
{
	uint64_t was = atomic_load_explicit(due, memory_order_relaxed);

	for (;;) {
		uint64_t base = later(was, now);
		uint64_t ahead = base - now;
		uint64_t room = ahead < profile->tolerance ? profile->tolerance - ahead : 0;
		uint64_t n = profile->chunk;

		if (room < n * profile->increment)
			n = room / profile->increment;
		if (n == 0)
			return 0;
		// lint: allow atomic_compare_exchange once a chunk, see meter.h
		if (atomic_compare_exchange_weak_explicit(due, &was, base + n * profile->increment,
							  memory_order_relaxed,
							  memory_order_relaxed))
			return (uint32_t)n;
	}
}
