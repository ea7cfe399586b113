// SPDX-License-Identifier: BSD-3-Clause
//
// The dispatcher over rings of its own: whom frames go to, what a full ring sheds, siblings, the books of its row.
#include "dataplane/dispatch.h"

#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ebpf/steer.h"
#include "rules/gateway_reader.h"
#include "tests/kit/frame.h"
#include "tests/kit/segments.h"

enum { WORKERS = 2, WIRE = 1024, GW2 = WEIR_STEER_SIBLING };
enum { EMERGENCY, NORMAL = 2 };

static const char config[] =
	"dataplane = { main_cpu = 0; worker_cpus = [ 1, 2 ]; dispatch_cpu = 3; };\n"
	"ports = ( { name = \"in0\"; device = \"x\"; } );\n"
	"siblings = ( { name = \"gw2\"; port = \"in0\"; mac = \"02:00:00:00:00:02\"; },\n"
	"             { name = \"gw3\"; port = \"in0\"; mac = \"02:00:00:00:00:03\"; } );\n";

static struct rte_mempool *pool;
static struct {
	struct gateway *gateway;
	struct weir_segment *segment;
	struct listeners listeners;
	struct handover handover;
	struct steering steering;
	struct worker *workers;
	struct port port;
	struct rte_ring *wire;
	struct dispatch *dispatch;
	char why[200];
} t;

static struct gateway *gateway_make(void)
{
	struct gateway *gateway;
	struct diags diags;

	diags_init(&diags);
	gateway = gateway_read_text("g.conf", config, strlen(config), true, &diags);
	diags_print(&diags, stderr);
	diags_fini(&diags);
	assert_non_null(gateway);
	return gateway;
}

static uint16_t port_make(void)
{
	const struct rte_eth_conf conf = { 0 };
	static unsigned serial;
	struct rte_ring *out[WORKERS + 1];
	char name[32];
	int port;

	snprintf(name, sizeof(name), "wire%u", serial++);
	t.wire = rte_ring_create(name, WIRE, 0, RING_F_SP_ENQ | RING_F_SC_DEQ);
	for (unsigned i = 0; i <= WORKERS; i++)
		out[i] = t.wire;
	port = rte_eth_from_rings(name, out, 1, out, WORKERS + 1, 0);
	assert_true(port >= 0);
	assert_int_equal(rte_eth_dev_configure((uint16_t)port, 1, WORKERS + 1, &conf), 0);
	assert_int_equal(rte_eth_rx_queue_setup((uint16_t)port, 0, 64, 0, NULL, pool), 0);
	for (uint16_t q = 0; q <= WORKERS; q++)
		assert_int_equal(rte_eth_tx_queue_setup((uint16_t)port, q, 64, 0, NULL), 0);
	assert_int_equal(rte_eth_dev_start((uint16_t)port), 0);
	return (uint16_t)port;
}

static int setup(void **state)
{
	static const struct listener list[] = { { .port = 5700, .protocol = WEIR_NATIVE,
						  .tunnels = WEIR_TUNNEL_IPIP | WEIR_TUNNEL_GUE | WEIR_TUNNEL_VXLAN },
						{ .port = 5683, .protocol = WEIR_COAP } };
	const struct segment_shape shape = { WORKERS + 1, 1, 64, 1024 };
	static const uint8_t secret[16];

	memset(&t, 0, sizeof(t));
	t.gateway = gateway_make();
	t.segment = segment_make(&shape);
	t.segment->n_dispatchers = 1;
	t.workers = calloc(WORKERS, sizeof(*t.workers));
	t.port = (struct port){ .id = port_make(), .n_queues = 1, .mac = { 2, 0, 0, 0, 0, 1 }, .dispatcher_sends = true };
	listeners_init(&t.listeners, list, 2);
	steering_init(&t.steering, t.gateway);
	t.dispatch = dispatch_create(
		&(const struct dispatch_parts){ .secret = secret, .gateway = t.gateway, .ports = &t.port, .n_ports = 1,
						.listeners = &t.listeners, .handover = &t.handover,
						.steering = &t.steering, .segment = t.segment,
						.workers = t.workers },
		t.why, sizeof(t.why));
	assert_non_null(t.dispatch);
	assert_false(t.dispatch->shares_cpu);
	t.steering.running = true;
	dispatch_housekeep(t.dispatch);
	return 0;
}

static int teardown(void **state)
{
	struct rte_mbuf *mbuf;

	dispatch_destroy(t.dispatch);
	while (rte_ring_dequeue(t.wire, (void **)&mbuf) == 0)
		rte_pktmbuf_free(mbuf);
	gateway_destroy(t.gateway);
	free(t.segment);
	free(t.workers);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	return 0;
}

static struct rte_mbuf *to_mbuf(const struct frame *frame)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);

	memcpy(rte_pktmbuf_append(mbuf, (uint16_t)frame->length), frame->bytes, frame->length);
	return mbuf;
}

static struct rte_mbuf *message(uint32_t id, uint8_t priority, uint8_t flags)
{
	static struct frame frame;

	frame_message(&frame, 4, 6);
	memcpy(frame.bytes + frame.payload + 12, &id, sizeof(id));
	frame.bytes[frame.payload + 1] |= flags;
	frame.bytes[frame.payload + 2] = priority;
	frame_mend(&frame);
	return to_mbuf(&frame);
}

static struct rte_mbuf *arp(void)
{
	static struct frame frame;

	frame_ethernet(&frame);
	frame_put16(&frame, 12, 0x0806);
	frame.length = 60;
	return to_mbuf(&frame);
}

static void one(struct rte_mbuf *mbuf)
{
	dispatch_burst(t.dispatch, 0, &mbuf, 1);
}

static uint64_t count(enum weir_disposition disposition)
{
	return t.dispatch->counters[0].disposition[disposition];
}

static unsigned in_ring(unsigned worker)
{
	return rte_ring_count(t.workers[worker].ring[0]);
}

// The dispatcher's row as readers see it, balanced.
static struct weir_counters row(void)
{
	struct weir_counters rows[WORKERS + 1];
	uint64_t sum = 0;

	dispatch_housekeep(t.dispatch);
	segment_port_get(t.segment, 0, rows);
	for (unsigned d = 0; d < WEIR_N_DISPOSITIONS; d++)
		sum += rows[WORKERS].disposition[d];
	assert_int_equal(sum, rows[WORKERS].rx);
	return rows[WORKERS];
}

// Takes up to `n` frames as worker `w` does, and shows them as its own.
static unsigned take(unsigned w, unsigned n)
{
	struct weir_counters shown = *segment_block(t.segment, w, 0);
	struct rte_mbuf *mbuf;
	unsigned taken = 0;

	while (taken < n && rte_ring_sc_dequeue(t.workers[w].ring[0], (void **)&mbuf) == 0) {
		rte_pktmbuf_free(mbuf);
		taken++;
	}
	shown.rx += taken;
	shown.disposition[WEIR_FORWARD] += taken;
	segment_counters_put(segment_block(t.segment, w, 0), &shown);
	return taken;
}

// All buckets go to `to`.
static void steer_all(uint8_t to)
{
	uint8_t bucket[WEIR_STEER_BUCKETS];

	memset(bucket, to, sizeof(bucket));
	assert_int_equal(steering_want(&t.steering, bucket, t.why, sizeof(t.why)), 0);
	assert_false(steering_poll(&t.steering)); // not before the dispatcher uses it
	dispatch_housekeep(t.dispatch);
	assert_true(steering_poll(&t.steering));
	assert_false(steering_poll(&t.steering));
}

static void messages_of_one_sender_go_to_all_workers(void **state)
{
	for (uint32_t i = 0; i < 1000; i++)
		one(message(i, NORMAL, 0));
	assert_in_range(in_ring(0), 420, 580);
	assert_int_equal(in_ring(0) + in_ring(1), 1000);
}

// What becomes of a frame by its layers, one after the other: a worker, or a sibling.
static uint8_t taker(const struct frame *frame, const struct steering_table *table)
{
	struct layers layers = { .data = frame->bytes, .end = frame->bytes + frame->length };
	enum layers_end end = layers_parse(&layers);
	enum steer_protocol protocol = STEER_OTHER;
	uint32_t bucket;
	int listener = -1;

	if (end == LAYERS_UDP)
		listener = listeners_find(&t.listeners, layers.version, layers.ip, layers_be16(layers.udp + 2));
	if (listener >= 0)
		protocol = t.listeners.list[listener].protocol;
	bucket = steer_bucket(&layers, end, protocol, 0, t.dispatch->seed);
	return table->to[bucket] & WEIR_STEER_SIBLING && protocol == STEER_OTHER ? table->local[bucket] :
										   table->to[bucket];
}

// Messages of which up to three bytes behind the MAC addresses are not as they should be, and some that are cut.
static void random_frame(struct frame *frame, unsigned *seed)
{
	static const uint8_t likely[] = { 0, 4, 6, 8, 0x11, 0x20, 0x40, 0x45, 0x46, 0x81, 0xff };
	uint32_t id = (uint32_t)rand_r(seed);
	unsigned wrong = (unsigned)rand_r(seed) % 4;

	frame_message(frame, rand_r(seed) % 8 ? 4 : 6, 6);
	memcpy(frame->bytes + frame->payload + 12, &id, sizeof(id));
	while (wrong-- > 0)
		frame->bytes[12 + rand_r(seed) % 48] =
			rand_r(seed) % 2 ? likely[rand_r(seed) % sizeof(likely)] : (uint8_t)rand_r(seed);
	if (rand_r(seed) % 8 == 0)
		frame->length -= (unsigned)rand_r(seed) % frame->length;
}

static void every_frame_goes_where_its_layers_say(void **state)
{
	struct steering_table table = { .version = 2 };
	unsigned seed = 7, n[3] = { 0 };

	t.listeners.tunnels = 0; // whose insides are looked at elsewhere
	for (unsigned b = 0; b < WEIR_STEER_BUCKETS; b++) {
		table.local[b] = (uint8_t)(rand_r(&seed) % 2);
		table.to[b] = rand_r(&seed) % 3 ? table.local[b] : GW2;
	}
	t.dispatch->table = &table;
	for (unsigned i = 0; i < 300000; i++) {
		static struct frame frame;
		uint8_t to;

		random_frame(&frame, &seed);
		to = taker(&frame, &table);
		one(to_mbuf(&frame));
		for (unsigned w = 0; w < WORKERS; w++)
			assert_int_equal(take(w, 2), to == w);
		assert_int_equal(t.dispatch->outlets[0].n, to == GW2);
		dispatch_flush(t.dispatch, 0);
		for (struct rte_mbuf *mbuf; rte_ring_dequeue(t.wire, (void **)&mbuf) == 0;)
			rte_pktmbuf_free(mbuf);
		n[to == GW2 ? 2 : to]++;
	}
	for (unsigned i = 0; i < 3; i++)
		assert_true(n[i] > 10000);
}

static void what_is_handed_over_is_held_until_a_worker_shows_it(void **state)
{
	for (uint32_t i = 0; i < 100; i++)
		one(message(i, NORMAL, 0));
	assert_int_equal(row().rx, 100);
	assert_int_equal(row().disposition[WEIR_HELD], 100);
	assert_int_equal(take(0, 10), 10);
	assert_int_equal(row().disposition[WEIR_HELD], 90);
	take(0, 1000);
	take(1, 1000);
	assert_int_equal(row().rx, 0);
}

static void a_worker_that_shows_more_than_the_dispatcher_leaves_no_gap(void **state)
{
	struct weir_counters rows[WORKERS + 1];

	for (uint32_t i = 0; i < 100; i++)
		one(message(i, NORMAL, 0));
	take(0, 1000);
	take(1, 1000);
	segment_port_get(t.segment, 0, rows); // the dispatcher has shown nothing yet
	assert_int_equal(rows[0].rx + rows[1].rx, 100);
	assert_int_equal(rows[WORKERS].rx, 0);
	assert_int_equal(rows[WORKERS].disposition[WEIR_HELD], 0);
}

static void a_full_ring_sheds_and_emergencies_go_in_last(void **state)
{
	steer_all(1);
	for (uint32_t i = 0; i < DISPATCH_RING; i++)
		one(message(i, NORMAL, i % 2));
	assert_int_equal(in_ring(1), DISPATCH_RING - DISPATCH_RESERVE);
	assert_int_equal(count(WEIR_SHED), DISPATCH_RESERVE);
	assert_int_equal(t.dispatch->outlets[0].n, DISPATCH_RESERVE / 2);
	dispatch_flush(t.dispatch, 0);
	assert_int_equal(t.dispatch->counters[0].answers, DISPATCH_RESERVE / 2);
	assert_int_equal(t.dispatch->counters[0].answers_lost, 0);
	one(arp());
	assert_int_equal(count(WEIR_SHED), DISPATCH_RESERVE + 1);
	for (uint32_t i = 0; i < DISPATCH_RESERVE; i++)
		one(message(i, EMERGENCY, 0));
	assert_int_equal(in_ring(1), DISPATCH_RING);
	assert_int_equal(count(WEIR_SHED), DISPATCH_RESERVE + 1);
	one(message(1, EMERGENCY, 0));
	assert_int_equal(count(WEIR_SHED), DISPATCH_RESERVE + 2);
	assert_int_equal(row().rx, DISPATCH_RING + DISPATCH_RESERVE + 2);
	take(1, 2000);
	assert_int_equal(row().rx, DISPATCH_RESERVE + 2);
}

// A confirmable CoAP message to the second listener.
static struct rte_mbuf *coap_message(const char *priority)
{
	static const char head[] = "\x40\x02\x00\x01\xb1m\x01" "7\x03sms\x4d\x05priority=";
	static struct frame frame;

	frame_ethernet(&frame);
	frame_ipv4(&frame, 0);
	frame_udp(&frame, 5683);
	frame_push(&frame, head, sizeof(head) - 1);
	frame_push(&frame, priority, strlen(priority)); // of nine letters
	frame_finish(&frame);
	return to_mbuf(&frame);
}

static void messages_of_other_protocols_are_shed_answered_and_let_in_like_native_ones(void **state)
{
	struct rte_mbuf *mbuf = NULL;

	steer_all(1);
	for (uint32_t i = 0; i < DISPATCH_RING - DISPATCH_RESERVE; i++)
		one(message(i, NORMAL, 0));
	one(coap_message("no-urgent")); // no priority: its sender hears of that from a worker, and of nothing here
	assert_int_equal(t.dispatch->outlets[0].n, 0);
	assert_int_equal(count(WEIR_SHED), 1);
	one(coap_message("emergency"));
	assert_int_equal(in_ring(1), DISPATCH_RING - DISPATCH_RESERVE + 1);
	for (uint32_t i = 0; i < DISPATCH_RESERVE - 1; i++)
		one(message(i, EMERGENCY, 0));
	one(coap_message("emergency"));
	assert_int_equal(count(WEIR_SHED), 2);
	dispatch_flush(t.dispatch, 0);
	assert_int_equal(rte_ring_dequeue(t.wire, (void **)&mbuf), 0);
	assert_memory_equal(rte_pktmbuf_mtod_offset(mbuf, char *, 42), "\x60\xa3\x00\x01", 4); // ACK, 5.03
	rte_pktmbuf_free(mbuf);
	take(1, 2000);
}

// The frame of `plain` in a tunnel; frees that.
static struct rte_mbuf *in_tunnel(struct rte_mbuf *plain, unsigned version, unsigned tunnel)
{
	static struct frame inner, frame;

	memset(&inner, 0, sizeof(inner));
	frame_push(&inner, rte_pktmbuf_mtod(plain, uint8_t *), plain->data_len);
	inner.type = 12;
	inner.ip = 14;
	rte_pktmbuf_free(plain);
	frame_tunnel(&frame, &inner, version, tunnel);
	return to_mbuf(&frame);
}

static void a_message_in_a_tunnel_goes_where_it_would_without(void **state)
{
	for (uint32_t i = 0; i < 300; i++) {
		unsigned before, to;

		before = in_ring(1);
		one(message(i, NORMAL, 0));
		to = in_ring(1) - before;
		one(in_tunnel(message(i, NORMAL, 0), i & 1 ? 6 : 4, 1u << i % 3));
		assert_int_equal(in_ring(1) - before, 2 * to);
	}
	take(0, 1000);
	take(1, 1000);
}

static void a_message_in_a_tunnel_is_shed_answered_and_let_in_as_it_is_without(void **state)
{
	static const uint8_t sender[6] = { 2, 0, 0, 0, 0, 1 }; // as a plain answer's
	struct rte_mbuf *mbuf = NULL;

	steer_all(1);
	for (uint32_t i = 0; i < DISPATCH_RING - DISPATCH_RESERVE; i++)
		one(message(i, NORMAL, 0));
	one(in_tunnel(message(7, NORMAL, 1), 6, WEIR_TUNNEL_VXLAN));
	assert_int_equal(count(WEIR_SHED), 1);
	one(in_tunnel(message(8, EMERGENCY, 1), 4, WEIR_TUNNEL_IPIP));
	assert_int_equal(count(WEIR_SHED), 1);
	dispatch_flush(t.dispatch, 0);
	assert_int_equal(rte_ring_dequeue(t.wire, (void **)&mbuf), 0);
	assert_memory_equal(rte_pktmbuf_mtod(mbuf, uint8_t *), sender, 6);
	assert_memory_equal(rte_pktmbuf_mtod_offset(mbuf, uint8_t *, 12), "\x08\x00\x45", 3);
	assert_memory_equal(rte_pktmbuf_mtod_offset(mbuf, uint8_t *, 42), "\x57\x12\x02", 3); // a reply: busy
	rte_pktmbuf_free(mbuf);
	assert_int_not_equal(rte_ring_dequeue(t.wire, (void **)&mbuf), 0);
	take(1, 2000);
}

static void a_burst_that_fits_in_part_keeps_its_order_and_its_emergencies(void **state)
{
	struct rte_mbuf *burst[BURST_MAX], *got;
	uint32_t id, last = 0;

	steer_all(0);
	for (uint32_t i = 0; i < DISPATCH_RING - DISPATCH_RESERVE - 10; i++)
		one(message(0, NORMAL, 0));
	for (unsigned i = 0; i < BURST_MAX; i++)
		burst[i] = message(i + 1, i < 32 ? NORMAL : EMERGENCY, 0);
	dispatch_burst(t.dispatch, 0, burst, BURST_MAX);
	assert_int_equal(count(WEIR_SHED), 22);
	while (rte_ring_sc_dequeue(t.workers[0].ring[0], (void **)&got) == 0) {
		memcpy(&id, rte_pktmbuf_mtod_offset(got, char *, 54), sizeof(id));
		assert_true(id == 0 || (id > last && (id <= 10 || id > 32)));
		last = id;
		rte_pktmbuf_free(got);
	}
	assert_int_equal(last, BURST_MAX);
}

static void a_moved_message_leaves_for_the_sibling_and_nothing_else_does(void **state)
{
	struct rte_mbuf *mbuf = message(5, NORMAL, 0);
	const uint8_t to[] = { 2, 0, 0, 0, 0, 3, 2, 0, 0, 0, 0, 1 };
	static struct frame other;

	steer_all(GW2 | 1);
	one(mbuf);
	assert_int_equal(row().disposition[WEIR_HELD], 1);
	frame_message(&other, 4, 6);
	frame_put16(&other, other.udp + 2, 9); // no listener's
	frame_mend(&other);
	one(to_mbuf(&other));
	one(arp());
	frame_message(&other, 4, 6);
	memcpy(other.bytes + 6, "\2\0\0\0\0\2", 6); // came from a sibling
	one(to_mbuf(&other));
	assert_int_equal(in_ring(0) + in_ring(1), 3);
	atomic_store(&t.handover.stop, true);
	dispatch_run(t.dispatch);
	assert_true(atomic_load(&t.handover.dispatched));
	assert_int_equal(count(WEIR_FORWARD), 1);
	assert_int_equal(count(WEIR_HELD), 0);
	assert_int_equal(rte_ring_dequeue(t.wire, (void **)&mbuf), 0);
	assert_memory_equal(rte_pktmbuf_mtod(mbuf, void *), to, sizeof(to));
	rte_pktmbuf_free(mbuf);
	assert_int_equal(rte_ring_count(t.wire), 0);
}

static void a_port_that_takes_no_more_ends_moved_messages_as_tx_full(void **state)
{
	const unsigned all = WIRE - 1 + DISPATCH_OUTLET + 7;

	steer_all(GW2);
	for (uint32_t i = 0; i < all; i++)
		one(message(i, NORMAL, i & 1));
	assert_int_equal(count(WEIR_TX_FULL), 7);
	assert_int_equal(count(WEIR_FORWARD), WIRE - 1);
	assert_int_equal(row().disposition[WEIR_HELD], DISPATCH_OUTLET);
	assert_in_range(t.dispatch->counters[0].answers_lost, 3, 4);
	atomic_store(&t.handover.stop, true);
	dispatch_run(t.dispatch);
	assert_int_equal(row().disposition[WEIR_HELD], 0);
	assert_int_equal(row().disposition[WEIR_TX_FULL], DISPATCH_OUTLET + 7);
	assert_int_equal(row().reason[WEIR_REASON_NO_ROOM], DISPATCH_OUTLET + 7);
	assert_int_equal(row().rx, all);
}

static void who_wants_an_answer_to_what_is_shed_hears_busy(void **state)
{
	static struct frame frame, broken;
	const uint8_t *answer;
	struct rte_mbuf *mbuf = NULL;

	steer_all(1);
	for (uint32_t i = 0; i < DISPATCH_RING; i++)
		one(message(i, NORMAL, 0));
	frame_message(&frame, 4, 6);
	frame.bytes[frame.payload + 1] |= 1;
	frame_mend(&frame);
	broken = frame;
	broken.bytes[broken.payload + 8] ^= 0x20; // the checksum is wrong now
	one(to_mbuf(&broken));
	assert_int_equal(t.dispatch->outlets[0].n, 0);
	one(to_mbuf(&frame));
	dispatch_flush(t.dispatch, 0);
	assert_int_equal(rte_ring_dequeue(t.wire, (void **)&mbuf), 0);
	answer = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	assert_memory_equal(answer, frame.bytes + 6, 6); // back to where it came from
	assert_memory_equal(answer + 30, frame.bytes + 26, 4);
	assert_int_equal(answer[42 + 1], 0x12);
	assert_int_equal(answer[42 + 2], WEIR_STATUS_BUSY);
	rte_pktmbuf_free(mbuf);
	assert_int_equal(rte_ring_count(t.wire), 0);
	assert_int_equal(row().answers, 1);
}

int main(void)
{
	char *arguments[] = { (char[]){ "dispatch_test" }, (char[]){ "--no-huge" }, (char[]){ "--no-shconf" }, (char[]){ "--no-pci" },
			      (char[]){ "--no-telemetry" }, (char[]){ "--log-level=error" }, (char[]){ "-m64" }, (char[]){ "-l0" } };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(messages_of_one_sender_go_to_all_workers, setup, teardown),
		cmocka_unit_test_setup_teardown(every_frame_goes_where_its_layers_say, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_handed_over_is_held_until_a_worker_shows_it, setup, teardown),
		cmocka_unit_test_setup_teardown(a_worker_that_shows_more_than_the_dispatcher_leaves_no_gap, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_ring_sheds_and_emergencies_go_in_last, setup, teardown),
		cmocka_unit_test_setup_teardown(messages_of_other_protocols_are_shed_answered_and_let_in_like_native_ones, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_message_in_a_tunnel_goes_where_it_would_without, setup, teardown),
		cmocka_unit_test_setup_teardown(a_message_in_a_tunnel_is_shed_answered_and_let_in_as_it_is_without, setup, teardown),
		cmocka_unit_test_setup_teardown(a_burst_that_fits_in_part_keeps_its_order_and_its_emergencies, setup, teardown),
		cmocka_unit_test_setup_teardown(a_moved_message_leaves_for_the_sibling_and_nothing_else_does, setup, teardown),
		cmocka_unit_test_setup_teardown(a_port_that_takes_no_more_ends_moved_messages_as_tx_full, setup, teardown),
		cmocka_unit_test_setup_teardown(who_wants_an_answer_to_what_is_shed_hears_busy, setup, teardown),
	};

	if (rte_eal_init(8, arguments) < 0)
		return 77;
	pool = rte_pktmbuf_pool_create("frames", 8191, 0, 0, RTE_PKTMBUF_HEADROOM + 1024, 0);
	assert_non_null(pool);
	return cmocka_run_group_tests_name("dispatch", tests, NULL, NULL);
}
