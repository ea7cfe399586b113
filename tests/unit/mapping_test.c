// SPDX-License-Identifier: BSD-3-Clause
//
// What a dataplane that went wrong, or bad, writes into its segment after a reader has attached, and while it reads.
#include "controlplane/mapping.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "controlplane/source.h"
#include "controlplane/spool_look.h"
#include "dataplane/abi/channel.h"
#include "dataplane/abi/stats.h"
#include "tests/kit/folder.h"
#include "tests/kit/segments.h"

enum { SLOTS = 64, TURNS = 200 };

static const struct segment_shape shape = { 2, 2, 16, SLOTS };
static struct segment_file file;
static char *run;
static uint64_t good[sizeof(struct weir_segment) / 8]; // the header as it was made

static int setup(void **state)
{
	(void)state;
	run = folder_make();
	assert_int_equal(segment_file_make(&file, run, &shape), 0);
	segment_name(file.segment, 2, WEIR_NAME_QUEUE, 0, "desk");
	segment_name(file.segment, 3, WEIR_NAME_RULE, 0, "fraud");
	for (unsigned w = 0; w < shape.workers; w++) {
		segment_block(file.segment, w, 1)->rx = 5;
		segment_block(file.segment, w, 1)->disposition[WEIR_FORWARD] = 5;
	}
	memcpy(good, file.segment, sizeof(good));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	segment_file_close(&file);
	folder_remove(run);
	return 0;
}

static struct mapping *attach(void)
{
	struct mapping *map = NULL;
	char why[200];

	mapping_open(file.fd, &map, why, sizeof(why));
	return map;
}

static void assert_shown_as_it_was(const struct mapping *map)
{
	json_t *stats = stats_json(map->segment);

	assert_non_null(stats);
	assert_int_equal(json_array_size(json_object_get(stats, "workers")), shape.workers);
	assert_int_equal(json_array_size(json_object_get(stats, "ports")), shape.ports);
	assert_int_equal(json_integer_value(json_object_get(stats, "rx")), 10);
	assert_int_equal(json_array_size(json_object_get(stats, "queues")), 1);
	json_decref(stats);
}

static void a_header_that_changes_after_its_check_changes_nothing_for_who_attached(void **state)
{
	struct weir_record in = record_make(100), *slot;
	struct mapping *map = attach();
	uint64_t *word = (uint64_t *)(void *)file.segment;

	(void)state;
	assert_non_null(map);
	assert_int_equal(record_push(file.segment, 1, &in, (uint8_t[100]){ 0 }), 0);
	slot = (struct weir_record *)(void *)((char *)file.segment + file.segment->ring) + 2 * SLOTS;
	assert_int_equal(slot->payload_length, 100);
	for (unsigned i = 0; i < sizeof(good) / 8; i++) {
		word[i] = ~good[i];
		assert_shown_as_it_was(map);
		word[i] = good[i];
	}
	memset(file.segment, 0xff, sizeof(good));
	assert_shown_as_it_was(map);
	assert_int_equal(map->segment->n_workers, shape.workers);
	assert_int_equal(map->segment->ring_slots, SLOTS);
	memcpy(file.segment, good, sizeof(good));
	mapping_put(map);
}

static void what_is_frozen_cannot_be_written_by_its_reader_either(void **state)
{
	struct mapping *map = attach();
	int tube[2];

	(void)state;
	assert_int_equal(pipe(tube), 0);
	assert_int_equal(write(tube[1], "x", 1), 1);
	assert_int_equal(read(tube[0], (void *)(uintptr_t)map->segment, 1), -1); // the kernel would write it
	assert_int_equal(errno, EFAULT);
	close(tube[0]);
	close(tube[1]);
	mapping_put(map);
}

struct villain {
	pthread_t thread;
	_Atomic bool stop;
};

// Each word of the header is wrong for a moment, again and again.
static void *flip_header(void *argument)
{
	struct villain *villain = argument;
	uint64_t *word = (uint64_t *)(void *)file.segment;

	for (unsigned i = 0; !villain->stop; i = (i + 1) % (sizeof(good) / 8)) {
		__atomic_store_n(&word[i], ~good[i], __ATOMIC_RELAXED);
		__atomic_store_n(&word[i], good[i], __ATOMIC_RELAXED);
	}
	return NULL;
}

static void a_header_that_changes_while_it_is_read_is_refused_or_as_it_was(void **state)
{
	struct villain villain = { 0 };
	unsigned attached = 0;

	(void)state;
	assert_int_equal(pthread_create(&villain.thread, NULL, flip_header, &villain), 0);
	while (attached < TURNS) {
		struct mapping *map = attach();

		if (!map)
			continue;
		assert_shown_as_it_was(map);
		mapping_put(map);
		attached++;
	}
	villain.stop = true;
	pthread_join(villain.thread, NULL);
	memcpy(file.segment, good, sizeof(good));
}

// The record at the ring's start, the names and the port that it names: right and wrong in turns.
static void *flip_record(void *argument)
{
	struct villain *villain = argument;
	char *base = (char *)file.segment;
	uint64_t *record = (uint64_t *)(void *)(base + file.segment->ring);
	uint64_t *names = (uint64_t *)(void *)(base + file.segment->names + 2 * sizeof(struct weir_name));
	uint64_t *port = (uint64_t *)(void *)(base + file.segment->ports);
	enum { RECORD = sizeof(struct weir_record) / 8, NAMES = 2 * sizeof(struct weir_name) / 8 };
	uint64_t right[RECORD + NAMES];

	memcpy(right, record, sizeof(struct weir_record));
	memcpy(right + RECORD, names, NAMES * sizeof(uint64_t));
	for (unsigned i = 0; !villain->stop; i = (i + 1) % (RECORD + NAMES)) {
		uint64_t *word = i < RECORD ? &record[i] : &names[i - RECORD];

		__atomic_store_n(word, i % 2 ? ~right[i] : 0, __ATOMIC_RELAXED);
		__atomic_store_n(&port[i % 8], ~UINT64_C(0), __ATOMIC_RELAXED);
		__atomic_store_n(word, right[i], __ATOMIC_RELAXED);
	}
	return NULL;
}

struct seen {
	unsigned n;
};

static int look(const struct spool_message *message, void *argument)
{
	const struct weir_record *r = &message->record;
	struct seen *seen = argument;

	assert_int_equal(weir_record_slots(r->payload_length), 4);
	assert_true(r->body_offset <= r->payload_length && r->n_vlan <= 2 && r->port < shape.ports);
	assert_true(r->country < WEIR_N_COUNTRIES && r->channel < WEIR_N_CHANNELS && r->protocol < WEIR_N_PROTOCOLS);
	assert_true(r->priority < WEIR_N_PRIORITIES && r->own_priority < WEIR_N_PRIORITIES);
	assert_true(r->ip_version == 4 || r->ip_version == 6);
	assert_true(r->flags <= WEIR_RECORD_ACK && r->kind == WEIR_RECORD_MESSAGE);
	assert_true(r->queue < shape.names && r->rule < shape.names);
	seen->n++;
	return 0;
}

// Reads the same slot once more: a new source knows no cursor, and the batch is given up or committed without one.
static void collect(struct spool *spool)
{
	struct source *source = source_create(attach());
	struct batch batch = { .spool = spool, .room = 1, .bytes = 4096 };

	assert_non_null(source);
	assert_int_equal(source_start(source, spool), 0);
	assert_int_equal(source_collect(source, &batch), 0);
	if (batch.open)
		assert_int_equal(spool_commit(spool), 0);
	if (batch.n > 0)
		assert_int_equal(spool_cursors_drop(spool, file.segment->boot_id), 0);
	source_destroy(source);
}

static void a_record_that_changes_while_it_is_read_is_refused_or_stored_as_it_can_be(void **state)
{
	struct weir_record in = record_make(800);
	struct villain villain = { 0 };
	struct seen seen = { 0 };
	char *folder = folder_make(), why[300];
	struct spool *spool = spool_open(folder, 16, false, why, sizeof(why));

	(void)state;
	assert_non_null(spool);
	in.queue = 2;
	in.rule = 3;
	assert_int_equal(record_push(file.segment, 0, &in, (uint8_t[800]){ 0 }), 0);
	assert_int_equal(pthread_create(&villain.thread, NULL, flip_record, &villain), 0);
	for (unsigned i = 0; i < TURNS; i++)
		collect(spool);
	villain.stop = true;
	pthread_join(villain.thread, NULL);
	collect(spool);
	assert_int_equal(spool_walk(spool, NULL, look, &seen), 0);
	assert_true(seen.n > 0);
	spool_close(spool);
	folder_remove(folder);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_header_that_changes_after_its_check_changes_nothing_for_who_attached),
		TEST(what_is_frozen_cannot_be_written_by_its_reader_either),
		TEST(a_header_that_changes_while_it_is_read_is_refused_or_as_it_was),
		TEST(a_record_that_changes_while_it_is_read_is_refused_or_stored_as_it_can_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
