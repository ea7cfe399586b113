// SPDX-License-Identifier: BSD-3-Clause
//
// Routes on their way to a dataplane, which is the other end of a socket pair.
#include "controlplane/router.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "controlplane/link.h"
#include "controlplane/pools.h"
#include "rules/compile.h"
#include "tests/kit/folder.h"
#include "tests/kit/segments.h"

static struct event_base *base;
static struct gateway *gateway;
static struct pools *pools;
static struct router *router;
static struct link *dataplane;
static struct table_map *map;
static char *folder, path[600];
static int peer = -1, segment_fd;
static struct weir_hello hello;
static unsigned n_settled;

// In the place of consumer.c.
void consumer_attach(struct consumer *consumer, struct mapping *of)
{
	(void)consumer;
	(void)of;
}

void consumer_detach(struct consumer *consumer)
{
	(void)consumer;
}

unsigned consumer_consumed(struct consumer *consumer, uint64_t sequence[WEIR_MAX_WORKERS])
{
	(void)consumer;
	(void)sequence;
	return 0;
}

static void on_up(void *argument, const struct weir_hello *from, int table_fd)
{
	(void)argument;
	(void)from;
	(void)table_fd;
	router_up(router);
}

static void on_down(void *argument)
{
	(void)argument;
	router_down(router);
}

static void on_ack(void *argument, const struct weir_table_ack *ack)
{
	(void)argument;
	(void)ack;
	router_changed(router);
}

static void on_routes_ack(void *argument, const struct weir_routes_ack *ack)
{
	(void)argument;
	router_ack(router, ack);
}

static void on_change(void *argument)
{
	(void)argument;
	if (router)
		router_changed(router);
}

static void on_settled(void *argument)
{
	(void)argument;
	n_settled++;
}

static void write_text(const char *name, const char *text)
{
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	out = fopen(path, "w");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static struct table_map *compile(const char *fail_back)
{
	char text[800], why[200];
	struct table_image image;
	struct diags diags;
	int fd;

	snprintf(
		text, sizeof(text),
		"version = 1; default = { drop = \"x\"; }; pools = ( { name = \"p\"; redundancy = \"active-standby\"; "
		"fail_back = %s; slots = 251; members = ( { name = \"a\"; address = \"10.0.0.1\"; mac = \"02:00:00:00:00:01\"; }, "
		"{ name = \"s\"; standby = true; address = \"10.0.0.2\"; mac = \"02:00:00:00:00:02\"; } ); } );",
		fail_back);
	write_text("rules.conf", text);
	diags_init(&diags);
	assert_int_equal(rules_load(path, &image, NULL, &diags), 0);
	fd = image_seal(image.data, image.size, false);
	map = table_map_open(fd, image.size, why, sizeof(why));
	assert_non_null(map);
	close(fd);
	table_image_fini(&image);
	diags_fini(&diags);
	return map;
}

static void make_segment(void)
{
	static const struct segment_shape shape = { 1, 1, 4, 2 };
	struct weir_segment *segment = segment_make(&shape);

	memset(segment->boot_id, 7, sizeof(segment->boot_id));
	hello = (struct weir_hello){ .kind = WEIR_HELLO,
				     .abi = WEIR_SOCKET_ABI,
				     .segment_size = segment->size,
				     .n_workers = 1 };
	memcpy(hello.boot_id, segment->boot_id, sizeof(hello.boot_id));
	segment_fd = memfd_create("segment", MFD_CLOEXEC);
	assert_int_equal(write(segment_fd, segment, segment->size), segment->size);
	free(segment);
}

// Another dataplane says hello.
static void connect_peer(void)
{
	union weir_message message = { .hello = hello };
	int pair[2];

	if (peer >= 0)
		close(peer);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	peer = pair[0];
	link_adopt(dataplane, pair[1]);
	assert_int_equal(weir_message_send(peer, &message, &segment_fd, 1), 0);
}

static int setup(void **state)
{
	const struct link_events events = { on_up, on_down, on_ack, on_routes_ack, NULL, NULL, NULL };
	static char pools_path[600];
	struct diags diags;

	(void)state;
	folder = folder_make();
	base = event_base_new();
	write_text("gateway.conf", "ports = ( { name = \"in0\"; device = \"net_null0\"; } );");
	diags_init(&diags);
	gateway = gateway_read(path, true, &diags);
	diags_fini(&diags);
	snprintf(pools_path, sizeof(pools_path), "%s/pools.json", folder);
	pools = pools_create(base, gateway, pools_path, on_change, NULL);
	router = router_create(base, pools);
	make_segment();
	dataplane = link_create(base, "/nonexistent/dp.sock", NULL, &events);
	router_serve(router, dataplane, NULL);
	router_tell(router, on_settled, NULL);
	n_settled = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	link_destroy(dataplane);
	router_destroy(router);
	router = NULL;
	pools_destroy(pools);
	table_map_put(map);
	map = NULL;
	gateway_destroy(gateway);
	event_base_free(base);
	close(peer);
	peer = -1;
	close(segment_fd);
	folder_remove(folder);
	return 0;
}

// Runs the loop for a while.
static void run_ms(unsigned ms)
{
	const struct timeval after = { ms / 1000, ms % 1000 * 1000 };

	event_base_loopexit(base, &after);
	event_base_dispatch(base);
}

// The next routes: how many slots "a" and "s" have; false: there are none yet.
static bool receive(unsigned slots[2], uint64_t *sequence)
{
	union weir_message message;
	struct routes routes;
	unsigned n_fds = 0;
	char why[200];
	void *image;
	int fds[2];

	if (weir_message_receive(peer, &message, fds, &n_fds) != 1)
		return false;
	assert_int_equal(message.kind, WEIR_ROUTES);
	image = mmap(NULL, message.routes.size, PROT_READ, MAP_SHARED, fds[0], 0);
	assert_int_equal(
		routes_open(&routes, &map->table, image, message.routes.size, why, sizeof(why)), 0);
	slots[0] = slots[1] = 0;
	for (uint32_t i = 0; i < routes.pools[0].n_slots; i++)
		slots[routes.slots[i]]++;
	*sequence = message.routes.sequence;
	munmap(image, message.routes.size);
	close(fds[0]);
	return true;
}

static void acknowledge(uint64_t sequence, int status)
{
	union weir_message ack = {
		.routes_ack = { .kind = WEIR_ROUTES_ACK, .status = status, .sequence = sequence }
	};

	assert_int_equal(weir_message_send(peer, &ack, NULL, 0), 0);
}

// Waits for routes in which exactly "a" (or "s") carries, and leaves the answer to the caller.
static uint64_t expect(char who)
{
	unsigned slots[2] = { 0, 0 };
	uint64_t sequence = 0;

	for (unsigned i = 0; i < 1000 && !receive(slots, &sequence); i++)
		run_ms(10);
	assert_true((slots[0] > 0) == (who == 'a') && (slots[1] > 0) == (who == 's'));
	return sequence;
}

static void expect_silence(unsigned ms)
{
	unsigned slots[2];
	uint64_t sequence;

	run_ms(ms);
	assert_false(receive(slots, &sequence));
}

static void drain(const char *member, bool drained)
{
	const char *pool;

	assert_int_equal(pools_drain(pools, member, drained, &pool), 0);
}

static void one_is_under_way_at_a_time_and_what_changes_meanwhile_goes_after_it(void **state)
{
	uint64_t sequence;

	(void)state;
	router_adopt(router, compile("0"));
	connect_peer();
	sequence = expect('a');
	drain("p/a", true);
	expect_silence(150);
	assert_int_equal(n_settled, 0);
	acknowledge(sequence, 0);
	sequence = expect('s');
	acknowledge(sequence, 0);
	expect_silence(100);
	assert_int_equal(n_settled, 1);
	drain("p/a", false);
	drain("p/a", true); // nothing else than before
	expect_silence(150);
	assert_int_equal(n_settled, 2);
}

static void who_is_busy_or_has_another_table_is_asked_again(void **state)
{
	static const int why[] = { EBUSY, ESTALE };

	(void)state;
	router_adopt(router, compile("0"));
	connect_peer();
	for (unsigned i = 0; i < 2; i++) {
		acknowledge(expect('a'), why[i]);
		run_ms(50);
		assert_int_equal(n_settled, 0);
	}
	acknowledge(expect('a'), 0);
	expect_silence(300);
	assert_int_equal(n_settled, 1);
}

static void what_is_refused_for_good_is_not_sent_again(void **state)
{
	(void)state;
	router_adopt(router, compile("0"));
	connect_peer();
	acknowledge(expect('a'), EINVAL);
	expect_silence(400);
	drain("p/a", true);
	acknowledge(expect('s'), 0); // but another one is
}

static void another_dataplane_gets_them_anew(void **state)
{
	(void)state;
	router_adopt(router, compile("0"));
	connect_peer();
	acknowledge(expect('a'), 0);
	connect_peer();
	expect('a'); // and goes away without an answer
	connect_peer();
	acknowledge(expect('a'), 0);
}

static void a_fail_back_that_is_due_while_an_answer_is_awaited_is_not_lost(void **state)
{
	uint64_t sequence;

	(void)state;
	router_adopt(router, compile("1"));
	connect_peer();
	acknowledge(expect('a'), 0);
	drain("p/a", true);
	acknowledge(expect('s'), 0);
	drain("p/a", false);
	sequence = expect('s'); // a waits, and shows it
	run_ms(1500);           // its time comes and goes
	acknowledge(sequence, 0);
	acknowledge(expect('a'), 0);
}

static void a_storm_of_changes_makes_one_image_each_50_ms_at_most(void **state)
{
	struct timespec begun, now;
	unsigned n = 0, slots[2];
	uint64_t sequence, ms = 0;

	(void)state;
	router_adopt(router, compile("0"));
	connect_peer();
	clock_gettime(CLOCK_MONOTONIC, &begun);
	while (ms < 1000 || n < 2) {
		drain("p/a", n % 2);
		run_ms(1);
		if (receive(slots, &sequence)) {
			acknowledge(sequence, 0);
			n++;
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
		ms = (uint64_t)(now.tv_sec - begun.tv_sec) * 1000 +
		     (uint64_t)(now.tv_nsec / 1000000) - (uint64_t)(begun.tv_nsec / 1000000);
	}
	assert_true(n <= ms / 50 + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			one_is_under_way_at_a_time_and_what_changes_meanwhile_goes_after_it, setup,
			teardown),
		cmocka_unit_test_setup_teardown(who_is_busy_or_has_another_table_is_asked_again,
						setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_refused_for_good_is_not_sent_again, setup,
						teardown),
		cmocka_unit_test_setup_teardown(another_dataplane_gets_them_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_fail_back_that_is_due_while_an_answer_is_awaited_is_not_lost, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			a_storm_of_changes_makes_one_image_each_50_ms_at_most, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
