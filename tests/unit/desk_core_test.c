// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/kit/desk.h"

static struct desk_log log_;
static const struct core_scope all = { .all = true };
static char anna[] = "anna", bert[] = "bert", carl[] = "carl"; // names, and cookies

// A core with one queue and the messages 1 to n at its front, of one priority.
static uint32_t begin(enum core_routing routing, unsigned n)
{
	static const char *const order[] = { "carl", "anna" };
	const struct core_queue_rule rule = { routing, 1000, order, 2 };
	struct core_head heads[CORE_HEADS];
	uint32_t queue;

	desk_log_init(&log_);
	queue = (uint32_t)core_queue(log_.core, "q");
	core_queue_rule_put(log_.core, queue, &rule);
	for (unsigned i = 0; i < n; i++)
		heads[i] = (struct core_head){ i + 1, 2 };
	core_heads_put(log_.core, queue, heads, n, true);
	return queue;
}

static int end(void **state)
{
	(void)state;
	desk_log_fini(&log_);
	return 0;
}

static void expect_take(const char *agent, uint64_t id)
{
	const struct desk_event *event = desk_next(&log_, DESK_TAKE);

	assert_non_null(event);
	assert_string_equal(event->agent, agent);
	assert_int_equal(event->id, id);
}

static void expect_offer(const char *to, uint64_t id)
{
	const struct desk_event *event = desk_next(&log_, DESK_OFFER);

	assert_non_null(event);
	assert_string_equal(event->cookie, to);
	assert_int_equal(event->id, id);
}

static void expect_withdraw(const char *from, uint64_t id)
{
	const struct desk_event *event = desk_next(&log_, DESK_WITHDRAW);

	assert_non_null(event);
	assert_string_equal(event->cookie, from);
	assert_int_equal(event->id, id);
}

static void expect_waited(const char *who, unsigned n)
{
	const struct desk_event *event = desk_next(&log_, DESK_WAITED);

	assert_non_null(event);
	assert_string_equal(event->cookie, who);
	assert_int_equal(event->n, n);
}

static void expect_nothing(void)
{
	assert_int_equal(log_.n, 0);
}

static void waits(char *agent, unsigned max, uint64_t deadline)
{
	assert_non_null(core_wait_add(log_.core, agent, &all, max, deadline, agent));
}

static struct core_stream *listens(char *agent, unsigned capacity)
{
	struct core_stream *stream = core_stream_add(log_.core, agent, &all, capacity, agent);

	assert_non_null(stream);
	return stream;
}

static void a_claim_takes_the_front_of_the_queue_in_order(void **state)
{
	begin(CORE_BALANCED, 3);
	(void)state;
	waits(anna, 2, 100);
	core_route(log_.core, 1);
	expect_take("anna", 1);
	expect_take("anna", 2);
	expect_waited("anna", 2);
	expect_nothing();
}

static void a_claim_that_gets_nothing_ends_at_its_time(void **state)
{
	begin(CORE_BALANCED, 0);
	(void)state;
	waits(anna, 2, 100);
	core_tick(log_.core, 99);
	expect_nothing();
	core_tick(log_.core, 100);
	expect_waited("anna", 0);
	expect_nothing();
}

static void balanced_gives_each_message_to_who_has_least_in_hand(void **state)
{
	uint32_t queue = begin(CORE_BALANCED, 5);

	(void)state;
	core_leased(log_.core, "anna", queue, 100, 1000);
	core_leased(log_.core, "anna", queue, 101, 1000);
	waits(anna, 10, 100);
	waits(bert, 10, 100);
	core_route(log_.core, 1);
	expect_take("bert", 1);
	expect_take("bert", 2);
	expect_take("anna", 3); // both have two; bert was served last
	expect_take("bert", 4);
	expect_take("anna", 5);
}

static void serial_keeps_its_order_and_others_come_by_name(void **state)
{
	begin(CORE_SERIAL, 3);
	(void)state;
	waits(bert, 1, 100);
	waits(anna, 1, 100);
	waits(carl, 1, 100);
	core_route(log_.core, 1);
	expect_take("carl", 1);
	expect_take("anna", 2);
	expect_take("bert", 3);
}

static void an_offer_goes_to_the_next_after_the_ring_time_and_then_round_again(void **state)
{
	begin(CORE_SERIAL, 1);
	(void)state;
	listens(anna, 1);
	listens(bert, 1);
	core_route(log_.core, 10);
	expect_offer("anna", 1);
	core_tick(log_.core, 1009);
	expect_nothing();
	core_tick(log_.core, 1010);
	expect_withdraw("anna", 1);
	expect_offer("bert", 1);
	core_tick(log_.core, 2010);
	expect_withdraw("bert", 1);
	expect_offer("anna", 1);
	expect_nothing();
}

static void a_claim_waits_while_a_message_is_offered_to_who_comes_before_it(void **state)
{
	begin(CORE_SERIAL, 1);
	(void)state;
	listens(carl, 1);
	core_route(log_.core, 0);
	expect_offer("carl", 1);
	waits(anna, 1, 5000);
	core_route(log_.core, 1);
	expect_nothing();
	core_tick(log_.core, 1000);
	expect_withdraw("carl", 1);
	expect_take("anna", 1);
	expect_waited("anna", 1);
}

static void simultaneous_is_offered_to_all_and_the_first_claim_wins(void **state)
{
	uint32_t queue = begin(CORE_SIMULTANEOUS, 1);

	(void)state;
	listens(anna, 1);
	listens(bert, 1);
	core_route(log_.core, 0);
	assert_int_equal(log_.n, 2);
	while (desk_next(&log_, DESK_OFFER))
		;
	listens(carl, 1);
	core_tick(log_.core, 5000);
	expect_offer("carl", 1);
	expect_nothing();
	assert_int_equal(core_take(log_.core, "bert", queue, 1, false), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_non_null(desk_next(&log_, DESK_WITHDRAW));
	assert_int_equal(core_take(log_.core, "anna", queue, 1, false), -EBUSY);
	assert_int_equal(core_leased(log_.core, "bert", queue, 1, 9000), 0);
	assert_int_equal(core_agent_presence(log_.core, "bert").outstanding, 1);
	assert_int_equal(core_agent_presence(log_.core, "anna").offers, 0);
	expect_nothing();
}

static void an_agent_is_offered_no_more_than_it_has_room_for(void **state)
{
	uint32_t queue = begin(CORE_BALANCED, 3);

	(void)state;
	listens(anna, 2);
	core_route(log_.core, 0);
	expect_offer("anna", 1);
	expect_offer("anna", 2);
	expect_nothing();
	assert_int_equal(core_take(log_.core, "anna", queue, 1, false), 0);
	core_leased(log_.core, "anna", queue, 1, 9000);
	core_route(log_.core, 1);
	expect_withdraw("anna", 1);
	expect_nothing();
	core_returned(log_.core, 1); // settled
	core_route(log_.core, 2);
	expect_offer("anna", 3);
	expect_nothing();
}

static void what_is_offered_to_another_alone_is_taken_only_by_who_may_take_any(void **state)
{
	uint32_t queue = begin(CORE_BALANCED, 1);

	(void)state;
	listens(anna, 1);
	core_route(log_.core, 0);
	expect_offer("anna", 1);
	assert_int_equal(core_take(log_.core, "bert", queue, 1, false), -EBUSY);
	assert_int_equal(core_take(log_.core, "bert", queue, 1, true), 0);
	expect_withdraw("anna", 1);
	assert_int_equal(core_take(log_.core, "anna", queue, 1, true), -EBUSY);
}

static void an_offer_of_an_agent_that_leaves_goes_on_at_once(void **state)
{
	struct core_stream *stream;

	begin(CORE_BALANCED, 1);
	(void)state;
	stream = listens(anna, 1);
	core_route(log_.core, 0);
	expect_offer("anna", 1);
	listens(bert, 1);
	core_stream_drop(log_.core, stream);
	core_route(log_.core, 1);
	expect_offer("bert", 1);
	expect_nothing();
}

static void a_second_stream_of_an_agent_hears_what_is_offered(void **state)
{
	begin(CORE_BALANCED, 1);
	(void)state;
	listens(anna, 1);
	core_route(log_.core, 0);
	expect_offer("anna", 1);
	listens(anna, 1);
	expect_offer("anna", 1);
	core_route(log_.core, 1);
	expect_nothing();
}

static void a_lease_that_is_over_is_ended_once_and_again_where_that_failed(void **state)
{
	uint32_t queue = begin(CORE_BALANCED, 0);
	struct core_lease lease;

	(void)state;
	core_leased(log_.core, "anna", queue, 7, 500);
	assert_true(core_lease_get(log_.core, 7, &lease));
	assert_string_equal(lease.agent, "anna");
	core_leased(log_.core, "anna", queue, 7, 800); // extended
	core_tick(log_.core, 799);
	expect_nothing();
	core_tick(log_.core, 800);
	assert_non_null(desk_next(&log_, DESK_EXPIRE));
	core_tick(log_.core, 801);
	expect_nothing();
	core_failed(log_.core, 7, 1000);
	core_tick(log_.core, 999);
	expect_nothing();
	core_tick(log_.core, 1000);
	assert_non_null(desk_next(&log_, DESK_EXPIRE));
	core_returned(log_.core, 7);
	assert_false(core_lease_get(log_.core, 7, &lease));
	assert_int_equal(core_agent_presence(log_.core, "anna").outstanding, 0);
}

static void an_agents_leases_are_listed_and_no_others(void **state)
{
	uint32_t queue = begin(CORE_BALANCED, 3);
	uint64_t ids[4] = { 0 };

	(void)state;
	assert_int_equal(core_agent_leases(log_.core, "anna", ids, 4), 0);
	core_leased(log_.core, "anna", queue, 7, 5000);
	core_leased(log_.core, "anna", queue, 9, 5000);
	core_leased(log_.core, "bert", queue, 8, 5000);
	core_stream_add(log_.core, "anna", &all, 5, anna);
	core_route(log_.core, 0); // what is offered is not in hand
	assert_int_equal(core_agent_leases(log_.core, "anna", ids, 4), 2);
	assert_int_equal(ids[0] + ids[1], 16);
	assert_int_equal(core_agent_leases(log_.core, "anna", ids, 1), 1);
	core_tick(log_.core, 5000); // they are ending
	assert_int_equal(core_agent_leases(log_.core, "anna", ids, 4), 0);
}

static void leases_of_an_agent_that_is_ended_are_over_at_the_next_tick(void **state)
{
	uint32_t queue = begin(CORE_BALANCED, 0);

	(void)state;
	core_leased(log_.core, "anna", queue, 7, 5000);
	core_leased(log_.core, "bert", queue, 8, 5000);
	core_agent_end(log_.core, "anna");
	core_tick(log_.core, 1);
	assert_int_equal(desk_next(&log_, DESK_EXPIRE)->id, 7);
	expect_nothing();
}

static void a_take_that_failed_lets_the_message_wait_again(void **state)
{
	uint32_t queue = begin(CORE_BALANCED, 1);
	const struct core_head head = { 1, 2 };

	(void)state;
	waits(anna, 1, 100);
	core_route(log_.core, 0);
	expect_take("anna", 1);
	expect_waited("anna", 1);
	core_heads_put(log_.core, queue, &head, 1, true); // not committed yet: not given twice
	waits(bert, 1, 100);
	core_route(log_.core, 1);
	expect_nothing();
	core_failed(log_.core, 1, 0);
	core_heads_put(log_.core, queue, &head, 1, true);
	core_route(log_.core, 2);
	expect_take("bert", 1);
}

static void nobody_gets_what_is_out_of_its_scope(void **state)
{
	uint32_t queue = begin(CORE_BALANCED, 1);
	const struct core_scope other = { .n = 1, .queue = { (uint32_t)core_queue(log_.core, "other") } };
	const struct core_scope own = { .n = 1, .queue = { queue } };

	(void)state;
	assert_non_null(core_wait_add(log_.core, "anna", &other, 1, 100, anna));
	assert_non_null(core_stream_add(log_.core, "bert", &other, 1, bert));
	assert_false(core_wanted(log_.core, queue));
	core_route(log_.core, 0);
	expect_nothing();
	assert_non_null(core_wait_add(log_.core, "carl", &own, 1, 100, carl));
	assert_true(core_wanted(log_.core, queue));
	core_route(log_.core, 0);
	expect_take("carl", 1);
}

static void an_agent_holds_a_thousand_at_most(void **state)
{
	uint32_t queue = begin(CORE_BALANCED, 1);

	(void)state;
	for (uint64_t id = 1000; id < 1000 + CORE_OUTSTANDING; id++)
		assert_int_equal(core_leased(log_.core, "anna", queue, id, 50000), 0);
	waits(anna, 1, 100);
	core_route(log_.core, 0);
	expect_nothing();
	assert_int_equal(core_take(log_.core, "anna", queue, 1, false), -EDQUOT);
	core_returned(log_.core, 1500);
	core_route(log_.core, 0);
	expect_take("anna", 1);
}

static void an_offer_of_a_message_that_was_removed_is_withdrawn(void **state)
{
	uint32_t queue = begin(CORE_BALANCED, 1);

	(void)state;
	listens(anna, 1);
	core_route(log_.core, 0);
	expect_offer("anna", 1);
	core_heads_put(log_.core, queue, NULL, 0, true);
	expect_withdraw("anna", 1);
	assert_int_equal(core_message_queue(log_.core, 1), -ENOENT);
}

static void a_queue_whose_known_front_is_given_away_says_so(void **state)
{
	uint32_t queue = begin(CORE_BALANCED, 0);
	const struct core_head head = { 1, 2 };

	(void)state;
	core_heads_put(log_.core, queue, &head, 1, false);
	assert_false(core_heads_short(log_.core, queue));
	waits(anna, 5, 100);
	core_route(log_.core, 0);
	expect_take("anna", 1);
	assert_true(core_heads_short(log_.core, queue));
}

static void a_change_of_routing_takes_offers_along(void **state)
{
	uint32_t queue = begin(CORE_SIMULTANEOUS, 1);
	struct core_queue_rule rule = *core_queue_rule_get(log_.core, queue);

	(void)state;
	listens(anna, 1);
	listens(bert, 1);
	core_route(log_.core, 0);
	while (desk_next(&log_, DESK_OFFER))
		;
	rule.routing = CORE_SERIAL;
	core_queue_rule_put(log_.core, queue, &rule);
	core_route(log_.core, 1);
	assert_non_null(desk_next(&log_, DESK_WITHDRAW));
	assert_non_null(desk_next(&log_, DESK_WITHDRAW));
	expect_offer("anna", 1);
	expect_nothing();
	rule.routing = CORE_SIMULTANEOUS;
	core_queue_rule_put(log_.core, queue, &rule);
	core_tick(log_.core, 2000);
	expect_withdraw("anna", 1);
	expect_offer("bert", 1);
}

#define T(name) cmocka_unit_test_teardown(name, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_claim_takes_the_front_of_the_queue_in_order),
		T(a_claim_that_gets_nothing_ends_at_its_time),
		T(balanced_gives_each_message_to_who_has_least_in_hand),
		T(serial_keeps_its_order_and_others_come_by_name),
		T(an_offer_goes_to_the_next_after_the_ring_time_and_then_round_again),
		T(a_claim_waits_while_a_message_is_offered_to_who_comes_before_it),
		T(simultaneous_is_offered_to_all_and_the_first_claim_wins),
		T(an_agent_is_offered_no_more_than_it_has_room_for),
		T(what_is_offered_to_another_alone_is_taken_only_by_who_may_take_any),
		T(an_offer_of_an_agent_that_leaves_goes_on_at_once),
		T(a_second_stream_of_an_agent_hears_what_is_offered),
		T(a_lease_that_is_over_is_ended_once_and_again_where_that_failed),
		T(an_agents_leases_are_listed_and_no_others),
		T(leases_of_an_agent_that_is_ended_are_over_at_the_next_tick),
		T(a_take_that_failed_lets_the_message_wait_again),
		T(nobody_gets_what_is_out_of_its_scope),
		T(an_agent_holds_a_thousand_at_most),
		T(an_offer_of_a_message_that_was_removed_is_withdrawn),
		T(a_queue_whose_known_front_is_given_away_says_so),
		T(a_change_of_routing_takes_offers_along),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
