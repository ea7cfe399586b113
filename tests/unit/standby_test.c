// SPDX-License-Identifier: BSD-3-Clause
#include "controlplane/standby.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { A, B, S, N };

// Two primaries and a standby, all well; time is the test's.
struct scene {
	struct standby_pool pool;
	struct standby_member member[N];
	uint64_t now_ms;
};

static struct scene begin(void)
{
	struct scene scene = { .pool = { .standby = true, .fail_back_ms = 1000 },
			       .now_ms = 100000 };

	for (unsigned i = 0; i < N; i++)
		scene.member[i] =
			(struct standby_member){ .standby = i == S, .up = true, .next_hop = true };
	return scene;
}

static void check(struct scene *scene, enum route_state a, enum route_state b, enum route_state s)
{
	standby_choose(&scene->pool, scene->member, N, scene->now_ms);
	assert_int_equal(scene->member[A].state, a);
	assert_int_equal(scene->member[B].state, b);
	assert_int_equal(scene->member[S].state, s);
}

static void set_up(struct scene *scene, unsigned i, bool up)
{
	scene->member[i].up = up;
	scene->member[i].live_ms = scene->now_ms;
}

static void all_members_of_an_active_pool_carry(void **state)
{
	struct scene scene = begin();

	(void)state;
	scene.pool.standby = false;
	check(&scene, ROUTE_UP, ROUTE_UP, ROUTE_UP);
	scene.member[A].up = false;
	scene.member[B].drained = true;
	scene.member[S].next_hop = false;
	check(&scene, ROUTE_DOWN, ROUTE_DRAINED, ROUTE_NO_NEXT_HOP);
}

static void a_standby_carries_only_where_no_primary_lives(void **state)
{
	struct scene scene = begin();

	(void)state;
	check(&scene, ROUTE_UP, ROUTE_UP, ROUTE_STANDBY);
	set_up(&scene, A, false);
	check(&scene, ROUTE_DOWN, ROUTE_UP, ROUTE_STANDBY);
	scene.member[B].drained = true;
	check(&scene, ROUTE_DOWN, ROUTE_DRAINED, ROUTE_UP);
	assert_int_equal(scene.pool.again_ms, 0);
}

static void a_primary_that_came_back_waits(void **state)
{
	struct scene scene = begin();

	(void)state;
	set_up(&scene, A, false);
	set_up(&scene, B, false);
	check(&scene, ROUTE_DOWN, ROUTE_DOWN, ROUTE_UP);
	set_up(&scene, B, true);
	scene.now_ms += 999;
	check(&scene, ROUTE_DOWN, ROUTE_STANDBY, ROUTE_UP);
	assert_int_equal(scene.pool.again_ms, scene.now_ms + 1);
	set_up(&scene, A, true);
	scene.now_ms++;
	check(&scene, ROUTE_UP, ROUTE_UP,
	      ROUTE_STANDBY); // the first that has waited brings all with it
	assert_int_equal(scene.pool.again_ms, 0);
}

static void a_primary_that_dies_again_starts_to_wait_anew(void **state)
{
	struct scene scene = begin();

	(void)state;
	scene.pool.on_standby = true;
	set_up(&scene, A, false);
	set_up(&scene, B, true);
	scene.now_ms += 500;
	check(&scene, ROUTE_DOWN, ROUTE_STANDBY, ROUTE_UP);
	set_up(&scene, B, false);
	check(&scene, ROUTE_DOWN, ROUTE_DOWN, ROUTE_UP);
	set_up(&scene, B, true);
	scene.now_ms += 600;
	check(&scene, ROUTE_DOWN, ROUTE_STANDBY, ROUTE_UP);
}

static void nobody_waits_while_no_standby_lives(void **state)
{
	struct scene scene = begin();

	(void)state;
	set_up(&scene, A, false);
	set_up(&scene, B, false);
	check(&scene, ROUTE_DOWN, ROUTE_DOWN, ROUTE_UP);
	set_up(&scene, S, false);
	check(&scene, ROUTE_DOWN, ROUTE_DOWN, ROUTE_DOWN);
	assert_true(scene.pool.on_standby);
	set_up(&scene, A, true);
	check(&scene, ROUTE_UP, ROUTE_DOWN, ROUTE_DOWN);
	assert_false(scene.pool.on_standby);
}

static void at_the_start_primaries_do_not_wait(void **state)
{
	struct scene scene = begin();

	(void)state;
	set_up(&scene, A, true);
	set_up(&scene, B, true);
	check(&scene, ROUTE_UP, ROUTE_UP, ROUTE_STANDBY);
}

// Whatever happens, somebody carries while somebody lives, and never one that does not.
static void somebody_carries_while_somebody_lives(void **state)
{
	struct scene scene = begin();

	(void)state;
	for (unsigned step = 0; step < 20000; step++) {
		bool live = false, carries = false;

		scene.now_ms += step * 7919 % 400;
		set_up(&scene, step * 2654435761u >> 16 & 3 ? step % N : S, step * 40503u >> 5 & 1);
		standby_choose(&scene.pool, scene.member, N, scene.now_ms);
		for (unsigned i = 0; i < N; i++) {
			live |= standby_live(&scene.member[i]);
			carries |= scene.member[i].state == ROUTE_UP;
			assert_true(scene.member[i].state != ROUTE_UP ||
				    standby_live(&scene.member[i]));
		}
		assert_int_equal(live, carries);
		assert_true(scene.pool.again_ms == 0 || scene.pool.again_ms > scene.now_ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_members_of_an_active_pool_carry),
		cmocka_unit_test(a_standby_carries_only_where_no_primary_lives),
		cmocka_unit_test(a_primary_that_came_back_waits),
		cmocka_unit_test(a_primary_that_dies_again_starts_to_wait_anew),
		cmocka_unit_test(nobody_waits_while_no_standby_lives),
		cmocka_unit_test(at_the_start_primaries_do_not_wait),
		cmocka_unit_test(somebody_carries_while_somebody_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
