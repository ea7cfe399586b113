// SPDX-License-Identifier: BSD-3-Clause
//
// Random agents, claims, offers, failures and restarts of fronts against an oracle that knows where each message is.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/kit/desk.h"

enum { MESSAGES = 400, QUEUES = 3, AGENTS = 5, STEPS = 4000, SEEDS = 30 };

enum where { WAITING, TAKEN, LEASED, EXPIRING, SETTLED };

struct message {
	enum where where;
	uint32_t queue;
	uint8_t priority;
	unsigned holder;
	uint64_t until;
};

struct world {
	struct desk_log log;
	struct message message[MESSAGES];
	unsigned n; // that came so far
	struct core_wait *wait[AGENTS];
	struct core_stream *stream[AGENTS];
	unsigned cookie[AGENTS];
	uint64_t now;
	unsigned seed, lease; // of a lease, at most so long
};

static struct world world;
static const char *const names[AGENTS] = { "a", "b", "c", "d", "e" };

static unsigned dice(unsigned n)
{
	return (unsigned)rand_r(&world.seed) % n;
}

static unsigned agent_of(const char *name)
{
	return (unsigned)(name[0] - 'a');
}

// What the spool would show: messages that wait and those whose take is not committed yet.
static void show_heads(uint32_t queue)
{
	struct core_head heads[CORE_HEADS];
	unsigned n = 0, room = 1 + dice(40);
	bool whole = true;

	for (uint8_t priority = 0; priority < 4; priority++)
		for (unsigned id = 0; id < world.n; id++) {
			const struct message *m = &world.message[id];

			if (m->queue != queue || m->priority != priority || (m->where != WAITING && m->where != TAKEN))
				continue;
			if (n == room) {
				whole = false;
				continue;
			}
			heads[n++] = (struct core_head){ id + 1, priority };
		}
	core_heads_put(world.log.core, queue, heads, n, whole);
}

// No message that waits may be more urgent, or as urgent and older, than one that a claim was just given, unless it is
// offered to another one, or had been taken at that moment.
static void check_order(const struct message *taken, unsigned id)
{
	for (unsigned i = 0; i < world.n; i++) {
		const struct message *m = &world.message[i];

		if (m->where != WAITING || m->queue != taken->queue || core_message_queue(world.log.core, i + 1) >= 0)
			continue;
		assert_false(m->priority < taken->priority || (m->priority == taken->priority && i < id));
	}
}

// Takes note of decisions, which must fit what is known of the messages.
static void note_takes(void)
{
	const struct desk_event *event;

	while ((event = desk_next(&world.log, DESK_TAKE))) {
		struct message *m = &world.message[event->id - 1];

		assert_int_equal(m->where, WAITING);
		m->where = TAKEN;
		m->holder = agent_of(event->agent);
	}
	while ((event = desk_next(&world.log, DESK_EXPIRE))) {
		struct message *m = &world.message[event->id - 1];

		assert_int_equal(m->where, LEASED);
		assert_true(m->until <= world.now);
		m->where = EXPIRING;
	}
	while ((event = desk_next(&world.log, DESK_WAITED)))
		world.wait[(unsigned *)event->cookie - world.cookie] = NULL;
	while (desk_next(&world.log, DESK_OFFER))
		;
	while (desk_next(&world.log, DESK_WITHDRAW))
		;
}

static void finish_one(unsigned id)
{
	struct message *m = &world.message[id];
	struct core_lease lease;

	switch (m->where) {
	case TAKEN:
		if (dice(8) == 0) {
			core_failed(world.log.core, id + 1, 0);
			m->where = WAITING;
			break;
		}
		m->where = LEASED;
		m->until = world.now + 1 + dice(world.lease);
		assert_int_equal(core_leased(world.log.core, names[m->holder], m->queue, id + 1, m->until), 0);
		break;
	case LEASED:
		assert_true(core_lease_get(world.log.core, id + 1, &lease));
		assert_int_equal(agent_of(lease.agent), m->holder);
		m->where = dice(4) ? SETTLED : WAITING; // or given back
		core_returned(world.log.core, id + 1);
		break;
	case EXPIRING:
		if (dice(4) == 0) {
			m->where = LEASED;
			m->until = world.now + 10;
			core_failed(world.log.core, id + 1, m->until);
			break;
		}
		m->where = WAITING;
		core_returned(world.log.core, id + 1);
		break;
	default:
		break;
	}
}

static void move_agent(unsigned i)
{
	const struct core_scope scope = dice(3) ? (struct core_scope){ .all = true }
						: (struct core_scope){ .n = 1, .queue = { dice(QUEUES) } };

	if (dice(2)) {
		if (!world.wait[i])
			world.wait[i] = core_wait_add(world.log.core, names[i], &scope, 1 + dice(5),
						      world.now + dice(50), &world.cookie[i]);
		else if (dice(4) == 0) {
			core_wait_drop(world.log.core, world.wait[i]);
			world.wait[i] = NULL;
		}
	} else if (!world.stream[i]) {
		world.stream[i] = core_stream_add(world.log.core, names[i], &scope, 1 + dice(4), &world.cookie[i]);
	} else if (dice(4) == 0) {
		core_stream_drop(world.log.core, world.stream[i]);
		world.stream[i] = NULL;
	}
}

static void take_by_id(void)
{
	unsigned id = dice(world.n), agent = dice(AGENTS);
	struct message *m = &world.message[id];
	int err = core_take(world.log.core, names[agent], m->queue, id + 1, dice(2));

	if (m->where == TAKEN || m->where == LEASED || m->where == EXPIRING)
		assert_int_equal(err, -EBUSY);
	if (err)
		return;
	if (m->where == SETTLED) { // the spool has no such message
		core_failed(world.log.core, id + 1, 0);
		return;
	}
	m->where = TAKEN;
	m->holder = agent;
}

// The agents' books are those of the oracle.
static void check_books(void)
{
	for (unsigned i = 0; i < AGENTS; i++) {
		struct core_presence presence = core_agent_presence(world.log.core, names[i]);
		unsigned in_hand = 0;

		for (unsigned id = 0; id < world.n; id++) {
			const struct message *m = &world.message[id];

			in_hand += m->holder == i && m->where != WAITING && m->where != SETTLED;
		}
		assert_int_equal(presence.outstanding, in_hand);
		assert_int_equal(presence.streams, world.stream[i] != NULL);
		assert_int_equal(presence.waits, world.wait[i] != NULL);
		if (!world.stream[i])
			assert_int_equal(presence.offers, 0);
	}
}

static void step(void)
{
	world.now += dice(10);
	if (world.n < MESSAGES && dice(2)) {
		world.message[world.n] = (struct message){ .queue = dice(QUEUES), .priority = (uint8_t)dice(4) };
		world.n++;
	}
	if (world.n == 0)
		return;
	switch (dice(6)) {
	case 0:
	case 1:
		move_agent(dice(AGENTS));
		break;
	case 2:
		take_by_id();
		break;
	default:
		finish_one(dice(world.n));
		break;
	}
	note_takes();
	for (uint32_t queue = 0; queue < QUEUES; queue++)
		if (core_wanted(world.log.core, queue))
			show_heads(queue);
	if (dice(3))
		core_route(world.log.core, world.now);
	else
		core_tick(world.log.core, world.now);
	for (unsigned i = 0; i < world.log.n; i++)
		if (world.log.event[i].what == DESK_TAKE)
			check_order(&world.message[world.log.event[i].id - 1], (unsigned)world.log.event[i].id - 1);
	note_takes();
	check_books();
}

static void begin(unsigned seed, unsigned lease)
{
	static const char *const order[] = { "c", "a" };

	memset(&world, 0, sizeof(world));
	world.seed = seed;
	world.lease = lease;
	desk_log_init(&world.log);
	for (unsigned i = 0; i < QUEUES; i++) {
		const char name[] = { (char)('x' + i), 0 };
		const struct core_queue_rule rule = { (enum core_routing)i, 20, order, 2 };

		core_queue_rule_put(world.log.core, (uint32_t)core_queue(world.log.core, name), &rule);
	}
}

static void whatever_happens_a_message_is_with_one_agent_and_the_front_goes_first(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		begin(seed, 300);
		for (unsigned i = 0; i < STEPS; i++)
			step();
		desk_log_fini(&world.log);
	}
}

static void all_messages_are_settled_in_the_end(void **state)
{
	unsigned settled = 0;

	(void)state;
	begin(SEEDS + 1, 100000);
	for (unsigned i = 0; i < STEPS * 20 && settled < MESSAGES; i++) {
		step();
		settled = 0;
		for (unsigned id = 0; id < world.n; id++)
			settled += world.message[id].where == SETTLED;
	}
	desk_log_fini(&world.log);
	assert_int_equal(settled, MESSAGES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_happens_a_message_is_with_one_agent_and_the_front_goes_first),
		cmocka_unit_test(all_messages_are_settled_in_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
