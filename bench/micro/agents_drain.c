// SPDX-License-Identifier: BSD-3-Clause
//
// agents_drain SOCKET SPOOL SPOOL_MB SECONDS [--times]: a control plane that does nothing but store: the consumer and
// the spool of weir-controlplane, on the agent channels of the dataplane behind SOCKET, acknowledged as it does. After
// a quarter of a second to warm up it prints `messages N batches N seconds S p50_ms A p99_ms B`; with --times A and B
// are of the times from each record's received_ns to the moment when its commit was known, else 0. Exit status 3
// where something fails.
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "bench/micro/agents_peer.h"
#include "controlplane/consumer.h"
#include "dataplane/abi/channel.h"

enum { TICK_US = 10, TICKS = 1000000, WARM_UP_MS = 250 };

struct drain {
	int socket, wake;
	struct mapping *map;
	struct spool *spool;
	struct consumer *consumer;
	bool times, counting;
	uint64_t durable[WEIR_MAX_WORKERS]; // acknowledged up to here
	uint64_t batches, timed;
	uint32_t ticks[TICKS]; // messages by their time, TICK_US each, the last for all that is longer
};

static uint64_t clock_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

// Times of the records that have just become durable; they stand in the ring until they are acknowledged.
static void time_records(struct drain *d, unsigned worker, uint64_t to)
{
	uint64_t now = clock_us(CLOCK_REALTIME), at = d->durable[worker];
	struct weir_record record;
	int slots;

	while (at < to && (slots = channel_next(d->map->segment, worker, at, to, &record)) > 0) {
		uint64_t us = now - record.received_ns / 1000, tick = us / TICK_US;

		at += (unsigned)slots;
		if (record.kind == WEIR_RECORD_PAD)
			continue;
		d->ticks[tick < TICKS ? tick : TICKS - 1]++;
		d->timed++;
	}
}

static void acknowledge(struct drain *d)
{
	uint64_t consumed[WEIR_MAX_WORKERS];
	unsigned n = consumer_consumed(d->consumer, consumed);

	for (unsigned w = 0; w < n; w++) {
		if (consumed[w] == d->durable[w])
			continue;
		if (d->times && d->counting)
			time_records(d, w, consumed[w]);
		peer_consumed(d->socket, w, consumed[w]);
		d->durable[w] = consumed[w];
	}
}

static void run_until(struct drain *d, uint64_t end_us)
{
	struct pollfd news = { .fd = d->wake, .events = POLLIN };
	uint64_t now;

	while ((now = clock_us(CLOCK_MONOTONIC)) < end_us) {
		eventfd_t batches;

		if (poll(&news, 1, (int)((end_us - now) / 1000) + 1) < 1 || eventfd_read(d->wake, &batches) != 0)
			continue;
		d->batches += batches;
		acknowledge(d);
	}
}

static double quantile_ms(const struct drain *d, double share)
{
	uint64_t below = 0;

	for (unsigned i = 0; i < TICKS; i++) {
		below += d->ticks[i];
		if (below && (double)below >= share * (double)d->timed)
			return (double)(i + 1) * TICK_US / 1000;
	}
	return 0;
}

static void measure(struct drain *d, double seconds)
{
	struct consumer_status before, after;
	uint64_t began;

	run_until(d, clock_us(CLOCK_MONOTONIC) + WARM_UP_MS * 1000);
	consumer_status(d->consumer, &before);
	d->batches = 0;
	d->counting = true;
	began = clock_us(CLOCK_MONOTONIC);
	run_until(d, began + (uint64_t)(seconds * 1e6));
	consumer_status(d->consumer, &after);
	if (after.stalled)
		peer_fail("the spool takes nothing", after.stalled);
	printf("messages %llu batches %llu seconds %.6f p50_ms %.2f p99_ms %.2f\n",
	       (unsigned long long)(after.stored - before.stored), (unsigned long long)d->batches,
	       (double)(clock_us(CLOCK_MONOTONIC) - began) / 1e6, quantile_ms(d, 0.5), quantile_ms(d, 0.99));
}

int main(int argc, char **argv)
{
	static struct drain d;
	char why[600], run_folder[108];

	if (argc < 5 || argc > 6) {
		fputs("usage: agents_drain SOCKET SPOOL SPOOL_MB SECONDS [--times]\n", stderr);
		return 2;
	}
	d.times = argc == 6;
	d.socket = peer_meet(argv[1], &d.map);
	d.spool = spool_open(argv[2], (uint32_t)atoi(argv[3]), false, why, sizeof(why));
	if (!d.spool)
		peer_fail(why, EINVAL);
	d.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	snprintf(run_folder, sizeof(run_folder), "%s", argv[1]);
	*strrchr(run_folder, '/') = '\0';
	d.consumer = consumer_create(d.spool, run_folder, (uint32_t)atoi(argv[3]), d.wake);
	if (!d.consumer)
		peer_fail("the consumer", errno);
	consumer_attach(d.consumer, d.map);
	measure(&d, atof(argv[4]));
	consumer_destroy(d.consumer);
	spool_close(d.spool);
	return 0;
}
