// SPDX-License-Identifier: BSD-3-Clause
//
// The way of agents' answers from the main thread by a worker to a port (a ring stands for the wire).
#include "dataplane/agent_answers.h"

#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/kit/segments.h"

enum { WIRE = 64, STAGING = 64, SECOND = 1000000000 };

static struct rte_mempool *pool;
static struct rte_ring *wire[2];
static uint16_t device[2];
static struct weir_segment *segment;
static struct gateway gateway;
static struct port ports[2];
static struct listeners listeners;
static struct worker *worker;
static struct agent_answers answers;
static struct weir_answer good;
static uint64_t now_ns;

static void make(uint32_t rate)
{
	const struct agent_answers_parts parts = { &gateway, ports, 2, &listeners, segment, pool, worker };

	gateway.n_workers = 1;
	gateway.answer_rate = rate;
	agent_answers_init(&answers, &parts);
}

static int setup(void **state)
{
	static const struct listener any = { .port = 5700, .protocol = WEIR_NATIVE };
	static const uint8_t header[16] = { 0x57, 0x12, 0, 1, 0, 0, 3, 0xe9, 'D', 'E', 0, 0, 0, 0, 0, 7 };
	const struct segment_shape shape = { 1, 2, 16, 16 };

	segment = segment_make(&shape);
	worker = calloc(1, sizeof(*worker));
	worker->n_ports = 2;
	listeners_init(&listeners, &any, 1);
	for (unsigned i = 0; i < 2; i++) {
		struct weir_port *port = (struct weir_port *)((char *)segment + segment->ports) + i;

		port->link_up = 1;
		ports[i].mtu = 1500;
		strcpy(ports[i].name, i ? "out0" : "in0");
		tx_init(&worker->tx[i], device[i], 0, STAGING);
	}
	good = (struct weir_answer){ .kind = WEIR_ANSWER, .ip_version = 4, .length = 16,
				     .udp_source = 5700, .udp_destination = 40000,
				     .mac_source = { 2, 0, 0, 0, 0, 1 }, .mac_destination = { 2, 0, 0, 0, 0, 2 },
				     .ip_source = { 10, 0, 0, 2 }, .ip_destination = { 10, 0, 0, 1 } };
	memcpy(good.payload, header, sizeof(header));
	now_ns = 5;
	make(1000000);
	return agent_lane_init(&worker->agent_lane, 0);
}

// Frames on the wire of a port; they are given back.
static unsigned receive(unsigned port)
{
	struct rte_mbuf *mbuf;
	unsigned n = 0;

	while (rte_ring_dequeue(wire[port], (void **)&mbuf) == 0) {
		const uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);

		assert_int_equal(mbuf->pkt_len, 60);
		assert_memory_equal(frame, good.mac_destination, 6);
		assert_memory_equal(frame + 42, good.payload, 16);
		rte_pktmbuf_free(mbuf);
		n++;
	}
	return n;
}

static int teardown(void **state)
{
	receive(0);
	receive(1);
	tx_fini(&worker->tx[0]);
	tx_fini(&worker->tx[1]);
	agent_lane_fini(&worker->agent_lane);
	free(worker);
	free(segment);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	return 0;
}

static enum weir_answer_fate take(unsigned port, uint64_t sequence)
{
	struct weir_answer answer = good;

	answer.port = (uint8_t)port;
	answer.sequence = sequence;
	return agent_answers_take(&answers, &answer, now_ns);
}

// A turn of the worker with its housekeeping.
static void work(void)
{
	agent_lane_send(worker);
	tx(worker);
	agent_lane_send(worker);
}

static void told(uint64_t expected)
{
	uint64_t sequence = 0;

	assert_true(agent_answers_next(&answers, &sequence));
	assert_int_equal(sequence, expected);
}

static void told_nothing(void)
{
	uint64_t sequence;

	assert_false(agent_answers_next(&answers, &sequence));
}

static void an_answer_ends_when_its_port_has_taken_it(void **state)
{
	assert_int_equal(take(1, 77), WEIR_ANSWER_SENT);
	told_nothing();
	agent_lane_send(worker);
	told_nothing(); // staged, not sent
	assert_true(agent_answers_waits(&answers));
	work();
	told(77);
	told_nothing();
	assert_false(agent_answers_waits(&answers));
	assert_int_equal(receive(1), 1);
	assert_int_equal(receive(0), 0);
	assert_int_equal(segment_state_own(segment)->agent_answers[WEIR_ANSWER_SENT], 1);
}

static void answers_of_agents_are_no_part_of_the_books(void **state)
{
	const struct weir_counters none = { 0 };

	assert_int_equal(take(0, 1), WEIR_ANSWER_SENT);
	agent_lane_send(worker);
	tx_abandon(worker);
	assert_memory_equal(&worker->counters[0], &none, sizeof(none));
}

static void what_is_wrong_is_counted_and_sends_nothing(void **state)
{
	good.payload[1] = 0x10;
	assert_int_equal(take(0, 1), WEIR_ANSWER_PAYLOAD);
	assert_int_equal(take(2, 2), WEIR_ANSWER_PORT);
	assert_int_equal(segment_state_own(segment)->agent_answers[WEIR_ANSWER_PAYLOAD], 1);
	assert_int_equal(segment_state_own(segment)->agent_answers[WEIR_ANSWER_PORT], 1);
	work();
	told_nothing();
	assert_int_equal(receive(0), 0);
}

static void a_port_without_a_link_is_tried_again_later(void **state)
{
	struct weir_port *port = (struct weir_port *)((char *)segment + segment->ports);

	port->link_up = 0;
	assert_int_equal(take(0, 1), WEIR_ANSWER_LINK_DOWN);
	assert_int_equal(take(1, 2), WEIR_ANSWER_SENT);
	port->link_up = 1;
	assert_int_equal(take(0, 1), WEIR_ANSWER_SENT);
	work();
}

// Fills the wire and the staging of port 0.
static void back_up(void)
{
	for (unsigned i = 0; i < WIRE; i++) {
		assert_int_equal(take(0, 0), WEIR_ANSWER_SENT);
		work();
		if (i < WIRE - 1)
			told(0);
	}
}

static void a_port_that_takes_nothing_holds_up_no_other(void **state)
{
	uint64_t sequence;

	back_up(); // one is in the staging
	for (unsigned i = 0; i < WEIR_ANSWERS_A_PORT - 1; i++)
		assert_int_equal(take(0, 100 + i), WEIR_ANSWER_SENT);
	assert_int_equal(take(0, 200), WEIR_ANSWER_NO_ROOM);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(take(1, 300 + i), WEIR_ANSWER_SENT);
		work();
		told(300 + i);
		receive(1);
	}
	told_nothing();
	receive(0);
	work();
	told(0);
	for (unsigned i = 0; i < WEIR_ANSWERS_A_PORT - 1; i++)
		told(100 + i);
	assert_false(agent_answers_next(&answers, &sequence));
}

static void answers_that_find_the_staging_full_wait_and_none_is_lost(void **state)
{
	struct tx *staging = &worker->tx[0];

	back_up();
	while (tx_length(&staging->queue[TX_ANSWERS]) < STAGING) { // other answers
		struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);

		mbuf->port = 0;
		memcpy(rte_pktmbuf_append(mbuf, 60), good.mac_destination, 6);
		memcpy(rte_pktmbuf_mtod_offset(mbuf, uint8_t *, 42), good.payload, 16);
		tx_push(worker, 0, mbuf, TX_ANSWER, 0);
	}
	assert_int_equal(take(0, 5), WEIR_ANSWER_SENT);
	work();
	assert_int_equal(tx_length(&staging->queue[TX_ANSWERS]), STAGING);
	told_nothing();
	receive(0);
	work();
	told(0); // was staged; room for 64, so the last one waits
	receive(0);
	work();
	told(5);
	assert_int_equal(worker->counters[0].answers_lost, 0);
}

static void answers_over_the_rate_are_tried_again_later(void **state)
{
	unsigned sent = 0;

	make(1000); // and up to 100 at once
	for (unsigned i = 0; i < 200; i++) {
		enum weir_answer_fate fate = take(0, i);

		assert_true(fate == WEIR_ANSWER_SENT || fate == WEIR_ANSWER_RATE);
		sent += fate == WEIR_ANSWER_SENT;
		work();
		receive(0);
		while (agent_answers_next(&answers, &(uint64_t){ 0 }))
			;
	}
	assert_int_equal(sent, 100);
	assert_int_equal(segment_state_own(segment)->agent_answers[WEIR_ANSWER_RATE], 100);
	now_ns += SECOND / 1000;
	assert_int_equal(take(0, 1), WEIR_ANSWER_SENT);
	assert_int_equal(take(0, 1), WEIR_ANSWER_RATE);
	now_ns += UINT64_C(50) * SECOND; // no credit beyond the burst
	for (sent = 0; take(0, 1) == WEIR_ANSWER_SENT; sent++) {
		work();
		receive(0);
		while (agent_answers_next(&answers, &(uint64_t){ 0 }))
			;
	}
	assert_int_equal(sent, 100);
}

static void a_slow_rate_still_sends_a_few_at_once(void **state)
{
	make(1);
	for (unsigned i = 0; i < 16; i++) {
		assert_int_equal(take(i % 2, i), WEIR_ANSWER_SENT);
		work();
		told(i);
	}
	assert_int_equal(take(0, 16), WEIR_ANSWER_RATE);
	now_ns += SECOND;
	assert_int_equal(take(0, 16), WEIR_ANSWER_SENT);
}

static void who_is_gone_is_told_nothing_and_the_next_one_only_of_its_own(void **state)
{
	assert_int_equal(take(0, 1), WEIR_ANSWER_SENT);
	assert_int_equal(take(0, 2), WEIR_ANSWER_SENT);
	agent_answers_forget(&answers);
	assert_int_equal(take(0, 3), WEIR_ANSWER_SENT);
	work();
	told(3);
	told_nothing();
	assert_int_equal(receive(0), 3);
	assert_int_equal(segment_state_own(segment)->agent_answers[WEIR_ANSWER_SENT], 3);
}

static int open_wire(unsigned i)
{
	const struct rte_eth_conf conf = { 0 };
	int id;

	wire[i] = rte_ring_create(i ? "wire1" : "wire0", WIRE, 0, RING_F_SP_ENQ | RING_F_SC_DEQ);
	id = rte_eth_from_ring(wire[i]);
	if (id < 0 || rte_eth_dev_configure((uint16_t)id, 1, 1, &conf) ||
	    rte_eth_rx_queue_setup((uint16_t)id, 0, 64, 0, NULL, pool) ||
	    rte_eth_tx_queue_setup((uint16_t)id, 0, 64, 0, NULL))
		return -1;
	device[i] = (uint16_t)id;
	return rte_eth_dev_start(device[i]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_answer_ends_when_its_port_has_taken_it),
		TEST(answers_of_agents_are_no_part_of_the_books),
		TEST(what_is_wrong_is_counted_and_sends_nothing),
		TEST(a_port_without_a_link_is_tried_again_later),
		TEST(a_port_that_takes_nothing_holds_up_no_other),
		TEST(answers_that_find_the_staging_full_wait_and_none_is_lost),
		TEST(answers_over_the_rate_are_tried_again_later),
		TEST(a_slow_rate_still_sends_a_few_at_once),
		TEST(who_is_gone_is_told_nothing_and_the_next_one_only_of_its_own),
	};
	char *argv[] = { (char[]){ "agent_answers_test" }, (char[]){ "--no-huge" },
			 (char[]){ "--no-shconf" },        (char[]){ "--no-pci" },
			 (char[]){ "--no-telemetry" },     (char[]){ "--log-level=error" },
			 (char[]){ "-m64" },               (char[]){ "-l0" } };

	if (rte_eal_init(8, argv) < 0)
		return 77;
	pool = rte_pktmbuf_pool_create("answers-test", 4095, 0,
				       RTE_ALIGN(sizeof(struct frame_origin), RTE_MBUF_PRIV_ALIGN),
				       RTE_PKTMBUF_HEADROOM + 2048, SOCKET_ID_ANY);
	if (!pool || open_wire(0) < 0 || open_wire(1) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
