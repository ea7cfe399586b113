// SPDX-License-Identifier: BSD-3-Clause
//
// The connection to the dataplane: what time may and may not end. The other end is a socket pair.
#include "controlplane/link.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/kit/segments.h"

static struct event_base *base;
static struct link *link_under_test;
static int peer, segment_fd;
static struct weir_hello hello;

// In the place of consumer.c.
void consumer_attach(struct consumer *consumer, struct mapping *map)
{
	(void)consumer;
	(void)map;
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
}

static void on_down(void *argument)
{
	(void)argument;
}

static void on_ack(void *argument, const struct weir_table_ack *ack)
{
	(void)argument;
	(void)ack;
}

static void on_routes_ack(void *argument, const struct weir_routes_ack *ack)
{
	(void)argument;
	(void)ack;
}

static bool on_unreachable(void *argument, const struct weir_unreachable *error)
{
	(void)argument;
	return error->member == 0;
}

static void on_steer_ack(void *argument, const struct weir_steer_ack *ack)
{
	(void)argument;
	(void)ack;
}

static int on_answered(void *argument, const struct weir_answered *answered)
{
	(void)argument;
	return answered->sequence == 7 ? 0 : -EPROTO;
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

static int setup(void **state)
{
	const struct link_events events = { on_up, on_down, on_ack, on_routes_ack, on_steer_ack,
					   on_answered, on_unreachable, NULL };
	int pair[2];

	(void)state;
	base = event_base_new();
	make_segment();
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	peer = pair[0];
	link_under_test = link_create(base, "/nonexistent/dp.sock", NULL, &events);
	link_adopt(link_under_test, pair[1]);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	link_destroy(link_under_test);
	close(peer);
	close(segment_fd);
	event_base_free(base);
	return 0;
}

static int is_timed(const struct event_base *of, const struct event *event, void *argument)
{
	struct timeval when;

	(void)of;
	*(bool *)argument |= event_get_fd(event) >= 0 && event_pending(event, EV_TIMEOUT, &when);
	return 0;
}

// Whether silence on the socket ends the connection some time.
static bool waits_in_time(void)
{
	bool timed = false;

	event_base_foreach_event(base, is_timed, &timed);
	return timed;
}

static void a_peer_that_says_no_hello_is_given_up_in_time(void **state)
{
	(void)state;
	assert_true(waits_in_time());
}

static void silence_after_the_hello_is_no_fault(void **state)
{
	union weir_message message = { .hello = hello };

	(void)state;
	assert_int_equal(weir_message_send(peer, &message, &segment_fd, 1), 0);
	event_base_loop(base, EVLOOP_ONCE);
	assert_true(link_is_up(link_under_test));
	assert_false(waits_in_time());
}

static void say_hello(void)
{
	union weir_message message = { .hello = hello };

	assert_int_equal(weir_message_send(peer, &message, &segment_fd, 1), 0);
	event_base_loop(base, EVLOOP_ONCE);
	assert_true(link_is_up(link_under_test));
}

static void answers_and_closed_queues_go_to_a_dataplane_that_is_up(void **state)
{
	const uint64_t closed[WEIR_QUEUES_MAX / 64] = { 5 };
	const struct weir_answer answer = { .kind = WEIR_ANSWER, .sequence = 7, .length = 3, .payload = "hi" };
	union weir_message message;
	unsigned n_fds;
	int fds[2];

	(void)state;
	assert_int_equal(link_answer(link_under_test, &answer), -ENOTCONN);
	assert_int_equal(link_queues(link_under_test, 3, closed), -ENOTCONN);
	say_hello();
	assert_int_equal(link_answer(link_under_test, &answer), 0);
	assert_int_equal(link_queues(link_under_test, 3, closed), 0);
	assert_int_equal(weir_message_receive(peer, &message, fds, &n_fds), 1);
	assert_memory_equal(&message.answer, &answer, sizeof(answer));
	assert_int_equal(weir_message_receive(peer, &message, fds, &n_fds), 1);
	assert_int_equal(message.queues.generation, 3);
	assert_int_equal(message.queues.closed[0], 5);
	while (link_answer(link_under_test, &answer) == 0)
		;
	assert_int_equal(link_answer(link_under_test, &answer), -EAGAIN);
	assert_true(link_is_up(link_under_test));
}

static void a_dataplane_that_speaks_of_unknown_answers_is_left(void **state)
{
	union weir_message message = { .answered = { .kind = WEIR_ANSWERED, .sequence = 7 } };

	(void)state;
	say_hello();
	assert_int_equal(weir_message_send(peer, &message, NULL, 0), 0);
	event_base_loop(base, EVLOOP_ONCE);
	assert_true(link_is_up(link_under_test));
	message.answered.sequence = 8;
	assert_int_equal(weir_message_send(peer, &message, NULL, 0), 0);
	event_base_loop(base, EVLOOP_ONCE);
	assert_false(link_is_up(link_under_test));
}

static void an_error_about_a_member_that_is_not_there_ends_the_connection(void **state)
{
	union weir_message message = { .hello = hello },
			   error = { .unreachable = { .kind = WEIR_UNREACHABLE } };

	(void)state;
	assert_int_equal(weir_message_send(peer, &message, &segment_fd, 1), 0);
	assert_int_equal(weir_message_send(peer, &error, NULL, 0), 0);
	event_base_loop(base, EVLOOP_ONCE);
	event_base_loop(base, EVLOOP_ONCE);
	assert_true(link_is_up(link_under_test));
	error.unreachable.member = 1; // on_unreachable knows member 0 alone
	assert_int_equal(weir_message_send(peer, &error, NULL, 0), 0);
	event_base_loop(base, EVLOOP_ONCE);
	assert_false(link_is_up(link_under_test));
}

static void an_error_before_the_hello_ends_the_connection(void **state)
{
	union weir_message error = { .unreachable = { .kind = WEIR_UNREACHABLE } };
	char byte;

	(void)state;
	assert_int_equal(weir_message_send(peer, &error, NULL, 0), 0);
	event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(recv(peer, &byte, 1, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_peer_that_says_no_hello_is_given_up_in_time,
						setup, teardown),
		cmocka_unit_test_setup_teardown(silence_after_the_hello_is_no_fault, setup,
						teardown),
		cmocka_unit_test_setup_teardown(answers_and_closed_queues_go_to_a_dataplane_that_is_up, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_dataplane_that_speaks_of_unknown_answers_is_left, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			an_error_about_a_member_that_is_not_there_ends_the_connection, setup, teardown),
		cmocka_unit_test_setup_teardown(an_error_before_the_hello_ends_the_connection, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
