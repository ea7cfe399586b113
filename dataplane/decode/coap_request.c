// SPDX-License-Identifier: BSD-3-Clause
//
// What a CoAP request wants: a message for triage is a POST or PUT to /m/{tenant}/{channel} (decision 37); a GET of
// /.well-known/core is answered; all else is refused with the code that RFC 7252 has for it. The first check that fails
// decides, in this order: critical options, proxying, method, path, accept, arguments. Any thread; values are compared
// as they are, since options are not percent-encoded (RFC 7252, 6.4).
#include "dataplane/decode/coap_parts.h"

#include "dataplane/decode/coap_option.h"

enum { GET = 1, POST = 2, PUT = 3, DELETE = 4, FORMAT_TEXT = 0, FORMAT_LINKS = 40, ID_DIGITS = 10 };

// Names as the contract has them: channels and priorities (DESIGN, Words).
#define NAME(text) { text, sizeof(text) - 1 }
static const struct name {
	const char *text;
	size_t length;
} channels[WEIR_N_CHANNELS] = {
	NAME("unspecified"), NAME("sms"), NAME("email"), NAME("chat"),
	NAME("voice"), NAME("push"), NAME("social"), NAME("web"),
	NAME("8"), NAME("9"), NAME("10"), NAME("11"), NAME("12"), NAME("13"), NAME("14"), NAME("15"),
};

#define X(name, text) NAME(text),
static const struct name priorities[WEIR_N_PRIORITIES] = { WEIR_PRIORITIES(X) };
#undef X

static int name_find(const struct name *names, int n, const uint8_t *at, struct span span)
{
	for (int i = 0; i < n; i++)
		if (span_equals(at, span, names[i].text, names[i].length))
			return i;
	return -1;
}

// A tenant's id: decimal, 1 to 2^32-1, without leading zeros; 0 for anything else.
static uint32_t id_parse(const uint8_t *at, struct span span)
{
	uint64_t id = 0;

	if (span.length == 0 || span.length > ID_DIGITS || at[span.at] == '0')
		return 0;
	for (unsigned i = 0; i < span.length; i++) {
		unsigned digit = at[span.at + i] - (unsigned)'0';

		if (digit > 9)
			return 0;
		id = id * 10 + digit;
	}
	return id <= UINT32_MAX ? (uint32_t)id : 0;
}

static enum weir_reason refuse(enum weir_reason reason, unsigned error, struct coap_message *message)
{
	message->kind = COAP_REFUSED;
	message->error = (uint8_t)error;
	return reason;
}

// /m/{tenant}/{channel}, /m/{channel} where the host names the tenant, or the same with an empty tenant.
static enum weir_reason place_parse(const uint8_t *at, const struct coap_request *request, struct coap_message *message)
{
	struct span tenant = request->n_path == 3 ? request->path[1] : (struct span){ 0 };
	int channel = name_find(channels, WEIR_N_CHANNELS, at, request->path[request->n_path - 1]);

	if (channel < 0)
		return refuse(WEIR_REASON_COAP_CHANNEL, COAP_CODE(4, 4), message);
	if (tenant.length == 0 && message->host.length == 0)
		return refuse(WEIR_REASON_COAP_TENANT, COAP_CODE(4, 4), message);
	message->channel = (uint8_t)channel;
	message->tenant = id_parse(at, tenant);
	message->name = message->tenant ? (struct span){ 0 } : tenant;
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
		int priority = name_find(priorities, WEIR_N_PRIORITIES, at, request->priority);

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
	if (reason == WEIR_REASON_NONE)
		message->kind = COAP_TRIAGE;
	return reason;
}
