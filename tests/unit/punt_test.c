// SPDX-License-Identifier: BSD-3-Clause
//
// The worker's end of the agent channel against the reader that control planes use (abi/channel.h).
#include "dataplane/punt.h"

#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/worker.h"
#include "tests/kit/frame.h"
#include "tests/kit/segments.h"

enum { SLOTS = 512, WIRE = 1024, STAGING = 64, FIRST_SLOT = 3 * SLOTS - 5, SIZE_MAX_BODY = 65000 };

static struct rte_mempool *pool;
static struct rte_ring *wire;
static uint16_t port;
static struct weir_segment *segment;
static struct worker *worker;
static struct live live;
static struct frame frame;
static uint32_t next_id;
static uint8_t *answered; // [next_id]: how often
static uint64_t at;       // where the reader is

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int setup(void **state)
{
	static const struct verdict verdict = { .action = WEIR_ACT_AGENTS, .set_priority = 0xff };
	static uint32_t names[] = { 3, 4 };
	const struct segment_shape shape = { 1, 1, 16, SLOTS };

	segment = segment_make(&shape);
	worker = calloc(1, sizeof(*worker));
	worker->n_ports = 1;
	worker->pool = pool;
	worker->shared = segment_producer(segment, 0);
	worker->named = segment_named(segment, 0, 0);
	worker->handover = calloc(1, sizeof(*worker->handover));
	live.table.verdicts = &verdict;
	live.queue_names = live.rule_names = names;
	live.generation = 9;
	worker->live = &live;
	worker->burst.live[0] = 0;
	punt_init(&worker->punt, (uint8_t *)segment + segment->ring, SLOTS);
	atomic_store(&worker->shared->head, FIRST_SLOT);
	atomic_store(&worker->shared->tail, FIRST_SLOT);
	atomic_store(&worker->punt.consumed, FIRST_SLOT);
	at = worker->punt.head = worker->punt.tail = FIRST_SLOT;
	next_id = 1;
	answered = calloc(1 << 20, 1);
	return tx_init(&worker->tx[0], port, 0, STAGING);
}

static void receive_answers(void)
{
	struct rte_mbuf *mbuf;

	while (rte_ring_dequeue(wire, (void **)&mbuf) == 0) {
		const uint8_t *native = rte_pktmbuf_mtod(mbuf, uint8_t *) + 14 + 20 + 8;

		assert_int_equal(native[1], 0x12);
		assert_int_equal(native[2], WEIR_STATUS_ACCEPTED);
		answered[get32(native + 12)]++;
		rte_pktmbuf_free(mbuf);
	}
}

static int teardown(void **state)
{
	receive_answers();
	tx_fini(&worker->tx[0]);
	punt_fini(&worker->punt);
	free(worker->handover);
	free(worker);
	free(segment);
	free(answered);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	return 0;
}

// A message of `size` bytes of body with the next id, as decode leaves it; pushes it.
static bool push(unsigned size, bool ack, enum weir_record_kind kind)
{
	struct packet *packet = &worker->burst.packet[0];
	uint8_t *native;

	frame_message(&frame, 4, (uint16_t)size);
	native = frame.bytes + frame.payload;
	native[1] |= ack;
	for (unsigned i = 0; i < 4; i++)
		native[12 + i] = (uint8_t)(next_id >> (24 - 8 * i));
	*packet = (struct packet){ .data = frame.bytes, .length = frame.length, .l3 = 14,
				   .payload = (uint16_t)frame.payload,
				   .payload_length = (uint16_t)(16 + size), .ip_version = 4 };
	decode_native(packet);
	assert_int_equal(packet->reason, WEIR_REASON_NONE);
	if (!punt_push(worker, &worker->burst, 0, 1, kind))
		return false;
	punt_publish(worker);
	next_id++;
	return true;
}

static bool push_plain(unsigned slots)
{
	return push(slots * WEIR_SLOT_SIZE - 128 - 16, false, WEIR_RECORD_MESSAGE);
}

// The next record that is no PAD; how many slots it stands in, 0 at the head.
static int next(struct weir_record *record)
{
	int n;

	do {
		n = channel_next(segment, 0, at, worker->shared->head, record);
		assert_true(n >= 0);
		at += (unsigned)n;
	} while (n > 0 && record->kind == WEIR_RECORD_PAD);
	return n;
}

static void consume(uint64_t up_to)
{
	atomic_store(&worker->punt.consumed, up_to);
	punt_reclaim(worker);
	tx(worker);
}

static void a_record_that_does_not_fit_before_the_end_goes_behind_a_pad(void **state)
{
	struct weir_record record;

	assert_true(push_plain(3)); // of five slots before the end
	assert_true(push_plain(4));
	assert_int_equal(worker->shared->head, FIRST_SLOT + 5 + 4);
	assert_int_equal(next(&record), 3);
	assert_int_equal(record.generation, 9);
	assert_int_equal(record.queue, 4);
	assert_int_equal(record.rule, 3);
	assert_int_equal(channel_next(segment, 0, at, worker->shared->head, &record), 2);
	assert_int_equal(record.kind, WEIR_RECORD_PAD);
	assert_int_equal(next(&record), 4);
	assert_int_equal(next(&record), 0);
	assert_int_equal(worker->named[4], 2);
}

static void a_full_channel_refuses_and_takes_again_what_was_given_back(void **state)
{
	struct weir_record record;
	unsigned n = 0;

	while (push_plain(1))
		n++;
	assert_int_equal(n, SLOTS);
	assert_int_equal(worker->named[4], SLOTS);
	assert_int_equal(worker->shared->head - worker->shared->tail, SLOTS);
	next(&record);
	consume(at);
	assert_true(push_plain(1));
	assert_false(push_plain(1));
	while (next(&record) > 0)
		;
	consume(at);
	assert_int_equal(worker->shared->tail, worker->shared->head);
}

static void a_number_inside_a_record_gives_back_only_what_is_before_it(void **state)
{
	push_plain(1);
	push_plain(4);
	push_plain(1); // 1, 4, 1 of the slots before and behind the end
	consume(FIRST_SLOT + 3);
	assert_int_equal(worker->shared->tail, FIRST_SLOT + 1);
	consume(FIRST_SLOT + 5);
	assert_int_equal(worker->shared->tail, FIRST_SLOT + 5);
	consume(FIRST_SLOT + 6);
	assert_int_equal(worker->shared->tail, worker->shared->head);
}

static void all_that_is_consumed_is_given_back_at_once(void **state)
{
	for (unsigned i = 0; i < SLOTS; i++)
		assert_true(push_plain(1));
	consume(worker->shared->head);
	assert_int_equal(worker->shared->tail, worker->shared->head);
}

static void more_answers_than_may_be_staged_are_sent_all_the_same(void **state)
{
	for (unsigned i = 0; i < SLOTS; i++)
		assert_true(push(0, true, WEIR_RECORD_MESSAGE));
	assert_int_equal(worker->punt.acks_pending, SLOTS);
	consume(worker->shared->head);
	receive_answers();
	for (uint32_t id = 1; id < next_id; id++)
		assert_int_equal(answered[id], 1);
	assert_int_equal(worker->counters[0].answers_lost, 0);
	assert_int_equal(worker->counters[0].answers, SLOTS);
	assert_int_equal(worker->punt.acks_pending, 0);
}

static void a_copy_is_never_answered(void **state)
{
	assert_true(push(0, true, WEIR_RECORD_COPY));
	consume(worker->shared->head);
	assert_int_equal(worker->counters[0].answers, 0);
	assert_int_equal(worker->punt.acks_pending, 0);
}

static unsigned random_size(void)
{
	switch (rand() % 8) {
	case 0:
		return (unsigned)rand() % (SIZE_MAX_BODY + 1);
	case 1:
		return (unsigned)rand() % 3000;
	default:
		return (unsigned)rand() % 300;
	}
}

// What has been pushed and not yet read, by id.
static struct {
	unsigned size;
	bool ack;
} pushed[1 << 17];

static void push_some(void)
{
	for (unsigned n = (unsigned)rand() % 20; n > 0; n--) {
		unsigned size = random_size(), copy = rand() % 4 == 0, ack = rand() % 2;
		uint64_t head = worker->punt.head;
		uint32_t slots = weir_record_slots(16 + size), index = head & (SLOTS - 1);
		uint32_t needed = slots + (index + slots > SLOTS ? SLOTS - index : 0);
		bool room = head + needed - worker->punt.tail <= SLOTS;

		assert_int_equal(push(size, ack, copy ? WEIR_RECORD_COPY : WEIR_RECORD_MESSAGE), room);
		if (room) {
			pushed[next_id - 1].size = size;
			pushed[next_id - 1].ack = ack && !copy;
		}
	}
}

static void read_some(uint32_t *read_id)
{
	struct weir_record record;

	for (unsigned n = (unsigned)rand() % 20; n > 0 && next(&record) > 0; n--) {
		const uint8_t *payload = channel_payload(segment, 0, record.sequence);
		uint32_t id = ++*read_id;

		assert_int_equal(get32(payload + 12), id);
		assert_int_equal(record.payload_length, 16 + pushed[id].size);
		assert_int_equal(record.flags == WEIR_RECORD_ACK, pushed[id].ack);
		for (unsigned i = 0; i < pushed[id].size; i += 97)
			assert_int_equal(payload[16 + i], 'x');
		assert_int_equal(answered[id], 0); // not before it is consumed
	}
}

static void random_traffic_comes_whole_in_order_and_is_answered_once(void **state)
{
	uint32_t read_id = 0;

	srand(11);
	for (unsigned round = 0; round < 8000 && next_id < (1 << 17) - 40; round++) {
		uint64_t before = worker->punt.consumed;

		push_some();
		read_some(&read_id);
		if (at > before)
			consume(before + (uint64_t)rand() % (at - before + 1));
		assert_true(worker->punt.tail <= worker->punt.consumed);
		assert_true(worker->punt.head - worker->punt.tail <= SLOTS);
		assert_int_equal(worker->shared->tail, worker->punt.tail);
		receive_answers();
	}
	while (read_id + 1 < next_id)
		read_some(&read_id);
	consume(at);
	receive_answers();
	assert_int_equal(worker->shared->tail, worker->shared->head);
	assert_true(next_id > 20000);
	for (uint32_t id = 1; id < next_id; id++)
		assert_int_equal(answered[id], pushed[id].ack);
}

static int open_wire(void)
{
	const struct rte_eth_conf conf = { 0 };
	int id;

	wire = rte_ring_create("wire", WIRE, 0, RING_F_SP_ENQ | RING_F_SC_DEQ);
	id = rte_eth_from_ring(wire);
	if (id < 0 || rte_eth_dev_configure((uint16_t)id, 1, 1, &conf) ||
	    rte_eth_rx_queue_setup((uint16_t)id, 0, 64, 0, NULL, pool) ||
	    rte_eth_tx_queue_setup((uint16_t)id, 0, 64, 0, NULL))
		return -1;
	port = (uint16_t)id;
	return rte_eth_dev_start(port);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_record_that_does_not_fit_before_the_end_goes_behind_a_pad),
		TEST(a_full_channel_refuses_and_takes_again_what_was_given_back),
		TEST(a_number_inside_a_record_gives_back_only_what_is_before_it),
		TEST(all_that_is_consumed_is_given_back_at_once),
		TEST(more_answers_than_may_be_staged_are_sent_all_the_same),
		TEST(a_copy_is_never_answered),
		TEST(random_traffic_comes_whole_in_order_and_is_answered_once),
	};
	char *argv[] = { (char[]){ "punt_test" },      (char[]){ "--no-huge" },
			 (char[]){ "--no-shconf" },    (char[]){ "--no-pci" },
			 (char[]){ "--no-telemetry" }, (char[]){ "--log-level=error" },
			 (char[]){ "-m64" },           (char[]){ "-l0" } };

	if (rte_eal_init(8, argv) < 0)
		return 77;
	pool = rte_pktmbuf_pool_create("punt-test", 4095, 0,
				       RTE_ALIGN(sizeof(struct frame_origin), RTE_MBUF_PRIV_ALIGN),
				       RTE_PKTMBUF_HEADROOM + 1024, SOCKET_ID_ANY);
	if (!pool || open_wire() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
