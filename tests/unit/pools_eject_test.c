// SPDX-License-Identifier: BSD-3-Clause
//
// Members that ICMP errors eject from their pool.
#include "controlplane/pools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "controlplane/file_put.h"
#include "tests/kit/pools.h"

#define NAT(name, more, members)                                                                   \
	"{ name = \"" name "\"; mode = \"nat\"; source = \"127.0.0.9\"; " more " members = (" members ");}"

static struct pools_kit kit;

static int setup(void **state)
{
	(void)state;
	pools_kit_open(&kit);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pools_kit_close(&kit);
	return 0;
}

static bool error_about(struct pools *pools, uint32_t member)
{
	const struct table_map *map = pools_table(pools);
	const struct weir_unreachable error = { .table_crc = map ? map->table.header->crc : 0,
						.member = member,
						.cause = WEIR_PORT_UNREACHABLE };

	return pools_unreachable(pools, &error);
}

static json_t *shown(struct pools *pools, const char *pool, unsigned i)
{
	json_t *object = pools_show_json(pools, pool),
	       *member = json_incref(json_array_get(json_object_get(object, "members"), i));

	json_decref(object);
	return member;
}

static void icmp_errors_eject_their_member_alone_and_outlive_the_process(void **state)
{
	static const char text[] = NAT("o", "", MEMBER("a", "")) ", " NAT("p", "eject = { errors = 2; };", TWO);
	struct pools *pools = pools_kit_start(&kit, kit.path);
	json_t *member;
	const char *pool;
	uint64_t again;
	struct routes_input input[3];

	(void)state;
	assert_true(error_about(pools, 0)); // no table yet
	pools_kit_adopt(&kit, pools, text);
	kit.changes = 0;
	assert_true(error_about(pools, 1));
	assert_true(error_about(pools, 2));
	pools_kit_check(pools, &pools_table(pools)->table, "uuu");
	assert_true(error_about(pools, 2));
	assert_int_equal(kit.changes, 1);
	pools_kit_check(pools, &pools_table(pools)->table, "uue");
	member = shown(pools, "p", 1);
	assert_string_equal(json_string_value(json_object_get(member, "state")), "ejected");
	assert_string_equal(json_string_value(json_object_get(json_object_get(member, "ejected"), "why")),
			    "port unreachable");
	json_decref(member);
	assert_int_equal(pools_evaluate(pools, &pools_table(pools)->table, input, &again), 0);
	assert_in_range(again, 29000, 30000); // its time ends without anybody saying so
	assert_int_equal(input[2].weight, 0);
	pools_destroy(pools);

	pools = pools_kit_start(&kit, kit.path);
	pools_kit_adopt(&kit, pools, text);
	pools_kit_check(pools, &pools_table(pools)->table, "uue");
	assert_int_equal(pools_drain(pools, "p/b", false, &pool), 0); // an operator knows better
	pools_kit_check(pools, &pools_table(pools)->table, "uuu");
	pools_destroy(pools);
}

static void an_ejection_ends_with_its_time_its_address_or_its_settings(void **state)
{
	struct pools *pools = pools_kit_start(&kit, kit.path);
	uint64_t again = 0;
	struct routes_input input[1];

	(void)state;
	pools_kit_adopt(&kit, pools, NAT("p", "eject = { errors = 1; base = 1; };", MEMBER("a", "")));
	assert_true(error_about(pools, 0));
	pools_kit_check(pools, &pools_table(pools)->table, "e");
	assert_int_equal(pools_evaluate(pools, &pools_table(pools)->table, input, &again), 0);
	usleep((useconds_t)again * 1000);
	pools_kit_check(pools, &pools_table(pools)->table, "u");

	assert_true(error_about(pools, 0));
	pools_kit_check(pools, &pools_table(pools)->table, "e");
	pools_kit_adopt(&kit, pools, NAT("p", "eject = { errors = 1; base = 2; };", MEMBER("a", "")));
	pools_kit_check(pools, &pools_table(pools)->table, "e");
	pools_kit_adopt(&kit, pools, NAT("p", "eject = { errors = 0; };", MEMBER("a", "")));
	pools_kit_check(pools, &pools_table(pools)->table, "u");
	pools_kit_adopt(&kit, pools, NAT("p", "", "{ name = \"a\"; address = \"127.0.0.2\"; mac = \"02:00:00:00:00:01\"; }"));
	pools_kit_check(pools, &pools_table(pools)->table, "u");
	pools_destroy(pools);
}

static void an_error_that_cannot_be_is_told_from_one_of_another_table(void **state)
{
	struct weir_unreachable other = { .table_crc = 1, .member = 99 }, wrong = { 0 };
	struct pools *pools = pools_kit_start(&kit, kit.path);

	(void)state;
	pools_kit_adopt(&kit, pools, NAT("p", "", TWO));
	assert_true(pools_unreachable(pools, &other));
	assert_false(error_about(pools, 2));
	wrong.table_crc = pools_table(pools)->table.header->crc;
	wrong.cause = WEIR_N_UNREACHABLE_CAUSES;
	assert_false(pools_unreachable(pools, &wrong));
	pools_destroy(pools);
}

static void an_ejection_in_the_file_that_cannot_be_is_none(void **state)
{
	static const char text[] =
		"{\"version\":1,\"members\":["
		"{\"pool\":\"p\",\"member\":\"a\",\"up\":true,\"since\":0,\"drained\":false,\"seen\":99999999999999,"
		"\"ejected\":{\"since\":99999999999999,\"for_ms\":9999999999,\"times\":1,\"cause\":0}},"
		"{\"pool\":\"p\",\"member\":\"b\",\"up\":true,\"since\":0,\"drained\":false,\"seen\":99999999999999,"
		"\"ejected\":{\"since\":99999999999999,\"for_ms\":5000,\"times\":1,\"cause\":9}}]}";
	struct pools *pools;

	(void)state;
	assert_int_equal(file_put(kit.path, text, sizeof(text) - 1), 0);
	pools = pools_kit_start(&kit, kit.path);
	pools_kit_adopt(&kit, pools, NAT("p", "", TWO));
	pools_kit_check(pools, &pools_table(pools)->table, "uu");
	pools_destroy(pools);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(icmp_errors_eject_their_member_alone_and_outlive_the_process),
		TEST(an_ejection_ends_with_its_time_its_address_or_its_settings),
		TEST(an_error_that_cannot_be_is_told_from_one_of_another_table),
		TEST(an_ejection_in_the_file_that_cannot_be_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
