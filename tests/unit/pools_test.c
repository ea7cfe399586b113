// SPDX-License-Identifier: BSD-3-Clause
#include "controlplane/pools.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "controlplane/file_put.h"
#include "tests/kit/pools.h"

#define POOL(name, redundancy, members)                                                            \
	"{ name = \"" name "\"; " redundancy " members = (" members                                \
	"); health = { probe = \"tcp\"; port = 1; "                                                \
	"interval_ms = 3600000; timeout_ms = 1000; }; }"

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

static void members_that_were_never_probed_are_up(void **state)
{
	struct pools *pools = pools_kit_start(&kit, kit.path);

	(void)state;
	pools_kit_adopt(&kit, pools, POOL("p", "", TWO));
	pools_kit_check(pools, &pools_table(pools)->table, "uu");
	pools_destroy(pools);
}

static void what_operators_want_outlives_tables_and_the_process(void **state)
{
	struct pools *pools = pools_kit_start(&kit, kit.path);
	struct routes_input input[2];
	const char *pool;
	uint64_t again;

	(void)state;
	assert_int_equal(pools_drain(pools, "p/a", true, &pool), -ENOENT); // no table yet
	pools_kit_adopt(&kit, pools, POOL("p", "", TWO));
	kit.changes = 0;
	assert_int_equal(pools_drain(pools, "p/a", true, &pool), 0);
	assert_string_equal(pool, "p");
	assert_int_equal(pools_weigh(pools, "p/b", 7, &pool), 0);
	assert_int_equal(kit.changes, 2);
	pools_kit_adopt(&kit, pools, POOL("q", "", TWO));
	assert_int_equal(pools_drain(pools, "p/a", false, &pool), -ENOENT); // not in this one
	pools_kit_check(pools, &pools_table(pools)->table, "uu");
	pools_destroy(pools);

	pools = pools_kit_start(&kit, kit.path);
	pools_kit_adopt(&kit, pools, POOL("p", "", TWO));
	pools_kit_check(pools, &pools_table(pools)->table, "ru");
	assert_int_equal(pools_evaluate(pools, &pools_table(pools)->table, input, &again), 0);
	assert_int_equal(input[0].weight, 0);
	assert_int_equal(input[1].weight, 7);
	assert_int_equal(pools_drain(pools, "p/a", false, &pool), 0);
	assert_int_equal(pools_weigh(pools, "p/b", 0, &pool), 0);
	pools_kit_check(pools, &pools_table(pools)->table, "ur");
	assert_int_equal(pools_drain(pools, "p/b", false, &pool), 0); // takes weight 0 back too
	pools_kit_check(pools, &pools_table(pools)->table, "uu");
	pools_destroy(pools);
}

static void names_may_have_slashes(void **state)
{
	struct pools *pools = pools_kit_start(&kit, kit.path);
	const char *pool;

	(void)state;
	pools_kit_adopt(&kit, pools, POOL("eu/x", "", MEMBER("a/b", "") ", " MEMBER("c", "")));
	assert_int_equal(pools_drain(pools, "eu/x/a/b", true, &pool), 0);
	assert_string_equal(pool, "eu/x");
	assert_int_equal(pools_drain(pools, "eu/x/a", true, &pool), -ENOENT);
	assert_int_equal(pools_drain(pools, "", true, &pool), -ENOENT);
	pools_kit_check(pools, &pools_table(pools)->table, "ru");
	pools_destroy(pools);
}

static void down_and_on_standby_outlive_the_process(void **state)
{
	static const char text[] = POOL("p", "redundancy = \"active-standby\"; fail_back = 3600;",
					MEMBER("a", "") ", " MEMBER("s", "standby = true; "));
	struct pools *pools = pools_kit_start(&kit, kit.path);
	const char *pool;

	(void)state;
	pools_kit_adopt(&kit, pools, text);
	pools_kit_check(pools, &pools_table(pools)->table, "us");
	assert_int_equal(pools_drain(pools, "p/a", true, &pool), 0);
	pools_kit_check(pools, &pools_table(pools)->table, "ru");
	assert_int_equal(pools_drain(pools, "p/a", false, &pool), 0);
	pools_kit_check(pools, &pools_table(pools)->table, "su"); // an hour to wait
	pools_destroy(pools);
	pools = pools_kit_start(&kit, kit.path);
	pools_kit_adopt(&kit, pools, text);
	pools_kit_check(pools, &pools_table(pools)->table, "su");
	pools_destroy(pools);
}

static void a_table_on_offer_is_decided_by_what_is_known_and_changes_nothing(void **state)
{
	struct table_map *next = pools_kit_compile(&kit, POOL("p", "", TWO ", " MEMBER("c", "")));
	struct pools *pools = pools_kit_start(&kit, kit.path);
	const char *pool;

	(void)state;
	pools_kit_adopt(&kit, pools, POOL("p", "", TWO));
	assert_int_equal(pools_drain(pools, "p/b", true, &pool), 0);
	pools_kit_check(pools, &next->table, "uru");
	pools_kit_check(pools, &pools_table(pools)->table, "ur");
	assert_int_equal(pools_drain(pools, "p/c", true, &pool), -ENOENT);
	table_map_put(next);
	pools_destroy(pools);
}

static void members_that_are_in_no_table_for_a_day_are_forgotten(void **state)
{
	static const char text[] =
		"{\"version\":1,\"members\":["
		"{\"pool\":\"p\",\"member\":\"old\",\"up\":true,\"since\":0,\"drained\":true,\"seen\":0},"
		"{\"pool\":\"p\",\"member\":\"new\",\"up\":true,\"since\":0,\"drained\":true,\"seen\":99999999999999}]}";
	static const char both[] = POOL("p", "", MEMBER("old", "") ", " MEMBER("new", ""));
	struct pools *pools;

	(void)state;
	assert_int_equal(file_put(kit.path, text, sizeof(text) - 1), 0);
	pools = pools_kit_start(&kit, kit.path);
	pools_kit_adopt(&kit, pools, both); // as long as they were away, here they are known
	pools_kit_check(pools, &pools_table(pools)->table, "rr");
	pools_destroy(pools);
	assert_int_equal(file_put(kit.path, text, sizeof(text) - 1), 0);
	pools = pools_kit_start(&kit, kit.path);
	pools_kit_adopt(&kit, pools, POOL("q", "", TWO));
	pools_kit_adopt(&kit, pools, both);
	pools_kit_check(pools, &pools_table(pools)->table, "ur");
	pools_kit_adopt(&kit, pools, POOL("q", "", TWO)); // a member that was in a table until now was seen now
	pools_kit_adopt(&kit, pools, both);
	pools_kit_check(pools, &pools_table(pools)->table, "ur");
	pools_destroy(pools);
}

static void a_file_that_cannot_be_written_is_told(void **state)
{
	struct pools *pools =
		pools_kit_start(&kit, "/nonexistent/pools.json");
	const char *pool;

	(void)state;
	pools_kit_adopt(&kit, pools, POOL("p", "", TWO));
	assert_int_equal(pools_drain(pools, "p/a", true, &pool), -EIO);
	pools_kit_check(pools, &pools_table(pools)->table, "ru"); // done all the same
	pools_destroy(pools);
}

static void files_are_whole_or_as_before(void **state)
{
	char text[16] = "", blocked[700];
	FILE *in;

	(void)state;
	assert_int_equal(file_put(kit.path, "one", 3), 0);
	snprintf(blocked, sizeof(blocked), "%s.new", kit.path);
	assert_int_equal(symlink("/dev/null", blocked),
			 0); // whoever may put that there shall not redirect us
	assert_true(file_put(kit.path, "two", 3) < 0);
	in = fopen(kit.path, "r");
	assert_non_null(fgets(text, sizeof(text), in));
	fclose(in);
	assert_string_equal(text, "one\n");
}

static void tables_without_seals_are_refused(void **state)
{
	int fd = memfd_create("table", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	char why[200];

	(void)state;
	assert_int_equal(ftruncate(fd, 8192), 0);
	assert_null(table_map_open(fd, 8192, why, sizeof(why)));
	assert_string_equal(why, "the table is not sealed");
	assert_int_equal(
		fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE),
		0);
	assert_null(table_map_open(fd, 8193, why, sizeof(why)));
	assert_string_equal(why, "the table is shorter than said");
	assert_null(table_map_open(fd, 8192, why, sizeof(why)));
	assert_null(table_map_open(-1, 8192, why, sizeof(why)));
	close(fd);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(members_that_were_never_probed_are_up),
		TEST(what_operators_want_outlives_tables_and_the_process),
		TEST(names_may_have_slashes),
		TEST(down_and_on_standby_outlive_the_process),
		TEST(a_table_on_offer_is_decided_by_what_is_known_and_changes_nothing),
		TEST(members_that_are_in_no_table_for_a_day_are_forgotten),
		TEST(a_file_that_cannot_be_written_is_told),
		TEST(files_are_whole_or_as_before),
		TEST(tables_without_seals_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
