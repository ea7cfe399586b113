// SPDX-License-Identifier: BSD-3-Clause
//
// Answers of agents on their way to the dataplane. The outbox is an array, the dataplane is the test.
#include "controlplane/answers.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include <cmocka.h>

#include "controlplane/consumer.h"
#include "controlplane/link.h"
#include "controlplane/spool_look.h"

enum { MANY = 2000, PORTS = 3, WINDOW = 128 };

static struct {
	bool there;
	uint8_t port;
	uint64_t since_ms;
	unsigned sent, forgotten;
} outbox[MANY + 1]; // by arrival
static struct event_base *base;
static struct answers *answers;
static int watched;
static struct spool_op *submitted[MANY + 1];
static unsigned n_submitted;
static uint64_t on_way[MANY + 1]; // as they were sent
static unsigned n_on_way;
static unsigned n_read;      // entries of the outbox
static int link_says;        // what link_answer returns
static bool link_breaks;     // and ends the connection before
static struct weir_answer last;

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

// In the place of the spool.
int spool_outbox(struct spool *spool, uint64_t after, uint32_t n,
		 int (*each)(const struct spool_outgoing *outgoing, void *argument), void *argument)
{
	static const char text[] = "an answer";

	(void)spool;
	for (uint64_t i = after + 1; i <= MANY && n > 0; i++) {
		struct spool_outgoing outgoing = { .arrival = i, .since_ms = outbox[i].since_ms, .payload = text,
						   .length = sizeof(text) };
		int result;

		if (!outbox[i].there)
			continue;
		n_read++;
		outgoing.record = (struct weir_record){ .port = outbox[i].port, .ip_version = 4, .udp_source = 40000,
							.udp_destination = 5700, .mac_source = { 2 },
							.mac_destination = { 4 }, .ip_source = { 10, 0, 0, 1 },
							.ip_destination = { 10, 0, 0, 2 } };
		result = each(&outgoing, argument);
		if (result)
			return result;
		n--;
	}
	return 0;
}

void consumer_submit(struct consumer *consumer, struct spool_op *op)
{
	(void)consumer;
	assert_int_equal(op->kind, OP_SENT);
	assert_null(op->next);
	submitted[n_submitted++] = op;
}

int consumer_watch(struct consumer *consumer, int fd, unsigned what)
{
	(void)consumer;
	assert_true(what == CONSUMER_ANSWERS || what == 0);
	watched = what ? fd : -1;
	return 0;
}

// In the place of the link.
int link_answer(struct link *link, const struct weir_answer *answer)
{
	(void)link;
	if (link_breaks)
		answers_down(answers);
	if (link_says)
		return link_says;
	outbox[answer->sequence].sent++;
	on_way[n_on_way++] = answer->sequence;
	last = *answer;
	return 0;
}

static int setup(void **state)
{
	struct answers_parts parts = { .keep_ms = 1000000 };

	(void)state;
	memset(outbox, 0, sizeof(outbox));
	n_submitted = n_on_way = n_read = 0;
	link_says = 0;
	link_breaks = false;
	base = event_base_new();
	parts.base = base;
	answers = answers_create(&parts);
	return answers ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	answers_stop(answers);
	assert_int_equal(watched, -1);
	for (unsigned i = 0; i < n_submitted; i++)
		submitted[i]->done(submitted[i]); // the writer ends
	answers_destroy(answers);
	event_base_free(base);
	return 0;
}

static void put(uint64_t arrival, unsigned port)
{
	outbox[arrival].there = true;
	outbox[arrival].port = (uint8_t)port;
	outbox[arrival].since_ms = now_ms();
}

static void news(void)
{
	eventfd_write(watched, 1);
}

// What is due now, until there is nothing.
static void spin(void)
{
	for (unsigned i = 0; i < 20; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static int answered(uint64_t arrival, enum weir_answer_fate fate)
{
	const struct weir_answered message = { .kind = WEIR_ANSWERED, .fate = fate, .sequence = arrival };

	return answers_answered(answers, &message);
}

// The oldest that is on its way comes to its end.
static void end_first(enum weir_answer_fate fate)
{
	uint64_t arrival = on_way[0];

	assert_true(n_on_way > 0);
	memmove(on_way, on_way + 1, --n_on_way * sizeof(on_way[0]));
	assert_int_equal(answered(arrival, fate), 0);
}

// The spool's writer does what it was handed.
static void write_all(int result)
{
	unsigned n = n_submitted;

	n_submitted = 0;
	for (unsigned i = 0; i < n; i++) {
		struct spool_op *op = submitted[i];

		op->result = result;
		if (result == 0) {
			assert_true(outbox[op->id].there);
			outbox[op->id].there = false;
			outbox[op->id].forgotten++;
		}
		op->done(op);
	}
	spin();
}

static struct answers_status status(void)
{
	struct answers_status s;

	answers_status(answers, &s);
	return s;
}

static void an_answer_goes_back_where_its_message_came_from(void **state)
{
	(void)state;
	put(7, 2);
	news();
	spin();
	assert_int_equal(n_on_way, 0); // there is no dataplane
	answers_up(answers);
	spin();
	assert_int_equal(n_on_way, 1);
	assert_int_equal(last.sequence, 7);
	assert_int_equal(last.port, 2);
	assert_int_equal(last.udp_source, 5700);
	assert_int_equal(last.udp_destination, 40000);
	assert_int_equal(last.mac_source[0], 4);
	assert_int_equal(last.mac_destination[0], 2);
	assert_int_equal(last.ip_source[3], 2);
	assert_int_equal(last.ip_destination[3], 1);
	assert_int_equal(last.length, 10);
	assert_string_equal((const char *)last.payload, "an answer");
}

static void the_outbox_forgets_an_answer_only_when_a_port_has_taken_it(void **state)
{
	(void)state;
	answers_up(answers);
	put(7, 0);
	news();
	spin();
	assert_int_equal(n_submitted, 0);
	end_first(WEIR_ANSWER_SENT);
	assert_int_equal(n_submitted, 1);
	assert_int_equal(submitted[0]->id, 7);
	news();
	spin();
	assert_int_equal(n_on_way, 0);
	write_all(0);
	assert_int_equal(outbox[7].sent, 1);
	assert_int_equal(status().waiting, 0);
	assert_int_equal(status().sent, 1);
}

static void a_message_that_came_earlier_may_be_answered_later(void **state)
{
	(void)state;
	answers_up(answers);
	put(9, 0);
	news();
	spin();
	put(3, 0);
	news();
	spin();
	assert_int_equal(n_on_way, 2);
	assert_int_equal(on_way[1], 3);
}

static unsigned on_way_of(unsigned port)
{
	unsigned n = 0;

	for (unsigned i = 0; i < n_on_way; i++)
		n += outbox[on_way[i]].port == port;
	return n;
}

static void a_port_has_a_few_on_their_way_and_all_get_there_once(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= MANY; i++)
		put(i, i % PORTS);
	answers_up(answers);
	for (unsigned done = 0; done < MANY; done++) {
		spin();
		assert_true(n_on_way > 0 && n_on_way <= WINDOW);
		for (unsigned port = 0; port < PORTS; port++)
			assert_true(on_way_of(port) <= WEIR_ANSWERS_A_PORT);
		end_first(WEIR_ANSWER_SENT);
		if (done % 7 == 0)
			write_all(0);
	}
	write_all(0);
	assert_true(n_read < 3 * MANY); // not all of it again and again
	for (unsigned i = 1; i <= MANY; i++)
		assert_true(outbox[i].sent == 1 && outbox[i].forgotten == 1);
	assert_int_equal(status().waiting, 0);
}

// Waits for `n` to be on their way.
static void until_on_way(unsigned n)
{
	for (unsigned i = 0; i < 100000 && n_on_way < n; i++)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(n_on_way, n);
}

static void a_port_without_room_waits_and_holds_up_no_other(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 300; i++)
		put(i, i > 290);
	answers_up(answers);
	spin();
	assert_int_equal(on_way_of(0), WEIR_ANSWERS_A_PORT);
	for (unsigned i = 0; i < WEIR_ANSWERS_A_PORT; i++)
		end_first(WEIR_ANSWER_NO_ROOM);
	spin();
	assert_int_equal(on_way_of(0), 0);
	for (unsigned i = 0; i < 10; i++) {
		end_first(WEIR_ANSWER_SENT);
		spin();
	}
	assert_int_equal(status().sent, 10);
	until_on_way(WEIR_ANSWERS_A_PORT);
	assert_int_equal(outbox[on_way[0]].port, 0);
	assert_true(outbox[on_way[0]].sent == 2);
}

static void behind_a_port_without_room_answers_of_others_are_found(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 1000; i++)
		put(i, 0);
	put(1001, 1);
	put(1002, 0);
	answers_up(answers);
	spin();
	assert_int_equal(on_way_of(1), 0); // the pass waits for port 0
	for (unsigned i = 0; i < WEIR_ANSWERS_A_PORT; i++)
		end_first(WEIR_ANSWER_LINK_DOWN);
	spin();
	assert_int_equal(on_way_of(1), 1);
	end_first(WEIR_ANSWER_SENT);
	for (unsigned sent = 1; sent < 1002; sent++) {
		if (n_on_way == 0)
			for (unsigned i = 0; i < 100000 && n_on_way == 0; i++)
				event_base_loop(base, EVLOOP_ONCE);
		end_first(WEIR_ANSWER_SENT);
		spin();
	}
	write_all(0);
	for (unsigned i = 1; i <= 1002; i++)
		assert_true(!outbox[i].there);
	assert_int_equal(status().waiting, 0);
}

static void behind_a_port_that_takes_nothing_answers_of_others_are_found(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 1000; i++)
		put(i, 0);
	put(1001, 1);
	answers_up(answers);
	until_on_way(WEIR_ANSWERS_A_PORT + 1); // of which none comes to its end
	assert_int_equal(on_way_of(1), 1);
	for (unsigned sent = 0; sent < 1001; sent++) {
		end_first(WEIR_ANSWER_SENT);
		spin();
	}
	write_all(0);
	for (unsigned i = 1; i <= 1001; i++)
		assert_true(!outbox[i].there && outbox[i].sent == 1);
}

static void over_the_rate_all_wait_for_a_moment(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 3; i++)
		put(i, i);
	answers_up(answers);
	spin();
	for (unsigned i = 0; i < 3; i++)
		end_first(WEIR_ANSWER_RATE);
	assert_int_equal(n_on_way, 0);
	until_on_way(3);
	assert_int_equal(status().lost, 0);
}

static void what_can_never_be_sent_is_put_aside_and_holds_up_nothing(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 600; i++)
		put(i, 0);
	answers_up(answers);
	for (unsigned i = 1; i <= 600; i++) {
		spin();
		end_first(i % 2 ? WEIR_ANSWER_PAYLOAD : WEIR_ANSWER_SENT);
	}
	write_all(0);
	news();
	spin();
	assert_int_equal(n_on_way, 0);
	assert_int_equal(status().lost, 300);
	assert_int_equal(status().aside, 300);
	assert_int_equal(status().waiting, 0);
	answers_down(answers);
	answers_up(answers); // another dataplane may know better
	spin();
	assert_int_equal(n_on_way, WEIR_ANSWERS_A_PORT);
	for (unsigned i = 0; i < 300; i++) {
		spin();
		end_first(WEIR_ANSWER_SENT);
	}
	write_all(0);
	for (unsigned i = 1; i <= 600; i++)
		assert_false(outbox[i].there);
}

static void what_could_not_be_sent_for_too_long_is_given_up(void **state)
{
	(void)state;
	put(1, 0);
	put(2, 0);
	outbox[1].since_ms -= 1000001;
	answers_up(answers);
	spin();
	end_first(WEIR_ANSWER_PORT);
	end_first(WEIR_ANSWER_PORT);
	write_all(0);
	assert_false(outbox[1].there);
	assert_true(outbox[2].there);
	assert_int_equal(status().given_up, 1);
	assert_int_equal(status().aside, 1);
}

static void after_a_reconnect_what_was_on_its_way_is_sent_again(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 4; i++)
		put(i, 0);
	answers_up(answers);
	spin();
	end_first(WEIR_ANSWER_SENT); // 1, and the writer has not done it yet
	answers_down(answers);
	n_on_way = 0;
	answers_up(answers);
	spin();
	assert_int_equal(n_on_way, 3);
	assert_int_equal(outbox[1].sent, 1);
	for (unsigned i = 2; i <= 4; i++)
		assert_int_equal(outbox[i].sent, 2);
	write_all(0);
}

static void what_the_spool_could_not_forget_is_not_sent_again(void **state)
{
	(void)state;
	put(1, 0);
	answers_up(answers);
	spin();
	end_first(WEIR_ANSWER_SENT);
	write_all(-ENOSPC);
	assert_int_equal(n_submitted, 0);
	for (unsigned i = 0; i < 100000 && n_submitted == 0; i++) // after a second
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(n_submitted, 1);
	write_all(0);
	assert_int_equal(outbox[1].sent, 1);
	assert_int_equal(status().waiting, 0);
}

static void what_is_not_on_its_way_cannot_have_been_answered(void **state)
{
	(void)state;
	put(1, 0);
	answers_up(answers);
	spin();
	assert_int_equal(answered(2, WEIR_ANSWER_SENT), -EPROTO);
	assert_int_equal(answered(1, WEIR_N_ANSWER_FATES), -EPROTO);
	assert_int_equal(answered(1, WEIR_ANSWER_SENT), 0);
	assert_int_equal(answered(1, WEIR_ANSWER_SENT), -EPROTO);
	write_all(0);
	assert_int_equal(answered(1, WEIR_ANSWER_SENT), -EPROTO);
}

static void a_link_that_is_full_is_tried_again(void **state)
{
	(void)state;
	put(1, 0);
	link_says = -EAGAIN;
	answers_up(answers);
	spin();
	assert_int_equal(n_on_way, 0);
	link_says = 0;
	until_on_way(1);
}

static void a_link_that_breaks_in_the_middle_loses_nothing(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 3; i++)
		put(i, i);
	link_says = -EPIPE;
	link_breaks = true;
	answers_up(answers);
	spin();
	assert_int_equal(status().waiting, 3);
	link_says = 0;
	link_breaks = false;
	answers_up(answers);
	spin();
	assert_int_equal(n_on_way, 3);
}

// A dataplane with moods, that dies now and then, and a disk that is full now and then.
static void whatever_happens_every_answer_is_sent(void **state)
{
	static const enum weir_answer_fate moods[] = { WEIR_ANSWER_SENT, WEIR_ANSWER_SENT, WEIR_ANSWER_SENT,
						       WEIR_ANSWER_MTU };

	(void)state;
	srand(5);
	answers_up(answers);
	for (unsigned round = 0; round < 20000; round++) {
		if (rand() % 8 == 0) {
			put(1 + (unsigned)rand() % MANY, (unsigned)rand() % 20);
			news();
		}
		event_base_loop(base, EVLOOP_NONBLOCK);
		if (n_on_way > 0 && rand() % 2)
			end_first(moods[rand() % 4]);
		if (rand() % 20 == 0)
			write_all(rand() % 10 ? 0 : -ENOSPC);
		if (rand() % 100 == 0) {
			answers_down(answers);
			n_on_way = 0;
			answers_up(answers);
		}
	}
	answers_down(answers);
	n_on_way = 0;
	answers_up(answers);
	for (unsigned i = 0; i < 100000 && (status().waiting > 0 || n_on_way > 0); i++) {
		event_base_loop(base, EVLOOP_ONCE);
		while (n_on_way > 0)
			end_first(WEIR_ANSWER_SENT);
		write_all(0);
	}
	for (unsigned i = 1; i <= MANY; i++)
		assert_true(!outbox[i].there && outbox[i].sent >= (outbox[i].forgotten > 0));
	assert_int_equal(status().aside, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_answer_goes_back_where_its_message_came_from),
		TEST(the_outbox_forgets_an_answer_only_when_a_port_has_taken_it),
		TEST(a_message_that_came_earlier_may_be_answered_later),
		TEST(a_port_has_a_few_on_their_way_and_all_get_there_once),
		TEST(a_port_without_room_waits_and_holds_up_no_other),
		TEST(behind_a_port_without_room_answers_of_others_are_found),
		TEST(behind_a_port_that_takes_nothing_answers_of_others_are_found),
		TEST(over_the_rate_all_wait_for_a_moment),
		TEST(what_can_never_be_sent_is_put_aside_and_holds_up_nothing),
		TEST(what_could_not_be_sent_for_too_long_is_given_up),
		TEST(after_a_reconnect_what_was_on_its_way_is_sent_again),
		TEST(what_the_spool_could_not_forget_is_not_sent_again),
		TEST(what_is_not_on_its_way_cannot_have_been_answered),
		TEST(a_link_that_is_full_is_tried_again),
		TEST(a_link_that_breaks_in_the_middle_loses_nothing),
		TEST(whatever_happens_every_answer_is_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
