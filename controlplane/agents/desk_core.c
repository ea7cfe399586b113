// SPDX-License-Identifier: BSD-3-Clause
//
// The desk's core: queues, agents, what is in hand. Who waits is desk_waits.c's, decisions are desk_route.c's. Nothing
// here fails half-way: where memory is out, what was asked for is not done, and said so. One thread.
#include "controlplane/agents/desk_core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/agents/desk_parts.h"

enum { RING_MS = 20000 };

struct core *core_create(const struct core_acts *acts)
{
	struct core *core = calloc(1, sizeof(*core));

	if (core)
		core->acts = *acts;
	return core;
}

static void free_agent(struct core_agent *agent)
{
	while (agent->waits) {
		struct core_wait *wait = agent->waits;

		agent->waits = wait->next;
		free(wait);
	}
	while (agent->streams) {
		struct core_stream *stream = agent->streams;

		agent->streams = stream->next;
		free(stream);
	}
	free(agent);
}

void core_destroy(struct core *core)
{
	if (!core)
		return;
	core_items_fini(&core->items);
	while (core->agents) {
		struct core_agent *agent = core->agents;

		core->agents = agent->next;
		free_agent(agent);
	}
	for (uint32_t i = 0; i < core->n_queues; i++) {
		free(core->queues[i]->name);
		free(core->queues[i]);
	}
	free(core->queues);
	free(core);
}

int core_queue_find(const struct core *core, const char *name)
{
	for (uint32_t i = 0; i < core->n_queues; i++)
		if (strcmp(core->queues[i]->name, name) == 0)
			return (int)i;
	return -ENOENT;
}

static bool queue_room(struct core *core)
{
	uint32_t room = core->room ? 2 * core->room : 16;
	struct core_queue **queues;

	if (core->n_queues < core->room)
		return true;
	queues = reallocarray(core->queues, room, sizeof(struct core_queue *));
	if (!queues)
		return false;
	core->queues = queues;
	core->room = room;
	return true;
}

int core_queue(struct core *core, const char *name)
{
	int found = core_queue_find(core, name);
	struct core_queue *queue;

	if (found >= 0)
		return found;
	queue = queue_room(core) ? calloc(1, sizeof(*queue)) : NULL;
	if (queue)
		queue->name = strdup(name);
	if (!queue || !queue->name) {
		free(queue);
		return -ENOMEM;
	}
	queue->rule.ring_ms = RING_MS;
	queue->whole = true;
	core->queues[core->n_queues] = queue;
	return (int)core->n_queues++;
}

const char *core_queue_name(const struct core *core, uint32_t queue)
{
	return core->queues[queue]->name;
}

uint32_t core_queues(const struct core *core)
{
	return core->n_queues;
}

void core_queue_rule_put(struct core *core, uint32_t queue, const struct core_queue_rule *rule)
{
	core->queues[queue]->rule = *rule;
}

const struct core_queue_rule *core_queue_rule_get(const struct core *core, uint32_t queue)
{
	return &core->queues[queue]->rule;
}

bool core_covers(const struct core_scope *scope, uint32_t queue)
{
	for (unsigned i = 0; i < scope->n; i++)
		if (scope->queue[i] == queue)
			return true;
	return scope->all;
}

static struct core_agent *find_agent(const struct core *core, const char *name)
{
	struct core_agent *agent = core->agents;

	while (agent && strcmp(agent->name, name) != 0)
		agent = agent->next;
	return agent;
}

struct core_agent *core_agent(struct core *core, const char *name)
{
	struct core_agent *agent = find_agent(core, name);

	if (agent || strlen(name) > CORE_NAME)
		return agent;
	agent = calloc(1, sizeof(*agent));
	if (!agent)
		return NULL;
	memcpy(agent->name, name, strlen(name) + 1);
	agent->next = core->agents;
	core->agents = agent;
	return agent;
}

struct core_presence core_agent_presence(const struct core *core, const char *name)
{
	const struct core_agent *agent = find_agent(core, name);
	struct core_presence presence = { 0 };

	if (!agent)
		return presence;
	presence.outstanding = agent->outstanding;
	presence.offers = agent->offers;
	for (const struct core_wait *wait = agent->waits; wait; wait = wait->next)
		presence.waits++;
	for (const struct core_stream *stream = agent->streams; stream; stream = stream->next)
		presence.streams++;
	return presence;
}

// An offer of a message that is not at the front any more (someone removed it from the spool) is over.
static void drop_gone(struct core *core, struct core_item *item, uint64_t queue)
{
	const struct core_queue *of = core->queues[item->queue];

	if (item->state != CORE_OFFERED || item->queue != queue || !of->whole)
		return;
	for (unsigned i = 0; i < of->n_heads; i++)
		if (of->heads[i].id == item->id)
			return;
	core_offer_end(core, item);
	core_item_remove(&core->items, item);
}

void core_heads_put(struct core *core, uint32_t queue, const struct core_head *heads, unsigned n, bool whole)
{
	struct core_queue *to = core->queues[queue];

	to->n_heads = 0;
	to->whole = whole && n <= CORE_HEADS;
	for (unsigned i = 0; i < n && i < CORE_HEADS; i++) {
		const struct core_item *item = core_item_find(&core->items, heads[i].id);

		if (!item || item->state == CORE_OFFERED)
			to->heads[to->n_heads++] = heads[i];
	}
	core_items_each(core, drop_gone, queue);
}

bool core_heads_short(const struct core *core, uint32_t queue)
{
	return core->queues[queue]->n_heads == 0 && !core->queues[queue]->whole;
}

void core_head_remove(struct core *core, uint32_t queue, uint64_t id)
{
	struct core_queue *of = core->queues[queue];

	for (unsigned i = 0; i < of->n_heads; i++)
		if (of->heads[i].id == id) {
			of->n_heads--;
			memmove(&of->heads[i], &of->heads[i + 1], (of->n_heads - i) * sizeof(of->heads[0]));
			return;
		}
}

int core_message_queue(const struct core *core, uint64_t id)
{
	const struct core_item *item = core_item_find(&core->items, id);

	return item ? (int)item->queue : -ENOENT;
}

int core_leased(struct core *core, const char *name, uint32_t queue, uint64_t id, uint64_t until)
{
	struct core_item *item = core_item_find(&core->items, id);
	struct core_agent *agent = core_agent(core, name);

	if (!agent)
		return -ENOMEM;
	if (!item)
		item = core_item_add(&core->items, id, queue);
	if (!item)
		return -ENOMEM;
	if (item->state == CORE_OFFERED) {
		core_offer_end(core, item);
		core_head_remove(core, queue, id);
	} else if (item->agent) {
		item->agent->outstanding--;
	}
	item->agent = agent;
	agent->outstanding++;
	item->state = CORE_LEASED;
	item->until = until;
	free(item->rung);
	item->rung = NULL;
	item->n_rung = 0;
	return 0;
}

void core_failed(struct core *core, uint64_t id, uint64_t again)
{
	struct core_item *item = core_item_find(&core->items, id);

	if (item && item->state == CORE_ENDING) {
		item->state = CORE_LEASED;
		item->until = again;
	} else if (item && item->state == CORE_TAKING) {
		core_returned(core, id);
	}
}

void core_returned(struct core *core, uint64_t id)
{
	struct core_item *item = core_item_find(&core->items, id);

	if (!item || item->state == CORE_OFFERED)
		return;
	item->agent->outstanding--;
	core_item_remove(&core->items, item);
}

bool core_lease_get(const struct core *core, uint64_t id, struct core_lease *lease)
{
	const struct core_item *item = core_item_find(&core->items, id);

	if (!item || item->state < CORE_LEASED)
		return false;
	*lease = (struct core_lease){ item->agent->name, item->queue, item->until };
	return true;
}

unsigned core_agent_leases(const struct core *core, const char *name, uint64_t *ids, unsigned max)
{
	const struct core_agent *agent = find_agent(core, name);
	unsigned n = 0;

	for (uint32_t i = 0; agent && core->items.slots && i <= core->items.mask; i++)
		for (const struct core_item *item = core->items.slots[i]; item && n < max; item = item->next)
			if (item->state == CORE_LEASED && item->agent == agent)
				ids[n++] = item->id;
	return n;
}

void core_agent_end(struct core *core, const char *name)
{
	const struct core_agent *agent = find_agent(core, name);

	for (uint32_t i = 0; agent && core->items.slots && i <= core->items.mask; i++)
		for (struct core_item *item = core->items.slots[i]; item; item = item->next)
			if (item->state == CORE_LEASED && item->agent == agent)
				item->until = 0;
}
