// SPDX-License-Identifier: BSD-3-Clause
//
// Workers, see workers.h. Main thread. Worker w runs on lcore w + 1 and owns queue w of every port, but for the
// receive queues of ports that are dispatched (dispatch.h).
#include "dataplane/workers.h"

#include <errno.h>
#include <inttypes.h>
#include <rte_cycles.h>
#include <rte_malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dataplane/reassemble.h"

enum { LINEAR_ROWS = BURST_MAX + 1, LINEAR_SIZE = 65536 + 64 };

// Gives worker `w` its part of the segment.
static void attach_segment(struct worker *worker, struct weir_segment *map)
{
	char *base = (char *)map;
	size_t w = worker->index;

	worker->shared = (struct weir_worker *)(base + map->worker) + w;
	worker->published = (struct weir_counters *)(base + map->counters) + w * map->n_ports;
	worker->named = (uint64_t *)(base + map->named) + w * map->n_names;
	worker->countries = (uint64_t(*)[WEIR_N_PRIORITIES])(base + map->countries) + w * WEIR_N_COUNTRIES;
	worker->zones = (uint64_t *)(base + map->zones) + w * WEIR_MAX_ZONES * WEIR_N_COUNTRIES;
	worker->top = (struct weir_top *)(base + map->tenants) + w * WEIR_TOP_TENANTS;
}

static void worker_fill(struct worker *worker, const struct workers_parts *parts)
{
	worker->lcore = worker->index + 1;
	worker->datagram_id = (uint16_t)(worker->index << 11); // apart for long
	worker->n_ports = parts->n_ports;
	worker->ports = parts->ports;
	worker->listeners = parts->listeners;
	for (unsigned i = 0; i < parts->listeners->n; i++)
		worker->any_foreign |= parts->listeners->list[i].protocol != WEIR_NATIVE;
	worker->pool = parts->pool;
	worker->handover = parts->handover;
	worker->time_stages = parts->time_stages;
	worker->shares_cpu = parts->gateway->worker_cpus[worker->index] == parts->gateway->main_cpu;
	trail_init(&worker->trail, parts->seed, rte_get_tsc_hz());
	memcpy(worker->voice.secret, parts->secret, sizeof(worker->voice.secret));
	attach_segment(worker, parts->segment);
}

// -ENOMEM; workers_destroy then frees what there is.
static int worker_allocate(struct worker *worker, const struct workers_parts *parts)
{
	struct weir_segment *map = parts->segment;
	size_t w = worker->index, ring = (size_t)map->ring_slots * WEIR_SLOT_SIZE;
	uint8_t secret[SIPHASH_KEY_SIZE]; // of nobody else, and for nothing that anyone sees

	worker->linear = mmap(NULL, LINEAR_ROWS * (size_t)LINEAR_SIZE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (worker->linear == MAP_FAILED ||
	    punt_init(&worker->punt, (uint8_t *)map + map->ring + w * ring, map->ring_slots) < 0)
		return -ENOMEM;
	if (agent_lane_init(&worker->agent_lane, worker->index) < 0)
		return -ENOMEM;
	arc4random_buf(secret, sizeof(secret));
	if (worker->any_foreign &&
	    memory_init(&worker->memory, parts->gateway->retransmissions, secret, rte_get_tsc_hz()) < 0)
		return -ENOMEM;
	if (lane_init(&worker->lane, worker->index) < 0)
		return -ENOMEM;
	if (reassemble_init(worker, parts->gateway, parts->pool->populated_size, parts->seed) < 0)
		return -ENOMEM;
	for (unsigned i = 0; i < parts->n_ports; i++) {
		if (gateway_dispatches(parts->gateway, i) || w < parts->ports[i].n_queues)
			worker->poll[worker->n_polls++] = (uint8_t)i;
		if (tx_init(&worker->tx[i], parts->ports[i].queue[w].device,
			    parts->ports[i].queue[w].number, parts->gateway->tx_staging) < 0)
			return -ENOMEM;
		worker->tx[i].frame_max = parts->ports[i].mtu + 14u + 2 * 4; // Ethernet and two tags
	}
	return 0;
}

struct worker *workers_create(const struct workers_parts *parts, char *why, size_t why_size)
{
	unsigned n = parts->gateway->n_workers;
	struct worker *workers =
		rte_zmalloc("weir-workers", n * sizeof(*workers), RTE_CACHE_LINE_SIZE);
	int err = workers ? 0 : -ENOMEM;

	for (unsigned w = 0; err == 0 && w < n; w++) {
		workers[w].index = w;
		worker_fill(&workers[w], parts);
		err = worker_allocate(&workers[w], parts);
	}
	if (err == 0)
		return workers;
	workers_destroy(workers, n);
	snprintf(why, why_size, "no memory for the workers (raise dataplane.memory_mb)");
	return NULL;
}

void workers_destroy(struct worker *workers, unsigned n)
{
	for (unsigned w = 0; workers && w < n; w++) {
		struct worker *worker = &workers[w];

		for (unsigned i = 0; i < worker->n_ports; i++)
			tx_fini(&worker->tx[i]);
		punt_fini(&worker->punt);
		memory_fini(&worker->memory);
		lane_fini(&worker->lane);
		reassemble_fini(worker);
		agent_lane_fini(&worker->agent_lane);
		if (worker->linear && worker->linear != MAP_FAILED)
			munmap(worker->linear, LINEAR_ROWS * (size_t)LINEAR_SIZE);
	}
	rte_free(workers);
}

static void print_windows(const struct worker *worker, unsigned w)
{
	double hz = (double)rte_get_tsc_hz();
	uint64_t oldest = worker->window ? worker->window->generation + 1 : 0;

	for (unsigned i = 0; i < TURN_WINDOWS; i++) {
		const struct turn_window *window = &worker->windows[(oldest + i) % TURN_WINDOWS];

		if (window->began)
			fprintf(stderr, "turns worker %u generation %" PRIu64 ": longest %.1f us in %.3f s\n", w,
				window->generation, (double)window->longest / hz * 1e6,
				(double)(window->last - window->began) / hz);
	}
}

// Cycles that the given share of a worker's frames took at most from parse to verdict.
static unsigned triaged_within(const struct worker *worker, double share)
{
	uint64_t all = 0, seen = 0;
	unsigned bin = 0;

	for (unsigned i = 0; i < TRIAGE_BINS; i++)
		all += worker->triaged[i];
	while (bin < TRIAGE_BINS - 1 && (double)(seen += worker->triaged[bin]) < share * (double)all)
		bin++;
	return (bin + 1) * TRIAGE_STEP;
}

void workers_print_stages(const struct worker *workers, unsigned n)
{
	static const char *const name[N_STAGES] = { "rx",     "parse", "decode", "classify",
						    "police", "act",   "tx" };

	for (unsigned w = 0; w < n; w++) {
		const struct worker *worker = &workers[w];

		for (unsigned s = 0; s < N_STAGES && worker->stage_frames; s++)
			fprintf(stderr, "stage %s worker %u: %.1f cycles a frame\n", name[s], w,
				(double)worker->stage_cycles[s] / (double)worker->stage_frames);
		if (worker->stage_frames)
			fprintf(stderr, "triage worker %u: p10 %u, p50 %u, p90 %u cycles a frame\n", w,
				triaged_within(worker, 0.1), triaged_within(worker, 0.5),
				triaged_within(worker, 0.9));
		print_windows(worker, w);
	}
}
