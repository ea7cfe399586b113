// SPDX-License-Identifier: BSD-3-Clause
//
// Inside of the HTTP server, shared by http.c (the daemons), http_request.c (requests) and http_answer.c. Nobody else.
#pragma once

#include "controlplane/agents/http.h"

// One daemon of libmicrohttpd.
struct http_door {
	struct http *http;
	struct MHD_Daemon *daemon;
	struct event *ready, *timer;
	bool is_unix;
};

struct http {
	struct event_base *base;
	struct registry *registry;
	struct guard *guard;
	const struct http_route *routes;
	void *argument;
	struct http_door door[2];
	unsigned n_doors;
	struct http_request *requests;
	bool ending;
	char words[200]; // libmicrohttpd's last
};

// libmicrohttpd's handlers; `argument` is a door.
enum MHD_Result http_access(void *argument, struct MHD_Connection *connection, const char *url, const char *method,
			    const char *version, const char *data, size_t *n, void **state);
void http_completed(void *argument, struct MHD_Connection *connection, void **state,
		    enum MHD_RequestTerminationCode code);

// Answers all that wait, with 503, and tells their handlers.
void http_end_requests(struct http *http);

// Finds the route of a path, and fills in the request's id and name. NULL with 404, or 405 and the methods that
// there are in `allow`, as *status.
const struct http_route *http_route_find(const struct http_route *routes, const char *method, const char *path,
					 struct http_request *request, unsigned *status, char allow[64]);

// Gives what was answered to libmicrohttpd.
enum MHD_Result http_queue(struct http_request *request);
