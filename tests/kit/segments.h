// SPDX-License-Identifier: BSD-3-Clause
//
// Segments for tests: laid out as a dataplane does it, in memory or in a file, and the producing side
// of the agent channel.
#pragma once

#include "dataplane/abi/channel.h"

struct segment_shape {
	uint32_t workers, ports, names, ring_slots;
};

// Zeroed, 64-byte aligned memory with a laid out header; free() it. Aborts when memory is out.
struct weir_segment *segment_make(const struct segment_shape *shape);

// A segment in a file as a dataplane makes it: locked before it has its name, folder/segment.BOOTID, mapped for writing.
struct segment_file {
	struct weir_segment *segment;
	size_t size;
	int fd; // holds the lock
	char path[512];
};

// 0 or -errno. segment_file_close ends like a dataplane that was killed: the file stays.
int segment_file_make(struct segment_file *file, const char *folder, const struct segment_shape *shape);
void segment_file_close(struct segment_file *file);

// Puts a name into the registry at `index`.
void segment_name(struct weir_segment *segment, uint32_t index, enum weir_name_kind kind, uint32_t order,
		  const char *name);

// Gives a zone's entry its row in the matrix of forwards.
void segment_zone_row(struct weir_segment *segment, uint32_t index, uint8_t row);

// The writable parts.
struct weir_counters *segment_block(struct weir_segment *segment, unsigned worker, unsigned port);
uint64_t *segment_named(struct weir_segment *segment, unsigned worker, uint32_t index);
struct weir_worker *segment_producer(struct weir_segment *segment, unsigned worker);

// A legal record of `payload_length` bytes for registry entries 0 (queue) and 0 (rule).
struct weir_record record_make(uint16_t payload_length);

// Writes a record (and the PAD before it where it would run past the ring's end) behind the head, and
// the head. -ENOSPC where the ring has no room; `tail` is weir_worker.tail.
int record_push(struct weir_segment *segment, unsigned worker, const struct weir_record *record, const void *payload);
