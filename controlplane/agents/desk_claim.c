// SPDX-License-Identifier: BSD-3-Clause
//
// Claims: requests that wait for messages, and what they were given. A claim ends when the core has given it
// something, or when its time is over, and all that it was given is durable. What a client never heard of is given
// back at once: it left before, or its answer could not be written whole. Desk's thread.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/agents/api_json.h"
#include "controlplane/agents/desk_inside.h"
#include "controlplane/agents/registry.h"

struct claim {
	struct waiter waiter; // first: the core's cookie
	struct claim *next, **before;
	struct desk *desk;
	struct http_request *request; // NULL: its client has left
	struct core_wait *wait;       // in the core; NULL: it is over
	char agent[CORE_NAME + 1];
	struct core_scope scope;
	unsigned max, pending; // pending: operations under way
	uint64_t deadline_ms;
	bool by_id, revoked;
	struct spool_claimed *got, **got_end;
	unsigned n_got;
	int err; // of the environment
};

static void claim_destroy(struct claim *claim)
{
	*claim->before = claim->next;
	if (claim->next)
		claim->next->before = claim->before;
	spool_claimed_free(claim->got);
	free(claim);
}

static void claim_waited(struct desk *desk, struct waiter *waiter, unsigned n_taken);

static struct claim *claim_create(struct desk *desk, struct http_request *request)
{
	struct claim *claim = calloc(1, sizeof(*claim));

	if (!claim)
		return NULL;
	claim->waiter = (struct waiter){ claim_took, claim_waited };
	claim->desk = desk;
	claim->request = request;
	snprintf(claim->agent, sizeof(claim->agent), "%s", request->agent->name);
	claim->got_end = &claim->got;
	claim->next = desk->claims;
	claim->before = &desk->claims;
	if (claim->next)
		claim->next->before = &claim->next;
	desk->claims = claim;
	return claim;
}

static void give_all_back(struct claim *claim)
{
	for (const struct spool_claimed *c = claim->got; c; c = c->next) {
		int queue = desk_queue_get(claim->desk, c->message.queue);

		if (queue >= 0)
			desk_give_back(claim->desk, c->message.arrival, (uint32_t)queue, c->token);
	}
}

// The answer has left, or could not.
static void on_sent(struct http_request *request, bool whole)
{
	struct claim *claim = request->work;
	struct desk *desk = claim->desk;

	if (!whole)
		give_all_back(claim);
	claim_destroy(claim);
	if (!whole)
		event_active(desk->later, 0, 0);
}

static json_t *message_json(const struct claim *claim, const struct spool_claimed *claimed)
{
	return desk_put_tenant(claim->desk, api_claimed_json(claimed), "tenant", "tenant_name");
}

static json_t *answer_of(const struct claim *claim)
{
	json_t *list = json_array();

	if (claim->by_id)
		return json_decref(list), message_json(claim, claim->got);
	for (const struct spool_claimed *c = claim->got; c; c = c->next)
		json_array_append_new(list, message_json(claim, c));
	return json_pack("{s:o}", "messages", list);
}

static void refuse_revoked(struct http_request *request)
{
	http_refuse(request, MHD_HTTP_UNAUTHORIZED, "token-revoked", "the token is revoked", 0);
}

// Answers a claim that is over; it is gone afterwards, or with the last byte of its answer.
static void finish(struct claim *claim)
{
	struct http_request *request = claim->request;

	if (!request || claim->revoked)
		give_all_back(claim);
	if (request && !claim->revoked && claim->n_got > 0) {
		request->gone = NULL;
		request->sent = on_sent;
		http_answer(request, MHD_HTTP_OK, answer_of(claim));
		return;
	}
	if (request) {
		request->gone = NULL;
		request->work = NULL;
		if (claim->revoked)
			refuse_revoked(request);
		else if (claim->err)
			http_refuse_errno(request, claim->err);
		else if (claim->by_id)
			http_refuse(request, MHD_HTTP_CONFLICT, "message-taken",
				    "the message does not wait any more", 0);
		else
			http_answer(request, MHD_HTTP_OK, answer_of(claim));
	}
	claim_destroy(claim);
}

// After an operation, or when the core ended its wait: is it over?
static void go_on(struct claim *claim)
{
	if (claim->pending > 0 || claim->wait)
		return;
	if (claim->request && !claim->by_id && !claim->revoked && claim->n_got == 0 && !claim->err &&
	    claim->deadline_ms > desk_now()) { // others were faster
		claim->wait = core_wait_add(claim->desk->core, claim->agent, &claim->scope, claim->max,
					    claim->deadline_ms, claim);
		if (claim->wait)
			return;
	}
	finish(claim);
}

// Never calls the core: go_on would, where takes failed, but only claim_took comes after those.
static void claim_waited(struct desk *desk, struct waiter *waiter, unsigned n_taken)
{
	struct claim *claim = (struct claim *)waiter;

	(void)desk;
	claim->wait = NULL;
	claim->pending += n_taken;
	if (claim->pending == 0)
		finish(claim);
}

// What a take by the writer came to: a lease, or another one was faster, or an error.
void claim_took(struct desk *desk, struct desk_op *op)
{
	struct claim *claim = op->work;
	struct spool_claimed *got = op->op.claimed;

	op->op.claimed = NULL;
	claim->pending--;
	if (got && core_leased(desk->core, op->agent, op->queue, op->op.id, desk_core_time(got->until_ms))) {
		desk_give_back(desk, op->op.id, op->queue, got->token); // memory is out
		spool_claimed_free(got);
		got = NULL;
	}
	if (got) {
		*claim->got_end = got;
		claim->got_end = &got->next;
		claim->n_got++;
	} else {
		core_failed(desk->core, op->op.id, 0);
		desk->queues[op->queue].dirty = true;
		if (op->op.result && op->op.result != -ENOENT && op->op.result != -EBUSY)
			claim->err = op->op.result;
	}
	go_on(claim);
}

// The client has left.
static void on_gone(struct http_request *request)
{
	struct claim *claim = request->work;

	claim->request = NULL;
	request->work = NULL;
	if (claim->wait)
		core_wait_drop(claim->desk->core, claim->wait);
	claim->wait = NULL;
	if (claim->pending == 0)
		finish(claim);
}

void claim_begin(struct desk *desk, struct http_request *request, const struct core_scope *scope, unsigned max,
		 uint64_t wait_ms)
{
	struct claim *claim = claim_create(desk, request);

	if (claim) {
		claim->scope = *scope;
		claim->max = max;
		claim->deadline_ms = desk_now() + wait_ms;
		claim->wait = core_wait_add(desk->core, claim->agent, scope, max, claim->deadline_ms, claim);
	}
	if (!claim || !claim->wait) {
		if (claim)
			claim_destroy(claim);
		http_refuse_errno(request, -ENOMEM);
		return;
	}
	request->work = claim;
	request->gone = on_gone;
	// The word of the last commit may be behind the answer that its sender got: who does not wait is told what is
	// there.
	for (uint32_t i = 0; wait_ms == 0 && i < desk->n_queues; i++)
		desk->queues[i].dirty = true;
	desk_pump(desk);
	if (wait_ms == 0 && request->work == claim && claim->wait) {
		core_wait_drop(desk->core, claim->wait);
		claim->wait = NULL;
		finish(claim);
	}
}

void claim_by_id(struct desk *desk, struct http_request *request, uint32_t queue)
{
	struct claim *claim = claim_create(desk, request);
	struct desk_op *op = claim ? desk_op_create(desk, OP_CLAIM, request->id) : NULL;
	int err = op ? core_take(desk->core, request->agent->name, queue, request->id, request->agent->is_operator)
		     : -ENOMEM;

	if (err) {
		if (claim)
			claim_destroy(claim);
		free(op);
		if (err == -EBUSY)
			http_refuse(request, MHD_HTTP_CONFLICT, "message-taken",
				    "the message is with another agent, or offered to another one first", 0);
		else if (err == -EDQUOT)
			http_refuse(request, MHD_HTTP_CONFLICT, "too-many-leases",
				    "the agent has as many messages in hand as one may", 0);
		else
			http_refuse_errno(request, err);
		return;
	}
	claim->by_id = true;
	claim->pending = 1;
	request->work = claim;
	request->gone = on_gone;
	snprintf(op->agent, sizeof(op->agent), "%s", claim->agent);
	op->queue = queue;
	op->op.queue = core_queue_name(desk->core, queue);
	op->op.n = 1;
	op->op.agent = op->agent;
	op->op.lease_ms = (uint32_t)desk->queues[queue].lease_ms;
	op->work = claim;
	op->settle = claim_took;
	desk_op_put(desk, op);
	desk_pump(desk);
}

void claims_revoke(struct desk *desk, const char *agent)
{
	for (struct claim *claim = desk->claims, *next; claim; claim = next) {
		next = claim->next;
		if (strcmp(claim->agent, agent) != 0 || (claim->request && claim->request->sent))
			continue;
		claim->revoked = true;
		if (claim->wait)
			core_wait_drop(desk->core, claim->wait);
		claim->wait = NULL;
		if (claim->pending == 0)
			finish(claim);
	}
}
