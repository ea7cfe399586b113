// SPDX-License-Identifier: BSD-3-Clause
//
// Requests of the agents' API that only look: queues, statistics, and the stream of offers. Desk's thread.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/agents/api_json.h"
#include "controlplane/agents/api_routes.h"
#include "controlplane/agents/desk_inside.h"
#include "controlplane/agents/hooks.h"
#include "controlplane/agents/registry.h"
#include "controlplane/mapping.h"
#include "dataplane/abi/stats.h"

enum { NEXT = 20, CAPACITY = 100, NAMES = 4096 };

static json_t *by_priority(const uint64_t waiting[WEIR_N_PRIORITIES])
{
	json_t *object = json_object();

	for (unsigned i = 0; i < WEIR_N_PRIORITIES; i++)
		json_object_set_new(object, weir_priority_name(i), json_integer((json_int_t)waiting[i]));
	return object;
}

static const char *routing_name(enum core_routing routing)
{
	static const char *const names[] = { "balanced", "serial", "simultaneous" };

	return names[routing];
}

// How long the oldest message waits; null where none does.
static json_t *oldest_json(struct desk *desk, const char *name)
{
	uint64_t stored_ns = 0, now = desk_real_now();

	if (spool_oldest(desk->spool, name, &stored_ns) || !stored_ns)
		return json_null();
	return json_integer(stored_ns / 1000000 < now ? (json_int_t)((now - stored_ns / 1000000) / 1000) : 0);
}

static json_t *queue_json(struct desk *desk, uint32_t index)
{
	const char *name = core_queue_name(desk->core, index);
	struct spool_queue queue = { .id = 0 };

	if (spool_queue_get(desk->spool, name, &queue)) // no message ever came to it
		queue = (struct spool_queue){ .id = 0 };
	return json_pack("{s:s, s:s, s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:o, s:b, s:i, s:o}", "name", name, "routing",
			 routing_name(core_queue_rule_get(desk->core, index)->routing), "waiting",
			 (json_int_t)queue.waiting, "waiting_by", by_priority(queue.waiting_by), "leased",
			 (json_int_t)queue.leased, "dead", (json_int_t)queue.dead, "stored", (json_int_t)queue.stored,
			 "acknowledged", (json_int_t)queue.acknowledged, "removed", (json_int_t)queue.removed,
			 "oldest_s", oldest_json(desk, name), "alarm", (int)desk->queues[index].alarmed, "agents",
			 (int)core_queue_agents(desk->core, index), "webhooks",
			 hooks_json(desk->hooks, name));
}

void api_queues(void *argument, struct http_request *request)
{
	struct desk *desk = argument;
	json_t *list = json_array();

	for (uint32_t i = 0; i < desk->n_queues; i++)
		if (registry_sees(request->agent, core_queue_name(desk->core, i)))
			json_array_append_new(list, queue_json(desk, i));
	http_answer(request, MHD_HTTP_OK, json_pack("{s:o}", "queues", list));
}

struct list {
	const struct desk *desk;
	json_t *array;
};

static int put_next(const struct spool_message *message, void *argument)
{
	const struct list *list = argument;
	json_t *object = desk_put_tenant(list->desk, api_message_json(message), "tenant", "tenant_name");

	return json_array_append_new(list->array, object) < 0 ? -ENOMEM : 0;
}

void api_queue(void *argument, struct http_request *request)
{
	struct desk *desk = argument;
	int index = core_queue_find(desk->core, request->name);
	struct list next = { desk, NULL };
	json_t *queue;
	int err;

	if (!registry_sees(request->agent, request->name) || index < 0) {
		api_refuse_scope(request, index < 0 && registry_sees(request->agent, request->name) ? -ENOENT : -EACCES,
				 request->name);
		return;
	}
	next.array = json_array();
	err = spool_peek(desk->spool, request->name, (struct spool_place){ 0, 0 }, NEXT, put_next, &next);
	if (err && err != -ENOENT) {
		json_decref(next.array);
		http_refuse_errno(request, err);
		return;
	}
	queue = queue_json(desk, (uint32_t)index);
	json_object_set_new(queue, "next", next.array);
	http_answer(request, MHD_HTTP_OK, queue);
}

void api_stats(void *argument, struct http_request *request)
{
	struct desk *desk = argument;

	if (!request->agent->is_operator)
		http_refuse(request, MHD_HTTP_FORBIDDEN, "operators-only", "statistics are for operators", 0);
	else if (!desk->map)
		http_refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, "no-dataplane", "no dataplane is connected", 5);
	else
		http_answer(request, MHD_HTTP_OK, stats_json(desk->map->segment));
}

// "a,b" as a list; NULL for no text.
static json_t *split(const char *text)
{
	json_t *list = text ? json_array() : NULL;

	while (text) {
		size_t n = strcspn(text, ",");

		json_array_append_new(list, json_stringn(text, n));
		text = text[n] ? text + n + 1 : NULL;
	}
	return list;
}

void api_offers(void *argument, struct http_request *request)
{
	const char *max = http_query(request, "max"), *at = "";
	unsigned long capacity = max ? strtoul(max, NULL, 10) : 1;
	const char *queues = http_query(request, "queues");
	struct desk *desk = argument;
	struct core_scope scope;
	json_t *names;
	int err;

	if (api_is_elsewhere(desk, request))
		return;
	names = queues && strlen(queues) <= NAMES ? split(queues) : NULL;

	if (capacity < 1 || capacity > CAPACITY || (max && strspn(max, "0123456789") != strlen(max)) ||
	    (queues && !names)) {
		json_decref(names);
		http_refuse(request, MHD_HTTP_BAD_REQUEST, "query", "max is a whole number from 1 to 100", 0);
		return;
	}
	err = desk_scope(desk, request->agent, names, &scope, &at);
	if (err)
		api_refuse_scope(request, err, at);
	else
		stream_begin(desk, request, &scope, (unsigned)capacity);
	json_decref(names);
}
