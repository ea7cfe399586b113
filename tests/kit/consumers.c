// SPDX-License-Identifier: BSD-3-Clause
//
// Consumers for tests. Needs cmocka: what goes wrong here fails the test.
#include "tests/kit/consumers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/kit/folder.h"

static const struct segment_shape shape = { 2, 1, 8, 64 };
void consumer_kit_start(struct consumer_kit *kit)
{
	char why[300];

	kit->spool = spool_open(kit->folder, 16, false, why, sizeof(why));
	assert_non_null(kit->spool);
	kit->consumer = consumer_create(kit->spool, kit->run, 16, kit->news);
	assert_non_null(kit->consumer);
}

void consumer_kit_stop(struct consumer_kit *kit)
{
	consumer_destroy(kit->consumer);
	spool_close(kit->spool);
}

void consumer_kit_segment(struct consumer_kit *kit)
{
	assert_int_equal(segment_file_make(&kit->file, kit->run, &shape), 0);
	segment_name(kit->file.segment, 2, WEIR_NAME_QUEUE, 0, "desk");
	segment_name(kit->file.segment, 3, WEIR_NAME_RULE, 0, "fraud");
}

void consumer_kit_open(struct consumer_kit *kit)
{
	kit->folder = folder_make();
	kit->run = folder_make();
	kit->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	consumer_kit_start(kit);
	consumer_kit_segment(kit);
}

void consumer_kit_close(struct consumer_kit *kit)
{
	consumer_kit_stop(kit);
	segment_file_close(&kit->file);
	close(kit->news);
	folder_remove(kit->folder);
	folder_remove(kit->run);
}

void consumer_kit_attach(struct consumer_kit *kit)
{
	struct mapping *map;
	char why[200];

	assert_int_equal(mapping_open(kit->file.fd, &map, why, sizeof(why)), 0);
	consumer_attach(kit->consumer, map);
	mapping_put(map);
}

static int push(struct consumer_kit *kit, unsigned worker, uint32_t number)
{
	uint8_t payload[600] = { 0 };
	struct weir_record record = record_make((uint16_t)(number * 37 % sizeof(payload)));

	record.queue = 2;
	record.rule = 3;
	record.tenant = number;
	return record_push(kit->file.segment, worker, &record, payload);
}

void consumer_kit_push(struct consumer_kit *kit, uint32_t first, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(push(kit, i % 2, first + i), 0);
}

bool consumer_kit_consumed(void *argument)
{
	struct consumer_kit *kit = argument;
	uint64_t durable[WEIR_MAX_WORKERS];

	if (consumer_consumed(kit->consumer, durable) != 2)
		return false;
	for (unsigned w = 0; w < 2; w++)
		if (durable[w] != segment_producer(kit->file.segment, w)->head)
			return false;
	return true;
}

bool consumer_kit_stalled(void *argument)
{
	struct consumer_kit *kit = argument;
	struct consumer_status status;

	consumer_status(kit->consumer, &status);
	return status.stalled != 0;
}
