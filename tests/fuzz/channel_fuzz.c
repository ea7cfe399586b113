// SPDX-License-Identifier: BSD-3-Clause
//
// A hostile ring: the input is the slots of one worker, head and place to read from; and a hostile header of
// a segment. What channel_next calls a record must lie inside of the ring.
#include <assert.h>
#include <string.h>

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
		const struct weir_record *record;
		int n = channel_next(segment, 1, at, head, &record);

		if (n <= 0)
			break;
		assert((const uint8_t *)record >= ring && (at & (SLOTS - 1)) + (unsigned)n <= SLOTS);
		assert((unsigned)n <= head - at);
		if (record->kind != WEIR_RECORD_PAD)
			assert(sizeof(*record) + record->payload_length <= (size_t)n * WEIR_SLOT_SIZE);
		at += (unsigned)n;
	}
}

// A header that passes is one whose counters can be shown without leaving the memory.
static void read_header(const uint8_t *data, size_t size)
{
	static const struct segment_shape shape = { 1, 1, 4, 2 };
	static struct weir_segment *segment, whole;
	char why[200];

	if (!segment) {
		segment = segment_make(&shape);
		memcpy(&whole, segment, sizeof(whole));
	}
	memcpy(segment, &whole, sizeof(whole));
	for (size_t i = 0; i + 1 < size; i += 2)
		((uint8_t *)segment)[data[i] % sizeof(*segment)] = data[i + 1];
	if (segment_check(segment, (size_t)whole.size, why, sizeof(why)) == 0)
		json_decref(stats_json(segment));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 10)
		return 0;
	if (data[0] & 1)
		read_header(data + 1, size - 1);
	else
		read_ring(data + 1, size - 1);
	return 0;
}
