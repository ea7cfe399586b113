// SPDX-License-Identifier: BSD-3-Clause
//
// Webhooks at the desk: who they are, how many messages each waits for, what is shown of them. A delivery is
// hook_deliver.c's. What the breaker says is asked before messages are given out, so there is nothing to be undone.
#include "controlplane/agents/hooks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/agents/hooks_parts.h"

#define AGENT "webhook:"

enum { LEASES = 1000, QUEUE_NAME = 40 };

// The agent's name: of the queue's as much as fits, cut between characters.
static void name_format(const char *queue, unsigned number, char name[CORE_NAME + 1])
{
	size_t n = strnlen(queue, QUEUE_NAME);

	while (n > 0 && queue[n] != '\0' && ((unsigned char)queue[n] & 0xc0) == 0x80)
		n--;
	snprintf(name, CORE_NAME + 1, AGENT "%.*s:%u", (int)n, queue, number);
}

// Tells what others may see; the mutex is held for moments.
void hook_publish(struct hook *hook)
{
	pthread_mutex_lock(&hook->hooks->mutex);
	hook->shown = hook->breaker;
	pthread_mutex_unlock(&hook->hooks->mutex);
}

static void on_waited(struct desk *desk, struct waiter *waiter, unsigned n_taken)
{
	struct hook *hook = (struct hook *)waiter;

	(void)desk;
	hook->wait = NULL;
	for (unsigned i = 0; i < n_taken; i++)
		hook_breaker_begin(&hook->breaker);
	hook_publish(hook);
}

static int open_hook(struct hooks *hooks, const struct gateway_queue *queue, unsigned i, char *why, size_t why_size)
{
	const struct gateway_webhook *set = &queue->webhooks[i];
	struct hook *hook = &hooks->hook[hooks->n];
	int index = desk_queue_get(hooks->desk, queue->name), err;
	char fault[200];

	if (index < 0)
		return index;
	*hook = (struct hook){ .waiter = { hook_took, on_waited }, .hooks = hooks, .set = set,
			       .queue = (uint32_t)index };
	hook_breaker_init(&hook->breaker, 1000ull * set->retry_s, 1000ull * set->break_s, set->break_after, set->max);
	hook->shown = hook->breaker;
	name_format(queue->name, i + 1, hook->agent);
	hooks->n++;
	err = hook_secrets_read(set->secret_file, &hook->secrets, fault, sizeof(fault));
	if (err) {
		snprintf(why, why_size, "line %u: secret_file %s: %s", set->line, set->secret_file, fault);
		return -EINVAL;
	}
	if (set->ca_file && hook_ca_check(set->ca_file, fault, sizeof(fault))) {
		snprintf(why, why_size, "line %u: ca_file %s: %s", set->line, set->ca_file, fault);
		return -EINVAL;
	}
	return 0;
}

static int open_all(struct hooks *hooks, char *why, size_t why_size)
{
	const struct gateway *gateway = hooks->desk->gateway;
	unsigned n = 0;

	for (unsigned q = 0; q < gateway->n_queues; q++)
		n += gateway->queues[q].n_webhooks;
	if (n == 0)
		return 0;
	hooks->hook = calloc(n, sizeof(*hooks->hook));
	hooks->sender = hook_sender_create(hooks->desk->base);
	if (!hooks->hook || !hooks->sender)
		return -ENOMEM;
	for (unsigned q = 0; q < gateway->n_queues; q++)
		for (unsigned i = 0; i < gateway->queues[q].n_webhooks; i++) {
			int err = open_hook(hooks, &gateway->queues[q], i, why, why_size);

			if (err)
				return err;
		}
	return 0;
}

struct lease_walk {
	struct hooks *hooks;
	uint64_t last;
	unsigned n;
};

static int give_back(const struct spool_lease *lease, void *argument)
{
	struct lease_walk *walk = argument;
	struct desk *desk = walk->hooks->desk;
	int queue = core_message_queue(desk->core, lease->message.arrival);

	walk->last = lease->message.arrival;
	walk->n++;
	if (strncmp(lease->agent, AGENT, strlen(AGENT)) == 0 && queue >= 0)
		desk_return(desk, lease->message.arrival, (uint32_t)queue, lease->token, false);
	return 0;
}

// Deliveries that ended with the last control plane: their messages wait again, for nobody knows what came of them.
static int give_all_back(struct hooks *hooks)
{
	struct lease_walk walk = { .hooks = hooks };
	int err;

	do {
		walk.n = 0;
		err = spool_leases(hooks->desk->spool, walk.last, LEASES, give_back, &walk);
	} while (!err && walk.n == LEASES);
	return err;
}

struct hooks *hooks_create(struct desk *desk, char *why, size_t why_size)
{
	struct hooks *hooks = calloc(1, sizeof(*hooks));
	int err;

	snprintf(why, why_size, "out of memory or descriptors");
	if (!hooks)
		return NULL;
	hooks->desk = desk;
	pthread_mutex_init(&hooks->mutex, NULL);
	err = open_all(hooks, why, why_size);
	if (!err)
		err = give_all_back(hooks);
	if (!err)
		return hooks;
	hooks_destroy(hooks);
	errno = -err;
	return NULL;
}

void hooks_destroy(struct hooks *hooks)
{
	if (!hooks)
		return;
	hook_sender_destroy(hooks->sender);
	while (hooks->deliveries)
		delivery_destroy(hooks->deliveries);
	for (unsigned i = 0; i < hooks->n; i++)
		hook_secrets_fini(&hooks->hook[i].secrets);
	pthread_mutex_destroy(&hooks->mutex);
	free(hooks->hook);
	free(hooks);
}

static void ask(struct hook *hook, uint64_t now)
{
	const struct core_scope scope = { .n = 1, .queue = { hook->queue } };
	struct core *core = hook->hooks->desk->core;
	enum hook_state before = hook->breaker.state;
	unsigned room = hook_breaker_room(&hook->breaker, now);

	if (hook->wait && hook->asked != room) {
		core_wait_drop(core, hook->wait);
		hook->wait = NULL;
	}
	if (!hook->wait && room > 0) {
		hook->wait = core_wait_add(core, hook->agent, &scope, room, UINT64_MAX, hook);
		hook->asked = room;
	}
	if (hook->breaker.state != before)
		hook_publish(hook);
}

void hooks_ask(struct hooks *hooks)
{
	uint64_t now = desk_now();

	for (unsigned i = 0; i < hooks->n; i++)
		ask(&hooks->hook[i], now);
}

json_t *hooks_json(struct hooks *hooks, const char *queue)
{
	const struct gateway_queue *set = gateway_queue_find(hooks->desk->gateway, queue);
	uint64_t now = desk_now();
	json_t *list = json_array();

	for (unsigned i = 0; set && i < hooks->n; i++) {
		const struct hook *hook = &hooks->hook[i];
		struct hook_breaker shown;
		uint64_t next;

		if (hook->set < set->webhooks || hook->set >= set->webhooks + set->n_webhooks)
			continue;
		pthread_mutex_lock(&hooks->mutex);
		shown = hook->shown;
		pthread_mutex_unlock(&hooks->mutex);
		next = hook_breaker_next(&shown, now);
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:i, s:I, s:I, s:I}", "host", hook->set->host,
						      "agent", hook->agent, "breaker", hook_state_name(shown.state),
						      "in_flight", (int)shown.in_flight, "delivered",
						      (json_int_t)shown.delivered, "failed", (json_int_t)shown.failed,
						      "next_ms", (json_int_t)(next ? next - now : 0)));
	}
	return list;
}
