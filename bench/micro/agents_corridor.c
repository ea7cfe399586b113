// SPDX-License-Identifier: BSD-3-Clause
//
// agents_corridor SOCKET PAIRS WINDOW_MS: what a frame costs the one worker of the dataplane behind SOCKET while its
// agent channel is read, and while it is full, in turn (read, full, full, read, ...). The cost is the CPU time of the
// worker's own: that of the process less that of its main thread, so that other jobs on the machine are not in it. A
// window begins and ends when the worker publishes its counters, which it does every 256 turns, so both belong to the
// same moment. Prints for each pair `read NS SHARE full NS SHARE`: nanoseconds a frame, and the share of frames that
// found the channel full.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/micro/agents_peer.h"
#include "dataplane/abi/channel.h"

enum { NAP_US = 300, WAIT_MS = 10000 };

struct corridor {
	int socket;
	struct mapping *map;
	clockid_t clock; // of the dataplane's process
	uint64_t at;     // slots read
	bool reads;
	uint8_t copy[64 << 10]; // of a record
};

struct sample {
	uint64_t spent_ns, rx, full;
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t) != 0)
		peer_fail("the dataplane's clock", errno);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

// Of the main thread; what it says is exact while that thread sleeps, which it mostly does.
static uint64_t main_spent_ns(const struct corridor *c)
{
	unsigned pid = c->map->segment->pid;
	unsigned long long ns;
	char path[64];
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%u/task/%u/schedstat", pid, pid);
	in = fopen(path, "re");
	if (!in || fscanf(in, "%llu", &ns) != 1)
		peer_fail(path, in ? EPROTO : errno);
	fclose(in);
	return ns;
}

// Reads what stands in the channel as a control plane does, and gives it back.
static void read_channel(struct corridor *c)
{
	const struct weir_segment *segment = c->map->segment;
	uint64_t head = atomic_load_explicit(&segment_worker(segment, 0)->head, memory_order_acquire);
	struct weir_record record;
	uint64_t before = c->at;
	int slots;

	while ((slots = channel_next(segment, 0, c->at, head, &record)) > 0) {
		size_t size = (size_t)slots * WEIR_SLOT_SIZE - sizeof(record);

		memcpy(c->copy, channel_payload(segment, 0, c->at), size < sizeof(c->copy) ? size : sizeof(c->copy));
		c->at += (unsigned)slots;
	}
	if (slots < 0)
		peer_fail("a record", slots);
	if (c->at != before)
		peer_consumed(c->socket, 0, c->at);
}

static struct sample take_sample(struct corridor *c)
{
	const struct weir_segment *segment = c->map->segment;
	uint64_t turns = atomic_load(&segment_worker(segment, 0)->turns);
	uint64_t give_up = clock_ns(CLOCK_MONOTONIC) + WAIT_MS * UINT64_C(1000000);
	struct weir_counters counters;
	struct sample sample;

	while (atomic_load(&segment_worker(segment, 0)->turns) == turns)
		if (clock_ns(CLOCK_MONOTONIC) > give_up)
			peer_fail("the worker does not turn", ETIMEDOUT);
	sample.spent_ns = clock_ns(c->clock) - main_spent_ns(c);
	if (segment_counters_get(segment, 0, 0, &counters) < 0)
		peer_fail("counters", EAGAIN);
	sample.rx = counters.rx;
	sample.full = counters.disposition[WEIR_AGENTS_FULL];
	return sample;
}

static void pass(struct corridor *c, uint64_t ms)
{
	uint64_t end = clock_ns(CLOCK_MONOTONIC) + ms * 1000000;

	while (clock_ns(CLOCK_MONOTONIC) < end) {
		if (c->reads)
			read_channel(c);
		usleep(NAP_US);
	}
}

// Reads, or lets the channel fill until messages find it full.
static void begin(struct corridor *c, bool reads)
{
	uint64_t give_up = clock_ns(CLOCK_MONOTONIC) + WAIT_MS * UINT64_C(1000000), full = take_sample(c).full;

	c->reads = reads;
	if (reads)
		pass(c, 2); // the first word gives all slots back
	while (!reads && take_sample(c).full == full)
		if (clock_ns(CLOCK_MONOTONIC) > give_up)
			peer_fail("the channel does not fill", ETIMEDOUT);
}

struct window {
	double ns, share; // a frame; of frames that found the channel full
};

static struct window measure(struct corridor *c, bool reads, uint64_t ms)
{
	struct sample before, after;
	double rx;

	begin(c, reads);
	before = take_sample(c);
	pass(c, ms);
	after = take_sample(c);
	rx = (double)(after.rx - before.rx);
	return (struct window){ (double)(after.spent_ns - before.spent_ns) / rx,
				(double)(after.full - before.full) / rx };
}

int main(int argc, char **argv)
{
	static struct corridor c;
	unsigned long pairs, ms;

	if (argc != 4) {
		fputs("usage: agents_corridor SOCKET PAIRS WINDOW_MS\n", stderr);
		return 2;
	}
	pairs = strtoul(argv[2], NULL, 10);
	ms = strtoul(argv[3], NULL, 10);
	c.socket = peer_meet(argv[1], &c.map);
	if (c.map->segment->n_workers != 1 || c.map->segment->n_ports != 1)
		peer_fail("one worker and one port are measured", EINVAL);
	if (clock_getcpuclockid((pid_t)c.map->segment->pid, &c.clock) != 0)
		peer_fail("the dataplane's clock", ESRCH);
	c.at = atomic_load(&segment_worker(c.map->segment, 0)->tail);
	for (unsigned long i = 0; i < pairs; i++) {
		struct window window[2]; // full, read

		for (unsigned turn = 0; turn < 2; turn++) {
			bool reads = (turn + i) % 2 == 0;

			window[reads] = measure(&c, reads, ms);
		}
		printf("read %.4f %.6f full %.4f %.6f\n", window[1].ns, window[1].share, window[0].ns, window[0].share);
		fflush(stdout);
	}
	return 0;
}
