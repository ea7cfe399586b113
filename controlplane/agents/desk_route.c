// SPDX-License-Identifier: BSD-3-Clause
//
// Decisions: who gets the next message of a queue. Routing as operators of call centres know it:
// balanced (who has least in hand, then who was served longest ago), serial (a fixed order), both one agent at a time
// and the next after the ring time; simultaneous (offered to all, the first claim wins). A waiting claim takes at once.
// What cannot be done for want of memory waits for the next pass. One thread.
#include <errno.h>
#include <string.h>

#include "controlplane/agents/desk_parts.h"

// How an agent would get a message.
struct candidate {
	struct core_agent *agent; // NULL: nobody
	struct core_wait *wait;   // that takes it; NULL: it is offered
};

static struct core_wait *open_wait(const struct core_agent *agent, uint32_t queue)
{
	struct core_wait *wait = agent->waits;

	if (agent->outstanding >= CORE_OUTSTANDING)
		return NULL;
	while (wait && (wait->taken >= wait->max || !core_covers(&wait->scope, queue)))
		wait = wait->next;
	return wait;
}

static bool has_room(const struct core_agent *agent, uint32_t queue)
{
	unsigned in_hand = agent->outstanding + agent->offers;

	if (in_hand >= CORE_OUTSTANDING)
		return false;
	for (const struct core_stream *stream = agent->streams; stream; stream = stream->next)
		if (core_covers(&stream->scope, queue) && in_hand < stream->capacity)
			return true;
	return false;
}

static unsigned place_in_order(const struct core_queue_rule *rule, const char *name)
{
	unsigned i = 0;

	while (i < rule->n_order && strcmp(rule->order[i], name) != 0)
		i++;
	return i;
}

// Whether `a` comes before `b`.
static bool goes_before(const struct core_queue_rule *rule, const struct core_agent *a, const struct core_agent *b)
{
	unsigned load_a = a->outstanding + a->offers, load_b = b->outstanding + b->offers;

	if (rule->routing == CORE_SERIAL) {
		unsigned at_a = place_in_order(rule, a->name), at_b = place_in_order(rule, b->name);

		return at_a != at_b ? at_a < at_b : strcmp(a->name, b->name) < 0;
	}
	if (load_a != load_b)
		return load_a < load_b;
	return a->served != b->served ? a->served < b->served : strcmp(a->name, b->name) < 0;
}

// The agent that comes next for a message, of those that were not rung for it yet.
static struct candidate choose(const struct core *core, uint32_t queue, const struct core_item *item)
{
	struct candidate best = { 0 };

	for (struct core_agent *agent = core->agents; agent; agent = agent->next) {
		struct core_wait *wait = open_wait(agent, queue);

		if (!wait && (!has_room(agent, queue) || (item && core_item_rang(item, agent))))
			continue;
		if (!best.agent || goes_before(&core->queues[queue]->rule, agent, best.agent))
			best = (struct candidate){ agent, wait };
	}
	return best;
}

// The claim that waits longest, whoever's it is.
static struct candidate choose_first(const struct core *core, uint32_t queue)
{
	struct candidate best = { 0 };

	for (struct core_agent *agent = core->agents; agent; agent = agent->next) {
		struct core_wait *wait = open_wait(agent, queue);

		if (wait && (!best.wait || wait->number < best.wait->number))
			best = (struct candidate){ agent, wait };
	}
	return best;
}

static void say_offer(struct core *core, const struct core_agent *agent, const struct core_item *item)
{
	const struct core_offer offer = { item->id, item->queue, item->priority,
					  item->all ? 0 : core->queues[item->queue]->rule.ring_ms };

	for (const struct core_stream *stream = agent->streams; stream; stream = stream->next)
		if (core_covers(&stream->scope, item->queue))
			core->acts.offer(core->acts.argument, stream->cookie, &offer);
}

static void say_withdraw(struct core *core, const struct core_agent *agent, const struct core_item *item)
{
	for (const struct core_stream *stream = agent->streams; stream; stream = stream->next)
		if (core_covers(&stream->scope, item->queue))
			core->acts.withdraw(core->acts.argument, stream->cookie, item->id);
}

void core_offer_end(struct core *core, struct core_item *item)
{
	if (item->agent) {
		item->agent->offers--;
		say_withdraw(core, item->agent, item);
	}
	for (unsigned i = 0; item->all && i < item->n_rung; i++) {
		item->rung[i]->offers--;
		say_withdraw(core, item->rung[i], item);
	}
	if (item->all)
		item->n_rung = 0;
	item->agent = NULL;
	item->all = false;
}

// Has an agent take a message that waits or is offered.
static bool begin_take(struct core *core, struct core_item *item, uint32_t queue, const struct core_head *head,
		       const struct candidate *to)
{
	const struct core_take take = { head->id, queue, head->priority, to->agent->name,
					to->wait ? to->wait->cookie : NULL };

	bool is_new = !item;

	if (!item)
		item = core_item_add(&core->items, head->id, queue);
	if (!item)
		return false;
	if (to->wait && !core->acts.take(core->acts.argument, &take)) {
		if (is_new)
			core_item_remove(&core->items, item);
		return false;
	}
	core_offer_end(core, item);
	item->state = CORE_TAKING;
	item->agent = to->agent;
	item->priority = head->priority;
	to->agent->outstanding++;
	to->agent->served = core->decisions++;
	core_head_remove(core, queue, take.id);
	if (to->wait)
		to->wait->taken++;
	return true;
}

// The item of a message that is offered now, made where it is not there.
static struct core_item *offer_item(struct core *core, struct core_item *item, uint32_t queue,
				    const struct core_head *head)
{
	if (!item)
		item = core_item_add(&core->items, head->id, queue);
	if (item)
		item->priority = head->priority;
	return item;
}

// Rings one agent. Whether somebody was there to ring.
static bool offer_one(struct core *core, struct core_item *item, struct core_agent *agent, uint64_t now)
{
	if (!core_item_ring(item, agent))
		return false;
	item->agent = agent;
	item->until = now + core->queues[item->queue]->rule.ring_ms;
	agent->offers++;
	agent->served = core->decisions++;
	say_offer(core, agent, item);
	return true;
}

// Balanced and serial. Whether a later message of the queue may find somebody.
static bool route_one(struct core *core, uint32_t queue, struct core_item *item, const struct core_head *head,
		      uint64_t now)
{
	struct candidate to = choose(core, queue, item);

	if (!to.agent && item && item->n_rung > 0) { // all were rung: begin anew
		item->n_rung = 0;
		to = choose(core, queue, item);
	}
	if (!to.agent && item) {
		core_item_remove(&core->items, item);
		return false;
	}
	if (!to.agent)
		return false;
	if (to.wait)
		return begin_take(core, item, queue, head, &to);
	item = offer_item(core, item, queue, head);
	return item && offer_one(core, item, to.agent, now);
}

// Simultaneous: offered to everybody with room who was not rung yet.
static bool route_all(struct core *core, uint32_t queue, struct core_item *item, const struct core_head *head)
{
	struct candidate to = choose_first(core, queue);
	bool rang = false;

	if (to.wait)
		return begin_take(core, item, queue, head, &to);
	for (struct core_agent *agent = core->agents; agent; agent = agent->next) {
		if (!has_room(agent, queue) || (item && core_item_rang(item, agent)))
			continue;
		item = offer_item(core, item, queue, head);
		if (!item)
			return false;
		item->all = true;
		if (!core_item_ring(item, agent))
			return false;
		agent->offers++;
		rang = true;
		say_offer(core, agent, item);
	}
	if (item && item->n_rung == 0)
		core_item_remove(&core->items, item);
	return rang || item;
}

static void route_queue(struct core *core, uint32_t queue, uint64_t now)
{
	struct core_queue *of = core->queues[queue];
	bool go_on = true;

	for (unsigned i = 0; i < of->n_heads && go_on;) {
		const struct core_head head = of->heads[i];
		struct core_item *item = core_item_find(&core->items, head.id);

		if (item && item->all && of->rule.routing != CORE_SIMULTANEOUS)
			core_offer_end(core, item); // the rule has changed
		if (item && item->agent) {
			i++;
			continue;
		}
		if (of->rule.routing == CORE_SIMULTANEOUS)
			go_on = route_all(core, queue, item, &head);
		else
			go_on = route_one(core, queue, item, &head, now);
		if (i < of->n_heads && of->heads[i].id == head.id)
			i++;
	}
}

// Ends the waits that got something, or are late.
static void end_waits(struct core *core, uint64_t now)
{
	for (struct core_agent *agent = core->agents; agent; agent = agent->next)
		for (struct core_wait *wait = agent->waits, *next; wait; wait = next) {
			unsigned taken = wait->taken;
			void *cookie = wait->cookie;

			next = wait->next;
			if (taken == 0 && wait->deadline > now)
				continue;
			core_wait_drop(core, wait);
			core->acts.waited(core->acts.argument, cookie, taken);
		}
}

void core_route(struct core *core, uint64_t now)
{
	for (uint32_t queue = 0; queue < core->n_queues; queue++)
		if (core->queues[queue]->n_heads > 0)
			route_queue(core, queue, now);
	end_waits(core, UINT64_C(0));
}

static void tick_item(struct core *core, struct core_item *item, uint64_t now)
{
	if (item->until > now)
		return;
	if (item->state == CORE_LEASED) {
		item->state = CORE_ENDING;
		core->acts.expire(core->acts.argument, item->id);
	} else if (item->state == CORE_OFFERED && item->agent) {
		core_offer_end(core, item);
	}
}

void core_tick(struct core *core, uint64_t now)
{
	core_items_each(core, tick_item, now);
	core_route(core, now);
	end_waits(core, now);
}

int core_take(struct core *core, const char *name, uint32_t queue, uint64_t id, bool any)
{
	struct core_item *item = core_item_find(&core->items, id);
	const struct candidate to = { core_agent(core, name), NULL };
	const struct core_head head = { id, item ? item->priority : 0 };

	if (!to.agent)
		return -ENOMEM;
	if (item && (item->state != CORE_OFFERED || (item->agent && item->agent != to.agent && !any)))
		return -EBUSY;
	if (to.agent->outstanding >= CORE_OUTSTANDING)
		return -EDQUOT;
	return begin_take(core, item, item ? item->queue : queue, &head, &to) ? 0 : -ENOMEM;
}
