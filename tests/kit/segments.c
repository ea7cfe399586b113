// SPDX-License-Identifier: BSD-3-Clause
//
// Segments for tests; the producing side is one thread a worker.
#include "tests/kit/segments.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

struct weir_segment *segment_make(const struct segment_shape *shape)
{
	struct weir_segment header = { .n_workers = shape->workers, .n_ports = shape->ports, .n_names = shape->names,
				       .ring_slots = shape->ring_slots }, *segment;

	segment_layout(&header);
	segment = aligned_alloc(64, header.size);
	if (!segment)
		abort();
	memset(segment, 0, header.size);
	memcpy(segment, &header, sizeof(header));
	return segment;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int name_file(struct segment_file *file, const char *folder, const uint8_t boot_id[WEIR_BOOT_ID_SIZE])
{
	char temporary[520];
	int n = snprintf(file->path, sizeof(file->path), "%s/segment.", folder);

	for (unsigned i = 0; i < WEIR_BOOT_ID_SIZE; i++)
		n += snprintf(file->path + n, sizeof(file->path) - (size_t)n, "%02x", boot_id[i]);
	snprintf(temporary, sizeof(temporary), "/proc/self/fd/%d", file->fd);
	return linkat(AT_FDCWD, temporary, AT_FDCWD, file->path, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

int segment_file_make(struct segment_file *file, const char *folder, const struct segment_shape *shape)
{
	struct weir_segment header = { .n_workers = shape->workers, .n_ports = shape->ports, .n_names = shape->names,
				       .ring_slots = shape->ring_slots, .pid = (uint32_t)getpid(),
				       .started_ns = now_ns() };

	segment_layout(&header);
	if (getrandom(header.boot_id, sizeof(header.boot_id), 0) != sizeof(header.boot_id))
		return -EIO;
	file->size = header.size;
	file->fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0640);
	if (file->fd < 0)
		return -errno;
	if (flock(file->fd, LOCK_EX | LOCK_NB) < 0 || ftruncate(file->fd, (off_t)header.size) < 0)
		return -errno;
	file->segment = mmap(NULL, file->size, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, 0);
	if (file->segment == MAP_FAILED)
		return -errno;
	memcpy(file->segment, &header, sizeof(header));
	return name_file(file, folder, header.boot_id);
}

void segment_file_close(struct segment_file *file)
{
	munmap(file->segment, file->size);
	close(file->fd);
}

void segment_name(struct weir_segment *segment, uint32_t index, enum weir_name_kind kind, uint32_t order,
		  const char *name)
{
	struct weir_name *entry = (struct weir_name *)((char *)segment + segment->names) + index;

	entry->kind = (uint8_t)kind;
	entry->order = order;
	snprintf(entry->name, sizeof(entry->name), "%s", name);
	if (index >= segment_state_own(segment)->n_names_used)
		segment_state_own(segment)->n_names_used = index + 1;
}

void segment_zone_row(struct weir_segment *segment, uint32_t index, uint8_t row)
{
	struct weir_name *entry = (struct weir_name *)((char *)segment + segment->names) + index;

	entry->has_row = 1;
	entry->row = row;
}

struct weir_counters *segment_block(struct weir_segment *segment, unsigned worker, unsigned port)
{
	return (struct weir_counters *)((char *)segment + segment->counters) + worker * segment->n_ports + port;
}

uint64_t *segment_named(struct weir_segment *segment, unsigned worker, uint32_t index)
{
	return (uint64_t *)((char *)segment + segment->named) + (size_t)worker * segment->n_names + index;
}

struct weir_worker *segment_producer(struct weir_segment *segment, unsigned worker)
{
	return (struct weir_worker *)((char *)segment + segment->worker) + worker;
}

struct weir_record record_make(uint16_t payload_length)
{
	return (struct weir_record){ .kind = WEIR_RECORD_MESSAGE, .payload_length = payload_length,
				     .tenant = 1001, .country = 82, .ip_version = 4, .priority = WEIR_NORMAL,
				     .own_priority = WEIR_NORMAL, .body_offset = payload_length < 16 ? 0 : 16 };
}

static uint8_t *slot(struct weir_segment *segment, unsigned worker, uint64_t at)
{
	uint8_t *ring = (uint8_t *)segment + segment->ring + (size_t)worker * segment->ring_slots * WEIR_SLOT_SIZE;

	return ring + (at & (segment->ring_slots - 1)) * WEIR_SLOT_SIZE;
}

int record_push(struct weir_segment *segment, unsigned worker, const struct weir_record *record, const void *payload)
{
	struct weir_worker *w = segment_producer(segment, worker);
	uint64_t head = atomic_load_explicit(&w->head, memory_order_relaxed);
	uint64_t tail = atomic_load_explicit(&w->tail, memory_order_acquire);
	uint32_t n = weir_record_slots(record->payload_length), index = (uint32_t)head & (segment->ring_slots - 1);
	uint32_t pad = index + n > segment->ring_slots ? segment->ring_slots - index : 0;
	struct weir_record copy = *record;

	if (head + pad + n - tail > segment->ring_slots)
		return -ENOSPC;
	if (pad) {
		struct weir_record filler = { .sequence = head, .n_slots = pad, .kind = WEIR_RECORD_PAD };

		memcpy(slot(segment, worker, head), &filler, sizeof(filler));
		head += pad;
	}
	copy.sequence = head;
	copy.n_slots = n;
	memcpy(slot(segment, worker, head), &copy, sizeof(copy));
	if (copy.payload_length)
		memcpy(slot(segment, worker, head) + sizeof(copy), payload, copy.payload_length);
	atomic_store_explicit(&w->head, head + n, memory_order_release);
	return 0;
}
