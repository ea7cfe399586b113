// SPDX-License-Identifier: BSD-3-Clause
//
// The ways to members: by the table alone, by routes, and how routes take the place of others, with threads
// that play the workers.
#include "dataplane/paths.h"

#include <errno.h>
#include <rte_eal.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "dataplane/restore.h"
#include "dataplane/store.h"
#include "tests/kit/folder.h"
#include "tests/kit/segments.h"
#include "tests/kit/swaps.h"
#include "tests/kit/text.h"

#define MEMBERS                                                                                    \
	"members = ( { name = \"a\"; address = \"10.1.0.1\"; mac = \"02:00:00:00:00:0a\"; }, "     \
	"{ name = \"b\"; address = \"10.1.0.2\"; mac = \"02:00:00:00:00:0b\"; }, "                 \
	"{ name = \"c\"; address = \"10.1.0.3\"; } ); } );\n"
static const char text[] = "version = 1;\npools = ( { name = \"p\"; port = 1; slots = 251; " MEMBERS
			   "queues = ( { name = \"q\"; } );\n"
			   "default = { forward = \"p\"; };\n"
			   "rules = ( { name = \"copied\"; match = { channel = \"sms\"; }; "
			   "action = { forward = \"p\"; copy = \"q\"; }; } );\n";
static const char other[] = "version = 1;\ndefault = { drop = \"nobody\"; };\n";

// Routes for `table`, in which the members with their bit in `alive` live; c has a next hop too.
static struct sealed routes_for(const struct table *table, unsigned alive, uint16_t mtu)
{
	struct routes_input input[3] = { 0 };
	struct routes_image image;
	struct sealed memory;

	for (unsigned i = 0; i < 3 && i < table_count(table, TABLE_MEMBERS); i++) {
		input[i].weight = 1;
		input[i].member.state = alive >> i & 1 ? ROUTE_UP : ROUTE_DOWN;
		input[i].member.mtu = mtu;
		memcpy(input[i].member.mac, (uint8_t[]){ 2, 0, 0, 0, 1, (uint8_t)i }, 6);
	}
	assert_int_equal(routes_make(table, input, NULL, 0, &image), 0);
	memory = kit_sealed(image.data, image.size);
	free(image.data);
	return memory;
}

static int setup(void **state)
{
	kit_swap_setup(state);
	t.ports[0].mtu = t.ports[1].mtu = 1500;
	memcpy(t.ports[1].mac, (uint8_t[]){ 2, 0, 0, 0, 9, 9 }, 6);
	return 0;
}

// No worker runs: shows for them that they use the table.
static void show(uint64_t generation)
{
	for (unsigned w = 0; w < WORKERS; w++)
		segment_producer(t.segment, w)->generation = generation;
}

// Puts a table in use.
static void use(const char *rules, uint64_t generation)
{
	if (kit_offer_text(rules, generation) != 0)
		fail_msg("%s", t.why);
	show(generation);
	assert_int_equal(swap_poll(&t.swap), SWAPPED_TABLE);
}

static int offer_routes(unsigned alive, uint16_t mtu)
{
	return swap_routes(&t.swap, routes_for(&t.swap.current->live->table, alive, mtu), t.why,
			   sizeof(t.why));
}

static void use_routes(unsigned alive, uint16_t mtu)
{
	if (offer_routes(alive, mtu) != 0)
		fail_msg("%s", t.why);
	assert_int_equal(swap_poll(&t.swap), SWAPPED_ROUTES);
}

// Bits of the members that the default verdict's slots name.
static unsigned reached(void)
{
	const struct paths *paths = t.swap.current;
	const struct live_verdict *verdict = &paths->verdicts[1];
	unsigned bits = 0;

	assert_int_equal(verdict->port, 1);
	for (uint32_t i = 0; i < verdict->n_slots; i++)
		bits |= 1u << paths->slots[verdict->slot + i];
	return bits;
}

static void a_table_alone_leads_to_the_members_whose_mac_it_gives(void **state)
{
	use(text, 1);
	assert_int_equal(reached(), 3);
	assert_int_equal(t.swap.current->verdicts[1].plain, 1);
	assert_int_equal(t.swap.current->verdicts[0].plain, 0); // has a copy
	assert_int_equal(t.swap.current->members[1].mac_destination[5], 0x0b);
	assert_int_equal(t.swap.current->members[1].mac_source[5], 9);
	assert_int_equal(t.swap.current->mtus[1], UINT16_MAX);
}

static void routes_lead_to_those_who_live_by_their_next_hops(void **state)
{
	use(text, 1);
	use_routes(5, 0);
	assert_int_equal(reached(), 5);
	assert_int_equal(t.swap.current->members[2].mac_destination[5], 2);
	assert_int_equal(t.swap.current->members[2].mac_destination[4], 1);
	assert_int_equal(segment_state_own(t.segment)->generation, 1);
	use_routes(2, 0);
	assert_int_equal(reached(), 2);
	assert_int_equal(t.swap.current->verdicts[1].n_slots, 1);
}

static void a_pool_without_a_live_member_is_not_plain(void **state)
{
	use(text, 1);
	use_routes(0, 0);
	assert_int_equal(reached(), 0);
	assert_int_equal(t.swap.current->verdicts[1].plain, 0);
}

static void a_way_that_is_narrower_than_a_port_is_not_plain(void **state)
{
	use(text, 1);
	use_routes(7, 1500);
	assert_int_equal(t.swap.current->verdicts[1].plain, 1);
	use_routes(7, 1400);
	assert_int_equal(t.swap.current->verdicts[1].plain, 0);
	assert_int_equal(t.swap.current->mtus[0], 1400);
}

static void a_table_and_its_routes_take_effect_together(void **state)
{
	struct swap_offer offer = { .generation = 2 };
	struct kit_text kit;

	use(other, 1);
	kit_text_open(&kit, text);
	offer.table = kit_sealed(kit.image.data, kit.image.size);
	offer.routes = routes_for(&kit.table, 4, 0);
	assert_int_equal(swap_offer(&t.swap, &offer, t.why, sizeof(t.why)), 0);
	assert_ptr_equal(t.handover.current, t.swap.pending);
	show(2);
	assert_int_equal(swap_poll(&t.swap), SWAPPED_TABLE);
	assert_int_equal(reached(), 4);
	kit_text_close(&kit);
}

static void expect(int got, int error, const char *part)
{
	assert_int_equal(got, error);
	if (!strstr(t.why, part))
		fail_msg("\"%s\" is not in \"%s\"", part, t.why);
	assert_null(strchr(t.why, '\n'));
}

static void routes_that_cannot_be_used_leave_those_in_use(void **state)
{
	struct kit_text kit;
	struct sealed memory;

	kit_text_open(&kit, text);
	expect(swap_routes(&t.swap, routes_for(&kit.table, 1, 0), t.why, sizeof(t.why)), -ESTALE,
	       "no table");
	use(text, 1);
	use_routes(1, 0);
	memory = (struct sealed){ kit_memory("bad", 3, 3, 0), 3 };
	expect(swap_routes(&t.swap, memory, t.why, sizeof(t.why)), -EPERM,
	       "the routes' memory is not sealed");
	assert_int_equal(fcntl(memory.fd, F_GETFD), -1);
	expect(swap_routes(&t.swap, kit_sealed("bad", 3), t.why, sizeof(t.why)), -EINVAL,
	       "routes: 3 bytes");
	assert_int_equal(swap_poll(&t.swap), SWAPPED_NOTHING);
	assert_int_equal(reached(), 1);
	use(other, 2);
	expect(swap_routes(&t.swap, routes_for(&kit.table, 1, 0), t.why, sizeof(t.why)), -ESTALE,
	       "they are for table");
	kit_text_close(&kit);
}

static void a_table_with_bad_routes_is_refused_whole(void **state)
{
	struct swap_offer offer = { .generation = 2 };
	struct kit_text kit;

	use(text, 1);
	kit_text_open(&kit, other);
	offer.table = kit_sealed(kit.image.data, kit.image.size);
	offer.routes = routes_for(&t.swap.current->live->table, 1, 0);
	expect(swap_offer(&t.swap, &offer, t.why, sizeof(t.why)), -ESTALE,
	       "routes: they are for table");
	assert_int_equal(fcntl(offer.table.fd, F_GETFD), -1);
	assert_int_equal(fcntl(offer.routes.fd, F_GETFD), -1);
	assert_int_equal(segment_state_own(t.segment)->generation, 1);
	assert_null(t.swap.pending);
	kit_text_close(&kit);
	use(other, 2);
}

static bool polled(void *unused)
{
	return swap_poll(&t.swap) != SWAPPED_NOTHING;
}

static void one_swap_at_a_time(void **state)
{
	const struct timespec moment = { 0, 5000000 };

	use(text, 1);
	kit_fakes_start();
	fakes[0].stuck = true;
	nanosleep(&moment, NULL);
	assert_int_equal(offer_routes(1, 0), 0);
	expect(offer_routes(2, 0), -EBUSY, "being taken over");
	expect(kit_offer_text(other, 2), -EBUSY, "being taken over");
	for (unsigned i = 0; i < 20; i++) {
		nanosleep(&moment, NULL);
		assert_int_equal(swap_poll(&t.swap), SWAPPED_NOTHING);
	}
	fakes[0].stuck = false;
	assert_true(wait_until(polled, NULL, 10));
	assert_int_equal(reached(), 1);
	kit_fakes_stop();
}

static void a_hundred_swaps_leave_no_worker_on_routes_that_are_gone(void **state)
{
	uint64_t generation = 1;

	use(text, generation);
	kit_fakes_start();
	for (unsigned i = 0; i < 100; i++) {
		if (i % 4 == 3)
			assert_int_equal(kit_offer_text(text, ++generation), 0);
		else
			assert_int_equal(offer_routes(i % 8, 0), 0);
		assert_true(wait_until(polled, NULL, 10));
		assert_int_equal(reached(), i % 4 == 3 ? 3 : i % 8);
	}
	kit_fakes_stop();
}

static void make_state_folder(void)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/gw1", t.folder);
	assert_int_equal(mkdir(path, 0700), 0);
}

// Everything as after a restart: nothing in use, the files still there.
static void restart(void)
{
	swap_fini(&t.swap);
	t.handover.current = NULL;
	segment_state_own(t.segment)->generation = 0;
	assert_int_equal(restore_table(&t.swap, NULL, t.why, sizeof(t.why)), 0);
	t.swap.keep = false;
	swap_poll(&t.swap);
}

static void routes_file(char *path, size_t size, uint64_t generation)
{
	assert_int_equal(store_routes_path(t.gateway, generation, path, size), 0);
}

static void last_routes_are_used_after_a_restart(void **state)
{
	char path[4096];

	make_state_folder();
	t.swap.keep = true;
	use(text, 3);
	routes_file(path, sizeof(path), 3);
	assert_int_not_equal(access(path, F_OK), 0);
	use_routes(6, 0);
	use_routes(4, 0);
	assert_int_equal(access(path, R_OK), 0);
	restart();
	assert_int_equal(segment_state_own(t.segment)->generation, 3);
	assert_int_equal(reached(), 4);
	t.swap.keep = true;
	use(text, 4); // a table without routes: those of the one before are gone with it
	assert_int_not_equal(access(path, F_OK), 0);
	restart();
	assert_int_equal(reached(), 3);
}

static void spoil(const char *path, long at)
{
	FILE *file = fopen(path, "r+");

	assert_non_null(file);
	if (at >= 0) {
		fseek(file, at, SEEK_SET);
		fputc('!', file);
	} else {
		assert_int_equal(ftruncate(fileno(file), 0), 0);
	}
	fclose(file);
}

static void damaged_routes_are_refused_and_the_table_alone_is_used(void **state)
{
	static const long places[] = { 0, 70, 200, -1 };
	char path[4096];

	make_state_folder();
	routes_file(path, sizeof(path), 3);
	t.swap.keep = true;
	use(text, 3);
	for (unsigned i = 0; i < 4; i++) {
		t.swap.keep = true;
		use_routes(4, 0);
		spoil(path, places[i]);
		restart();
		assert_int_equal(segment_state_own(t.segment)->generation, 3);
		assert_int_equal(reached(), 3);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, kit_swap_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_table_alone_leads_to_the_members_whose_mac_it_gives),
		TEST(routes_lead_to_those_who_live_by_their_next_hops),
		TEST(a_pool_without_a_live_member_is_not_plain),
		TEST(a_way_that_is_narrower_than_a_port_is_not_plain),
		TEST(a_table_and_its_routes_take_effect_together),
		TEST(routes_that_cannot_be_used_leave_those_in_use),
		TEST(a_table_with_bad_routes_is_refused_whole),
		TEST(one_swap_at_a_time),
		TEST(a_hundred_swaps_leave_no_worker_on_routes_that_are_gone),
		TEST(last_routes_are_used_after_a_restart),
		TEST(damaged_routes_are_refused_and_the_table_alone_is_used),
	};
	char *argv[] = { (char[]){ "paths_test" },     (char[]){ "--no-huge" },
			 (char[]){ "--no-shconf" },    (char[]){ "--no-pci" },
			 (char[]){ "--no-telemetry" }, (char[]){ "--log-level=error" },
			 (char[]){ "-m64" },           (char[]){ "-l0" } };

	if (rte_eal_init(8, argv) < 0)
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
