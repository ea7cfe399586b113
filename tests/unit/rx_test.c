// SPDX-License-Identifier: BSD-3-Clause
//
// What rx says of a burst: frames of any segments in one piece, and whether the NIC has found all checksums right.
#include <rte_eal.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/worker.h"

enum { ROOM = 256 };
#define GOOD RTE_MBUF_F_RX_L4_CKSUM_GOOD

static struct rte_mempool *pool;
static struct worker *worker;
static struct rte_ring *ring;
static struct port port;

static int setup(void **state)
{
	worker = calloc(1, sizeof(*worker));
	worker->linear = calloc(BURST_MAX + 1, sizeof(*worker->linear));
	ring = rte_ring_create("rx", 128, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	worker->ring[0] = ring;
	worker->ports = &port;
	return ring ? 0 : -1;
}

static int teardown(void **state)
{
	rte_ring_free(ring);
	free(worker->linear);
	free(worker);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	return 0;
}

static struct rte_mbuf *frame(uint64_t flags)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);

	memset(rte_pktmbuf_append(mbuf, 60), 0x5a, 60);
	mbuf->ol_flags |= flags;
	return mbuf;
}

static void give(struct rte_mbuf *mbuf)
{
	assert_int_equal(rte_ring_enqueue(ring, mbuf), 0);
}

static bool all_summed(void)
{
	assert_true(rx(worker, &worker->burst, 0) > 0);
	rte_pktmbuf_free_bulk(worker->burst.mbuf, worker->burst.n);
	return worker->burst.all_summed;
}

static void a_burst_is_summed_where_the_nic_says_so_of_every_frame(void **state)
{
	static const uint64_t other[] = { RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN, RTE_MBUF_F_RX_L4_CKSUM_BAD, RTE_MBUF_F_RX_L4_CKSUM_NONE };

	for (unsigned n = 1; n <= BURST_MAX; n++) {
		for (unsigned i = 0; i < n; i++)
			give(frame(GOOD | RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_RSS_HASH));
		assert_true(all_summed());
		for (unsigned kind = 0; kind < 3; kind++) {
			for (unsigned i = 0; i < n; i++)
				give(frame(i == (kind * 7 + n) % n ? other[kind] : GOOD));
			assert_false(all_summed());
			for (unsigned i = 0; i < n; i++)
				give(frame(other[kind]));
			assert_false(all_summed());
		}
	}
}

static void a_frame_of_many_segments_is_read_in_one_piece(void **state)
{
	for (unsigned segments = 2; segments <= 40; segments++) {
		struct rte_mbuf *mbuf = frame(0);

		for (unsigned s = 1; s < segments; s++) {
			struct rte_mbuf *next = rte_pktmbuf_alloc(pool);

			memset(rte_pktmbuf_append(next, (uint16_t)s), (int)s, s);
			assert_int_equal(rte_pktmbuf_chain(mbuf, next), 0);
		}
		give(mbuf);
		assert_int_equal(rx(worker, &worker->burst, 0), 1);
		const uint8_t *at = worker->burst.packet[0].data + 60;

		assert_int_equal(worker->burst.packet[0].length, 60 + segments * (segments - 1) / 2);
		for (unsigned s = 1; s < segments; s++)
			for (unsigned i = 0; i < s; i++)
				assert_int_equal(*at++, s);
		rte_pktmbuf_free(mbuf);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_burst_is_summed_where_the_nic_says_so_of_every_frame),
		TEST(a_frame_of_many_segments_is_read_in_one_piece),
	};
	char *argv[] = { (char[]){ "rx_test" },        (char[]){ "--no-huge" },
			 (char[]){ "--no-shconf" },    (char[]){ "--no-pci" },
			 (char[]){ "--no-telemetry" }, (char[]){ "--log-level=error" },
			 (char[]){ "-m64" },           (char[]){ "-l0" } };

	if (rte_eal_init(8, argv) < 0)
		return 77;
	pool = rte_pktmbuf_pool_create("rx-test", 511, 0, 0, RTE_PKTMBUF_HEADROOM + ROOM, SOCKET_ID_ANY);
	return pool ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
