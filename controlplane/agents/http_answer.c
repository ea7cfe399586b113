// SPDX-License-Identifier: BSD-3-Clause
//
// Answers: JSON, and problems as RFC 9457 has them. An answer to a request that is suspended lets it go on.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/agents/http_parts.h"
#include "controlplane/events.h"
#include "controlplane/log.h"
#include "rules/names.h"

enum { RETRY_S = 2 };

static struct MHD_Response *text_response(char *text, const char *type)
{
	struct MHD_Response *response;

	if (!text)
		return NULL;
	response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(text);
		return NULL;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	return response;
}

void http_answer_response(struct http_request *request, unsigned status, struct MHD_Response *response)
{
	if (request->refused || request->response) {
		if (response)
			MHD_destroy_response(response);
		return;
	}
	request->status = status;
	request->response = response;
	request->refused = !response;
	if (!response)
		log_error("out of memory for an answer to %s", request->peer);
	if (!request->suspended)
		return;
	request->suspended = false;
	event_destroy(request->left);
	request->left = NULL;
	http_resume(request->http, request->connection);
}

static void answer_text(struct http_request *request, unsigned status, json_t *body, const char *type)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;

	json_decref(body);
	http_answer_response(request, status, text_response(text, type));
}

void http_answer(struct http_request *request, unsigned status, json_t *body)
{
	answer_text(request, status, body, "application/json");
}

static const char *title(unsigned status)
{
	const char *phrase = MHD_get_reason_phrase_for(status);

	return phrase ? phrase : "Error";
}

// What stands in the detail may be a stranger's: one line, and text that JSON takes (a name may have been cut, too).
static void make_readable(char *text)
{
	bool is_text = text_fault(text, strlen(text)) == NULL;

	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f || (!is_text && (unsigned char)*text >= 0x80))
			*text = '?';
}

void http_refuse(struct http_request *request, unsigned status, const char *type, const char *detail, unsigned retry_s)
{
	char urn[64], seconds[16], readable[240];
	json_t *problem;
	char *text;
	struct MHD_Response *response;

	snprintf(urn, sizeof(urn), "urn:weir:problem:%s", type);
	snprintf(readable, sizeof(readable), "%s", detail);
	make_readable(readable);
	problem = json_pack("{s:s, s:s, s:i, s:s}", "type", urn, "title", title(status), "status", (int)status,
			    "detail", readable);
	text = problem ? json_dumps(problem, JSON_COMPACT) : NULL;
	json_decref(problem);
	response = text_response(text, "application/problem+json");
	if (response && retry_s) {
		snprintf(seconds, sizeof(seconds), "%u", retry_s);
		MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
	}
	if (response && status == MHD_HTTP_UNAUTHORIZED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer realm=\"weir\"");
	if (response && status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, request->name);
	http_answer_response(request, status, response);
}

void http_refuse_errno(struct http_request *request, int err)
{
	char detail[120];

	snprintf(detail, sizeof(detail), "the spool takes no changes now (%s): nothing was done, try again",
		 strerror(-err));
	http_refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, "unavailable", detail, RETRY_S);
}

const char *http_query(const struct http_request *request, const char *key)
{
	return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, key);
}

enum MHD_Result http_queue(struct http_request *request)
{
	return MHD_queue_response(request->connection, request->status, request->response);
}
