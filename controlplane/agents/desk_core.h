// SPDX-License-Identifier: BSD-3-Clause
//
// Which agent gets which message: the state machine behind the agents' API. It knows who waits for work (a claim
// that waits, a stream of offers), what each agent has in hand, and the front of each queue; it decides who takes
// what, who is offered what for how long, and which leases are over. It does nothing itself: decisions are
// calls of `acts`, and what became of them is told back. Pure: no clock, file, socket or thread of its own; times are
// milliseconds of one clock that never goes back. One thread.
//
// Invariants: a message is with one agent at most; of a queue the most urgent and then oldest message goes first.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CORE_SCOPE = 64,          // queues that a claim or a stream names
	CORE_NAME = 64,           // bytes of an agent's name
	CORE_CLAIM_MAX = 100,     // messages of one claim
	CORE_OUTSTANDING = 1000,  // leases of one agent
	CORE_HEADS = 256          // of a queue, known at a time
};

enum core_routing { CORE_BALANCED, CORE_SERIAL, CORE_SIMULTANEOUS };

struct core;
struct core_wait;
struct core_stream;

// Queues by their index in the core; or all.
struct core_scope {
	bool all;
	uint16_t n;
	uint32_t queue[CORE_SCOPE];
};

struct core_queue_rule {
	enum core_routing routing;
	uint64_t ring_ms;         // how long an offer is one agent's (balanced, serial)
	const char *const *order; // of agents' names, for serial; the others come behind, by name. Outlives the core
	unsigned n_order;
};

struct core_take {
	uint64_t id;
	uint32_t queue;
	uint8_t priority;
	const char *agent;
	void *cookie; // of the waiting claim
};

struct core_offer {
	uint64_t id;
	uint32_t queue;
	uint8_t priority;
	uint64_t ring_ms; // 0: until somebody takes it
};

// Decisions. They must not call the core, but for its look-ups.
struct core_acts {
	// This message shall be leased to the waiting claim's agent; core_leased or core_failed follows.
	// False: it cannot be done now.
	bool (*take)(void *argument, const struct core_take *take);
	// A waiting claim is over, with so many takes before; its struct is gone.
	void (*waited)(void *argument, void *cookie, unsigned n_taken);
	void (*offer)(void *argument, void *cookie, const struct core_offer *offer);
	void (*withdraw)(void *argument, void *cookie, uint64_t id);
	// The lease is over; core_returned or core_failed follows.
	void (*expire)(void *argument, uint64_t id);
	void *argument;
};

// NULL when memory is out.
struct core *core_create(const struct core_acts *acts);
void core_destroy(struct core *core);

// The index of a queue, which is made where it is not there; -ENOMEM. New ones are balanced, ringing for 20 s.
int core_queue(struct core *core, const char *name);
// The same, -ENOENT where there is none.
int core_queue_find(const struct core *core, const char *name);
const char *core_queue_name(const struct core *core, uint32_t queue);
uint32_t core_queues(const struct core *core);
void core_queue_rule_put(struct core *core, uint32_t queue, const struct core_queue_rule *rule);
const struct core_queue_rule *core_queue_rule_get(const struct core *core, uint32_t queue);

// Whether an agent waits for messages of this queue, so that its front should be known.
bool core_wanted(const struct core *core, uint32_t queue);

// The front of a queue as the spool has it, most urgent and then oldest first; `whole`: there are no more.
struct core_head {
	uint64_t id;
	uint8_t priority;
};
void core_heads_put(struct core *core, uint32_t queue, const struct core_head *heads, unsigned n, bool whole);

// Whether all that is known of the front is given away, while there is more behind it.
bool core_heads_short(const struct core *core, uint32_t queue);

// An agent waits for up to `max` messages until `deadline`. NULL when memory is out.
struct core_wait *core_wait_add(struct core *core, const char *agent, const struct core_scope *scope, unsigned max,
				uint64_t deadline, void *cookie);
void core_wait_drop(struct core *core, struct core_wait *wait);

// An agent listens for offers, until it has `capacity` messages offered or in hand. NULL when memory is out.
struct core_stream *core_stream_add(struct core *core, const char *agent, const struct core_scope *scope,
				    unsigned capacity, void *cookie);
void core_stream_drop(struct core *core, struct core_stream *stream);

// An agent takes this message by itself. 0, core_leased or core_failed follows; -EBUSY: it is with somebody, or
// offered to somebody else alone; -EDQUOT: the agent has CORE_OUTSTANDING in hand; -ENOMEM. `any`: whoever it is
// offered to.
int core_take(struct core *core, const char *agent, uint32_t queue, uint64_t id, bool any);

// The queue of a message that is offered to somebody, or with somebody; -ENOENT: the core does not know it.
int core_message_queue(const struct core *core, uint64_t id);

// A lease is held (after a take, or found in the spool at the start); 0 or -ENOMEM. Again: it holds for longer.
int core_leased(struct core *core, const char *agent, uint32_t queue, uint64_t id, uint64_t until);
// The take, or what was to be done about a lease, failed: a message that was to be taken waits again, a lease that was
// to end is tried again.
void core_failed(struct core *core, uint64_t id, uint64_t again);
// The lease is no more: settled, or given back.
void core_returned(struct core *core, uint64_t id);

struct core_lease {
	const char *agent; // NUL-terminated; gone when the core changes
	uint32_t queue;
	uint64_t until;
};
// Whether there is a lease of this message.
bool core_lease_get(const struct core *core, uint64_t id, struct core_lease *lease);
// The ids of an agent's leases, in no order: at most `max`; how many they are.
unsigned core_agent_leases(const struct core *core, const char *agent, uint64_t *ids, unsigned max);
// Ends the leases of an agent at the next core_tick.
void core_agent_end(struct core *core, const char *agent);

struct core_presence {
	unsigned waits, streams, outstanding, offers;
};
// Of one agent; all 0 for one that is not known.
struct core_presence core_agent_presence(const struct core *core, const char *agent);
// Agents that wait for messages of a queue.
unsigned core_queue_agents(const struct core *core, uint32_t queue);

// Gives messages to whoever waits for them.
void core_route(struct core *core, uint64_t now);
// What is due: leases, offers and waits that are over. Then as core_route.
void core_tick(struct core *core, uint64_t now);
