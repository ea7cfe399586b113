// SPDX-License-Identifier: BSD-3-Clause
//
// Requests of the agents' API that a console needs: who am I, what have I in hand, and, for operators, the triage
// picture. Desk's thread.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/agents/api_json.h"
#include "controlplane/agents/api_routes.h"
#include "controlplane/agents/desk_inside.h"
#include "controlplane/agents/picture.h"
#include "controlplane/agents/registry.h"
#include "controlplane/mapping.h"

enum { MINE = 100, MAX_DIGITS = 18 };

void api_agent(void *argument, struct http_request *request)
{
	const struct registry_agent *agent = request->agent;
	const struct desk *desk = argument;
	const bool is_local = desk->gateway->backend == GATEWAY_BACKEND_LOCAL;
	json_t *queues = json_array(), *who;

	for (unsigned i = 0; i < agent->n_queues; i++)
		json_array_append_new(queues, json_string(agent->queues[i]));
	if (agent->is_operator)
		json_array_append_new(queues, json_string("*"));
	who = json_pack("{s:s, s:s, s:o}", "name", agent->name, "role", agent->is_operator ? "operator" : "agent",
			"queues", queues);
	json_object_set_new(who, "gateway", json_string(desk->gateway->name));
	json_object_set_new(who, "backend", json_string(is_local ? "local" : "nats"));
	json_object_set_new(who, "now_ms", json_integer((json_int_t)desk_real_now()));
	http_answer(request, MHD_HTTP_OK, who);
}

struct mine {
	const struct desk *desk;
	const char *agent;
	uint64_t id;
	json_t *array;
};

static int put_lease(const struct spool_lease *lease, void *argument)
{
	struct spool_claimed claimed = { .message = lease->message, .until_ms = lease->until_ms };
	const struct mine *mine = argument;
	json_t *message;

	if (lease->message.arrival != mine->id || strcmp(lease->agent, mine->agent) != 0 ||
	    lease->until_ms <= desk_real_now())
		return 0; // it ended a moment ago
	memcpy(claimed.token, lease->token, sizeof(claimed.token));
	message = desk_put_tenant(mine->desk, api_claimed_json(&claimed), "tenant", "tenant_name");
	return json_array_append_new(mine->array, message) < 0 ? -ENOMEM : 0;
}

static int by_id(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

void api_messages(void *argument, struct http_request *request)
{
	struct desk *desk = argument;
	struct mine mine = { desk, request->agent->name, 0, NULL };
	uint64_t ids[CORE_OUTSTANDING];
	unsigned n = core_agent_leases(desk->core, request->agent->name, ids, CORE_OUTSTANDING);
	int err = 0;

	if (api_is_elsewhere(desk, request))
		return;
	qsort(ids, n, sizeof(ids[0]), by_id);
	mine.array = json_array();
	for (unsigned i = 0; i < n && i < MINE && !err; i++) {
		mine.id = ids[i];
		err = spool_leases(desk->spool, ids[i] - 1, 1, put_lease, &mine);
	}
	if (!err) {
		http_answer(request, MHD_HTTP_OK, json_pack("{s:o}", "messages", mine.array));
		return;
	}
	json_decref(mine.array);
	http_refuse_errno(request, err);
}

// Reads the query's `after`, 0 where there is none; false: it is no number.
static bool read_after(const struct http_request *request, uint64_t *after)
{
	const char *text = http_query(request, "after");
	size_t n = text ? strlen(text) : 0;

	*after = text ? strtoull(text, NULL, 10) : 0;
	return !text || (n > 0 && n <= MAX_DIGITS && strspn(text, "0123456789") == n);
}

void api_picture(void *argument, struct http_request *request)
{
	struct desk *desk = argument;
	json_t *picture, *tenant;
	uint64_t after;
	size_t i;

	if (!request->agent->is_operator) {
		http_refuse(request, MHD_HTTP_FORBIDDEN, "operators-only", "the triage picture is for operators", 0);
		return;
	}
	if (!read_after(request, &after)) {
		http_refuse(request, MHD_HTTP_BAD_REQUEST, "query", "after is a whole number", 0);
		return;
	}
	picture = picture_json(desk->picture, desk->map ? desk->map->segment : NULL, after);
	json_array_foreach(json_object_get(picture, "tenants"), i, tenant)
		json_decref(desk_put_tenant(desk, json_incref(tenant), "id", "name"));
	http_answer(request, MHD_HTTP_OK, picture);
}
