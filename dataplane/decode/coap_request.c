// SPDX-License-Identifier: BSD-3-Clause
//
// What a CoAP request wants: a message for triage is a POST or PUT to /m/{tenant}/{channel} (decision 37); a GET of
// /.well-known/core is answered; all else is refused with the code that RFC 7252 has for it. The first check that fails
// decides, in this order: critical options, proxying, method, path, accept, arguments. Any thread; values are compared
// as they are, since options are not percent-encoded (RFC 7252, 6.4).
#include "dataplane/decode/coap_parts.h"

#include "dataplane/decode/coap_option.h"
#include "dataplane/decode/coap_value.h"

enum { GET = 1, POST = 2, PUT = 3, DELETE = 4, FORMAT_TEXT = 0, FORMAT_LINKS = 40 };

static enum weir_reason refuse(enum weir_reason reason, unsigned error, struct coap_message *message)
{
	message->kind = COAP_REFUSED;
	message->error = (uint8_t)error;
	return reason;
}

// /m/{tenant}/{channel}, /m/{channel} where the host names the tenant, or the same with an empty tenant.
static enum weir_reason place_parse(const uint8_t *at, const struct coap_request *request, struct coap_message *message)
{
	struct span tenant = request->n_path == 3 ? request->path[1] : span_make(0, 0);
	struct span last = request->path[request->n_path - 1];
	int channel = coap_channel_find(at + last.at, last.length);

	if (channel < 0)
		return refuse(WEIR_REASON_COAP_CHANNEL, COAP_CODE(4, 4), message);
	if (tenant.length == 0 && message->host.length == 0)
		return refuse(WEIR_REASON_COAP_TENANT, COAP_CODE(4, 4), message);
	message->channel = (uint8_t)channel;
	message->tenant = coap_id_parse(at + tenant.at, tenant.length);
	message->name = message->tenant ? span_make(0, 0) : tenant;
	return WEIR_REASON_NONE;
}

// The arguments: each at most once, with a value that is known.
static enum weir_reason arguments_parse(const uint8_t *at, const struct coap_request *request,
					struct coap_message *message)
{
	if (request->n_country) {
		int country = request->n_country == 1 && request->country.length == 2
				      ? weir_country_find((const char *)at + request->country.at)
				      : -1;

		if (country < 0)
			return refuse(WEIR_REASON_COAP_COUNTRY, COAP_CODE(4, 0), message);
		message->country = (uint16_t)country;
	}
	if (request->n_priority) {
		int priority = coap_priority_find(at + request->priority.at, request->priority.length);

		if (priority < 0 || request->n_priority > 1)
			return refuse(WEIR_REASON_COAP_PRIORITY, COAP_CODE(4, 0), message);
		message->priority = (uint8_t)priority;
	}
	return WEIR_REASON_NONE;
}

static bool is_core(const uint8_t *at, const struct coap_request *request)
{
	return request->n_path == 2 && span_equals(at, request->path[0], ".well-known", 11) &&
	       span_equals(at, request->path[1], "core", 4);
}

static bool is_place(const uint8_t *at, const struct coap_request *request)
{
	return (request->n_path == 2 || request->n_path == 3) && span_equals(at, request->path[0], "m", 1);
}

static enum weir_reason core_check(const struct coap_request *request, struct coap_message *message)
{
	if (message->code != GET)
		return refuse(WEIR_REASON_COAP_METHOD, COAP_CODE(4, 5), message);
	if (request->accept != COAP_ACCEPT_NONE && request->accept != FORMAT_LINKS)
		return refuse(WEIR_REASON_COAP_ACCEPT, COAP_CODE(4, 6), message);
	message->kind = COAP_CORE;
	return WEIR_REASON_NONE;
}

enum weir_reason coap_request_check(const uint8_t *at, const struct coap_request *request,
				    struct coap_message *message)
{
	enum weir_reason reason;

	message->plain = request->accept == COAP_ACCEPT_NONE || request->accept == FORMAT_TEXT;
	if (request->critical) { // RFC 7252, 5.4.1: a request that is not confirmable is rejected instead
		reason = refuse(WEIR_REASON_COAP_CRITICAL, COAP_CODE(4, 2), message);
		message->kind = message->type == COAP_CON ? COAP_REFUSED : COAP_REJECTED;
		return reason;
	}
	if (request->proxy)
		return refuse(WEIR_REASON_COAP_PROXY, COAP_CODE(5, 5), message);
	if (message->code > DELETE)
		return refuse(WEIR_REASON_COAP_METHOD, COAP_CODE(4, 5), message);
	if (is_core(at, request))
		return core_check(request, message);
	if (!is_place(at, request))
		return refuse(WEIR_REASON_COAP_PATH, COAP_CODE(4, 4), message);
	reason = place_parse(at, request, message);
	if (reason != WEIR_REASON_NONE)
		return reason;
	if (message->code != POST && message->code != PUT)
		return refuse(WEIR_REASON_COAP_METHOD, COAP_CODE(4, 5), message);
	reason = arguments_parse(at, request, message);
	if (reason != WEIR_REASON_NONE)
		return reason;
	message->kind = COAP_TRIAGE;
	message->waits = request->waits;
	return WEIR_REASON_NONE;
}
