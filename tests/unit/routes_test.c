// SPDX-License-Identifier: BSD-3-Clause
//
// What routes_make makes and routes_open refuses.

// cmocka.h needs these three before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/routes.h"
#include "tests/kit/tables.h"

enum { MAX_MEMBERS = 64 };

static struct kit_table kit;
static struct routes_input input[MAX_MEMBERS];
static struct routes_image image;
static struct routes routes;
static char why[160];

static const struct route_neighbour neighbours[] = {
	{.family = 4, .length = 0, .mac = {2, 0, 0, 0, 0, 1}},
	{.address = {10, 1}, .family = 4, .length = 16, .mac = {2, 0, 0, 0, 0, 2}},
	{.address = {10, 1}, .family = 4, .length = 24, .mac = {2, 0, 0, 0, 0, 3}},
	{.address = {0x20, 1}, .family = 6, .length = 16, .mac = {2, 0, 0, 0, 0, 4}},
};
enum { N_NEIGHBOURS = sizeof(neighbours) / sizeof(neighbours[0]) };

static uint32_t count_members(void)
{
	return (uint32_t)table_count(&kit.table, TABLE_MEMBERS);
}

// Everybody lives.
static void fill_input(void)
{
	assert_in_range(count_members(), 4, MAX_MEMBERS);
	for (uint32_t i = 0; i < count_members(); i++) {
		input[i] = (struct routes_input){.weight = kit.table.members[i].weight};
		memcpy(input[i].member.mac, kit.table.members[i].mac, 6);
	}
}

static void make(void)
{
	free(image.data);
	assert_int_equal(routes_make(&kit.table, input, neighbours, N_NEIGHBOURS, &image), 0);
}

static int open_again(void)
{
	return routes_open(&routes, &kit.table, image.data, image.size, why, sizeof(why));
}

static void open_good(void)
{
	why[0] = '\0';
	if (open_again() != 0)
		fail_msg("refused: %s", why);
}

static int set_up(void **state)
{
	const struct kit_rules_shape shape = {.n_rules = 20, .n_tenants = 20, .n_groups = 3, .n_zones = 2, .n_pools = 8,
					      .n_queues = 2, .wide_percent = 50, .names_a_rule = 5};

	kit_table_open(&kit, &shape, 5);
	fill_input();
	make();
	open_good();
	return 0;
}

static int tear_down(void **state)
{
	free(image.data);
	image.data = NULL;
	kit_table_close(&kit);
	return 0;
}

static uint32_t largest_pool(void)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < routes.header->n_pools; i++)
		if (kit.table.pools[i].n_members > kit.table.pools[found].n_members)
			found = i;
	return found;
}

static void all_alive_have_the_slots_of_the_table_itself(void **state)
{
	for (uint32_t i = 0; i < routes.header->n_pools; i++) {
		assert_int_equal(routes.pools[i].n_slots, kit.table.pools[i].n_maglev);
		assert_memory_equal(routes.slots + routes.pools[i].slot, kit.table.maglev + kit.table.pools[i].maglev,
				    routes.pools[i].n_slots * sizeof(uint16_t));
	}
	assert_int_equal(routes.header->n_neighbours, N_NEIGHBOURS);
	assert_memory_equal(routes.neighbours, neighbours, sizeof(neighbours));
}

static void same_input_makes_the_same_bytes(void **state)
{
	struct routes_image other;

	assert_int_equal(routes_make(&kit.table, input, neighbours, N_NEIGHBOURS, &other), 0);
	assert_int_equal(other.size, image.size);
	assert_memory_equal(other.data, image.data, image.size);
	free(other.data);
}

// Whoever is down, drained, standing by, without next hop or without weight is in no slot.
static void kill_some(uint64_t *random)
{
	for (uint32_t i = 0; i < count_members(); i++) {
		switch (kit_random_below(random, 6)) {
		case 0:
			input[i].member.state = (uint8_t)(1 + kit_random_below(random, ROUTE_N_STATES - 1));
			break;
		case 1:
			memset(input[i].member.mac, 0, 6);
			break;
		case 2:
			input[i].weight = 0;
			break;
		}
	}
}

static bool lives(uint32_t member)
{
	static const uint8_t none[6];

	return input[member].member.state == ROUTE_UP && input[member].weight > 0 &&
	       memcmp(input[member].member.mac, none, 6) != 0;
}

static uint32_t count_alive(const struct table_pool *pool)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < pool->n_members; i++)
		n += lives(pool->member + i);
	return n;
}

static void check_pool_slots(uint32_t i)
{
	const struct table_pool *pool = &kit.table.pools[i];
	const struct route_pool *route = &routes.pools[i];
	uint32_t alive = count_alive(pool), share[4] = {0}, used = 0;

	assert_int_equal(route->n_slots, alive > 1 ? pool->n_slots : alive);
	for (uint32_t s = 0; s < route->n_slots; s++) {
		unsigned member = routes.slots[route->slot + s];

		assert_true(lives(pool->member + member));
		share[member]++;
	}
	for (uint32_t m = 0; m < pool->n_members; m++)
		used += share[m] > 0;
	assert_int_equal(used, alive); // nobody who lives is forgotten
}

static void slots_name_members_that_live_and_all_of_them(void **state)
{
	uint64_t random = kit_seed();

	for (unsigned round = 0; round < 200; round++) {
		fill_input();
		kill_some(&random);
		make();
		open_good();
		for (uint32_t i = 0; i < routes.header->n_pools; i++)
			check_pool_slots(i);
	}
}

// A member that comes back gets the slots it had, whatever happened between.
static void member_that_comes_back_has_its_slots_again(void **state)
{
	struct routes_image before;
	uint32_t member = kit.table.pools[largest_pool()].member;

	assert_int_equal(routes_make(&kit.table, input, neighbours, N_NEIGHBOURS, &before), 0);
	input[member].member.state = ROUTE_DOWN;
	make();
	input[member].member.state = ROUTE_UP;
	make();
	assert_int_equal(image.size, before.size);
	assert_memory_equal(image.data, before.data, before.size);
	free(before.data);
}

static void pool_without_a_live_member_has_no_slots(void **state)
{
	for (uint32_t i = 0; i < count_members(); i++)
		input[i].member.state = ROUTE_DOWN;
	make();
	open_good();
	assert_int_equal(routes.header->n_slots, 0);
	assert_int_equal(routes_make(&kit.table, input, neighbours, ROUTES_MAX_NEIGHBOURS + 1, &image), -E2BIG);
}

static struct routes_header *header(void)
{
	return image.data;
}

static void reseal(void)
{
	const size_t end = offsetof(struct routes_header, crc) + sizeof(uint32_t);

	header()->crc = table_crc(0, (char *)image.data + end, image.size - end);
}

// Opens what the test has spoiled, expects `text` in the reason, and makes a good one again.
static void refuse(int err, const char *text)
{
	reseal();
	assert_int_equal(open_again(), err);
	if (strstr(why, text) == NULL)
		fail_msg("\"%s\" expected in \"%s\"", text, why);
	make();
	open_good();
}

static void routes_for_another_table_are_stale(void **state)
{
	header()->table_crc++;
	refuse(-ESTALE, "they are for table");
}

static void frame_is_checked(void **state)
{
	assert_int_equal(routes_open(&routes, &kit.table, image.data, 63, why, sizeof(why)), -EINVAL);
	assert_int_equal(routes_open(&routes, &kit.table, image.data, image.size - 64, why, sizeof(why)), -EINVAL);
	assert_int_equal(routes_open(&routes, &kit.table, (char *)image.data + 8, image.size - 8, why, sizeof(why)), -EINVAL);
	((char *)image.data)[image.size - 70] ^= 1;
	assert_int_equal(open_again(), -EINVAL);
	assert_string_equal(why, "the checksum is wrong");
	make();
	header()->magic++;
	refuse(-EINVAL, "no routes");
	header()->abi++;
	refuse(-EINVAL, "routes format 2, this program reads 1");
	header()->slots += 64;
	refuse(-EINVAL, "a section is out of place");
	header()->n_slots = UINT32_MAX;
	refuse(-EINVAL, "a section is out of place");
	header()->n_pools--;
	refuse(-EINVAL, "the table has others");
	header()->n_neighbours = ROUTES_MAX_NEIGHBOURS + 1;
	refuse(-EINVAL, "too many");
}

static void what_slots_and_members_say_is_checked(void **state)
{
	uint32_t pool = largest_pool();

#define SLOT(i)   ((uint16_t *)(void *)((char *)image.data + header()->slots))[i]
#define MEMBER(i) ((struct route_member *)(void *)((char *)image.data + header()->members))[i]
#define POOLS(i)  ((struct route_pool *)(void *)((char *)image.data + header()->pools))[i]
	SLOT(routes.pools[pool].slot) = (uint16_t)kit.table.pools[pool].n_members;
	refuse(-EINVAL, "a slot has no member");
	memset(MEMBER(kit.table.pools[pool].member).mac, 0, 6);
	refuse(-EINVAL, "a slot has a member without next hop");
	MEMBER(0).mac[0] = 0xff;
	refuse(-EINVAL, "member 0: its next hop is a group");
	MEMBER(1).state = ROUTE_N_STATES;
	refuse(-EINVAL, "member 1: state");
	MEMBER(1).mtu = 67;
	refuse(-EINVAL, "member 1: state or MTU");
	POOLS(pool).n_slots = 2;
	refuse(-EINVAL, "2 slots, the table says");
	POOLS(1).slot++;
	refuse(-EINVAL, "pool 1: slots out of range");
	POOLS(routes.header->n_pools - 1).n_slots = UINT32_MAX;
	refuse(-EINVAL, "slots out of range");
	POOLS(routes.header->n_pools - 1).n_slots = 0;
	refuse(-EINVAL, "slots, the pools have others");
}

static void neighbours_are_prefixes_in_order(void **state)
{
#define NEIGHBOUR(i) ((struct route_neighbour *)(void *)((char *)image.data + header()->neighbours))[i]
	NEIGHBOUR(1).address[2] = 1;
	refuse(-EINVAL, "neighbour 1: prefix");
	NEIGHBOUR(1).length = 33;
	refuse(-EINVAL, "neighbour 1: prefix");
	NEIGHBOUR(3).family = 5;
	refuse(-EINVAL, "neighbour 3: prefix");
	memset(NEIGHBOUR(2).mac, 0, 6);
	refuse(-EINVAL, "neighbour 2: prefix or MAC");
	NEIGHBOUR(2) = NEIGHBOUR(1);
	refuse(-EINVAL, "neighbour 2 is out of order");
	NEIGHBOUR(3) = NEIGHBOUR(0);
	refuse(-EINVAL, "neighbour 3 is out of order");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(all_alive_have_the_slots_of_the_table_itself),
		TEST(same_input_makes_the_same_bytes),
		TEST(slots_name_members_that_live_and_all_of_them),
		TEST(member_that_comes_back_has_its_slots_again),
		TEST(pool_without_a_live_member_has_no_slots),
		TEST(routes_for_another_table_are_stale),
		TEST(frame_is_checked),
		TEST(what_slots_and_members_say_is_checked),
		TEST(neighbours_are_prefixes_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
