// SPDX-License-Identifier: BSD-3-Clause
//
// Frames on their way to members that take no plain ones: in one segment and in many, there and back.
#include "dataplane/reach.h"

#include <rte_eal.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/act.h"
#include "dataplane/encap.h"
#include "dataplane/worker.h"
#include "tests/kit/frame.h"

enum { ROOM = 1024, WHOLE = 70000 };

static struct rte_mempool *pool;
static struct worker *worker;
static struct live live;
static struct paths paths;
static struct listeners listeners;
static struct table_pool pools[1];
static struct table_member members[1];
static uint16_t mtus[1];
static struct frame frame;
static uint8_t linear[WHOLE], after[WHOLE];

static int setup(void **state)
{
	const struct listener any = { .port = 5700 };

	worker = calloc(1, sizeof(*worker));
	worker->n_ports = 1;
	worker->linear = calloc(BURST_MAX + 1, sizeof(*worker->linear));
	worker->live = &live;
	worker->paths = &paths;
	worker->listeners = &listeners;
	live.table.pools = pools;
	live.table.members = members;
	paths.live = &live;
	paths.mtus = mtus;
	mtus[0] = UINT16_MAX;
	listeners_init(&listeners, &any, 1);
	return tx_init(&worker->tx[0], 0, 0, 64);
}

static int teardown(void **state)
{
	tx_fini(&worker->tx[0]);
	free(worker->linear);
	free(worker);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	return 0;
}

static void use_pool(unsigned mode, unsigned family)
{
	static const uint8_t v4[2][4] = { { 192, 0, 2, 1 }, { 192, 0, 2, 2 } };
	static const uint8_t v6[2][16] = { { 0x20, 1, [15] = 1 }, { 0x20, 1, [15] = 2 } };

	pools[0] = (struct table_pool){ .mode = (uint8_t)mode,
					.source_family = (uint8_t)family,
					.n_members = 1 };
	members[0] = (struct table_member){ .family = (uint8_t)family };
	memcpy(pools[0].source, family == 4 ? v4[0] : v6[0], family == 4 ? 4 : 16);
	memcpy(members[0].address, family == 4 ? v4[1] : v6[1], family == 4 ? 4 : 16);
}

static void make_frame(unsigned version, unsigned n_vlan, uint16_t size, unsigned padding)
{
	static const uint8_t zero[64];

	memset(&frame, 0, sizeof(frame));
	frame_ethernet(&frame);
	for (unsigned i = 0; i < n_vlan; i++)
		frame_vlan(&frame, i + 1 < n_vlan ? 0x88a8 : 0x8100, (uint16_t)(100 + i));
	if (version == 4)
		frame_ipv4(&frame, 0);
	else
		frame_ipv6(&frame);
	frame_udp(&frame, 5700);
	frame_native(&frame, size);
	frame.bytes[frame.payload + 1] |= 1; // asks for an answer
	frame_finish(&frame);
	frame_push(&frame, zero, padding);
}

// The frame in segments of `first` bytes, then of `rest`; in the burst as parse leaves it.
static struct rte_mbuf *take_in(unsigned first, unsigned rest)
{
	struct rte_mbuf *mbuf = NULL;

	for (unsigned done = 0; done < frame.length;) {
		unsigned left = frame.length - done, n = RTE_MIN(mbuf ? rest : first, left);
		struct rte_mbuf *segment = rte_pktmbuf_alloc(pool);

		assert_non_null(segment);
		memcpy(rte_pktmbuf_append(segment, (uint16_t)n), frame.bytes + done, n);
		done += n;
		if (mbuf)
			assert_int_equal(rte_pktmbuf_chain(mbuf, segment), 0);
		else
			mbuf = segment;
	}
	worker->burst.mbuf[0] = mbuf;
	worker->burst.n = worker->burst.n_live = 1;
	worker->burst.live[0] = 0;
	worker->burst.message.tenant[0] = 1001;
	worker->burst.payloads.source[0] = 0x0a000001;
	parse_frame(&listeners, rte_pktmbuf_read(mbuf, 0, frame.length, linear), frame.length,
		    false, &worker->burst.packet[0]);
	assert_int_equal(worker->burst.packet[0].reason, WEIR_REASON_NONE);
	return mbuf;
}

static enum reach reach(void)
{
	return reach_member(worker, &worker->burst, 0, 0, 0);
}

// The bytes of the frame as it is now.
static const uint8_t *bytes_of(struct rte_mbuf *mbuf)
{
	memcpy(after, rte_pktmbuf_read(mbuf, 0, mbuf->pkt_len, after), mbuf->pkt_len);
	return after;
}

static void is_as_it_came(struct rte_mbuf *mbuf, uint32_t length)
{
	assert_int_equal(mbuf->pkt_len, length);
	assert_memory_equal(bytes_of(mbuf), frame.bytes, length);
}

static void goes_by_tunnel_and_back(unsigned mode, unsigned family, unsigned first)
{
	struct rte_mbuf *mbuf = take_in(first, 100);
	unsigned size = encap_size(mode, family);
	uint32_t end = frame.payload + 16 + worker->burst.packet[0].payload_length - 16;
	const uint8_t *now;

	use_pool(mode, family);
	assert_int_equal(reach(), REACH_GOOD);
	now = bytes_of(mbuf);
	assert_in_range(mbuf->pkt_len, end + size, frame.length + size);
	assert_memory_equal(now, frame.bytes, frame.ip - 2); // addresses and tags
	assert_int_equal(now[frame.ip - 2], family == 4 ? 0x08 : 0x86);
	assert_int_equal(now[frame.ip] >> 4, family);
	assert_memory_equal(now + frame.ip + size, frame.bytes + frame.ip, end - frame.ip);
	reach_undo(mbuf);
	is_as_it_came(mbuf, mbuf->pkt_len);
	assert_in_range(mbuf->pkt_len, end, frame.length);
	rte_pktmbuf_free(mbuf);
}

static void a_tunnel_takes_frames_of_any_shape_and_gives_them_back(void **state)
{
	static const unsigned firsts[] = { 14 + 8, 100, 300, ROOM };

	for (unsigned shape = 0; shape < 4 * 3 * 2 * 2 * 2; shape++) {
		unsigned n_vlan = shape / 4 % 3, version = shape / 12 % 2 ? 6 : 4,
			 mode = shape / 24 % 2 ? WEIR_MODE_GUE : WEIR_MODE_IPIP;

		make_frame(version, n_vlan, (uint16_t)(shape % 7 * 40), shape % 5 == 0 ? 9 : 0);
		goes_by_tunnel_and_back(mode, shape / 48 % 2 ? 6 : 4, firsts[shape % 4]);
	}
}

static void padding_is_not_sent_through_a_tunnel(void **state)
{
	struct rte_mbuf *mbuf;

	make_frame(4, 0, 2, 20);
	mbuf = take_in(ROOM, ROOM);
	use_pool(WEIR_MODE_IPIP, 4);
	assert_int_equal(reach(), REACH_GOOD);
	assert_int_equal(mbuf->pkt_len, frame.length - 20 + 20);
	rte_pktmbuf_free(mbuf);
}

static void nat_exchanges_the_address_and_puts_it_back(void **state)
{
	for (unsigned version = 4; version <= 6; version += 2)
		for (unsigned first = 90; first <= ROOM; first += 400) {
			struct rte_mbuf *mbuf;
			unsigned field;

			make_frame(version, 1, 200, 0);
			mbuf = take_in(first, 64);
			use_pool(WEIR_MODE_NAT, version);
			assert_int_equal(reach(), REACH_GOOD);
			field = frame.ip + (version == 4 ? 16 : 24);
			assert_memory_equal(bytes_of(mbuf) + field, members[0].address,
					    version == 4 ? 4 : 16);
			reach_undo(mbuf);
			is_as_it_came(mbuf, frame.length);
			rte_pktmbuf_free(mbuf);
		}
}

static void refused(enum reach wanted, struct rte_mbuf *mbuf)
{
	assert_int_equal(reach(), wanted);
	is_as_it_came(mbuf, frame.length);
	rte_pktmbuf_free(mbuf);
	mtus[0] = UINT16_MAX;
}

static void what_cannot_go_stays_as_it_was(void **state)
{
	struct rte_mbuf *mbuf;

	make_frame(4, 0, 100, 0);
	mbuf = take_in(ROOM, ROOM);
	use_pool(WEIR_MODE_NAT, 6);
	refused(REACH_NO_MEMBER, mbuf);
	mbuf = take_in(30, ROOM); // the UDP header is in the second segment
	use_pool(WEIR_MODE_NAT, 4);
	refused(REACH_NO_ROOM, mbuf);
	mbuf = take_in(10, ROOM); // not even the Ethernet header in the first one
	use_pool(WEIR_MODE_GUE, 6);
	refused(REACH_NO_ROOM, mbuf);
	mbuf = take_in(ROOM - 100, ROOM);
	memmove((uint8_t *)mbuf->buf_addr + 51, rte_pktmbuf_mtod(mbuf, uint8_t *), mbuf->data_len);
	mbuf->data_off = 51; // one byte of headroom too few
	worker->burst.packet[0].data = rte_pktmbuf_mtod(mbuf, uint8_t *);
	refused(REACH_NO_ROOM, mbuf);
}

static void a_datagram_fits_to_the_byte_or_not(void **state)
{
	static const unsigned modes[] = { WEIR_MODE_L2, WEIR_MODE_NAT, WEIR_MODE_IPIP,
					  WEIR_MODE_GUE };

	for (unsigned i = 0; i < 4; i++) {
		unsigned size = i < 2 ? 0 : encap_size(modes[i], 4);
		struct rte_mbuf *mbuf;

		make_frame(4, 0, 100, 0);
		mbuf = take_in(ROOM, ROOM);
		use_pool(modes[i], 4);
		mtus[0] = (uint16_t)(frame.length - 14 + size - 1);
		refused(REACH_MTU, mbuf);
		mbuf = take_in(ROOM, ROOM);
		mtus[0] = (uint16_t)(frame.length - 14 + size);
		assert_int_equal(reach(), REACH_GOOD);
		rte_pktmbuf_free(mbuf);
		mtus[0] = UINT16_MAX;
	}
}

// A frame that was staged for its member and is given up: its sender hears busy from the service address.
static void the_answer_to_a_frame_that_is_given_up_is_that_of_the_message_as_it_came(void **state)
{
	static const unsigned modes[] = { WEIR_MODE_NAT, WEIR_MODE_IPIP, WEIR_MODE_GUE };

	for (unsigned i = 0; i < 6; i++) {
		unsigned version = i % 2 ? 6 : 4, n = version == 4 ? 4 : 16,
			 source = version == 4 ? 12 : 8;
		struct rte_mbuf *mbuf, *answer;
		const uint8_t *now;

		make_frame(version, 1, 60, 0);
		mbuf = take_in(ROOM, ROOM);
		mbuf->port = 0;
		use_pool(modes[i / 2], version);
		assert_int_equal(reach(), REACH_GOOD);
		memcpy(frame_origin(mbuf), rte_pktmbuf_mtod(mbuf, uint8_t *), 12);
		memset(rte_pktmbuf_mtod(mbuf, uint8_t *), 0x42, 12); // the member's
		act_given_up(worker, mbuf);
		assert_int_equal(worker->counters[0].answers_lost, 0);
		assert_int_equal(tx_length(&worker->tx[0].queue[TX_ANSWERS]), 1);
		answer =
			worker->tx[0]
				.queue[TX_ANSWERS]
				.frame[worker->tx[0].queue[TX_ANSWERS].head++ & worker->tx[0].mask];
		now = bytes_of(answer);
		assert_memory_equal(now, frame.bytes + 6, 6);
		assert_memory_equal(now + 6, frame.bytes, 6);
		assert_memory_equal(now + frame.ip + source, frame.bytes + frame.ip + source + n,
				    n);
		assert_memory_equal(now + frame.ip + source + n, frame.bytes + frame.ip + source,
				    n);
		assert_int_equal(now[frame.payload + 2], WEIR_STATUS_BUSY);
		rte_pktmbuf_free(answer);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_tunnel_takes_frames_of_any_shape_and_gives_them_back),
		TEST(padding_is_not_sent_through_a_tunnel),
		TEST(nat_exchanges_the_address_and_puts_it_back),
		TEST(what_cannot_go_stays_as_it_was),
		TEST(a_datagram_fits_to_the_byte_or_not),
		TEST(the_answer_to_a_frame_that_is_given_up_is_that_of_the_message_as_it_came),
	};
	char *argv[] = { (char[]){ "reach_test" },     (char[]){ "--no-huge" },
			 (char[]){ "--no-shconf" },    (char[]){ "--no-pci" },
			 (char[]){ "--no-telemetry" }, (char[]){ "--log-level=error" },
			 (char[]){ "-m64" },           (char[]){ "-l0" } };

	if (rte_eal_init(8, argv) < 0)
		return 77;
	pool = rte_pktmbuf_pool_create("reach-test", 511, 0,
				       RTE_ALIGN(sizeof(struct frame_origin), RTE_MBUF_PRIV_ALIGN),
				       RTE_PKTMBUF_HEADROOM + ROOM, SOCKET_ID_ANY);
	return pool ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
