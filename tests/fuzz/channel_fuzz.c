// SPDX-License-Identifier: BSD-3-Clause
//
// A hostile ring: the input is the slots of one worker, head and place to read from; and a hostile header of
// a segment, wrong when a reader attaches or changed after that. What channel_next calls a record must lie inside of
// the ring.
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "controlplane/mapping.h"
#include "dataplane/abi/channel.h"
#include "dataplane/abi/stats.h"
#include "tests/kit/segments.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SLOTS = 16 };

static void read_ring(const uint8_t *data, size_t size)
{
	static const struct segment_shape shape = { 2, 1, 8, SLOTS };
	static struct weir_segment *segment;
	uint64_t at, head;
	uint8_t *ring;

	if (!segment)
		segment = segment_make(&shape);
	ring = (uint8_t *)segment + segment->ring + SLOTS * WEIR_SLOT_SIZE;
	memset(ring, 0, SLOTS * WEIR_SLOT_SIZE);
	memcpy(&at, data, sizeof(at));
	head = at + data[sizeof(at)];
	data += sizeof(at) + 1;
	size -= sizeof(at) + 1;
	memcpy(ring, data, size < SLOTS * WEIR_SLOT_SIZE ? size : SLOTS * WEIR_SLOT_SIZE);
	for (;;) {
		struct weir_record record;
		int n = channel_next(segment, 1, at, head, &record);

		if (n <= 0)
			break;
		assert((const uint8_t *)channel_payload(segment, 1, at) >= ring && (at & (SLOTS - 1)) + (unsigned)n <= SLOTS);
		assert((unsigned)n <= head - at);
		if (record.kind != WEIR_RECORD_PAD)
			assert(sizeof(record) + record.payload_length <= (size_t)n * WEIR_SLOT_SIZE);
		at += (unsigned)n;
	}
}

static const struct segment_shape one = { 1, 1, 4, 2 };

// A segment in a file without a name, mapped as its dataplane has it.
static struct weir_segment *make_file(int *fd)
{
	struct weir_segment *whole = segment_make(&one), *shared;
	size_t size = (size_t)whole->size;

	*fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (*fd < 0 || write(*fd, whole, size) != (ssize_t)size)
		abort();
	free(whole);
	shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (shared == MAP_FAILED)
		abort();
	return shared;
}

static void change(struct weir_segment *segment, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i + 1 < size; i += 2)
		((uint8_t *)segment)[data[i] % sizeof(*segment)] = data[i + 1];
}

// A header that passes is one whose counters can be shown without leaving the memory, whatever becomes of it then.
static void read_header(const uint8_t *data, size_t size, bool later)
{
	static struct weir_segment *segment, good;
	static int fd;
	struct mapping *map;
	char why[200];

	if (!segment) {
		segment = make_file(&fd);
		good = *segment;
	}
	memcpy(segment, &good, sizeof(good));
	if (!later)
		change(segment, data, size);
	if (mapping_open(fd, &map, why, sizeof(why)) < 0)
		return;
	if (later)
		change(segment, data, size);
	assert(!later || (map->segment->n_workers == 1 && map->segment->n_ports == 1));
	json_decref(stats_json(map->segment));
	mapping_put(map);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 10)
		return 0;
	if (data[0] & 1)
		read_header(data + 1, size - 1, data[0] & 2);
	else
		read_ring(data + 1, size - 1);
	return 0;
}
