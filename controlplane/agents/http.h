// SPDX-License-Identifier: BSD-3-Clause
//
// The HTTP server of the agents' API: libmicrohttpd without threads of its own, driven by the desk's loop. It
// reads requests (bounded), finds out whose they are, hands them to the route's handler, and writes answers, at once or
// later. Everything a client may do to it is bounded: connections, headers, bodies, idle time. Desk's thread only.
#pragma once

#include <event2/event.h>
#include <jansson.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

struct guard;
struct http;
struct registry;
struct registry_agent;

enum {
	HTTP_BODY = 64 << 10,  // bytes of a request
	HTTP_HEADERS = 16 << 10,
	HTTP_CONNECTIONS = 1000,
	HTTP_PER_PEER = 250,   // of one address
	HTTP_IDLE_S = 30,      // without a byte, while none of ours is waited for
	HTTP_PEER = 48,        // text of an address
	HTTP_PATH_NAME = 255
};

// One request, from its header to its answer.
struct http_request {
	struct http_request *next, **before; // all of the server's
	struct http *http;
	struct MHD_Connection *connection;
	const struct http_route *route;
	const struct registry_agent *agent; // whose it is; NULL only where the route is open
	uint64_t id;                  // {id} of the path
	char name[HTTP_PATH_NAME + 1]; // {name} of the path
	json_t *body;                 // of a POST: an object
	// The handler's: what to do when the client leaves before the answer (NULL: the answer goes nowhere), and
	// when the answer has left, whole or not.
	void (*gone)(struct http_request *request);
	void (*sent)(struct http_request *request, bool whole);
	void *work;
	// the server's own
	char *text;
	size_t length;
	unsigned status;
	struct MHD_Response *response;
	struct event *left;
	bool suspended, refused, too_long;
	char peer[HTTP_PEER];
};

// `path` as OpenAPI has it: "/v1/messages/{id}/ack", "/v1/queues/{name}" ({name} is the rest of the path). The handler
// answers by http_answer or http_refuse, before it returns or later; then it is suspended meanwhile.
struct http_route {
	const char *method, *path;
	void (*handle)(void *argument, struct http_request *request);
	bool open; // without a token
};

struct http_setup {
	struct event_base *base;
	struct registry *registry;
	struct guard *guard;
	const struct http_route *routes; // ends with a method of NULL
	void *argument;                  // of handlers
	int unix_fd, tcp_fd;             // listening sockets; -1: none. The server's from then on
	const char *certificate, *key;   // of the TCP socket, PEM, NUL-terminated; NULL: no TLS
};

// NULL with one line in `why`.
struct http *http_create(const struct http_setup *setup, char *why, size_t why_size);
// Ends all requests; their handlers hear `gone`.
void http_destroy(struct http *http);

// Answers with an object (taken over; NULL: memory is out).
void http_answer(struct http_request *request, unsigned status, json_t *body);
// Answers with a response of its own kind (taken over), as a stream.
void http_answer_response(struct http_request *request, unsigned status, struct MHD_Response *response);
// Answers application/problem+json (RFC 9457): `type` is the last word of its urn, `detail` one line.
// retry_s > 0: a Retry-After.
void http_refuse(struct http_request *request, unsigned status, const char *type, const char *detail, unsigned retry_s);
// Out of room or disk: 503, Retry-After.
void http_refuse_errno(struct http_request *request, int err);

// A query parameter, NULL where there is none.
const char *http_query(const struct http_request *request, const char *key);

// Lets a connection that a content reader suspended go on. `http` looks at its sockets soon after.
void http_resume(struct http *http, struct MHD_Connection *connection);
// Calls back when the client of a suspended connection leaves; the caller frees the event before it resumes.
struct event *http_watch(struct http *http, struct MHD_Connection *connection, event_callback_fn left, void *argument);
