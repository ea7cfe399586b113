// SPDX-License-Identifier: BSD-3-Clause
//
// The segment's layout, its check by readers, and consistent reads of counter blocks. Any thread of
// any process. Refuses a segment in which some array would leave the file.
#include "dataplane/abi/segment.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { N_ARRAYS = 10, SPINS = 1000 };
#define WRITER_PATIENCE_NS UINT64_C(100000000) // a preempted writer comes back long before

struct array { // one of the arrays behind the header
	const char *name;
	uint64_t *offset;
	uint64_t size; // bytes
};

static void segment_arrays(struct weir_segment *s, struct array out[N_ARRAYS])
{
	uint64_t workers = s->n_workers, ports = s->n_ports, names = s->n_names;
	const struct array arrays[N_ARRAYS] = {
		{ "counters", &s->counters, workers * ports * sizeof(struct weir_counters) },
		{ "worker", &s->worker, workers * sizeof(struct weir_worker) },
		{ "names", &s->names, names * sizeof(struct weir_name) },
		{ "named", &s->named, workers * names * sizeof(uint64_t) },
		{ "countries", &s->countries, workers * WEIR_N_COUNTRIES * WEIR_N_PRIORITIES * sizeof(uint64_t) },
		{ "zones", &s->zones, workers * WEIR_MAX_ZONES * WEIR_N_COUNTRIES * sizeof(uint64_t) },
		{ "tenants", &s->tenants, workers * WEIR_TOP_TENANTS * sizeof(struct weir_top) },
		{ "ports", &s->ports, ports * sizeof(struct weir_port) },
		{ "ring", &s->ring, workers * s->ring_slots * WEIR_SLOT_SIZE },
		{ "state", &s->state, sizeof(struct weir_state) },
	};

	memcpy(out, arrays, sizeof(arrays));
}

void segment_layout(struct weir_segment *segment)
{
	struct array arrays[N_ARRAYS];
	uint64_t at = WEIR_SEGMENT_HEADER;

	segment->magic = WEIR_SEGMENT_MAGIC;
	segment->abi = WEIR_SEGMENT_ABI;
	segment_arrays(segment, arrays);
	for (unsigned i = 0; i < N_ARRAYS; i++) {
		*arrays[i].offset = at;
		at = (at + arrays[i].size + 63) & ~UINT64_C(63);
	}
	segment->size = at;
}

static int refuse(char *why, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int refuse(char *why, size_t size, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(why, size, format, list);
	va_end(list);
	return -EINVAL;
}

static int check_counts(const struct weir_segment *s, char *why, size_t size)
{
	if (s->n_workers < 1 || s->n_workers > WEIR_MAX_WORKERS)
		return refuse(why, size, "%u workers, not 1 to %u", s->n_workers, (unsigned)WEIR_MAX_WORKERS);
	if (s->n_dispatchers > 1 || s->n_dispatchers >= s->n_workers)
		return refuse(why, size, "%u dispatchers of %u workers", s->n_dispatchers, s->n_workers);
	if (s->n_ports < 1 || s->n_ports > WEIR_MAX_PORTS)
		return refuse(why, size, "%u ports, not 1 to %u", s->n_ports, (unsigned)WEIR_MAX_PORTS);
	if (s->n_names < 1 || s->n_names > WEIR_MAX_NAMES)
		return refuse(why, size, "%u names, not 1 to %u", s->n_names, (unsigned)WEIR_MAX_NAMES);
	if (s->ring_slots < 2 || s->ring_slots > WEIR_MAX_RING_SLOTS || (s->ring_slots & (s->ring_slots - 1)))
		return refuse(why, size, "%u ring slots, not a power of two up to %u", s->ring_slots,
			      (unsigned)WEIR_MAX_RING_SLOTS);
	return 0;
}

int segment_check(const struct weir_segment *segment, size_t size, struct weir_segment *checked, char *why,
		  size_t why_size)
{
	struct weir_segment copy;
	struct array arrays[N_ARRAYS];
	int err;

	if (size < WEIR_SEGMENT_HEADER)
		return refuse(why, why_size, "%zu bytes, shorter than the header's %u", size,
			      (unsigned)WEIR_SEGMENT_HEADER);
	segment_copy(&copy, segment, sizeof(copy));
	if (copy.magic != WEIR_SEGMENT_MAGIC)
		return refuse(why, why_size, "wrong magic, not a segment");
	if (copy.abi != WEIR_SEGMENT_ABI)
		return refuse(why, why_size, "ABI %u, this program knows %u", copy.abi, WEIR_SEGMENT_ABI);
	if (copy.size != size)
		return refuse(why, why_size, "header says %llu bytes, the file has %zu",
			      (unsigned long long)copy.size, size);
	err = check_counts(&copy, why, why_size);
	if (err)
		return err;
	segment_arrays(&copy, arrays);
	for (unsigned i = 0; i < N_ARRAYS; i++) {
		uint64_t offset = *arrays[i].offset;

		if (offset % 64 || offset < WEIR_SEGMENT_HEADER || offset > size || arrays[i].size > size - offset)
			return refuse(why, why_size, "%s at %llu of %llu bytes does not stand in the file",
				      arrays[i].name, (unsigned long long)offset, (unsigned long long)arrays[i].size);
	}
	*checked = copy;
	return 0;
}

void segment_copy(void *to, const void *from, size_t size)
{
	const uint64_t *word = from;
	uint64_t *copy = to;

	for (size_t i = 0; i < size / sizeof(*word); i++)
		copy[i] = __atomic_load_n(&word[i], __ATOMIC_RELAXED);
}
static_assert(sizeof(struct weir_segment) % 8 == 0 && sizeof(struct weir_name) % 8 == 0 &&
	      offsetof(struct weir_port, kernel) % 8 == 0, "what readers copy is whole words");

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

bool segment_wait(struct segment_wait *wait)
{
	if (++wait->spins % SPINS)
		return true;
	sched_yield();
	if (wait->give_up_ns == 0)
		wait->give_up_ns = now_ns() + WRITER_PATIENCE_NS;
	return now_ns() <= wait->give_up_ns;
}

// One try; whether the writer stayed away meanwhile.
static bool counters_copy(const struct weir_counters *from, struct weir_counters *out)
{
	uint64_t before = atomic_load_explicit(&from->sequence, memory_order_acquire);
	const size_t first = offsetof(struct weir_counters, rx);

	segment_copy((char *)out + first, (const char *)from + first, sizeof(*out) - first);
	atomic_thread_fence(memory_order_acquire);
	atomic_store_explicit(&out->sequence, before, memory_order_relaxed);
	return before % 2 == 0 && atomic_load_explicit(&from->sequence, memory_order_relaxed) == before;
}
static_assert(offsetof(struct weir_counters, sequence) == 0, "counters_copy takes it apart from the rest");
static_assert(sizeof(struct weir_counters) % sizeof(uint64_t) == 0, "whole words");

int segment_counters_get(const struct weir_segment *segment, unsigned worker, unsigned port, struct weir_counters *out)
{
	const struct weir_counters *block = segment_at(segment, segment->counters);
	struct segment_wait wait = { 0 };

	block += (size_t)worker * segment->n_ports + port;
	while (!counters_copy(block, out))
		if (!segment_wait(&wait))
			return -EAGAIN;
	return 0;
}

void segment_counters_put(struct weir_counters *to, const struct weir_counters *from)
{
	uint64_t sequence = atomic_load_explicit(&to->sequence, memory_order_relaxed);
	const size_t first = offsetof(struct weir_counters, rx);

	atomic_store_explicit(&to->sequence, sequence + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	memcpy((char *)to + first, (const char *)from + first, sizeof(*to) - first);
	atomic_store_explicit(&to->sequence, sequence + 2, memory_order_release);
}

void segment_port_get(const struct weir_segment *segment, unsigned port, struct weir_counters *out)
{
	unsigned n = segment->n_workers, workers = n - segment->n_dispatchers;
	uint64_t taken = 0;

	for (unsigned w = 0; w < n; w++)
		segment_counters_get(segment, w, port, &out[w]);
	for (unsigned w = 0; w < workers; w++)
		taken += out[w].rx;
	for (unsigned w = workers; w < n; w++) {
		// Workers may have shown already what the dispatcher has not: then nothing is in between.
		uint64_t between = out[w].handed > taken ? out[w].handed - taken : 0;

		out[w].rx += between;
		out[w].disposition[WEIR_HELD] += between;
	}
}
