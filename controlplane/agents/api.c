// SPDX-License-Identifier: BSD-3-Clause
//
// The requests of the agents' API (docs/api.yaml): what they ask, whether the agent may, and the answers. An
// operation on a message is answered when it is durable. Repeats are harmless: a message that was settled under the
// same lease before is settled. Desk's thread.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/agents/api_read.h"
#include "controlplane/agents/api_routes.h"
#include "controlplane/agents/desk_inside.h"
#include "controlplane/agents/registry.h"
#include "controlplane/agents/reply.h"
#include "controlplane/agents/web.h"

void api_refuse_body(struct http_request *request, const char *why)
{
	http_refuse(request, MHD_HTTP_BAD_REQUEST, "body", why, 0);
}

void api_refuse_scope(struct http_request *request, int err, const char *name)
{
	char detail[160];

	if (err == -EACCES) {
		snprintf(detail, sizeof(detail), "this agent may not see a queue \"%.80s\"", name);
		http_refuse(request, MHD_HTTP_FORBIDDEN, "queue-forbidden", detail, 0);
	} else if (err == -ENOENT) {
		snprintf(detail, sizeof(detail), "there is no queue \"%.80s\"", name);
		http_refuse(request, MHD_HTTP_NOT_FOUND, "queue-unknown", detail, 0);
	} else if (err == -EINVAL || err == -E2BIG) {
		snprintf(detail, sizeof(detail), "queues are 1 to %d names", (int)CORE_SCOPE);
		http_refuse(request, MHD_HTTP_BAD_REQUEST, "body", detail, 0);
	} else {
		http_refuse_errno(request, err);
	}
}

bool api_is_elsewhere(const struct desk *desk, struct http_request *request)
{
	if (desk->gateway->backend == GATEWAY_BACKEND_LOCAL)
		return false;
	http_refuse(request, MHD_HTTP_CONFLICT, "queues-elsewhere",
		    "agents.backend is \"nats\": messages are claimed there (docs/agents-nats.md)", 0);
	return true;
}

void api_claim(void *argument, struct http_request *request)
{
	struct desk *desk = argument;
	struct core_scope scope;
	struct api_claim claim;
	const char *at = NULL;
	char why[API_WHY];
	int err;

	if (api_is_elsewhere(desk, request))
		return;
	if (!api_read_claim(request->body, &claim, why)) {
		api_refuse_body(request, why);
		return;
	}
	err = desk_scope(desk, request->agent, claim.queues, &scope, &at);
	if (err)
		api_refuse_scope(request, err, at);
	else if (core_agent_presence(desk->core, request->agent->name).outstanding >= CORE_OUTSTANDING)
		http_refuse(request, MHD_HTTP_CONFLICT, "too-many-leases",
			    "the agent has as many messages in hand as one may", 0);
	else
		claim_begin(desk, request, &scope, claim.max, (uint64_t)claim.wait_s * 1000);
}

void api_claim_message(void *argument, struct http_request *request)
{
	struct desk *desk = argument;
	int queue = core_message_queue(desk->core, request->id);
	const char *named;
	char why[API_WHY];

	if (api_is_elsewhere(desk, request))
		return;
	if (!api_read_queue(request->body, &named, why)) {
		api_refuse_body(request, why);
		return;
	}
	if (queue < 0 && named)
		queue = core_queue_find(desk->core, named);
	if (queue < 0 && named)
		api_refuse_scope(request, registry_sees(request->agent, named) ? -ENOENT : -EACCES, named);
	else if (queue < 0)
		api_refuse_body(request, "the message is not offered: name its queue");
	else if (!registry_sees(request->agent, core_queue_name(desk->core, (uint32_t)queue)))
		api_refuse_scope(request, -EACCES, core_queue_name(desk->core, (uint32_t)queue));
	else
		claim_by_id(desk, request, (uint32_t)queue);
}

// The client has left: the operation goes on.
static void on_gone(struct http_request *request)
{
	struct desk_op *op = request->work;

	op->work = NULL;
	request->work = NULL;
}

// Refuses with what became of an operation on a lease.
static void refuse_result(struct http_request *request, int err)
{
	if (err == -ENOENT)
		http_refuse(request, MHD_HTTP_NOT_FOUND, "message-unknown", "there is no such message", 0);
	else if (err == -ESTALE)
		http_refuse(request, MHD_HTTP_CONFLICT, "lease-over",
			    "the lease is over, or another agent's: the message is not this agent's any more", 0);
	else if (err == -EALREADY)
		http_refuse(request, MHD_HTTP_CONFLICT, "message-settled",
			    "the message was settled under this lease", 0);
	else if (err == -EMSGSIZE)
		http_refuse(request, MHD_HTTP_BAD_REQUEST, "body",
			    "the answer is longer than a reply to this message may be", 0);
	else if (err == -EILSEQ)
		http_refuse(request, MHD_HTTP_BAD_REQUEST, "body",
			    "the answer to a message of this protocol is text (UTF-8)", 0);
	else if (err == -EPROTONOSUPPORT || err == -EBADMSG)
		http_refuse(request, MHD_HTTP_CONFLICT, "not-answerable",
			    "this message cannot be answered: acknowledge it", 0);
	else
		http_refuse_errno(request, err);
}

// The operation that a request waits for; NULL after refusing: the lease is another agent's, or memory is out.
static struct desk_op *begin(struct desk *desk, struct http_request *request, enum spool_op_kind kind,
			     const struct api_lease *lease)
{
	struct core_lease held;
	struct desk_op *op;

	if (core_lease_get(desk->core, request->id, &held) && strcmp(held.agent, request->agent->name) != 0) {
		refuse_result(request, -ESTALE);
		return NULL;
	}
	op = desk_op_create(desk, kind, request->id);
	if (!op) {
		http_refuse_errno(request, -ENOMEM);
		return NULL;
	}
	memcpy(op->op.token, lease->token, SPOOL_TOKEN_SIZE);
	snprintf(op->agent, sizeof(op->agent), "%s", request->agent->name);
	op->work = request;
	request->work = op;
	request->gone = on_gone;
	return op;
}

static struct http_request *take_request(struct desk_op *op)
{
	struct http_request *request = op->work;

	if (request) {
		request->gone = NULL;
		request->work = NULL;
	}
	return request;
}

static void settle_ack(struct desk *desk, struct desk_op *op)
{
	struct http_request *request = take_request(op);
	int err = op->op.result;

	if (!err || err == -EALREADY)
		core_returned(desk->core, op->op.id);
	if (!request)
		return;
	if (err && err != -EALREADY)
		refuse_result(request, err);
	else
		http_answer(request, MHD_HTTP_OK, json_pack("{s:I, s:s, s:b}", "id", (json_int_t)op->op.id, "state",
							    "settled", "repeated", err == -EALREADY));
}

void api_ack(void *argument, struct http_request *request)
{
	struct desk *desk = argument;
	struct api_lease lease;
	char why[API_WHY];
	struct desk_op *op;

	if (!api_read_lease(request->body, false, &lease, why)) {
		api_refuse_body(request, why);
		return;
	}
	op = begin(desk, request, OP_SETTLE, &lease);
	if (!op)
		return;
	op->settle = settle_ack;
	desk_op_put(desk, op);
	desk_pump(desk);
}

static void begin_answer(struct desk *desk, struct http_request *request, const struct api_answer *answer)
{
	void *payload = malloc(answer->length + 1);
	struct desk_op *op = payload ? begin(desk, request, OP_SETTLE, &answer->lease) : NULL;

	if (!op) {
		if (!payload)
			http_refuse_errno(request, -ENOMEM);
		free(payload);
		return;
	}
	memcpy(payload, answer->payload, answer->length);
	op->payload = payload;
	op->answer = (struct spool_answer){ .build = reply_build, .status = answer->status, .payload = payload,
					    .length = (uint16_t)answer->length };
	op->op.answer = &op->answer;
	op->settle = settle_ack;
	desk_op_put(desk, op);
	desk_pump(desk);
}

void api_answer(void *argument, struct http_request *request)
{
	struct api_answer *answer = malloc(sizeof(*answer));
	char why[API_WHY];

	if (!answer)
		http_refuse_errno(request, -ENOMEM);
	else if (!api_read_answer(request->body, answer, why))
		api_refuse_body(request, why);
	else
		begin_answer(argument, request, answer);
	free(answer);
}

static void settle_give_back(struct desk *desk, struct desk_op *op)
{
	struct http_request *request = take_request(op);
	int err = op->op.result;

	if (!err) {
		core_returned(desk->core, op->op.id);
		desk->queues[op->queue].dirty = true;
	}
	if (request && err)
		refuse_result(request, err);
	else if (request)
		http_answer(request, MHD_HTTP_OK, json_pack("{s:I, s:s}", "id", (json_int_t)op->op.id, "state",
							    op->op.dead ? "dead" : "waiting"));
}

void api_give_back(void *argument, struct http_request *request)
{
	struct desk *desk = argument;
	struct core_lease held = { .queue = 0 };
	struct api_lease lease;
	char why[API_WHY];
	struct desk_op *op;

	if (!api_read_lease(request->body, false, &lease, why)) {
		api_refuse_body(request, why);
		return;
	}
	op = begin(desk, request, OP_RETURN, &lease);
	if (!op)
		return;
	if (core_lease_get(desk->core, request->id, &held)) {
		op->queue = held.queue;
		op->op.retries = desk->queues[held.queue].retries;
	}
	op->settle = settle_give_back;
	desk_op_put(desk, op);
	desk_pump(desk);
}

static void settle_extend(struct desk *desk, struct desk_op *op)
{
	struct http_request *request = take_request(op);
	int err = op->op.result;
	struct core_lease held;

	if (!err && core_lease_get(desk->core, op->op.id, &held))
		err = core_leased(desk->core, op->agent, held.queue, op->op.id, desk_core_time(op->op.until_ms));
	if (request && err)
		refuse_result(request, err);
	else if (request)
		http_answer(request, MHD_HTTP_OK, json_pack("{s:I, s:s, s:I}", "id", (json_int_t)op->op.id, "state",
							    "leased", "lease_until_ms", (json_int_t)op->op.until_ms));
}

void api_extend(void *argument, struct http_request *request)
{
	struct desk *desk = argument;
	struct core_lease held;
	struct api_lease lease;
	char why[API_WHY];
	struct desk_op *op;

	if (!api_read_lease(request->body, true, &lease, why)) {
		api_refuse_body(request, why);
		return;
	}
	op = begin(desk, request, OP_EXTEND, &lease);
	if (!op)
		return;
	op->op.lease_ms = lease.extend_s * 1000;
	if (!lease.extend_s)
		op->op.lease_ms = core_lease_get(desk->core, request->id, &held)
					  ? (uint32_t)desk->queues[held.queue].lease_ms
					  : GATEWAY_LEASE_S * 1000;
	op->settle = settle_extend;
	desk_op_put(desk, op);
	desk_pump(desk);
}

#define X(method, path, handle) { method, path, handle, false },
const struct http_route api_routes[] = { API_ROUTES(X)
	// The console: no secrets stand in it, so whoever comes may have it.
	{ MHD_HTTP_METHOD_GET, "/", web_front, true },
	{ MHD_HTTP_METHOD_GET, "/console", web_front, true },
	{ MHD_HTTP_METHOD_GET, "/console/", web_page, true },
	{ MHD_HTTP_METHOD_GET, "/console/{name}", web_page, true },
	{ NULL, NULL, NULL, false } };
#undef X
