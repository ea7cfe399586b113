// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/reassembly.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/parse.h"
#include "tests/kit/frame.h"

enum { FRAMES = 64, TIMEOUT = 100, NO_END = 255 };

// A frame in a buffer of exactly its size.
struct kept {
	uint8_t *data;
	uint32_t length;
	unsigned ends;
	uint8_t end; // enum weir_disposition
};

struct scene {
	struct kept kept[FRAMES];
	unsigned n;
	struct reassembly *reassembly;
	struct frame message; // that is cut up
	struct whole whole;
	uint8_t buffer[REASSEMBLY_MAX];
};

static struct listeners listeners;

static void copy(const void *frame, uint32_t offset, uint32_t length, uint8_t *out)
{
	const struct kept *kept = frame;

	assert_true(offset + length <= kept->length);
	memcpy(out, kept->data + offset, length);
}

static void end(void *context, void *frame, enum weir_disposition disposition)
{
	struct kept *kept = frame;

	(void)context;
	kept->ends++;
	kept->end = (uint8_t)disposition;
}

static void begin(struct scene *scene, struct reassembly_limits limits)
{
	static const uint8_t seed[16] = {7};
	static const struct listener any = {.port = 5700, .protocol = WEIR_NATIVE};
	const struct reassembly_frames frames = {copy, end, NULL};

	memset(scene, 0, sizeof(*scene));
	assert_int_equal(listeners_init(&listeners, &any, 1), 0);
	frame_message(&scene->message, 4, 1000);
	scene->whole.data = scene->buffer;
	limits.timeout = TIMEOUT;
	scene->reassembly = reassembly_create(&limits, &frames, seed);
	assert_non_null(scene->reassembly);
}

static const struct reassembly_limits roomy = {.datagrams = 16, .fragments = 64, .per_datagram = 8};

static void finish(struct scene *scene)
{
	reassembly_destroy(scene->reassembly);
	for (unsigned i = 0; i < scene->n; i++) {
		assert_int_equal(scene->kept[i].ends, 1);
		free(scene->kept[i].data);
	}
}

// Gives bytes `from` to `to` of the message's IP payload as a fragment of the datagram `id`.
static enum reassembly_fate give_tagged(struct scene *scene, uint16_t id, unsigned from, unsigned to, uint64_t now,
					uint16_t tag)
{
	struct kept *kept = &scene->kept[scene->n++];
	unsigned payload = scene->message.length - scene->message.udp, more = to < payload;
	enum reassembly_fate fate;
	struct packet packet;
	struct frame frame;

	frame_ethernet(&frame);
	if (tag)
		frame_vlan(&frame, 0x8100, tag);
	frame_ipv4(&frame, 0);
	frame.bytes[frame.next] = 17;
	frame_push(&frame, scene->message.bytes + scene->message.udp + from, to - from);
	frame_finish(&frame);
	frame_put16(&frame, frame.ip + 4, id);
	frame_put16(&frame, frame.ip + 6, (uint16_t)(from / 8 | (more ? 0x2000 : 0)));
	frame_mend(&frame);
	*kept = (struct kept){.data = malloc(frame.length), .length = frame.length, .end = NO_END};
	memcpy(kept->data, frame.bytes, frame.length);
	parse_frame(&listeners, kept->data, kept->length, false, &packet);
	assert_int_equal(packet.reason, WEIR_REASON_FRAGMENT);
	fate = reassembly_take(scene->reassembly, &packet, kept, now, &scene->whole);
	if (fate != REASSEMBLY_HELD) {
		assert_int_equal(kept->ends, 0); // ours
		kept->ends = 1;
	}
	return fate;
}

static enum reassembly_fate give(struct scene *scene, uint16_t id, unsigned from, unsigned to, uint64_t now)
{
	return give_tagged(scene, id, from, to, now, 0);
}

enum { ALL = 8 + 16 + 1000, HALF = 512 };

static void a_datagram_is_whole_with_its_last_fragment_in_any_order(void **state)
{
	static const unsigned cuts[][2] = {{0, 200}, {200, 512}, {512, ALL}};
	static const unsigned orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	struct scene *scene = malloc(sizeof(*scene));
	struct packet packet;

	begin(scene, roomy);
	for (unsigned o = 0; o < 6; o++) {
		for (unsigned i = 0; i < 3; i++) {
			const unsigned *cut = cuts[orders[o][i]];

			assert_int_equal(give(scene, 9, cut[0], cut[1], 0), i < 2 ? REASSEMBLY_HELD : REASSEMBLY_WHOLE);
		}
		assert_int_equal(scene->kept[scene->n - 2].end, WEIR_FRAGMENT);
		assert_int_equal(scene->kept[scene->n - 3].end, WEIR_FRAGMENT);
		parse_frame(&listeners, scene->whole.data, scene->whole.length, false, &packet);
		assert_int_equal(packet.reason, WEIR_REASON_NONE);
		assert_int_equal(packet.payload_length, ALL - 8);
		assert_memory_equal(packet.data + packet.payload, scene->message.bytes + scene->message.payload, ALL - 8);
	}
	finish(scene);
	free(scene);
}

static void what_is_not_whole_in_time_ends_and_begins_anew(void **state)
{
	struct scene *scene = malloc(sizeof(*scene));

	begin(scene, roomy);
	assert_int_equal(give(scene, 1, 0, HALF, 1000), REASSEMBLY_HELD);
	reassembly_expire(scene->reassembly, 1000 + TIMEOUT - 1);
	assert_int_equal(scene->kept[0].ends, 0);
	assert_int_equal(give(scene, 1, HALF, ALL, 1000 + TIMEOUT), REASSEMBLY_HELD);
	assert_int_equal(scene->kept[0].end, WEIR_MALFORMED);
	assert_int_equal(give(scene, 1, 0, HALF, 1000 + 2 * TIMEOUT - 1), REASSEMBLY_WHOLE);
	assert_int_equal(scene->kept[1].end, WEIR_FRAGMENT);
	finish(scene);
	free(scene);
}

static void an_overlap_refuses_a_datagram_until_its_time_is_over(void **state)
{
	struct scene *scene = malloc(sizeof(*scene));

	begin(scene, roomy);
	assert_int_equal(give(scene, 1, 0, HALF, 0), REASSEMBLY_HELD);
	assert_int_equal(give(scene, 1, HALF - 8, ALL, 10), REASSEMBLY_REFUSED);
	assert_int_equal(scene->kept[0].end, WEIR_MALFORMED);
	assert_int_equal(give(scene, 1, 0, HALF, 20), REASSEMBLY_REFUSED);
	assert_int_equal(give(scene, 1, HALF, ALL, TIMEOUT - 1), REASSEMBLY_REFUSED);
	assert_int_equal(give(scene, 1, 0, HALF, TIMEOUT), REASSEMBLY_HELD);
	assert_int_equal(give(scene, 1, HALF, ALL, TIMEOUT), REASSEMBLY_WHOLE);
	finish(scene);
	free(scene);
}

static void the_very_same_fragment_again_is_absorbed(void **state)
{
	struct scene *scene = malloc(sizeof(*scene));

	begin(scene, roomy);
	assert_int_equal(give(scene, 1, 0, HALF, 0), REASSEMBLY_HELD);
	assert_int_equal(give(scene, 1, 0, HALF, 0), REASSEMBLY_HELD);
	assert_int_equal(give(scene, 1, HALF, ALL, 0), REASSEMBLY_WHOLE);
	assert_int_equal(scene->kept[0].end, WEIR_FRAGMENT);
	assert_int_equal(scene->kept[1].end, WEIR_FRAGMENT);
	finish(scene);
	free(scene);
}

static void the_oldest_gives_way_where_there_are_too_many(void **state)
{
	struct scene *scene = malloc(sizeof(*scene));

	begin(scene, (struct reassembly_limits){.datagrams = 2, .fragments = 64, .per_datagram = 8});
	give(scene, 1, 0, HALF, 0);
	give(scene, 2, 0, HALF, 0);
	give(scene, 3, 0, HALF, 0);
	assert_int_equal(scene->kept[0].end, WEIR_MALFORMED);
	assert_int_equal(give(scene, 2, HALF, ALL, 0), REASSEMBLY_WHOLE);
	finish(scene);
	begin(scene, (struct reassembly_limits){.datagrams = 9, .fragments = 2, .per_datagram = 8});
	give(scene, 1, 0, 8, 0);
	give(scene, 2, 0, HALF, 0);
	assert_int_equal(give(scene, 2, HALF, ALL, 0), REASSEMBLY_WHOLE);
	assert_int_equal(scene->kept[0].end, WEIR_MALFORMED);
	give(scene, 4, 0, 8, 0);
	give(scene, 4, 8, 16, 0);
	assert_int_equal(give(scene, 4, 16, 24, 0), REASSEMBLY_REFUSED); // it is the oldest itself
	finish(scene);
	free(scene);
}

static void one_fragment_more_than_a_datagram_may_have_refuses_it(void **state)
{
	struct scene *scene = malloc(sizeof(*scene));

	begin(scene, roomy);
	for (unsigned i = 0; i < roomy.per_datagram; i++)
		assert_int_equal(give(scene, 1, 8 * i, 8 * i + 8, 0), REASSEMBLY_HELD);
	assert_int_equal(give(scene, 1, 8 * roomy.per_datagram, ALL, 0), REASSEMBLY_REFUSED);
	assert_int_equal(scene->kept[0].end, WEIR_MALFORMED);
	finish(scene);
	free(scene);
}

static void datagrams_of_different_networks_do_not_mix(void **state)
{
	struct scene *scene = malloc(sizeof(*scene));

	begin(scene, roomy);
	assert_int_equal(give_tagged(scene, 1, 0, HALF, 0, 7), REASSEMBLY_HELD);
	assert_int_equal(give_tagged(scene, 1, HALF, ALL, 0, 8), REASSEMBLY_HELD);
	assert_int_equal(give_tagged(scene, 2, HALF, ALL, 0, 7), REASSEMBLY_HELD);
	assert_int_equal(give_tagged(scene, 1, HALF, ALL, 0, 0x2007), REASSEMBLY_WHOLE); // another priority
	finish(scene);
	free(scene);
}

// As the frame of a tunnel's packet that came in several segments lies, with the outer headers before it.
static void a_fragment_that_is_all_of_its_datagram_may_lie_where_the_whole_goes(void **state)
{
	struct scene *scene = malloc(sizeof(*scene));
	struct packet packet;
	struct frame frame;

	begin(scene, roomy);
	for (unsigned before = 0; before < 100; before++) {
		frame_ethernet(&frame);
		frame_ipv6(&frame);
		frame_extension(&frame, 44, 8);
		frame.bytes[frame.length - 7] = 0; // reserved
		frame_udp(&frame, 5700);
		frame_native(&frame, 50);
		frame_finish(&frame);
		memcpy(scene->buffer + before, frame.bytes, frame.length);
		parse_frame(&listeners, scene->buffer + before, frame.length, false, &packet);
		assert_int_equal(packet.reason, WEIR_REASON_FRAGMENT);
		assert_int_equal(reassembly_take(scene->reassembly, &packet, NULL, 0, &scene->whole), REASSEMBLY_WHOLE);
		parse_frame(&listeners, scene->whole.data, scene->whole.length, false, &packet);
		assert_int_equal(packet.reason, WEIR_REASON_NONE);
		assert_memory_equal(packet.data + packet.payload, frame.bytes + frame.payload, 66);
	}
	finish(scene);
	free(scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_datagram_is_whole_with_its_last_fragment_in_any_order),
		cmocka_unit_test(what_is_not_whole_in_time_ends_and_begins_anew),
		cmocka_unit_test(an_overlap_refuses_a_datagram_until_its_time_is_over),
		cmocka_unit_test(the_very_same_fragment_again_is_absorbed),
		cmocka_unit_test(the_oldest_gives_way_where_there_are_too_many),
		cmocka_unit_test(one_fragment_more_than_a_datagram_may_have_refuses_it),
		cmocka_unit_test(datagrams_of_different_networks_do_not_mix),
		cmocka_unit_test(a_fragment_that_is_all_of_its_datagram_may_lie_where_the_whole_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
