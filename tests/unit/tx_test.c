// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/tx.h"

#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/worker.h"

enum {
	LIMIT = 8,
	WIRE = 16
}; // frames staged at most; room of the ring that plays the wire, less one

static struct rte_mempool *pool;
static struct rte_ring *wire;
static struct worker *worker;

static int setup(void **state)
{
	static unsigned serial;
	const struct rte_eth_conf conf = { 0 };
	char name[32];
	int port;

	snprintf(name, sizeof(name), "wire%u", serial++);
	wire = rte_ring_create(name, WIRE, 0, RING_F_SP_ENQ | RING_F_SC_DEQ);
	port = rte_eth_from_ring(wire);
	assert_true(port >= 0);
	assert_int_equal(rte_eth_dev_configure((uint16_t)port, 1, 1, &conf), 0);
	assert_int_equal(rte_eth_rx_queue_setup((uint16_t)port, 0, 64, 0, NULL, pool), 0);
	assert_int_equal(rte_eth_tx_queue_setup((uint16_t)port, 0, 64, 0, NULL), 0);
	assert_int_equal(rte_eth_dev_start((uint16_t)port), 0);
	worker = calloc(1, sizeof(*worker));
	worker->n_ports = 1;
	worker->pool = pool;
	return tx_init(&worker->tx[0], (uint16_t)port, 0, LIMIT);
}

static int teardown(void **state)
{
	struct rte_mbuf *mbuf;

	tx_fini(&worker->tx[0]);
	while (rte_ring_dequeue(wire, (void **)&mbuf) == 0)
		rte_pktmbuf_free(mbuf);
	free(worker);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	return 0;
}

static struct rte_mbuf *frame(uint16_t mark)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);

	mbuf->port = 0;
	*(uint16_t *)(void *)rte_pktmbuf_append(mbuf, 60) = mark;
	return mbuf;
}

// Stages a frame as act does: counted first as what it will be.
static void push(unsigned priority, uint16_t mark)
{
	worker->counters[0].rx++;
	worker->counters[0].disposition[WEIR_FORWARD]++;
	tx_push(worker, 0, frame(mark), TX_FORWARD, priority);
}

static void push_answer(uint16_t mark)
{
	worker->counters[0].answers++;
	tx_push(worker, 0, frame(mark), TX_ANSWER, 0);
}

static uint64_t count(enum weir_disposition disposition)
{
	return worker->counters[0].disposition[disposition];
}

static void assert_books(void)
{
	uint64_t sum = 0;

	for (unsigned d = 0; d < WEIR_N_DISPOSITIONS; d++)
		sum += count(d);
	assert_int_equal(sum, worker->counters[0].rx);
}

// The next mark on the wire, -1 when it is empty.
static int received(void)
{
	struct rte_mbuf *mbuf;
	int mark;

	if (rte_ring_dequeue(wire, (void **)&mbuf) != 0)
		return -1;
	mark = *rte_pktmbuf_mtod(mbuf, uint16_t *);
	rte_pktmbuf_free(mbuf);
	return mark;
}

static void block_wire(void)
{
	while (rte_ring_free_count(wire) > 0)
		rte_ring_enqueue(wire, frame(9999));
}

static void unblock_wire(void)
{
	while (rte_ring_count(wire) > 0)
		assert_int_equal(received(), 9999);
}

static void frames_leave_by_priority_and_in_order_within_one(void **state)
{
	push(3, 30);
	push(0, 1);
	push(2, 20);
	push(0, 2);
	push(1, 10);
	push_answer(5);
	push(2, 21);
	tx(worker);
	for (unsigned i = 0; i < 7; i++)
		assert_int_equal(received(), ((int[]){ 1, 2, 5, 10, 20, 21, 30 })[i]);
	assert_int_equal(received(), -1);
	assert_int_equal(tx_staged(&worker->tx[0]), 0);
	assert_int_equal(count(WEIR_FORWARD), 6);
	assert_books();
}

static void a_full_port_keeps_what_is_staged_until_there_is_room(void **state)
{
	block_wire();
	for (unsigned i = 0; i < LIMIT; i++)
		push(2, (uint16_t)i);
	tx(worker);
	assert_int_equal(tx_staged(&worker->tx[0]), LIMIT);
	unblock_wire();
	tx(worker);
	for (unsigned i = 0; i < LIMIT; i++)
		assert_int_equal(received(), i);
	assert_int_equal(count(WEIR_FORWARD), LIMIT);
	assert_books();
}

static void a_frame_too_long_for_its_port_is_given_up_and_does_not_stop_the_others(void **state)
{
	struct rte_mbuf *longer;

	worker->tx[0].frame_max = 100;
	block_wire();
	push(WEIR_URGENT, 1);
	longer = frame(2);
	rte_pktmbuf_append(longer, 100);
	worker->counters[0].rx++;
	worker->counters[0].disposition[WEIR_FORWARD]++;
	tx_push(worker, 0, longer, TX_FORWARD, WEIR_EMERGENCY);
	push(WEIR_NORMAL, 3);
	tx(worker); // nothing is taken now, but the first one never will be
	assert_int_equal(count(WEIR_TX_FULL), 1);
	assert_int_equal(worker->counters[0].reason[WEIR_REASON_MTU], 1);
	assert_int_equal(tx_staged(&worker->tx[0]), 2);
	unblock_wire();
	tx(worker);
	assert_int_equal(received(), 1);
	assert_int_equal(received(), 3);
	assert_books();
}

static void an_emergency_takes_the_place_of_the_least_urgent(void **state)
{
	block_wire();
	for (unsigned i = 0; i < LIMIT; i++)
		push(i < LIMIT / 2 ? 3 : 2, (uint16_t)i);
	push(0, 100); // the youngest of priority 3 gives way: mark 3
	push(1, 101); // then mark 2
	tx(worker);
	assert_int_equal(count(WEIR_SHED), 2);
	assert_int_equal(count(WEIR_FORWARD), LIMIT);
	unblock_wire();
	tx(worker);
	for (unsigned i = 0; i < LIMIT; i++)
		assert_int_equal(received(), ((int[]){ 100, 101, 4, 5, 6, 7, 0, 1 })[i]);
	assert_books();
}

static void the_lowest_priority_is_shed_before_it_is_staged(void **state)
{
	block_wire();
	for (unsigned i = 0; i < LIMIT; i++)
		push(i % 2, (uint16_t)i);
	push(3, 200);
	assert_int_equal(count(WEIR_SHED), 1);
	assert_int_equal(count(WEIR_TX_FULL), 0);
	assert_books();
}

static void equals_find_the_port_full(void **state)
{
	block_wire();
	for (unsigned i = 0; i < LIMIT + 3; i++)
		push(2, (uint16_t)i);
	assert_int_equal(count(WEIR_TX_FULL), 3);
	assert_int_equal(count(WEIR_SHED), 0);
	assert_int_equal(count(WEIR_FORWARD), LIMIT);
	assert_books();
}

static void answers_have_room_of_their_own(void **state)
{
	block_wire();
	for (unsigned i = 0; i < LIMIT; i++)
		push(0, (uint16_t)i);
	for (unsigned i = 0; i < LIMIT + 2; i++)
		push_answer((uint16_t)(50 + i));
	assert_int_equal(count(WEIR_FORWARD), LIMIT);
	assert_int_equal(worker->counters[0].answers, LIMIT);
	assert_int_equal(worker->counters[0].answers_lost, 2);
	assert_books();
}

static void push_kernel(uint16_t mark)
{
	lane_count(&worker->lane.down_sent[0], 1);
	tx_push(worker, 0, frame(mark), TX_KERNEL, 0);
}

static void what_the_kernel_sends_goes_behind_emergencies_and_takes_no_message_s_room(void **state)
{
	block_wire();
	for (unsigned i = 0; i < LIMIT; i++)
		push(i % 2, (uint16_t)i);
	for (unsigned i = 0; i < LIMIT + 3; i++)
		push_kernel((uint16_t)(50 + i));
	assert_int_equal(count(WEIR_FORWARD), LIMIT);
	assert_int_equal(worker->lane.down_sent[0], LIMIT);
	assert_int_equal(worker->lane.down_lost[0], 3);
	assert_int_equal(worker->counters[0].answers + worker->counters[0].answers_lost, 0);
	assert_books();
	unblock_wire();
	tx(worker);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(received(), ((int[]){ 0, 2, 4, 6, 50 })[i]);
}

static void what_the_kernel_sent_and_is_staged_at_the_end_is_lost_and_counted(void **state)
{
	block_wire();
	push_kernel(1);
	tx_abandon(worker);
	assert_int_equal(worker->lane.down_sent[0], 0);
	assert_int_equal(worker->lane.down_lost[0], 1);
	assert_books();
}

static void what_is_staged_at_the_end_is_counted_as_not_sent(void **state)
{
	block_wire();
	for (unsigned i = 0; i < 5; i++)
		push(i % 4, (uint16_t)i);
	push_answer(9);
	tx_abandon(worker);
	assert_int_equal(count(WEIR_TX_FULL), 5);
	assert_int_equal(count(WEIR_FORWARD), 0);
	assert_int_equal(worker->counters[0].answers, 0);
	assert_int_equal(tx_staged(&worker->tx[0]), 0);
	assert_books();
}

// Random pushes and a wire that opens and closes, against the plain rule: nothing is lost without a
// count, and no frame is given up while a less urgent one stays.
static void random_traffic_is_never_lost_uncounted(void **state)
{
	unsigned sent = 0;

	srand(7);
	for (unsigned step = 0; step < 20000; step++) {
		if (rand() % 3)
			push((unsigned)rand() % 4, 1);
		else
			push_answer(2);
		if (rand() % 16 == 0)
			tx(worker);
		if (rand() % 32 == 0)
			while (received() != -1)
				sent++;
		assert_books();
		assert_true(tx_staged(&worker->tx[0]) <= 2 * LIMIT);
	}
	sent += tx_staged(&worker->tx[0]) + rte_ring_count(wire);
	assert_int_equal(sent, count(WEIR_FORWARD) + worker->counters[0].answers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(frames_leave_by_priority_and_in_order_within_one,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_full_port_keeps_what_is_staged_until_there_is_room, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_frame_too_long_for_its_port_is_given_up_and_does_not_stop_the_others, setup, teardown),
		cmocka_unit_test_setup_teardown(an_emergency_takes_the_place_of_the_least_urgent,
						setup, teardown),
		cmocka_unit_test_setup_teardown(the_lowest_priority_is_shed_before_it_is_staged,
						setup, teardown),
		cmocka_unit_test_setup_teardown(equals_find_the_port_full, setup, teardown),
		cmocka_unit_test_setup_teardown(answers_have_room_of_their_own, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_the_kernel_sends_goes_behind_emergencies_and_takes_no_message_s_room,
			setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_the_kernel_sent_and_is_staged_at_the_end_is_lost_and_counted, setup,
			teardown),
		cmocka_unit_test_setup_teardown(what_is_staged_at_the_end_is_counted_as_not_sent,
						setup, teardown),
		cmocka_unit_test_setup_teardown(random_traffic_is_never_lost_uncounted, setup,
						teardown),
	};
	char *argv[] = { (char[]){ "tx_test" },        (char[]){ "--no-huge" },
			 (char[]){ "--no-shconf" },    (char[]){ "--no-pci" },
			 (char[]){ "--no-telemetry" }, (char[]){ "--log-level=error" },
			 (char[]){ "-m64" },           (char[]){ "-l0" } };

	if (rte_eal_init(8, argv) < 0)
		return 77;
	pool = rte_pktmbuf_pool_create("tx-test", 4095, 0,
				       RTE_ALIGN(sizeof(struct frame_origin), RTE_MBUF_PRIV_ALIGN),
				       RTE_PKTMBUF_HEADROOM + 256, SOCKET_ID_ANY);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
