// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/abi/channel.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/kit/segments.h"

static const struct segment_shape shape = { 2, 1, 8, 16 };

static uint64_t head(struct weir_segment *segment)
{
	return atomic_load(&segment_producer(segment, 1)->head);
}

static void records_come_out_as_they_went_in_over_many_turns_of_the_ring(void **state)
{
	struct weir_segment *segment = segment_make(&shape);
	struct weir_record r;
	uint8_t payload[1000];
	uint64_t at = 0;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		struct weir_record in = record_make((uint16_t)(i % sizeof(payload)));
		int n;

		memset(payload, (int)i, sizeof(payload));
		assert_int_equal(record_push(segment, 1, &in, payload), 0);
		n = channel_next(segment, 1, at, head(segment), &r);
		if (n > 0 && r.kind == WEIR_RECORD_PAD) {
			at += (unsigned)n;
			n = channel_next(segment, 1, at, head(segment), &r);
		}
		assert_true(n > 0);
		assert_int_equal(r.sequence, at);
		assert_int_equal(r.payload_length, in.payload_length);
		assert_memory_equal(channel_payload(segment, 1, at), payload, in.payload_length);
		at += (unsigned)n;
		assert_int_equal(channel_next(segment, 1, at, head(segment), &r), 0);
		atomic_store(&segment_producer(segment, 1)->tail, at);
	}
	free(segment);
}

static void a_record_that_cannot_be_is_refused(void **state)
{
	struct weir_segment *segment = segment_make(&shape);
	struct weir_record in = record_make(200), *slot;
	struct weir_record r;

	(void)state;
	assert_int_equal(record_push(segment, 1, &in, (uint8_t[200]){ 0 }), 0);
	assert_int_equal(channel_next(segment, 1, 0, 2, &r), 2);
	slot = (struct weir_record *)(void *)((char *)segment + segment->ring) + 2 * shape.ring_slots;
	in = *slot;
#define REFUSED(field, value)                                                        \
	do {                                                                         \
		slot->field = (value);                                               \
		assert_int_equal(channel_next(segment, 1, 0, 2, &r), -EBADMSG);      \
		*slot = in;                                                          \
	} while (0)
	REFUSED(sequence, 16);
	REFUSED(n_slots, 0);
	REFUSED(n_slots, 1);
	REFUSED(n_slots, 3);
	REFUSED(kind, 0);
	REFUSED(kind, 9);
	REFUSED(kind, WEIR_RECORD_PAD);
	REFUSED(flags, 2);
	REFUSED(payload_length, 65535);
	REFUSED(payload_length, 10);
	REFUSED(body_offset, 201);
	REFUSED(queue, 8);
	REFUSED(rule, 8);
	REFUSED(country, WEIR_N_COUNTRIES);
	REFUSED(priority, 4);
	REFUSED(own_priority, 4);
	REFUSED(channel, 16);
	REFUSED(protocol, WEIR_N_PROTOCOLS);
	REFUSED(ip_version, 5);
	REFUSED(port, 1);
	REFUSED(n_vlan, 3);
	assert_int_equal(channel_next(segment, 1, 0, 2, &r), 2);
	free(segment);
}

static void a_head_that_cannot_be_is_refused(void **state)
{
	struct weir_segment *segment = segment_make(&shape);
	struct weir_record in = record_make(10);
	struct weir_record r;

	(void)state;
	assert_int_equal(record_push(segment, 1, &in, (uint8_t[10]){ 0 }), 0);
	assert_int_equal(channel_next(segment, 1, 0, 17, &r), -EBADMSG);
	assert_int_equal(channel_next(segment, 1, 3, 1, &r), -EBADMSG);
	free(segment);
}

static void the_producer_stops_where_the_reader_has_not_given_back(void **state)
{
	struct weir_segment *segment = segment_make(&shape);
	struct weir_record in = record_make(10);

	(void)state;
	for (int i = 0; i < 16; i++)
		assert_int_equal(record_push(segment, 1, &in, (uint8_t[10]){ 0 }), 0);
	assert_int_equal(record_push(segment, 1, &in, (uint8_t[10]){ 0 }), -ENOSPC);
	free(segment);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_come_out_as_they_went_in_over_many_turns_of_the_ring),
		cmocka_unit_test(a_record_that_cannot_be_is_refused),
		cmocka_unit_test(a_head_that_cannot_be_is_refused),
		cmocka_unit_test(the_producer_stops_where_the_reader_has_not_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
