// SPDX-License-Identifier: BSD-3-Clause
//
// Operations on messages: from the core's decisions to the spool's writer and back. The writer's thread runs
// hand_back() alone. Desk's thread otherwise.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "controlplane/agents/desk_inside.h"
#include "controlplane/agents/hooks.h"
#include "controlplane/agents/registry.h"
#include "controlplane/consumer.h"
#include "controlplane/log.h"

enum { AGAIN_MS = 1000, PUMP_TURNS = 8, LEASES = 1000 };
enum { REVOKED = 0 }; // when a lease ends whose agent was revoked (core_agent_end)

// The writer's thread: hands the operation back. One wake-up for many.
static void hand_back(struct spool_op *op)
{
	struct desk_op *done = (struct desk_op *)op;
	struct desk *desk = done->desk;
	bool first;

	done->next_done = NULL;
	pthread_mutex_lock(&desk->mutex);
	first = !desk->done;
	*desk->done_end = done;
	desk->done_end = &done->next_done;
	pthread_mutex_unlock(&desk->mutex);
	if (first)
		eventfd_write(desk->wake, 1);
}

struct desk_op *desk_op_create(struct desk *desk, enum spool_op_kind kind, uint64_t id)
{
	struct desk_op *op = calloc(1, sizeof(*op));

	if (!op)
		return NULL;
	op->op.kind = kind;
	op->op.id = id;
	op->op.done = hand_back;
	op->desk = desk;
	return op;
}

void desk_op_put(struct desk *desk, struct desk_op *op)
{
	*desk->ops_end = &op->op;
	desk->ops_end = &op->op.next;
}

void desk_settle(struct desk *desk, struct desk_op *done)
{
	while (done) {
		struct desk_op *op = done;

		done = op->next_done;
		op->settle(desk, op);
		spool_claimed_free(op->op.claimed);
		free(op->payload);
		free(op);
	}
}

bool desk_take(void *argument, const struct core_take *take)
{
	struct desk *desk = argument;
	struct desk_op *op = desk_op_create(desk, OP_CLAIM, take->id);

	if (!op)
		return false;
	snprintf(op->agent, sizeof(op->agent), "%s", take->agent);
	op->queue = take->queue;
	op->op.queue = core_queue_name(desk->core, take->queue);
	op->op.n = 1;
	op->op.agent = op->agent;
	op->op.lease_ms = (uint32_t)desk->queues[take->queue].lease_ms;
	op->work = take->cookie;
	op->settle = ((const struct waiter *)take->cookie)->took;
	desk_op_put(desk, op);
	return true;
}

// A lease that ended is settled, or waits again.
static void settle_return(struct desk *desk, struct desk_op *op)
{
	int err = op->op.result;

	if (err == -EBUSY) { // extended when its time was nearly over
		core_failed(desk->core, op->op.id, desk_core_time(op->op.until_ms));
		return;
	}
	if (err && err != -ENOENT && err != -ESTALE && err != -EALREADY) {
		core_failed(desk->core, op->op.id, op->op.forced ? REVOKED : desk_now() + AGAIN_MS);
		return;
	}
	if (!err && op->op.dead)
		log_warning("queue %s: message %llu is a dead letter: it was leased %u times",
			    core_queue_name(desk->core, op->queue), (unsigned long long)op->op.id, op->op.retries);
	core_returned(desk->core, op->op.id);
	desk->queues[op->queue].dirty = true;
}

void desk_waited(void *argument, void *cookie, unsigned n_taken)
{
	((struct waiter *)cookie)->waited(argument, cookie, n_taken);
}

void desk_expire(void *argument, uint64_t id)
{
	struct desk *desk = argument;
	struct desk_op *op = desk_op_create(desk, OP_RETURN, id);
	struct core_lease lease;

	if (!op || !core_lease_get(desk->core, id, &lease)) {
		free(op); // it stays leased until the control plane starts again: memory is out
		return;
	}
	op->queue = lease.queue;
	op->op.queue = core_queue_name(desk->core, lease.queue);
	op->op.forced = lease.until == REVOKED;
	op->op.overdue = !op->op.forced;
	op->op.retries = desk->queues[lease.queue].retries;
	op->settle = settle_return;
	desk_op_put(desk, op);
}

void desk_give_back(struct desk *desk, uint64_t id, uint32_t queue, const uint8_t token[SPOOL_TOKEN_SIZE])
{
	struct desk_op *op = desk_op_create(desk, OP_RETURN, id);

	if (!op)
		return; // it ends with its time
	op->queue = queue;
	op->op.queue = core_queue_name(desk->core, queue);
	memcpy(op->op.token, token, SPOOL_TOKEN_SIZE);
	op->settle = settle_return;
	desk_op_put(desk, op);
}

void desk_return(struct desk *desk, uint64_t id, uint32_t queue, const uint8_t token[SPOOL_TOKEN_SIZE], bool counts)
{
	struct desk_op *op = desk_op_create(desk, OP_RETURN, id);

	if (!op)
		return; // it ends with its time
	op->queue = queue;
	op->op.queue = core_queue_name(desk->core, queue);
	memcpy(op->op.token, token, SPOOL_TOKEN_SIZE);
	op->op.retries = desk->queues[queue].retries;
	op->op.uncounted = !counts;
	op->settle = settle_return;
	desk_op_put(desk, op);
}

struct front {
	struct core_head head[CORE_HEADS];
	unsigned n;
};

static int put_head(const struct spool_message *message, void *argument)
{
	struct front *front = argument;

	front->head[front->n++] = (struct core_head){ message->arrival, message->record.priority };
	return 0;
}

static void look_at_front(struct desk *desk, uint32_t index)
{
	struct front front = { .n = 0 };
	int err = spool_peek(desk->spool, core_queue_name(desk->core, index), (struct spool_place){ 0, 0 }, CORE_HEADS,
			     put_head, &front);

	if (err && err != -ENOENT)
		return; // tried again at the next tick
	desk->queues[index].dirty = false;
	core_heads_put(desk->core, index, front.head, front.n, front.n < CORE_HEADS);
}

void desk_hand_over(struct desk *desk)
{
	struct spool_op *ops = desk->ops;

	desk->ops = NULL;
	desk->ops_end = &desk->ops;
	if (ops)
		consumer_submit(desk->consumer, ops);
}

void desk_pump(struct desk *desk)
{
	bool again = true;

	hooks_ask(desk->hooks);
	for (unsigned turn = 0; turn < PUMP_TURNS && again; turn++) {
		again = false;
		for (uint32_t i = 0; i < desk->n_queues; i++)
			if ((desk->queues[i].dirty || core_heads_short(desk->core, i)) && core_wanted(desk->core, i))
				look_at_front(desk, i);
		core_route(desk->core, desk_now());
		desk_hand_over(desk);
		for (uint32_t i = 0; i < desk->n_queues && !again; i++)
			again = core_heads_short(desk->core, i) && core_wanted(desk->core, i);
	}
}

struct lease_load {
	struct desk *desk;
	uint64_t last;
	unsigned n;
};

static int load_lease(const struct spool_lease *lease, void *argument)
{
	struct lease_load *load = argument;
	int queue = desk_queue_get(load->desk, lease->message.queue);

	load->last = lease->message.arrival;
	load->n++;
	if (queue < 0)
		return queue;
	return core_leased(load->desk->core, lease->agent, (uint32_t)queue, lease->message.arrival,
			   desk_core_time(lease->until_ms));
}

int desk_leases_load(struct desk *desk)
{
	struct lease_load load = { .desk = desk };
	int err;

	do {
		load.n = 0;
		err = spool_leases(desk->spool, load.last, LEASES, load_lease, &load);
	} while (!err && load.n == LEASES);
	return err;
}

static int add_queue(struct desk *desk, const struct registry_agent *agent, const char *name, bool named,
		     struct core_scope *scope)
{
	int index;

	if (!name || scope->n == CORE_SCOPE)
		return name ? -E2BIG : -EINVAL;
	if (!registry_sees(agent, name))
		return -EACCES;
	index = named ? core_queue_find(desk->core, name) : desk_queue_get(desk, name);
	if (index < 0)
		return index;
	scope->queue[scope->n++] = (uint32_t)index;
	return 0;
}

int desk_scope(struct desk *desk, const struct registry_agent *agent, const json_t *names, struct core_scope *scope,
	       const char **at)
{
	int err = 0;

	*scope = (struct core_scope){ .all = !names && registry_sees(agent, "*") };
	if (names && !json_is_array(names))
		return -EINVAL;
	if (names && json_array_size(names) == 0)
		return -EINVAL;
	for (size_t i = 0; i < json_array_size(names) && !err; i++) {
		*at = json_string_value(json_array_get(names, i));
		err = add_queue(desk, agent, *at, true, scope);
	}
	for (unsigned i = 0; !names && !scope->all && i < agent->n_queues && !err; i++) {
		*at = agent->queues[i];
		err = add_queue(desk, agent, *at, false, scope);
	}
	return err;
}
