// SPDX-License-Identifier: BSD-3-Clause
//
// Inside of the desk's core, shared by desk_core.c (who and what), desk_items.c (messages in hand), desk_waits.c (who
// waits) and desk_route.c (decisions). Nobody else.
#pragma once

#include "controlplane/agents/desk_core.h"

enum core_state { CORE_OFFERED, CORE_TAKING, CORE_LEASED, CORE_ENDING };

// A message that is not simply waiting.
struct core_item {
	struct core_item *next; // in its slot
	uint64_t id, until;     // of the lease, or of the offer
	uint32_t queue;
	uint8_t state, priority;
	bool all;                  // offered to all of `rung`
	struct core_agent *agent;  // who takes it, has it, or is offered it alone; may be NULL
	struct core_agent **rung;  // who was offered it since it waits
	unsigned n_rung;
};

struct core_items {
	struct core_item **slots;
	uint32_t n, mask; // mask: number of slots - 1
};

struct core_agent {
	struct core_agent *next;
	char name[CORE_NAME + 1];
	unsigned outstanding; // leases, and takes under way
	unsigned offers;      // open
	uint64_t served;      // number of the last decision in its favour
	struct core_wait *waits;
	struct core_stream *streams;
};

struct core_wait {
	struct core_wait *next;
	struct core_agent *agent;
	struct core_scope scope;
	unsigned max, taken;
	uint64_t deadline, number; // the oldest has the lowest
	void *cookie;
};

struct core_stream {
	struct core_stream *next;
	struct core_agent *agent;
	struct core_scope scope;
	unsigned capacity;
	void *cookie;
};

struct core_queue {
	char *name;
	struct core_queue_rule rule;
	struct core_head heads[CORE_HEADS];
	unsigned n_heads;
	bool whole; // nothing waits behind the heads
};

struct core {
	struct core_acts acts;
	struct core_queue **queues;
	uint32_t n_queues, room;
	struct core_agent *agents;
	struct core_items items;
	uint64_t decisions;
};

// Whether a scope names the queue.
bool core_covers(const struct core_scope *scope, uint32_t queue);

// The agent of this name, made where it is not there; NULL when memory is out.
struct core_agent *core_agent(struct core *core, const char *name);

struct core_item *core_item_find(const struct core_items *items, uint64_t id);
// A new item, state CORE_OFFERED to nobody. NULL when memory is out.
struct core_item *core_item_add(struct core_items *items, uint64_t id, uint32_t queue);
void core_item_remove(struct core_items *items, struct core_item *item);
void core_items_fini(struct core_items *items);
// Calls `each` for all; it may remove the item.
void core_items_each(struct core *core, void (*each)(struct core *core, struct core_item *item, uint64_t now),
		     uint64_t now);

// Notes that the agent was rung for it; false when memory is out.
bool core_item_ring(struct core_item *item, struct core_agent *agent);
bool core_item_rang(const struct core_item *item, const struct core_agent *agent);

// Takes an open offer back from whom it was made to. Who was rung stays known.
void core_offer_end(struct core *core, struct core_item *item);

// Whether some stream of the agent listens for offers of this queue.
bool core_listens(const struct core_agent *agent, uint32_t queue);

// Takes a message out of the known front of its queue.
void core_head_remove(struct core *core, uint32_t queue, uint64_t id);
