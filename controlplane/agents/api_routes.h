// SPDX-License-Identifier: BSD-3-Clause
//
// The paths of the agents' API, each with its handler. docs/api.yaml says what they are;
// tests/e2e/agents_api_test.py holds this list against it.
#pragma once

#include <stdbool.h>

struct desk;
struct http_request;

#define API_ROUTES(X)                                              \
	X("POST", "/v1/claim", api_claim)                          \
	X("POST", "/v1/ack", api_ack_many)                         \
	X("GET", "/v1/agent", api_agent)                           \
	X("GET", "/v1/messages", api_messages)                     \
	X("POST", "/v1/messages/{id}/claim", api_claim_message)    \
	X("POST", "/v1/messages/{id}/ack", api_ack)                \
	X("POST", "/v1/messages/{id}/answer", api_answer)          \
	X("POST", "/v1/messages/{id}/give-back", api_give_back)    \
	X("POST", "/v1/messages/{id}/extend", api_extend)          \
	X("GET", "/v1/queues", api_queues)                         \
	X("GET", "/v1/queues/{name}", api_queue)                   \
	X("GET", "/v1/offers", api_offers)                         \
	X("GET", "/v1/stats", api_stats)                           \
	X("GET", "/v1/picture", api_picture)

// Handlers; `argument` is the desk.
#define X(method, path, handle) void handle(void *argument, struct http_request *request);
API_ROUTES(X)
#undef X

// Whether messages cannot be had here because NATS has the queues; then the request is refused.
bool api_is_elsewhere(const struct desk *desk, struct http_request *request);

// Refuses a request whose body is not what it should be; `why` is one line.
void api_refuse_body(struct http_request *request, const char *why);

// Refuses a request whose queues cannot be (desk_scope); `name` says which.
void api_refuse_scope(struct http_request *request, int err, const char *name);
