// SPDX-License-Identifier: BSD-3-Clause
//
// Bursts down the whole corridor, from a ring that plays the NIC to one that plays the wire, by tables compiled from
// rule text: what becomes of messages where stages meet.
#include "dataplane/act.h"

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/reassemble.h"
#include "dataplane/worker.h"
#include "tests/kit/frame.h"
#include "tests/kit/segments.h"
#include "tests/kit/swaps.h"

enum { WIRE = 4096, STAGING = 64, BUFFERS = 4095, MTU = 1500, SLOTS = 1024, L3 = 14, IPV4 = 20 };

#define MEMBER "members = ( { name = \"m\"; address = \"10.1.0.1\"; mac = \"02:00:00:00:00:0a\"; } ); } );\n"
#define POOL "version = 1;\npools = ( { name = \"p\"; port = 0; " MEMBER
static const char forwards[] = POOL "default = { forward = \"p\"; };\n";

static struct rte_mempool *pool;
static struct rte_ring *nic, *wire;
static uint16_t device;
static struct worker *worker;
static struct listeners listeners;
static struct frame frame;
static uint16_t next_id;

static void worker_make(void)
{
	static const uint8_t secret[16] = { 1 };
	char *base = (char *)t.segment;

	worker = calloc(1, sizeof(*worker));
	worker->n_ports = 1;
	worker->ports = t.ports;
	worker->listeners = &listeners;
	worker->any_foreign = true;
	worker->pool = pool;
	worker->handover = &t.handover;
	worker->linear = calloc(BURST_MAX + 1, sizeof(*worker->linear));
	worker->shared = segment_producer(t.segment, 0);
	worker->published = segment_block(t.segment, 0, 0);
	worker->named = segment_named(t.segment, 0, 0);
	worker->zones = (uint64_t *)(void *)(base + t.segment->zones);
	worker->countries = (uint64_t(*)[WEIR_N_PRIORITIES])(void *)(base + t.segment->countries);
	worker->top = (struct weir_top *)(void *)(base + t.segment->tenants);
	worker->started = rte_rdtsc();
	assert_int_equal(punt_init(&worker->punt, (uint8_t *)base + t.segment->ring, SLOTS), 0);
	assert_int_equal(memory_init(&worker->memory, 1024, secret, rte_get_tsc_hz()), 0);
	assert_int_equal(reassemble_init(worker, t.gateway, BUFFERS, 1), 0);
	assert_int_equal(tx_init(&worker->tx[0], device, 0, STAGING), 0);
	worker->tx[0].frame_max = MTU + 22;
}

static int setup(void **state)
{
	const struct listener list[] = { { .port = 5700, .protocol = WEIR_NATIVE },
					 { .port = 5060, .protocol = WEIR_SIP } };

	kit_swap_setup(state);
	t.ports[0].mtu = t.ports[1].mtu = MTU;
	t.ports[0].queue[0].device = device;
	listeners_init(&listeners, list, 2);
	worker_make();
	next_id = 1;
	return 0;
}

static void empty(struct rte_ring *ring)
{
	struct rte_mbuf *mbuf = NULL;

	while (rte_ring_dequeue(ring, (void **)&mbuf) == 0)
		rte_pktmbuf_free(mbuf);
}

static int teardown(void **state)
{
	reassemble_end(worker);
	reassemble_fini(worker);
	tx_fini(&worker->tx[0]);
	punt_fini(&worker->punt);
	memory_fini(&worker->memory);
	free(worker->linear);
	free(worker);
	empty(wire);
	kit_swap_teardown(state);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	return 0;
}

// Puts a table in use: no worker runs, so it is shown for them that they use it.
static void use_as(const char *rules, uint64_t generation)
{
	if (kit_offer_text(rules, generation) != 0)
		fail_msg("%s", t.why);
	for (unsigned w = 0; w < WORKERS; w++)
		segment_producer(t.segment, w)->generation = generation;
	assert_int_equal(swap_poll(&t.swap), SWAPPED_TABLE);
	worker->paths = t.swap.current;
	worker->live = worker->paths->live;
}

static void use(const char *rules)
{
	use_as(rules, 1);
}

static void arrive(const uint8_t *bytes, uint32_t length)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);

	memcpy(rte_pktmbuf_append(mbuf, (uint16_t)length), bytes, length);
	assert_int_equal(rte_ring_enqueue(nic, mbuf), 0);
}

// A native message with a body of `size` bytes.
static void arrive_native(uint16_t size)
{
	frame_message(&frame, 4, size);
	arrive(frame.bytes, frame.length);
}

// The frame in fragments of at most `step` bytes each.
static void arrive_in_fragments(uint32_t step)
{
	static struct frame part;
	uint32_t head = L3 + IPV4, end = frame.length;

	for (uint32_t at = head; at < end; at += step) {
		uint32_t n = end - at < step ? end - at : step;

		part = frame;
		memmove(part.bytes + head, frame.bytes + at, n);
		part.length = head + n;
		part.udp = 0;
		frame_put16(&part, L3 + 2, (uint16_t)(IPV4 + n));
		frame_put16(&part, L3 + 4, next_id);
		frame_put16(&part, L3 + 6, (uint16_t)((at - head) / 8 | (at + n < end ? 0x2000 : 0)));
		frame_mend(&part);
		arrive(part.bytes, part.length);
	}
	next_id++;
}

// One burst down the corridor, but for tx.
static void corridor(void)
{
	struct burst *burst = &worker->burst;

	assert_true(rx(worker, burst, 0) > 0);
	parse(worker, burst);
	decode(worker, burst);
	classify(worker, burst);
	police(worker, burst);
	act(worker, burst);
	rte_pktmbuf_free_bulk(burst->done, burst->n_done);
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

static void a_message_that_leaves_in_fragments_takes_the_room_of_others_of_its_burst(void **state)
{
	enum { BEFORE = 40, BESIDE = 20 };

	use(forwards);
	for (unsigned i = 0; i < BEFORE; i++)
		arrive_native(10);
	corridor();
	frame_message(&frame, 4, 14000);
	arrive_in_fragments(1480);
	for (unsigned i = 0; i < BESIDE; i++)
		arrive_native(10);
	corridor();
	assert_true(tx_staged(&worker->tx[0]) <= STAGING);
	assert_books();
	tx(worker);
	assert_int_equal(tx_staged(&worker->tx[0]), 0);
	assert_int_equal(rte_ring_count(wire) + count(WEIR_TX_FULL) + count(WEIR_SHED), BEFORE + BESIDE + 10);
}

static void fragments_that_find_no_room_are_told_busy(void **state)
{
	struct rte_mbuf *mbuf = NULL;

	use(forwards);
	for (unsigned i = 0; i < STAGING - 2; i++)
		arrive_native(10);
	corridor();
	frame_message(&frame, 4, 6000);
	frame.bytes[frame.payload + 1] |= 1; // wants an answer
	frame_mend(&frame);
	arrive_in_fragments(1480);
	corridor();
	assert_int_equal(worker->counters[0].reason[WEIR_REASON_NO_ROOM], 1);
	assert_int_equal(count(WEIR_TX_FULL), 1);
	assert_books();
	tx(worker);
	assert_int_equal(rte_ring_dequeue(wire, (void **)&mbuf), 0); // answers go first
	assert_int_equal(rte_pktmbuf_mtod(mbuf, uint8_t *)[L3 + IPV4 + 8 + 2], WEIR_STATUS_BUSY);
	rte_pktmbuf_free(mbuf);
}

// Routes by which the table's one member lives, on a way that takes datagrams of `mtu`.
static void use_way(uint16_t mtu)
{
	struct routes_input input = { .weight = 1, .member = { .state = ROUTE_UP, .mtu = mtu, .mac = { 2, [5] = 10 } } };
	struct routes_image image;

	assert_int_equal(routes_make(&worker->live->table, &input, NULL, 0, &image), 0);
	if (swap_routes(&t.swap, kit_sealed(image.data, image.size), t.why, sizeof(t.why)) != 0)
		fail_msg("%s", t.why);
	free(image.data);
	assert_int_equal(swap_poll(&t.swap), SWAPPED_ROUTES);
	worker->paths = t.swap.current;
}

static void a_message_in_fragments_goes_by_a_way_that_is_narrower_than_its_port(void **state)
{
	struct rte_mbuf *mbuf = NULL;
	uint32_t bytes = 0;

	use(forwards);
	use_way(1280);
	frame_message(&frame, 4, 1400);
	arrive_in_fragments(800);
	corridor();
	assert_int_equal(count(WEIR_FORWARD), 1);
	assert_books();
	tx(worker);
	while (rte_ring_dequeue(wire, (void **)&mbuf) == 0) {
		assert_true(mbuf->pkt_len <= L3 + 1280);
		bytes += mbuf->pkt_len - L3 - IPV4;
		rte_pktmbuf_free(mbuf);
	}
	assert_int_equal(bytes, frame.length - L3 - IPV4);
}

#define DESK "version = 1;\nqueues = ( { name = \"desk\"; }, { name = \"copies\"; } );\n"

static void arrive_sip(unsigned number)
{
	char text[600];
	int n = snprintf(text, sizeof(text),
			 "MESSAGE sip:desk@acme.example SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:40000;branch=z9hG4bK%u\r\n"
			 "Max-Forwards: 70\r\nFrom: <sip:+49301234567@far.example;user=phone>;tag=a\r\n"
			 "To: <sip:desk@acme.example>\r\nCall-ID: %u@far.example\r\nCSeq: 1 MESSAGE\r\n"
			 "Content-Length: 5\r\n\r\nhello",
			 number, number);

	frame_ethernet(&frame);
	frame_ipv4(&frame, 0);
	frame_udp(&frame, 5060);
	frame_push(&frame, text, (size_t)n);
	frame_finish(&frame);
	arrive(frame.bytes, frame.length);
}

// Records of a kind in the agent channel.
static unsigned records(enum weir_record_kind kind)
{
	struct weir_record record;
	unsigned found = 0;
	int n;

	for (uint64_t at = 0; (n = channel_next(t.segment, 0, at, worker->punt.head, &record)) > 0; at += (unsigned)n)
		found += record.kind == kind;
	assert_int_equal(n, 0);
	return found;
}

#define DEAD_POOL \
	"pools = ( { name = \"p\"; port = 0; members = ( { name = \"m\"; address = \"10.1.0.1\"; } ); } );\n" \
	"default = { forward = \"p\"; rate = 1000000; burst = 1000000; exceed = \"agents:desk\"; copy = \"copies\"; };\n"

static void a_message_whose_pool_is_dead_reaches_its_agents_beside_its_copy(void **state)
{
	use(DESK DEAD_POOL);
	arrive_sip(1);
	corridor();
	assert_int_equal(records(WEIR_RECORD_COPY), 1);
	assert_int_equal(records(WEIR_RECORD_MESSAGE), 1);
	assert_int_equal(count(WEIR_AGENTS), 1);
	arrive_sip(1); // again, before the first is durable
	corridor();
	assert_int_equal(records(WEIR_RECORD_COPY), 1);
	assert_int_equal(records(WEIR_RECORD_MESSAGE), 1);
	assert_books();
}

// The number that an answer to arrive_sip() is about: its Via and Call-ID both say it. 0: it is no such answer.
static unsigned answered_number(struct rte_mbuf *mbuf)
{
	static const char accepted[] = "SIP/2.0 202 Accepted\r\nVia: ";
	unsigned head = L3 + IPV4 + 8, branch = 0, id = 0;
	const char *line;
	char text[1000];

	snprintf(text, sizeof(text), "%.*s", (int)(mbuf->pkt_len - head),
		 rte_pktmbuf_mtod_offset(mbuf, const char *, head));
	if (strncmp(text, accepted, sizeof(accepted) - 1) != 0)
		return 0;
	assert_non_null(line = strstr(text, ";branch=z9hG4bK"));
	assert_int_equal(sscanf(line, ";branch=z9hG4bK%u", &branch), 1);
	assert_non_null(line = strstr(text, "\r\nCall-ID: "));
	assert_int_equal(sscanf(line, "\r\nCall-ID: %u@far.example\r\nCSeq", &id), 1);
	assert_int_equal(branch, id);
	return id;
}

static void each_message_of_a_burst_gets_its_own_answer(void **state)
{
	static const unsigned numbers[] = { 1, 4000000000, 22, 123456, 7 };
	enum { N = sizeof(numbers) / sizeof(numbers[0]) };

	use("version = 1;\nreplies = ( { name = \"r\"; status = \"accepted\"; } );\ndefault = { reply = \"r\"; };\n");
	for (unsigned first = 0; first < 3; first++) { // after the first time they are told again
		unsigned found = 0;
		struct rte_mbuf *mbuf = NULL;

		for (unsigned i = 0; i < N; i++) {
			for (unsigned k = 0; k < first; k++)
				arrive_native(8);
			arrive_sip(numbers[(first + i) % N]);
		}
		corridor();
		tx(worker);
		while (rte_ring_dequeue(wire, (void **)&mbuf) == 0) {
			unsigned number = answered_number(mbuf);

			if (number != 0)
				assert_int_equal(number, numbers[(first + found++) % N]);
			rte_pktmbuf_free(mbuf);
		}
		assert_int_equal(found, N);
	}
	assert_books();
}

static void assert_one_copy(const char *action)
{
	char rules[1000];

	snprintf(rules, sizeof(rules), DESK "pools = ( { name = \"p\"; port = 0; " MEMBER
		 "replies = ( { name = \"r\"; status = \"accepted\"; } );\ndefault = { %s; copy = \"copies\"; };\n", action);
	use(rules);
	arrive_sip(1);
	arrive_sip(1);
	arrive_sip(2);
	corridor();
	arrive_sip(1);
	arrive_sip(2);
	corridor();
	assert_int_equal(records(WEIR_RECORD_COPY), 2);
	assert_books();
}

static void a_message_forwarded_twice_in_a_burst_is_copied_once(void **state)
{
	assert_one_copy("forward = \"p\"");
}

static void a_message_for_agents_twice_in_a_burst_is_copied_once(void **state)
{
	assert_one_copy("agents = \"desk\"");
	assert_int_equal(records(WEIR_RECORD_MESSAGE), 2);
}

static void a_message_answered_twice_in_a_burst_is_copied_once(void **state)
{
	assert_one_copy("reply = \"r\"");
}

static void a_durable_message_that_cannot_be_answered_now_is_answered_when_it_comes_again(void **state)
{
	struct rte_mbuf *taken[BUFFERS + 1];
	unsigned n = 0;

	use(DESK "default = { agents = \"desk\"; };\n");
	arrive_sip(1);
	corridor();
	while ((taken[n] = rte_pktmbuf_alloc(pool)))
		n++;
	worker->punt.consumed = worker->punt.head;
	punt_reclaim(worker);
	assert_int_equal(worker->counters[0].answers_lost, 1);
	rte_pktmbuf_free_bulk(taken, n);
	arrive_sip(1);
	corridor();
	assert_int_equal(worker->counters[0].answers, 1);
	assert_int_equal(records(WEIR_RECORD_MESSAGE), 1);
	assert_books();
}

static void a_repeat_256_generations_later_asks_for_no_template_that_is_gone(void **state)
{
	enum { MANY = 24 };
	char *before = NULL, *after = NULL;
	size_t size;
	FILE *to = open_memstream(&before, &size);

	fprintf(to, "version = 1;\nreplies = (");
	for (unsigned i = 0; i < MANY; i++)
		fprintf(to, "%s { name = \"r%u\"; status = \"busy\"; text = \"word\"; }", i ? "," : "", i);
	fprintf(to, " );\ndefault = { reply = \"r%u\"; };\n", MANY - 1);
	fclose(to);
	to = open_memstream(&after, &size);
	fprintf(to, "version = 1;\nreplies = ( { name = \"r\"; status = \"busy\"; } );\nblocked_sources = [");
	for (unsigned i = 0; i < 5 * MANY; i++)
		fprintf(to, "%s \"192.0.2.%u\"", i ? "," : "", 2 * i);
	fprintf(to, " ];\ndefault = { reply = \"r\"; };\n");
	fclose(to);
	use(before);
	arrive_sip(1);
	corridor();
	use_as(after, 257);
	arrive_sip(1);
	corridor();
	assert_int_equal(worker->counters[0].answers, 2);
	assert_int_equal(worker->counters[0].answers_lost, 0);
	assert_books();
	free(before);
	free(after);
}

static void a_worker_that_ends_answers_all_that_is_durable(void **state)
{
	enum { MESSAGES = 1000, BURSTS = MESSAGES / 50 };

	use(DESK "default = { agents = \"desk\"; };\n");
	for (unsigned i = 0; i < BURSTS; i++) {
		for (unsigned n = 0; n < 50; n++) {
			frame_message(&frame, 4, 0);
			frame.bytes[frame.payload + 1] |= 1; // wants an answer
			frame_mend(&frame);
			arrive(frame.bytes, frame.length);
		}
		corridor();
	}
	assert_int_equal(worker->punt.acks_pending, MESSAGES);
	worker->punt.consumed = worker->punt.head;
	atomic_store(&t.handover.stop, true);
	atomic_store(&t.handover.dispatched, true);
	assert_int_equal(agent_lane_init(&worker->agent_lane, 0), 0);
	worker_run(worker);
	agent_lane_fini(&worker->agent_lane);
	assert_int_equal(worker->counters[0].answers + worker->counters[0].answers_lost, MESSAGES);
	assert_int_equal(worker->shared->tail, worker->shared->head);
	assert_books();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_message_that_leaves_in_fragments_takes_the_room_of_others_of_its_burst),
		TEST(fragments_that_find_no_room_are_told_busy),
		TEST(a_message_in_fragments_goes_by_a_way_that_is_narrower_than_its_port),
		TEST(a_message_whose_pool_is_dead_reaches_its_agents_beside_its_copy),
		TEST(each_message_of_a_burst_gets_its_own_answer),
		TEST(a_message_forwarded_twice_in_a_burst_is_copied_once),
		TEST(a_message_for_agents_twice_in_a_burst_is_copied_once),
		TEST(a_message_answered_twice_in_a_burst_is_copied_once),
		TEST(a_durable_message_that_cannot_be_answered_now_is_answered_when_it_comes_again),
		TEST(a_repeat_256_generations_later_asks_for_no_template_that_is_gone),
		TEST(a_worker_that_ends_answers_all_that_is_durable),
	};
	char *argv[] = { (char[]){ "act_test" },       (char[]){ "--no-huge" },
			 (char[]){ "--no-shconf" },    (char[]){ "--no-pci" },
			 (char[]){ "--no-telemetry" }, (char[]){ "--log-level=error" },
			 (char[]){ "-m64" },           (char[]){ "-l0" } };
	const struct rte_eth_conf conf = { 0 };
	int id;

	if (rte_eal_init(8, argv) < 0)
		return 77;
	pool = rte_pktmbuf_pool_create("act-test", BUFFERS, 0, RTE_ALIGN(sizeof(struct frame_origin), RTE_MBUF_PRIV_ALIGN),
				       RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	nic = rte_ring_create("nic", WIRE, 0, RING_F_SP_ENQ | RING_F_SC_DEQ);
	wire = rte_ring_create("wire", WIRE, 0, RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (!pool || !nic || !wire)
		return 1;
	id = rte_eth_from_rings("act", &nic, 1, &wire, 1, 0);
	if (id < 0 || rte_eth_dev_configure((uint16_t)id, 1, 1, &conf) ||
	    rte_eth_rx_queue_setup((uint16_t)id, 0, 64, 0, NULL, pool) ||
	    rte_eth_tx_queue_setup((uint16_t)id, 0, 64, 0, NULL) || rte_eth_dev_start((uint16_t)id))
		return 1;
	device = (uint16_t)id;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
