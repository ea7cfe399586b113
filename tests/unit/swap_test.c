// SPDX-License-Identifier: BSD-3-Clause
//
// Tables on their way into use: what live_create refuses, what it carries over, and when swap_poll calls
// a table the one in use, with threads that play the workers.
#include "dataplane/swap.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "dataplane/registry.h"
#include "dataplane/worker.h"
#include "tests/kit/folder.h"
#include "tests/kit/segments.h"
#include "tests/kit/text.h"
#include "tests/kit/swaps.h"

#define POOL(where)                                                                             \
	"version = 1;\npools = ( { name = \"far-pool\"; port = " where "; members = ( { name = " \
	"\"m\"; address = \"10.1.0.1\"; mac = \"02:00:00:00:00:01\"; } ); } );\n"               \
	"default = { forward = \"far-pool\"; };\n"
#define LIMITED                                                                                   \
	"tenants = ( { id = 7; name = \"seven\"; rate = 1000; burst = 80; }, { id = 8; name = "   \
	"\"eight\"; } );\nrules = ( %s{ name = \"kept\"; match = { tenant = \"eight\"; }; action " \
	"= { drop = \"d\"; rate = 1000; burst = 40; }; } );\n"

static const char plain[] = "version = 1;\ndefault = { drop = \"nobody\"; };\n";

static struct live *create(int fd, size_t size)
{
	t.why[0] = '\0';
	return live_create(&t.swap.context, t.swap.current ? t.swap.current->live : NULL, fd, size, t.why,
			   sizeof(t.why));
}

// Offers these bytes; they must be refused with `error`, one line of text that holds `part`, and the
// descriptor closed.
static void refused(int fd, size_t size, int error, const char *part)
{
	assert_null(create(fd, size));
	assert_int_equal(errno, error);
	if (!strstr(t.why, part))
		fail_msg("\"%s\" is not in \"%s\"", part, t.why);
	assert_null(strchr(t.why, '\n'));
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static struct live *create_text(const char *text)
{
	struct kit_text kit;
	struct live *live;

	kit_text_open(&kit, text);
	live = create(kit_memory(kit.image.data, kit.image.size, kit.image.size, SEALS),
		      kit.image.size);
	if (!live)
		fail_msg("%s", t.why);
	kit_text_close(&kit);
	return live;
}

static void memory_that_is_not_sealed_is_refused(void **state)
{
	static const int seals[] = { 0, SEALS & ~F_SEAL_SEAL, SEALS & ~F_SEAL_SHRINK,
				     SEALS & ~F_SEAL_GROW, SEALS & ~F_SEAL_WRITE };
	struct kit_text kit;

	kit_text_open(&kit, plain);
	for (unsigned i = 0; i < 5; i++)
		refused(kit_memory(kit.image.data, kit.image.size, kit.image.size, seals[i]),
			kit.image.size, EPERM, "not sealed");
	refused(open("/proc/self/exe", O_RDONLY), kit.image.size, EPERM, "not sealed");
	refused(open("/dev/null", O_RDWR), kit.image.size, EPERM, "not sealed");
	kit_text_close(&kit);
}

static void an_image_of_a_wrong_size_is_refused(void **state)
{
	struct kit_text kit;
	const char *data;
	size_t size;

	kit_text_open(&kit, plain);
	data = kit.image.data;
	size = kit.image.size;
	refused(kit_memory(data, size, size, SEALS), 0, EINVAL, "larger than its memory");
	refused(kit_memory(data, size, size, SEALS), size + 1, EINVAL, "larger than its memory");
	refused(kit_memory(data, size - 64, size - 64, SEALS), size - 64, EINVAL, "");
	refused(kit_memory(data, 20, 20, SEALS), 20, EINVAL, "");
	refused(kit_memory(data, size, size + ((size_t)64 << 20), SEALS), size, EINVAL,
		"memory is larger");
	kit_text_close(&kit);
}

static void a_corrupted_image_is_refused_with_its_reason(void **state)
{
	struct kit_text kit;
	uint8_t *data;

	kit_text_open(&kit, POOL("0"));
	data = kit.image.data;
	for (size_t at = 0; at < kit.image.size; at += 1 + kit.image.size / 300) {
		data[at] ^= 0x10;
		refused(kit_memory(data, kit.image.size, kit.image.size, SEALS), kit.image.size,
			EINVAL, "");
		assert_true(t.why[0]);
		data[at] ^= 0x10;
	}
	live_destroy(create(kit_memory(data, kit.image.size, kit.image.size, SEALS), kit.image.size));
	kit_text_close(&kit);
}

static void a_pool_on_a_port_that_is_not_there_is_named(void **state)
{
	static const char *const text[] = { POOL("2"), POOL("\"out1\"") };
	struct kit_text kit;

	for (unsigned i = 0; i < 2; i++) {
		kit_text_open(&kit, text[i]);
		refused(kit_memory(kit.image.data, kit.image.size, kit.image.size, SEALS),
			kit.image.size, EINVAL, "\"far-pool\" is on a port");
		kit_text_close(&kit);
	}
	for (unsigned i = 0; i < 2; i++) {
		struct live *live = create_text(i ? POOL("\"out0\"") : POOL("1"));

		assert_int_equal(live->pool_ports[0], 1);
		live_destroy(live);
	}
}

static void an_image_in_huge_pages_is_taken(void **state)
{
	struct kit_text kit;
	struct live *live;
	size_t huge = (size_t)2 << 20;
	int fd = memfd_create("huge", MFD_ALLOW_SEALING | MFD_CLOEXEC | MFD_HUGETLB);
	void *map;

	if (fd < 0 || ftruncate(fd, (off_t)huge) < 0)
		skip();
	map = mmap(NULL, huge, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		close(fd);
		skip();
	}
	kit_text_open(&kit, plain);
	memcpy(map, kit.image.data, kit.image.size);
	munmap(map, huge);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, SEALS), 0);
	live = create(fd, kit.image.size);
	assert_non_null(live);
	live_destroy(live);
	kit_text_close(&kit);
}

static unsigned take_rule(struct live *live, uint32_t rule, unsigned n)
{
	uint64_t now = rte_rdtsc() << METER_TICK_SHIFT;
	unsigned taken = 0;

	for (unsigned i = 0; i < n; i++)
		taken += meter_take(&live->rule_meters, meters_credit(&live->rule_meters, 0), rule,
				    live->table.verdicts[rule].meter, now);
	return taken;
}

static unsigned take_tenant(struct live *live, uint32_t id, unsigned n)
{
	uint64_t now = rte_rdtsc() << METER_TICK_SHIFT;
	uint32_t class, slot = table_find_tenant(&live->table, id, &class);
	unsigned taken = 0;

	for (unsigned i = 0; i < n; i++)
		taken += meter_take(&live->tenant_meters, meters_credit(&live->tenant_meters, 0), slot,
				    live->table.tenant_classes[class].meter, now);
	return taken;
}

// A limiter of 1,000 a second that carries on has what is left of its burst, and what a few
// milliseconds (the compilation of a table, at most 100 of them) bring.
static void names_and_rate_limiters_carry_on(void **state)
{
	char one[1024], two[1024];
	const struct sealed none = { .fd = -1 };
	struct live *first, *second;

	snprintf(one, sizeof(one), "version = 1;\ndefault = { drop = \"nobody\"; };\n" LIMITED, "");
	snprintf(two, sizeof(two), "version = 1;\ndefault = { drop = \"nobody\"; };\n" LIMITED,
		 "{ name = \"new\"; match = { channel = \"sms\"; }; action = { drop = \"e\"; }; }, ");
	first = create_text(one);
	live_settle(first, NULL, t.swap.context.registry);
	assert_int_equal(take_rule(first, 0, 40), 40);
	assert_int_equal(take_tenant(first, 7, 60), 60);
	t.swap.current = paths_create(&t.swap.context, first, none, t.why, sizeof(t.why));
	assert_non_null(t.swap.current);
	second = create_text(two);
	assert_int_equal(take_tenant(first, 7, 10), 10); // by a worker that has not switched yet
	live_settle(second, first, t.swap.context.registry);
	assert_int_equal(second->rule_names[1], first->rule_names[0]);
	assert_int_equal(second->rule_names[2], first->rule_names[1]);
	assert_int_equal(segment_names(t.segment)[second->rule_names[1]].order, 1);
	assert_in_range(take_rule(second, 1, 40), 0, 39);
	assert_in_range(take_tenant(second, 7, 80), 10, 79);
	live_destroy(second);
}

static bool polled(void *unused)
{
	return swap_poll(&t.swap);
}

static void the_first_table_waits_for_no_one(void **state)
{
	assert_false(swap_poll(&t.swap));
	assert_int_equal(kit_offer_text(plain, 5), 0);
	assert_true(swap_poll(&t.swap));
	assert_false(swap_poll(&t.swap));
	assert_int_equal(segment_state_own(t.segment)->generation, 5);
	assert_int_equal(t.swap.current->live->generation, 5);
}

static void a_table_is_in_use_only_when_the_last_worker_uses_it(void **state)
{
	const struct timespec moment = { 0, 5000000 };

	assert_int_equal(kit_offer_text(plain, 1), 0);
	assert_true(swap_poll(&t.swap));
	kit_fakes_start();
	fakes[1].stuck = true;
	nanosleep(&moment, NULL);
	assert_int_equal(kit_offer_text(POOL("0"), 2), 0);
	for (unsigned i = 0; i < 20; i++) {
		nanosleep(&moment, NULL);
		assert_false(swap_poll(&t.swap));
	}
	assert_int_equal(segment_state_own(t.segment)->generation, 1);
	assert_int_equal(kit_offer_text(plain, 3), -EBUSY);
	assert_non_null(strstr(t.why, "another table"));
	fakes[1].stuck = false;
	assert_true(wait_until(polled, NULL, 10));
	assert_int_equal(segment_state_own(t.segment)->generation, 2);
	assert_int_equal(kit_offer_text(plain, 3), 0);
	assert_true(wait_until(polled, NULL, 10));
	kit_fakes_stop();
}

static void a_hundred_swaps_leave_no_worker_on_a_table_that_is_gone(void **state)
{
	assert_int_equal(kit_offer_text(plain, 1), 0);
	assert_true(swap_poll(&t.swap));
	kit_fakes_start();
	for (unsigned generation = 2; generation <= 100; generation++) {
		assert_int_equal(kit_offer_text(generation % 2 ? plain : POOL("1"), generation), 0);
		assert_true(wait_until(polled, NULL, 10));
		for (unsigned w = 0; w < WORKERS; w++)
			assert_int_equal(segment_producer(t.segment, w)->generation, generation);
	}
	kit_fakes_stop();
}

static void a_refused_table_leaves_the_running_one(void **state)
{
	assert_int_equal(kit_offer_text(plain, 1), 0);
	assert_true(swap_poll(&t.swap));
	assert_int_equal(kit_offer_text(POOL("9"), 2), -EINVAL);
	assert_false(swap_poll(&t.swap));
	assert_int_equal(segment_state_own(t.segment)->generation, 1);
	assert_ptr_equal(t.handover.current, t.swap.current);
	assert_int_equal(kit_offer_text(POOL("0"), 2), 0);
	assert_true(t.swap.pending && !t.swap.keep);
}

static void a_table_to_keep_is_on_disk_when_it_is_in_use(void **state)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/gw1", t.folder);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(kit_offer_text(plain, 41), 0);
	t.swap.keep = true;
	assert_true(swap_poll(&t.swap));
	snprintf(path, sizeof(path), "%s/gw1/table.41", t.folder);
	assert_int_equal(access(path, R_OK), 0);
}

#define QUEUES(list) "version = 1;\nqueues = ( " list " );\ndefault = { agents = \"b\"; };\n"

static bool is_closed(const char *queue)
{
	const struct live *live = swap_last(&t.swap);

	for (uint32_t i = 0; i < table_count(&live->table, TABLE_QUEUES); i++)
		if (strcmp(table_string(&live->table, live->table.queues[i].name), queue) == 0)
			return live_is_closed(live, i);
	fail_msg("no queue %s", queue);
	return false;
}

static void close_queues(uint64_t generation, uint64_t bits)
{
	const uint64_t closed[WEIR_QUEUES_MAX / 64] = { bits };

	swap_close_queues(&t.swap, generation, closed);
}

static void a_closed_queue_stays_closed_over_loads_by_its_name(void **state)
{
	close_queues(0, 1); // no table yet
	assert_int_equal(kit_offer_text(QUEUES("{ name = \"a\"; }, { name = \"b\"; }"), 1), 0);
	assert_false(is_closed("a") || is_closed("b"));
	close_queues(2, 2);
	assert_false(is_closed("a") || is_closed("b")); // of another table
	close_queues(1, 2);
	assert_int_equal(swap_poll(&t.swap), SWAPPED_TABLE);
	assert_true(is_closed("b") && !is_closed("a"));
	assert_int_equal(kit_offer_text(QUEUES("{ name = \"b\"; }, { name = \"a\"; }, { name = \"c\"; }"), 2), 0);
	assert_true(is_closed("b") && !is_closed("a") && !is_closed("c"));
	close_queues(1, 0); // an order that was on its way
	assert_true(is_closed("b"));
	close_queues(2, 6);
	assert_true(!is_closed("b") && is_closed("a") && is_closed("c"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_swap_setup, kit_swap_teardown)
	const struct CMUnitTest tests[] = {
		TEST(memory_that_is_not_sealed_is_refused),
		TEST(an_image_of_a_wrong_size_is_refused),
		TEST(a_corrupted_image_is_refused_with_its_reason),
		TEST(a_pool_on_a_port_that_is_not_there_is_named),
		TEST(an_image_in_huge_pages_is_taken),
		TEST(names_and_rate_limiters_carry_on),
		TEST(the_first_table_waits_for_no_one),
		TEST(a_table_is_in_use_only_when_the_last_worker_uses_it),
		TEST(a_hundred_swaps_leave_no_worker_on_a_table_that_is_gone),
		TEST(a_refused_table_leaves_the_running_one),
		TEST(a_table_to_keep_is_on_disk_when_it_is_in_use),
		TEST(a_closed_queue_stays_closed_over_loads_by_its_name),
	};
	char *argv[] = { (char[]){ "swap_test" },      (char[]){ "--no-huge" },
			 (char[]){ "--no-shconf" },    (char[]){ "--no-pci" },
			 (char[]){ "--no-telemetry" }, (char[]){ "--log-level=error" },
			 (char[]){ "-m64" },           (char[]){ "-l0" } };

	if (rte_eal_init(8, argv) < 0)
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
