// SPDX-License-Identifier: BSD-3-Clause
//
// The request that acknowledges many messages at once: each is an operation of its own, and there is one answer when
// all are through, which says of each what became of it. Desk's thread.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/agents/api_read.h"
#include "controlplane/agents/api_routes.h"
#include "controlplane/agents/desk_inside.h"
#include "controlplane/agents/registry.h"

struct batch {
	struct http_request *request; // NULL: its client has left
	struct api_batch list;
	int result[API_BATCH];
	unsigned pending;
};

static const char *batch_state(int err)
{
	return !err || err == -EALREADY ? "settled" : err == -ENOENT ? "unknown" : "stale";
}

static void finish_batch(struct batch *batch)
{
	struct http_request *request = batch->request;
	json_t *list = json_array();
	int failed = 0;

	for (unsigned i = 0; i < batch->list.n; i++) {
		int err = batch->result[i];

		if (err && err != -EALREADY && err != -ENOENT && err != -ESTALE)
			failed = err;
		json_array_append_new(list, json_pack("{s:I, s:s, s:b}", "id", (json_int_t)batch->list.message[i].id,
						      "state", batch_state(err), "repeated", err == -EALREADY));
	}
	if (request) {
		request->gone = NULL;
		request->work = NULL;
	}
	if (request && !failed)
		http_answer(request, MHD_HTTP_OK, json_pack("{s:O}", "messages", list));
	else if (request)
		http_refuse_errno(request, failed);
	json_decref(list);
	free(batch);
}

static void settle_one_of_many(struct desk *desk, struct desk_op *op)
{
	struct batch *batch = op->work;
	int err = op->op.result;

	if (!err || err == -EALREADY)
		core_returned(desk->core, op->op.id);
	batch->result[op->index] = err;
	if (--batch->pending == 0)
		finish_batch(batch);
}

static void batch_gone(struct http_request *request)
{
	((struct batch *)request->work)->request = NULL;
	request->work = NULL;
}

static void begin_batch(struct desk *desk, struct batch *batch)
{
	batch->pending = batch->list.n + 1;
	for (unsigned i = 0; i < batch->list.n; i++) {
		struct desk_op *op = desk_op_create(desk, OP_SETTLE, batch->list.message[i].id);
		struct core_lease held;

		batch->result[i] = op ? -ESTALE : -ENOMEM;
		if (!op || (core_lease_get(desk->core, op->op.id, &held) &&
			    strcmp(held.agent, batch->request->agent->name) != 0)) {
			batch->pending--;
			free(op);
			continue;
		}
		memcpy(op->op.token, batch->list.message[i].token, SPOOL_TOKEN_SIZE);
		op->work = batch;
		op->index = i;
		op->settle = settle_one_of_many;
		desk_op_put(desk, op);
	}
	if (--batch->pending == 0)
		finish_batch(batch);
}

void api_ack_many(void *argument, struct http_request *request)
{
	struct desk *desk = argument;
	struct batch *batch = calloc(1, sizeof(*batch));
	char why[API_WHY];

	if (!batch) {
		http_refuse_errno(request, -ENOMEM);
		return;
	}
	if (!api_read_batch(request->body, &batch->list, why)) {
		api_refuse_body(request, why);
		free(batch);
		return;
	}
	batch->request = request;
	request->work = batch;
	request->gone = batch_gone;
	begin_batch(desk, batch);
	desk_pump(desk);
}
