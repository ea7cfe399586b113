// SPDX-License-Identifier: BSD-3-Clause
//
// Makes the dispatcher and takes it down, see dispatch.h. Main thread, while neither it nor a worker runs.
#include <rte_errno.h>
#include <rte_malloc.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/dispatch.h"

static bool shares_cpu(const struct gateway *gateway)
{
	bool shares = gateway->dispatch_cpu == gateway->main_cpu;

	for (unsigned w = 0; w < gateway->n_workers; w++)
		shares |= gateway->dispatch_cpu == gateway->worker_cpus[w];
	return shares;
}

static uint32_t native_port(const struct listeners *listeners)
{
	bool native = listeners->plain_port && listeners->list[listeners->plain_listener].protocol == WEIR_NATIVE;

	return native ? listeners->plain_port : NO_PORT;
}

static void attach_segment(struct dispatch *dispatch, struct weir_segment *map)
{
	char *base = (char *)map;
	size_t row = map->n_workers - 1;

	dispatch->shared = (struct weir_worker *)(base + map->worker) + row;
	dispatch->published = (struct weir_counters *)(base + map->counters) + row * map->n_ports;
	dispatch->seed = steering_seed(map);
}

static void fill(struct dispatch *dispatch, const struct dispatch_parts *parts)
{
	const struct gateway *gateway = parts->gateway;

	dispatch->lcore = gateway->n_workers + 1u;
	dispatch->n_workers = gateway->n_workers;
	dispatch->n_siblings = gateway->n_siblings;
	memcpy(dispatch->siblings, gateway->siblings, sizeof(dispatch->siblings));
	dispatch->n_ports = parts->n_ports;
	dispatch->ports = parts->ports;
	dispatch->listeners = parts->listeners;
	dispatch->native_port = native_port(parts->listeners);
	dispatch->handover = parts->handover;
	dispatch->steering = parts->steering;
	dispatch->shares_cpu = shares_cpu(gateway);
	dispatch->time_stages = parts->time_stages;
	memcpy(dispatch->voice.secret, parts->secret, sizeof(dispatch->voice.secret));
	for (unsigned i = 0; i < parts->n_ports; i++)
		dispatch->sends[i] = parts->ports[i].dispatcher_sends;
	attach_segment(dispatch, parts->segment);
}

// The rings of one port, one for each worker.
static int rings_create(struct dispatch *dispatch, struct worker *workers, unsigned port)
{
	char name[48];

	for (unsigned w = 0; w < dispatch->n_workers; w++) {
		snprintf(name, sizeof(name), "weir-dispatch-%u-%u", port, w);
		dispatch->ring[port][w] =
			rte_ring_create(name, DISPATCH_RING, SOCKET_ID_ANY,
					RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ);
		if (!dispatch->ring[port][w])
			return -rte_errno;
		workers[w].ring[port] = dispatch->ring[port][w];
		workers[w].shares_cpu |= dispatch->shares_cpu;
	}
	dispatch->poll[dispatch->n_polls++] = (uint8_t)port;
	return 0;
}

struct dispatch *dispatch_create(const struct dispatch_parts *parts, char *why, size_t why_size)
{
	struct dispatch *dispatch =
		rte_zmalloc("weir-dispatch", sizeof(*dispatch), RTE_CACHE_LINE_SIZE);
	int err = dispatch ? 0 : -ENOMEM;

	if (!err)
		fill(dispatch, parts);
	for (unsigned i = 0; err == 0 && i < parts->n_ports; i++)
		if (gateway_dispatches(parts->gateway, i))
			err = rings_create(dispatch, parts->workers, i);
	if (err == 0)
		return dispatch;
	dispatch_destroy(dispatch);
	snprintf(why, why_size, "no memory for the dispatcher (raise dataplane.memory_mb)");
	return NULL;
}

static void ring_destroy(struct rte_ring *ring)
{
	void *mbuf;

	while (ring && rte_ring_sc_dequeue(ring, &mbuf) == 0)
		rte_pktmbuf_free(mbuf);
	rte_ring_free(ring);
}

void dispatch_destroy(struct dispatch *dispatch)
{
	if (!dispatch)
		return;
	for (unsigned i = 0; i < GATEWAY_MAX_PORTS; i++)
		for (unsigned w = 0; w < GATEWAY_MAX_WORKERS; w++)
			ring_destroy(dispatch->ring[i][w]);
	rte_free(dispatch);
}

void dispatch_print_stages(const struct dispatch *dispatch)
{
	static const char *const name[N_DISPATCH_STAGES] = { "rx", "steer", "hand" };

	for (unsigned s = 0; s < N_DISPATCH_STAGES && dispatch->stage_frames; s++)
		fprintf(stderr, "stage %s dispatch: %.1f cycles a frame\n", name[s],
			(double)dispatch->stage_cycles[s] / (double)dispatch->stage_frames);
}
