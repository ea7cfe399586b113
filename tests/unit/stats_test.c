// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/abi/stats.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/kit/segments.h"

static struct weir_segment *segment;
static unsigned yields;

// In the place of libc's: a machine so busy that a yield costs a millisecond.
int sched_yield(void)
{
	yields++;
	return usleep(1000);
}

static void count(unsigned worker, unsigned port, unsigned disposition, uint64_t n)
{
	segment_block(segment, worker, port)->rx += n;
	segment_block(segment, worker, port)->disposition[disposition] += n;
}

static int setup(void **state)
{
	static const struct segment_shape shape = { 2, 2, 16, 16 };

	(void)state;
	segment = segment_make(&shape);
	segment_state_own(segment)->generation = 4;
	segment_name(segment, 1, WEIR_NAME_RULE, 1, "default");
	segment_name(segment, 2, WEIR_NAME_RULE, WEIR_NAME_GONE, "old");
	segment_name(segment, 3, WEIR_NAME_RULE, 0, "fraud");
	segment_name(segment, 4, WEIR_NAME_QUEUE, 0, "desk");
	segment_name(segment, 5, WEIR_NAME_REASON, 0, "spam");
	segment_name(segment, 6, WEIR_NAME_ZONE, 0, "eu");
	segment_zone_row(segment, 6, 1);
	count(0, 0, WEIR_FORWARD, 10);
	count(1, 0, WEIR_MALFORMED, 3);
	count(1, 1, WEIR_DROP, 5);
	count(0, 1, WEIR_HELD, 2);
	segment_block(segment, 1, 0)->reason[WEIR_REASON_TRUNCATED] = 3;
	segment_block(segment, 1, 1)->reason[WEIR_REASON_BLOCKED_SOURCE] = 1;
	*segment_named(segment, 1, 5) = 4;
	*segment_named(segment, 0, 3) = 6;
	*segment_named(segment, 1, 3) = 1;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(segment);
	return 0;
}

static json_int_t number(const json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

static void balances(const json_t *object)
{
	json_t *all = json_object_get(object, "dispositions"), *value;
	json_int_t sum = 0;
	const char *key;

	assert_int_equal(json_object_size(all), WEIR_N_DISPOSITIONS);
	json_object_foreach(all, key, value)
		sum += json_integer_value(value);
	assert_int_equal(sum, number(object, "rx"));
}

static void the_whole_and_each_worker_and_port_balance(void **state)
{
	json_t *stats = stats_json(segment), *row;
	size_t i;

	(void)state;
	balances(stats);
	assert_int_equal(number(stats, "rx"), 20);
	assert_int_equal(number(stats, "generation"), 4);
	assert_int_equal(json_array_size(json_object_get(stats, "workers")), 2);
	assert_int_equal(json_array_size(json_object_get(stats, "ports")), 2);
	json_array_foreach(json_object_get(stats, "workers"), i, row)
		balances(row);
	json_array_foreach(json_object_get(stats, "ports"), i, row)
		balances(row);
	json_decref(stats);
}

static void rules_stand_in_file_order_and_old_ones_are_left_out(void **state)
{
	json_t *stats = stats_json(segment), *rules = json_object_get(stats, "rules");

	(void)state;
	assert_int_equal(json_array_size(rules), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(rules, 0), "name")), "fraud");
	assert_int_equal(number(json_array_get(rules, 0), "count"), 7);
	assert_string_equal(json_string_value(json_object_get(json_array_get(rules, 1), "name")), "default");
	json_decref(stats);
}

static void reasons_of_drop_are_those_of_the_file_and_the_blocked_sources(void **state)
{
	json_t *stats = stats_json(segment), *reasons = json_object_get(stats, "reasons");

	(void)state;
	assert_int_equal(number(json_object_get(reasons, "malformed"), "truncated"), 3);
	assert_int_equal(number(json_object_get(reasons, "drop"), "spam"), 4);
	assert_int_equal(number(json_object_get(reasons, "drop"), "blocked-source"), 1);
	assert_null(json_object_get(reasons, "exception"));
	json_decref(stats);
}

static void sample(struct weir_top *top, uint32_t tenant, uint32_t samples)
{
	top->tenant = tenant;
	top->samples = samples;
}

static void countries_priorities_zones_and_tenants_are_counted_over_all_workers(void **state)
{
	uint64_t *countries = (uint64_t *)((char *)segment + segment->countries);
	uint64_t *zones = (uint64_t *)((char *)segment + segment->zones);
	static const json_int_t by_priority[] = { 0, 1, 11, 4 };
	struct weir_top *top = (struct weir_top *)((char *)segment + segment->tenants);
	json_t *stats, *row;

	(void)state;
	countries[82 * WEIR_N_PRIORITIES + WEIR_URGENT] = 1;
	countries[82 * WEIR_N_PRIORITIES + WEIR_NORMAL] = 2;
	countries[(WEIR_N_COUNTRIES + 82) * WEIR_N_PRIORITIES + WEIR_NON_URGENT] = 4;
	countries[WEIR_COUNTRY_ZZ * WEIR_N_PRIORITIES + WEIR_NORMAL] = 9;
	zones[WEIR_N_COUNTRIES + 82] = 5;
	sample(&top[0], 9, 1);
	sample(&top[1], 4000000000, 1);
	sample(&top[WEIR_TOP_TENANTS + 7], 9, 2);
	stats = stats_json(segment);
	row = json_array_get(json_object_get(stats, "countries"), 1);
	assert_int_equal(number(row, "count"), 7);
	for (unsigned p = 0; p < WEIR_N_PRIORITIES; p++) {
		row = json_array_get(json_object_get(stats, "priorities"), p);
		assert_string_equal(json_string_value(json_object_get(row, "name")), weir_priority_name(p));
		assert_int_equal(number(row, "count"), by_priority[p]);
	}
	row = json_array_get(json_object_get(stats, "forward_by_zone"), 0);
	assert_string_equal(json_string_value(json_object_get(row, "zone")), "eu");
	assert_int_equal(number(row, "count"), 5);
	row = json_array_get(json_object_get(stats, "tenants"), 0);
	assert_int_equal(number(row, "id"), 9);
	assert_true(json_real_value(json_object_get(row, "share")) == 0.75);
	assert_int_equal(number(json_array_get(json_object_get(stats, "tenants"), 1), "id"), 4000000000);
	json_decref(stats);
}

static void the_busiest_tenants_since_a_sample_are_those_that_came_since(void **state)
{
	struct weir_top *top = (struct weir_top *)((char *)segment + segment->tenants);
	uint32_t *before = calloc(2 * WEIR_TOP_TENANTS, sizeof(*before));
	json_t *tenants;

	(void)state;
	assert_non_null(before);
	sample(&top[0], 9, 100);
	sample(&top[1], 8, 50);
	sample(&top[WEIR_TOP_TENANTS + 7], 9, 7);
	stats_samples(segment, before);
	sample(&top[0], 9, 101);
	sample(&top[1], 7, 53); // a newcomer inherited 50
	tenants = stats_tenants(segment, before);
	assert_int_equal(json_array_size(tenants), 2);
	assert_int_equal(number(json_array_get(tenants, 0), "id"), 7);
	assert_true(json_real_value(json_object_get(json_array_get(tenants, 0), "share")) == 0.75);
	assert_int_equal(number(json_array_get(tenants, 1), "id"), 9);
	json_decref(tenants);
	free(before);
}

static void names_that_are_no_text_do_not_break_the_object(void **state)
{
	struct weir_name *names;
	char *text;
	json_t *stats;

	(void)state;
	segment_name(segment, 3, WEIR_NAME_RULE, 0, "fr\xff\xfe");
	names = (struct weir_name *)((char *)segment + segment->names);
	memset(names[4].name, 0xff, sizeof(names[4].name));
	segment_state_own(segment)->n_names_used = 99999;
	stats = stats_json(segment);
	assert_non_null(stats);
	text = json_dumps(stats, 0);
	assert_non_null(strstr(text, "\"fr??\""));
	free(text);
	json_decref(stats);
}

static void a_writer_that_died_in_the_registry_costs_little_time(void **state)
{
	json_t *stats;

	(void)state;
	segment_state_own(segment)->names_sequence = 7;
	yields = 0;
	stats = stats_json(segment);
	assert_non_null(stats);
	assert_in_range(yields, 1, 1000);
	json_decref(stats);
}

static void the_page_shows_both_sides_of_the_books(void **state)
{
	json_t *stats = stats_json(segment), *empty = json_pack("{s:s, s:[i]}", "rx", "no", "workers", 3);
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	(void)state;
	stats_print(stats, to);
	stats_print(empty, to);
	stats_print(NULL, to);
	fclose(to);
	assert_non_null(strstr(text, "books: rx 20 = sum of dispositions 20"));
	assert_non_null(strstr(text, "fraud"));
	free(text);
	json_decref(stats);
	json_decref(empty);
}

static void answers_of_agents_are_shown_by_what_became_of_them(void **state)
{
	char page[8192] = "";
	FILE *to = fmemopen(page, sizeof(page), "w");
	json_t *stats;

	(void)state;
	segment_state_own(segment)->agent_answers[WEIR_ANSWER_SENT] = 9;
	segment_state_own(segment)->agent_answers[WEIR_ANSWER_RATE] = 3;
	segment_state_own(segment)->agent_answers[WEIR_ANSWER_PAYLOAD] = 2;
	stats = stats_json(segment);
	assert_int_equal(number(stats, "agent_answers"), 9);
	assert_int_equal(json_object_size(json_object_get(stats, "agent_answers_later")), 1);
	assert_int_equal(number(json_object_get(stats, "agent_answers_later"), "rate"), 3);
	assert_int_equal(json_object_size(json_object_get(stats, "agent_answers_lost")), 1);
	assert_int_equal(number(json_object_get(stats, "agent_answers_lost"), "payload"), 2);
	balances(stats);
	stats_print(stats, to);
	fclose(to);
	assert_non_null(strstr(page, "agents' answers: 9 sent, 3 put off (rate), 2 lost (payload)\n"));
	json_decref(stats);
}

static void what_protocols_answered_and_how_countries_were_found_is_on_the_page(void **state)
{
	char page[8192] = "";
	FILE *to = fmemopen(page, sizeof(page), "w");
	json_t *stats = stats_json(segment);

	(void)state;
	stats_print(stats, to); // nothing of it yet
	fflush(to);
	assert_null(strstr(page, "answered by the protocols"));
	assert_null(strstr(page, "forgotten"));
	json_decref(stats);
	count(0, 0, WEIR_REPLY, 5);
	segment_block(segment, 0, 0)->reason[WEIR_REASON_SIP_OPTIONS] = 2;
	segment_block(segment, 0, 0)->reason[WEIR_REASON_REPEAT] = 3;
	segment_block(segment, 0, 0)->repeats_forgotten = 7;
	segment_block(segment, 1, 1)->repeats_forgotten = 1;
	segment_block(segment, 0, 0)->country_number = 4;
	segment_block(segment, 1, 0)->country_address = 1;
	stats = stats_json(segment);
	balances(stats);
	stats_print(stats, to);
	fclose(to);
	assert_non_null(strstr(page, "\nanswered by the protocols alone: sip-options 2, repeat 3\n"));
	assert_non_null(strstr(page, "\nforgotten before their time: 8 answers (dataplane.retransmissions)\n"));
	assert_non_null(strstr(page, "\ncountry by: number 4, address 1\n"));
	json_decref(stats);
}

static void a_kernel_interface_is_shown_with_what_it_got_and_sent(void **state)
{
	struct weir_port *port = (struct weir_port *)((char *)segment + segment->ports);
	json_t *stats, *first, *second;

	(void)state;
	memcpy(port[1].kernel, "weir0", 6);
	port[1].kernel_rx = 5;
	port[1].kernel_lost = 6;
	port[1].kernel_tx = 7;
	port[1].kernel_tx_lost = 8;
	stats = stats_json(segment);
	first = json_array_get(json_object_get(stats, "ports"), 0);
	second = json_array_get(json_object_get(stats, "ports"), 1);
	assert_true(json_is_null(json_object_get(first, "kernel")));
	assert_string_equal(json_string_value(json_object_get(second, "kernel")), "weir0");
	assert_int_equal(number(second, "kernel_rx"), 5);
	assert_int_equal(number(second, "kernel_lost"), 6);
	assert_int_equal(number(second, "kernel_tx"), 7);
	assert_int_equal(number(second, "kernel_tx_lost"), 8);
	json_decref(stats);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_whole_and_each_worker_and_port_balance),
		TEST(rules_stand_in_file_order_and_old_ones_are_left_out),
		TEST(reasons_of_drop_are_those_of_the_file_and_the_blocked_sources),
		TEST(countries_priorities_zones_and_tenants_are_counted_over_all_workers),
		TEST(the_busiest_tenants_since_a_sample_are_those_that_came_since),
		TEST(answers_of_agents_are_shown_by_what_became_of_them),
		TEST(what_protocols_answered_and_how_countries_were_found_is_on_the_page),
		TEST(a_kernel_interface_is_shown_with_what_it_got_and_sent),
		TEST(names_that_are_no_text_do_not_break_the_object),
		TEST(a_writer_that_died_in_the_registry_costs_little_time),
		TEST(the_page_shows_both_sides_of_the_books),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
