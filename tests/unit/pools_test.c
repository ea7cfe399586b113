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
#include "controlplane/image.h"
#include "rules/compile.h"
#include "tests/kit/folder.h"

#define POOL(name, redundancy, members)                                                            \
	"{ name = \"" name "\"; " redundancy " members = (" members                                \
	"); health = { probe = \"tcp\"; port = 1; "                                                \
	"interval_ms = 3600000; timeout_ms = 1000; }; }"
#define MEMBER(name, more)                                                                         \
	"{ name = \"" name "\"; address = \"127.0.0.1\"; mac = \"02:00:00:00:00:01\"; " more "}"
#define NAT(name, more, members)                                                                   \
	"{ name = \"" name "\"; mode = \"nat\"; source = \"127.0.0.9\"; " more " members = (" members ");}"
#define TWO MEMBER("a", "") ", " MEMBER("b", "")

static char *folder, path[600];
static struct event_base *base;
static struct gateway *gateway;
static unsigned changes;

static void on_change(void *argument)
{
	(void)argument;
	changes++;
}

static struct pools *start(void)
{
	struct pools *pools = pools_create(base, gateway, path, on_change, NULL);

	assert_non_null(pools);
	return pools;
}

static struct table_map *compile(const char *pools)
{
	char file[700], text[4000], why[200];
	struct table_image image;
	struct table_map *map;
	struct diags diags;
	FILE *out;
	int fd;

	snprintf(file, sizeof(file), "%s/rules.conf", folder);
	snprintf(text, sizeof(text), "version = 1; pools = ( %s ); default = { drop = \"x\"; };",
		 pools);
	out = fopen(file, "w");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
	diags_init(&diags);
	if (rules_load(file, &image, NULL, &diags) != 0)
		diags_print(&diags, stderr);
	assert_int_equal(diags.n_errors, 0);
	fd = image_seal(image.data, image.size, false);
	assert_true(fd >= 0);
	map = table_map_open(fd, image.size, why, sizeof(why));
	assert_non_null(map);
	close(fd);
	table_image_fini(&image);
	diags_fini(&diags);
	return map;
}

static void adopt(struct pools *pools, const char *text)
{
	struct table_map *map = compile(text);

	assert_int_equal(pools_adopt(pools, map), 0);
	table_map_put(map);
}

static void check_states(struct pools *pools, const struct table *table, const char *expected)
{
	struct routes_input input[16] = { 0 };
	char states[17] = "";
	uint64_t again;

	assert_int_equal(pools_evaluate(pools, table, input, &again), 0);
	for (uint64_t i = 0; i < table_count(table, TABLE_MEMBERS); i++)
		states[i] =
			"udrsne"[input[i].member.state]; // up, down, drained, standby, no next hop, ejected
	assert_string_equal(states, expected);
}

static int setup(void **state)
{
	struct diags diags;
	char config[700];
	FILE *out;

	(void)state;
	folder = folder_make();
	snprintf(path, sizeof(path), "%s/pools.json", folder);
	snprintf(config, sizeof(config), "%s/gateway.conf", folder);
	out = fopen(config, "w");
	fputs("ports = ( { name = \"in0\"; device = \"net_null0\"; } );", out);
	fclose(out);
	diags_init(&diags);
	gateway = gateway_read(config, true, &diags);
	diags_fini(&diags);
	base = event_base_new();
	return gateway && base ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	event_base_free(base);
	gateway_destroy(gateway);
	folder_remove(folder);
	return 0;
}

static void members_that_were_never_probed_are_up(void **state)
{
	struct pools *pools = start();

	(void)state;
	adopt(pools, POOL("p", "", TWO));
	check_states(pools, &pools_table(pools)->table, "uu");
	pools_destroy(pools);
}

static void what_operators_want_outlives_tables_and_the_process(void **state)
{
	struct pools *pools = start();
	struct routes_input input[2];
	const char *pool;
	uint64_t again;

	(void)state;
	assert_int_equal(pools_drain(pools, "p/a", true, &pool), -ENOENT); // no table yet
	adopt(pools, POOL("p", "", TWO));
	changes = 0;
	assert_int_equal(pools_drain(pools, "p/a", true, &pool), 0);
	assert_string_equal(pool, "p");
	assert_int_equal(pools_weigh(pools, "p/b", 7, &pool), 0);
	assert_int_equal(changes, 2);
	adopt(pools, POOL("q", "", TWO));
	assert_int_equal(pools_drain(pools, "p/a", false, &pool), -ENOENT); // not in this one
	check_states(pools, &pools_table(pools)->table, "uu");
	pools_destroy(pools);

	pools = start();
	adopt(pools, POOL("p", "", TWO));
	check_states(pools, &pools_table(pools)->table, "ru");
	assert_int_equal(pools_evaluate(pools, &pools_table(pools)->table, input, &again), 0);
	assert_int_equal(input[0].weight, 0);
	assert_int_equal(input[1].weight, 7);
	assert_int_equal(pools_drain(pools, "p/a", false, &pool), 0);
	assert_int_equal(pools_weigh(pools, "p/b", 0, &pool), 0);
	check_states(pools, &pools_table(pools)->table, "ur");
	assert_int_equal(pools_drain(pools, "p/b", false, &pool), 0); // takes weight 0 back too
	check_states(pools, &pools_table(pools)->table, "uu");
	pools_destroy(pools);
}

static void names_may_have_slashes(void **state)
{
	struct pools *pools = start();
	const char *pool;

	(void)state;
	adopt(pools, POOL("eu/x", "", MEMBER("a/b", "") ", " MEMBER("c", "")));
	assert_int_equal(pools_drain(pools, "eu/x/a/b", true, &pool), 0);
	assert_string_equal(pool, "eu/x");
	assert_int_equal(pools_drain(pools, "eu/x/a", true, &pool), -ENOENT);
	assert_int_equal(pools_drain(pools, "", true, &pool), -ENOENT);
	check_states(pools, &pools_table(pools)->table, "ru");
	pools_destroy(pools);
}

static void down_and_on_standby_outlive_the_process(void **state)
{
	static const char text[] = POOL("p", "redundancy = \"active-standby\"; fail_back = 3600;",
					MEMBER("a", "") ", " MEMBER("s", "standby = true; "));
	struct pools *pools = start();
	const char *pool;

	(void)state;
	adopt(pools, text);
	check_states(pools, &pools_table(pools)->table, "us");
	assert_int_equal(pools_drain(pools, "p/a", true, &pool), 0);
	check_states(pools, &pools_table(pools)->table, "ru");
	assert_int_equal(pools_drain(pools, "p/a", false, &pool), 0);
	check_states(pools, &pools_table(pools)->table, "su"); // an hour to wait
	pools_destroy(pools);
	pools = start();
	adopt(pools, text);
	check_states(pools, &pools_table(pools)->table, "su");
	pools_destroy(pools);
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
	struct pools *pools = start();
	json_t *member;
	const char *pool;
	uint64_t again;
	struct routes_input input[3];

	(void)state;
	assert_true(error_about(pools, 0)); // no table yet
	adopt(pools, text);
	changes = 0;
	assert_true(error_about(pools, 1));
	assert_true(error_about(pools, 2));
	check_states(pools, &pools_table(pools)->table, "uuu");
	assert_true(error_about(pools, 2));
	assert_int_equal(changes, 1);
	check_states(pools, &pools_table(pools)->table, "uue");
	member = shown(pools, "p", 1);
	assert_string_equal(json_string_value(json_object_get(member, "state")), "ejected");
	assert_string_equal(json_string_value(json_object_get(json_object_get(member, "ejected"), "why")),
			    "port unreachable");
	json_decref(member);
	assert_int_equal(pools_evaluate(pools, &pools_table(pools)->table, input, &again), 0);
	assert_in_range(again, 29000, 30000); // its time ends without anybody saying so
	assert_int_equal(input[2].weight, 0);
	pools_destroy(pools);

	pools = start();
	adopt(pools, text);
	check_states(pools, &pools_table(pools)->table, "uue");
	assert_int_equal(pools_drain(pools, "p/b", false, &pool), 0); // an operator knows better
	check_states(pools, &pools_table(pools)->table, "uuu");
	pools_destroy(pools);
}

static void an_ejection_ends_with_its_time_its_address_or_its_settings(void **state)
{
	struct pools *pools = start();
	uint64_t again = 0;
	struct routes_input input[1];

	(void)state;
	adopt(pools, NAT("p", "eject = { errors = 1; base = 1; };", MEMBER("a", "")));
	assert_true(error_about(pools, 0));
	check_states(pools, &pools_table(pools)->table, "e");
	assert_int_equal(pools_evaluate(pools, &pools_table(pools)->table, input, &again), 0);
	usleep((useconds_t)again * 1000);
	check_states(pools, &pools_table(pools)->table, "u");

	assert_true(error_about(pools, 0));
	check_states(pools, &pools_table(pools)->table, "e");
	adopt(pools, NAT("p", "eject = { errors = 1; base = 2; };", MEMBER("a", "")));
	check_states(pools, &pools_table(pools)->table, "e");
	adopt(pools, NAT("p", "eject = { errors = 0; };", MEMBER("a", "")));
	check_states(pools, &pools_table(pools)->table, "u");
	adopt(pools, NAT("p", "", "{ name = \"a\"; address = \"127.0.0.2\"; mac = \"02:00:00:00:00:01\"; }"));
	check_states(pools, &pools_table(pools)->table, "u");
	pools_destroy(pools);
}

static void an_error_that_cannot_be_is_told_from_one_of_another_table(void **state)
{
	struct weir_unreachable other = { .table_crc = 1, .member = 99 }, wrong = { 0 };
	struct pools *pools = start();

	(void)state;
	adopt(pools, NAT("p", "", TWO));
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
	assert_int_equal(file_put(path, text, sizeof(text) - 1), 0);
	pools = start();
	adopt(pools, NAT("p", "", TWO));
	check_states(pools, &pools_table(pools)->table, "uu");
	pools_destroy(pools);
}

static void a_table_on_offer_is_decided_by_what_is_known_and_changes_nothing(void **state)
{
	struct table_map *next = compile(POOL("p", "", TWO ", " MEMBER("c", "")));
	struct pools *pools = start();
	const char *pool;

	(void)state;
	adopt(pools, POOL("p", "", TWO));
	assert_int_equal(pools_drain(pools, "p/b", true, &pool), 0);
	check_states(pools, &next->table, "uru");
	check_states(pools, &pools_table(pools)->table, "ur");
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
	assert_int_equal(file_put(path, text, sizeof(text) - 1), 0);
	pools = start();
	adopt(pools, both); // as long as they were away, here they are known
	check_states(pools, &pools_table(pools)->table, "rr");
	pools_destroy(pools);
	assert_int_equal(file_put(path, text, sizeof(text) - 1), 0);
	pools = start();
	adopt(pools, POOL("q", "", TWO));
	adopt(pools, both);
	check_states(pools, &pools_table(pools)->table, "ur");
	adopt(pools, POOL("q", "", TWO)); // a member that was in a table until now was seen now
	adopt(pools, both);
	check_states(pools, &pools_table(pools)->table, "ur");
	pools_destroy(pools);
}

static void a_file_that_cannot_be_written_is_told(void **state)
{
	struct pools *pools =
		pools_create(base, gateway, "/nonexistent/pools.json", on_change, NULL);
	const char *pool;

	(void)state;
	adopt(pools, POOL("p", "", TWO));
	assert_int_equal(pools_drain(pools, "p/a", true, &pool), -EIO);
	check_states(pools, &pools_table(pools)->table, "ru"); // done all the same
	pools_destroy(pools);
}

static void files_are_whole_or_as_before(void **state)
{
	char text[16] = "", blocked[700];
	FILE *in;

	(void)state;
	assert_int_equal(file_put(path, "one", 3), 0);
	snprintf(blocked, sizeof(blocked), "%s.new", path);
	assert_int_equal(symlink("/dev/null", blocked),
			 0); // whoever may put that there shall not redirect us
	assert_true(file_put(path, "two", 3) < 0);
	in = fopen(path, "r");
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
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(members_that_were_never_probed_are_up, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_operators_want_outlives_tables_and_the_process,
						setup, teardown),
		cmocka_unit_test_setup_teardown(names_may_have_slashes, setup, teardown),
		cmocka_unit_test_setup_teardown(down_and_on_standby_outlive_the_process, setup,
						teardown),
		cmocka_unit_test_setup_teardown(icmp_errors_eject_their_member_alone_and_outlive_the_process,
						setup, teardown),
		cmocka_unit_test_setup_teardown(an_ejection_ends_with_its_time_its_address_or_its_settings,
						setup, teardown),
		cmocka_unit_test_setup_teardown(an_error_that_cannot_be_is_told_from_one_of_another_table,
						setup, teardown),
		cmocka_unit_test_setup_teardown(an_ejection_in_the_file_that_cannot_be_is_none, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			a_table_on_offer_is_decided_by_what_is_known_and_changes_nothing, setup,
			teardown),
		cmocka_unit_test_setup_teardown(members_that_are_in_no_table_for_a_day_are_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_that_cannot_be_written_is_told, setup,
						teardown),
		cmocka_unit_test_setup_teardown(files_are_whole_or_as_before, setup, teardown),
		cmocka_unit_test(tables_without_seals_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
