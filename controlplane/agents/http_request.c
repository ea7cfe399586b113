// SPDX-License-Identifier: BSD-3-Clause
//
// Requests: the route, whose token it is, the body, the handler. What is refused by its header is answered when its
// body has passed by, for a client that still sends may not hear an answer; nothing of it is kept. One that sends
// far too much is cut off. Nothing of a body, nor a token, is logged. Desk's thread only.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "controlplane/agents/guard.h"
#include "controlplane/agents/http_parts.h"
#include "controlplane/agents/registry.h"
#include "controlplane/events.h"
#include "controlplane/log.h"

enum { MAX_DIGITS = 18, CUT_OFF = 4 * HTTP_BODY };

// Matches `path` to an OpenAPI path; fills in what its braces stand for.
static bool match(const char *pattern, const char *path, struct http_request *request)
{
	while (*pattern && *pattern != '{')
		if (*pattern++ != *path++)
			return false;
	if (!*pattern)
		return !*path;
	if (strncmp(pattern, "{name}", 6) == 0) {
		if (!*path || strlen(path) > HTTP_PATH_NAME)
			return false;
		memcpy(request->name, path, strlen(path) + 1);
		return true;
	}
	if (strncmp(pattern, "{id}", 4) == 0) {
		size_t n = strspn(path, "0123456789");

		if (n < 1 || n > MAX_DIGITS)
			return false;
		request->id = strtoull(path, NULL, 10);
		return strcmp(pattern + 4, path + n) == 0;
	}
	return false;
}

const struct http_route *http_route_find(const struct http_route *routes, const char *method, const char *path,
					 struct http_request *request, unsigned *status, char allow[64])
{
	*status = MHD_HTTP_NOT_FOUND;
	allow[0] = '\0';
	for (; routes->method; routes++) {
		if (!match(routes->path, path, request))
			continue;
		if (strcmp(routes->method, method) == 0)
			return routes;
		*status = MHD_HTTP_METHOD_NOT_ALLOWED;
		snprintf(allow + strlen(allow), 64 - strlen(allow), "%s%s", allow[0] ? ", " : "", routes->method);
	}
	return NULL;
}

static void name_peer(struct http_request *request, bool is_unix)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *address = info ? info->client_addr : NULL;

	snprintf(request->peer, sizeof(request->peer), "%s", is_unix ? "agents.sock" : "?");
	if (is_unix || !address)
		return;
	if (address->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, request->peer,
			  sizeof(request->peer));
	else if (address->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, request->peer,
			  sizeof(request->peer));
}

// A token that is nobody's: told so, but not as often as one likes.
static void refuse_token(struct http_request *request, int err)
{
	static const char *const detail[] = { "the token is nobody's (weirctl agent add makes one)",
						"the token is revoked" };
	unsigned wait_s = guard_take(request->http->guard, request->peer, GUARD_BAD_TOKENS);
	bool revoked = err == -EKEYREVOKED;

	if (wait_s) {
		http_refuse(request, MHD_HTTP_TOO_MANY_REQUESTS, "too-many-bad-tokens",
			    "too many bad tokens from there", wait_s);
		return;
	}
	log_warning("%s: a request with a %s token", request->peer, revoked ? "revoked" : "bad");
	http_refuse(request, MHD_HTTP_UNAUTHORIZED, revoked ? "token-revoked" : "token-unknown", detail[revoked], 0);
}

// Finds out whose request it is; false after refusing it.
static bool admit(struct http_request *request)
{
	const char *header = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
							 MHD_HTTP_HEADER_AUTHORIZATION);
	unsigned wait_s;
	int err;

	if (!header || strncasecmp(header, "Bearer ", 7) != 0) {
		http_refuse(request, MHD_HTTP_UNAUTHORIZED, "token-missing",
			    "a request needs Authorization: Bearer TOKEN (weirctl agent add)", 0);
		return false;
	}
	header += 7 + strspn(header + 7, " ");
	err = registry_find(request->http->registry, header, strlen(header), &request->agent);
	if (err) {
		refuse_token(request, err);
		return false;
	}
	wait_s = guard_take(request->http->guard, request->agent->name, GUARD_REQUESTS);
	if (wait_s)
		http_refuse(request, MHD_HTTP_TOO_MANY_REQUESTS, "too-many-requests", "too many requests of this agent",
			    wait_s);
	return wait_s == 0;
}

// What is open to everybody is not so without limit.
static bool admit_anybody(struct http_request *request)
{
	unsigned wait_s = guard_take(request->http->guard, request->peer, GUARD_PAGES);

	if (wait_s)
		http_refuse(request, MHD_HTTP_TOO_MANY_REQUESTS, "too-many-requests",
			    "too many requests from there", wait_s);
	return wait_s == 0;
}

static bool is_post(const struct http_request *request)
{
	return strcmp(request->route->method, MHD_HTTP_METHOD_POST) == 0;
}

// Bytes that the header promises; 0 where it does not say.
static unsigned long long promised(const struct http_request *request)
{
	const char *header = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
							 MHD_HTTP_HEADER_CONTENT_LENGTH);

	return header ? strtoull(header, NULL, 10) : 0;
}

static void refuse_too_long(struct http_request *request)
{
	char detail[60];

	snprintf(detail, sizeof(detail), "a body has at most %d bytes", (int)HTTP_BODY);
	http_refuse(request, MHD_HTTP_CONTENT_TOO_LARGE, "body-too-long", detail, 0);
}

static void look_at_header(struct http_request *request, const char *method, const char *url)
{
	char allow[64];
	unsigned status;

	request->route = http_route_find(request->http->routes, method, url, request, &status, allow);
	if (!request->route && status == MHD_HTTP_METHOD_NOT_ALLOWED) {
		memcpy(request->name, allow, sizeof(allow));
		http_refuse(request, status, "method", "that is not done to this path", 0);
	} else if (!request->route) {
		http_refuse(request, status, "path", "there is no such path (docs/api.yaml)", 0);
	} else if (request->route->open ? admit_anybody(request) : admit(request)) {
		if (promised(request) > HTTP_BODY)
			refuse_too_long(request);
	}
}

static struct http_request *begin(struct http_door *door, struct MHD_Connection *connection)
{
	struct http *http = door->http;
	struct http_request *request = http->ending ? NULL : calloc(1, sizeof(*request));

	if (!request)
		return NULL;
	request->http = http;
	request->connection = connection;
	request->next = http->requests;
	request->before = &http->requests;
	if (request->next)
		request->next->before = &request->next;
	http->requests = request;
	name_peer(request, door->is_unix);
	return request;
}

// Takes a part of the body. MHD_NO cuts the connection.
static enum MHD_Result take_body(struct http_request *request, const char *data, size_t n)
{
	char *text;

	request->length += n;
	if (request->length > CUT_OFF)
		return MHD_NO;
	request->too_long |= request->length > HTTP_BODY;
	if (request->too_long || request->response)
		return MHD_YES;
	text = realloc(request->text, request->length);
	if (!text)
		return MHD_NO;
	request->text = text;
	memcpy(text + request->length - n, data, n);
	return MHD_YES;
}

// Reads the body of a POST; false after refusing it.
static bool read_body(struct http_request *request)
{
	json_error_t error;
	char detail[80];

	if (request->too_long) {
		refuse_too_long(request);
		return false;
	}
	request->body = json_loadb(request->length ? request->text : "{}", request->length ? request->length : 2,
				   JSON_REJECT_DUPLICATES, &error);
	free(request->text);
	request->text = NULL;
	if (json_is_object(request->body))
		return true;
	snprintf(detail, sizeof(detail), "the body is no JSON object: line %d, column %d",
		 request->body ? 1 : error.line, request->body ? 1 : error.column);
	http_refuse(request, MHD_HTTP_BAD_REQUEST, "body", detail, 0);
	return false;
}

static void on_left(evutil_socket_t fd, short what, void *argument)
{
	struct http_request *request = argument;

	(void)fd;
	(void)what;
	if (request->gone)
		request->gone(request);
	request->gone = NULL;
	request->sent = NULL;
	http_refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, "gone", "the client has left", 0);
}

// Lets the request wait for its answer.
static enum MHD_Result wait_for_answer(struct http_request *request)
{
	request->left = http_watch(request->http, request->connection, on_left, request);
	if (!request->left)
		return MHD_NO; // the end, which http_completed hears
	request->suspended = true;
	MHD_suspend_connection(request->connection);
	return MHD_YES;
}

enum MHD_Result http_access(void *argument, struct MHD_Connection *connection, const char *url, const char *method,
			    const char *version, const char *data, size_t *n, void **state)
{
	struct http_request *request = *state;

	(void)version;
	if (!request) {
		request = *state = begin(argument, connection);
		if (!request)
			return MHD_NO;
		look_at_header(request, method, url);
		if (request->refused || !request->response)
			return request->refused ? MHD_NO : MHD_YES;
		return promised(request) > CUT_OFF ? http_queue(request) : MHD_YES;
	}
	if (*n > 0) {
		size_t part = *n;

		*n = 0;
		return take_body(request, data, part);
	}
	if (!request->response && !request->refused && (!is_post(request) || read_body(request)))
		request->route->handle(request->http->argument, request);
	if (request->refused)
		return MHD_NO;
	return request->response ? http_queue(request) : wait_for_answer(request);
}

void http_completed(void *argument, struct MHD_Connection *connection, void **state,
		    enum MHD_RequestTerminationCode code)
{
	struct http_request *request = *state;

	(void)argument;
	(void)connection;
	if (!request)
		return;
	*state = NULL;
	if (request->sent)
		request->sent(request, request->response && code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
	else if (!request->response && request->gone)
		request->gone(request);
	event_destroy(request->left);
	if (request->response)
		MHD_destroy_response(request->response);
	*request->before = request->next;
	if (request->next)
		request->next->before = request->before;
	registry_put(request->agent);
	json_decref(request->body);
	free(request->text);
	free(request);
}

void http_end_requests(struct http *http)
{
	for (struct http_request *request = http->requests, *next; request; request = next) {
		next = request->next;
		if (!request->suspended)
			continue;
		if (request->gone)
			request->gone(request);
		request->gone = NULL;
		request->sent = NULL;
		http_refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, "ending", "the control plane ends", 2);
	}
}
