// SPDX-License-Identifier: BSD-3-Clause
//
// Who waits for messages: claims until their deadline, and streams that listen for offers for as long as they are
// there. An offer is nobody's any more when the last stream that could hear of it is gone. One thread.
#include <stdlib.h>

#include "controlplane/agents/desk_parts.h"

bool core_listens(const struct core_agent *agent, uint32_t queue)
{
	for (const struct core_stream *stream = agent->streams; stream; stream = stream->next)
		if (core_covers(&stream->scope, queue))
			return true;
	return false;
}

static bool waits_for(const struct core_agent *agent, uint32_t queue)
{
	for (const struct core_wait *wait = agent->waits; wait; wait = wait->next)
		if (core_covers(&wait->scope, queue))
			return true;
	return false;
}

bool core_wanted(const struct core *core, uint32_t queue)
{
	for (const struct core_agent *agent = core->agents; agent; agent = agent->next)
		if (waits_for(agent, queue) || core_listens(agent, queue))
			return true;
	return false;
}

unsigned core_queue_agents(const struct core *core, uint32_t queue)
{
	unsigned n = 0;

	for (const struct core_agent *agent = core->agents; agent; agent = agent->next)
		n += waits_for(agent, queue) || core_listens(agent, queue);
	return n;
}

struct core_wait *core_wait_add(struct core *core, const char *name, const struct core_scope *scope, unsigned max,
				uint64_t deadline, void *cookie)
{
	struct core_agent *agent = core_agent(core, name);
	struct core_wait *wait = agent ? calloc(1, sizeof(*wait)) : NULL, **at;

	if (!wait)
		return NULL;
	*wait = (struct core_wait){ .agent = agent, .scope = *scope, .max = max, .deadline = deadline,
				    .number = core->decisions++, .cookie = cookie };
	for (at = &agent->waits; *at;)
		at = &(*at)->next;
	*at = wait;
	return wait;
}

void core_wait_drop(struct core *core, struct core_wait *wait)
{
	struct core_wait **at = &wait->agent->waits;

	(void)core;
	while (*at != wait)
		at = &(*at)->next;
	*at = wait->next;
	free(wait);
}

// What is offered to the agent already is told to a stream that joins.
static void tell_offers(struct core *core, struct core_stream *stream)
{
	for (uint32_t i = 0; core->items.slots && i <= core->items.mask; i++)
		for (const struct core_item *item = core->items.slots[i]; item; item = item->next) {
			const struct core_offer offer = { item->id, item->queue, item->priority,
							  item->all ? 0 : core->queues[item->queue]->rule.ring_ms };
			bool open = item->agent == stream->agent ||
				    (item->all && core_item_rang(item, stream->agent));

			if (item->state == CORE_OFFERED && open && core_covers(&stream->scope, item->queue))
				core->acts.offer(core->acts.argument, stream->cookie, &offer);
		}
}

struct core_stream *core_stream_add(struct core *core, const char *name, const struct core_scope *scope,
				    unsigned capacity, void *cookie)
{
	struct core_agent *agent = core_agent(core, name);
	struct core_stream *stream = agent ? calloc(1, sizeof(*stream)) : NULL;

	if (!stream)
		return NULL;
	*stream = (struct core_stream){ .agent = agent, .scope = *scope, .capacity = capacity, .cookie = cookie };
	tell_offers(core, stream);
	stream->next = agent->streams;
	agent->streams = stream;
	return stream;
}

// Ends an offer that its agent can hear no more.
static void drop_unheard(struct core *core, struct core_item *item, uint64_t unused)
{
	(void)core;
	(void)unused;
	if (item->state != CORE_OFFERED)
		return;
	if (item->agent && !core_listens(item->agent, item->queue)) {
		item->agent->offers--;
		item->agent = NULL;
	}
	for (unsigned i = 0; item->all && i < item->n_rung;)
		if (core_listens(item->rung[i], item->queue)) {
			i++;
		} else {
			item->rung[i]->offers--;
			item->rung[i] = item->rung[--item->n_rung];
		}
}

void core_stream_drop(struct core *core, struct core_stream *stream)
{
	struct core_stream **at = &stream->agent->streams;

	while (*at != stream)
		at = &(*at)->next;
	*at = stream->next;
	free(stream);
	core_items_each(core, drop_unheard, 0);
}
