// SPDX-License-Identifier: BSD-3-Clause
//
// The bytes of a CoAP message (RFC 7252, 3): header, token, options, marker, payload; what is no such thing is a format
// error, whatever else the message says. Then type and code decide whether it is a request (4.2, 4.3, 5.2). Any thread;
// every offset is checked before it is followed, and options move forward only.
#include "dataplane/decode/coap.h"

#include <endian.h>
#include <string.h>

#include "dataplane/decode/coap_option.h"
#include "dataplane/decode/coap_parts.h"

enum { VERSION = 1, CLASS_REQUEST = 0, HOST_MAX = 255, SEGMENT_MAX = 255 };

static inline struct span span_of(const uint8_t *payload, const struct coap_option *option)
{
	return span_make((size_t)(option->value - payload), option->length);
}

// RFC 7252, 5.4.1: the message must not be acted on. Those that are elective are as if not there.
static inline void note_unknown(unsigned number, struct coap_request *request, struct coap_message *message)
{
	if (!coap_is_critical(number) || request->critical)
		return;
	request->critical = true;
	message->option = (uint16_t)number;
}

// RFC 7252, 5.4.5: of an option that may stand once, all but the first are not understood.
static inline bool is_first(unsigned number, struct coap_request *request)
{
	bool first = !(request->seen >> number & 1);

	request->seen |= 1u << number;
	return first;
}

static void note_query(const uint8_t *payload, struct span query, struct coap_request *request)
{
	static const char country[] = "country=", priority[] = "priority=", waits[] = "answer=agent";
	const uint8_t *at = payload + query.at;

	if (query.length >= sizeof(country) - 1 && memcmp(at, country, sizeof(country) - 1) == 0) {
		request->country = span_make(query.at + sizeof(country) - 1, query.length - (sizeof(country) - 1));
		request->n_country++;
	} else if (query.length >= sizeof(priority) - 1 && memcmp(at, priority, sizeof(priority) - 1) == 0) {
		request->priority = span_make(query.at + sizeof(priority) - 1, query.length - (sizeof(priority) - 1));
		request->n_priority++;
	} else if (span_equals(payload, query, waits, sizeof(waits) - 1)) {
		request->waits = true;
	}
}

// A format of content, as Accept names it: an unsigned number of 0 to 2 bytes.
static inline uint32_t format_of(const struct coap_option *option)
{
	uint32_t format = 0;

	for (uint32_t i = 0; i < option->length; i++)
		format = format << 8 | option->value[i];
	return format;
}

// Options that stand once. Returns whether this one is understood.
static bool note_single(const uint8_t *payload, const struct coap_option *option, struct coap_request *request,
			struct coap_message *message)
{
	switch (option->number) {
	case COAP_URI_HOST:
		if (option->length < 1 || option->length > HOST_MAX || !is_first(option->number, request))
			return false;
		message->host = span_of(payload, option);
		return true;
	case COAP_URI_PORT:
		return option->length <= 2 && is_first(option->number, request);
	case COAP_ACCEPT:
		if (option->length > 2 || !is_first(option->number, request))
			return false;
		request->accept = format_of(option);
		return true;
	case COAP_PROXY_URI:
	case COAP_PROXY_SCHEME:
		request->proxy = true;
		return true;
	case COAP_NO_RESPONSE:
		if (option->length > 1 || request->no_response)
			return false;
		request->no_response = true;
		message->no_response = option->length ? option->value[0] : 0;
		return true;
	default:
		return false;
	}
}

// Every option but a segment of the path. RFC 7252, 5.4.3: a value of a length that its option cannot have makes it one
// that is not understood.
static inline void note_option(const uint8_t *payload, const struct coap_option *option, struct coap_request *request,
			       struct coap_message *message)
{
	if (option->number == COAP_URI_QUERY && option->length <= SEGMENT_MAX)
		note_query(payload, span_of(payload, option), request);
	else if (!note_single(payload, option, request, message))
		note_unknown(option->number, request, message);
}

// Options and body, from `offset` on.
static enum weir_reason options_parse(const uint8_t *payload, unsigned offset, unsigned length,
				      struct coap_request *request, struct coap_message *message)
{
	const uint8_t *at = payload + offset, *end = payload + length;
	struct coap_option option = { 0 };
	enum coap_step step;
	uint32_t n_path = 0;

	while ((step = coap_option_next(&option, &at, end)) == COAP_STEP_OPTION) {
		if (option.number == COAP_URI_PATH && option.length <= SEGMENT_MAX) {
			if (n_path < COAP_PATH_MAX)
				request->path[n_path] = span_of(payload, &option);
			n_path++;
		} else {
			note_option(payload, &option, request, message);
		}
	}
	request->n_path = n_path;
	if (step == COAP_STEP_BODY)
		message->body = span_make((size_t)(at - payload), (size_t)(end - at));
	if (step == COAP_STEP_MARKER)
		return WEIR_REASON_COAP_MARKER;
	return step == COAP_STEP_WRONG ? WEIR_REASON_COAP_OPTION : WEIR_REASON_NONE;
}

// The first four bytes and the length of the token.
static enum weir_reason header_parse(const uint8_t *at, unsigned length, struct coap_message *message)
{
	unsigned token, code;
	uint32_t word;

	if (length < COAP_HEADER)
		return WEIR_REASON_COAP_SHORT;
	memcpy(&word, at, sizeof(word));
	word = be32toh(word);
	token = word >> 24 & 15;
	code = word >> 16 & 0xff;
	message->type = word >> 28 & 3;
	message->code = (uint8_t)code;
	message->id = (uint16_t)word;
	if (word >> 30 != VERSION)
		return WEIR_REASON_COAP_VERSION;
	if (token > COAP_TOKEN_MAX || (code && token > length - COAP_HEADER))
		return WEIR_REASON_COAP_TOKEN;
	if (!code && (token || length > COAP_HEADER))
		return WEIR_REASON_COAP_EMPTY;
	message->token = span_make(COAP_HEADER, token);
	return WEIR_REASON_NONE;
}

// RFC 7252, 4.2 and 4.3: who sent a confirmable message that cannot be processed is told by a reset, others are not.
static enum weir_reason reject(enum weir_reason reason, struct coap_message *message)
{
	bool unreadable = reason == WEIR_REASON_COAP_SHORT || reason == WEIR_REASON_COAP_VERSION;

	message->kind = message->type == COAP_CON && !unreadable ? COAP_REJECTED : COAP_IGNORED;
	return reason;
}

// What is no request: by type, then by class of its code (RFC 7252, 4.2, 4.3 and 12.1).
static enum weir_reason other_check(struct coap_message *message)
{
	unsigned class = message->code >> 5;

	if (message->type == COAP_ACK || message->type == COAP_RST)
		return WEIR_REASON_COAP_MESSAGE;
	if (message->code == 0) {
		if (message->type != COAP_CON)
			return reject(WEIR_REASON_COAP_EMPTY, message);
		message->kind = COAP_PING;
		return WEIR_REASON_NONE;
	}
	return reject(class >= 2 && class <= 5 ? WEIR_REASON_COAP_MESSAGE : WEIR_REASON_COAP_CODE, message);
}

enum weir_reason coap_parse_any(const uint8_t *at, unsigned length, struct coap_message *message)
{
	struct coap_request request = { .accept = COAP_ACCEPT_NONE };
	enum weir_reason reason;

	*message = (struct coap_message){ .country = WEIR_COUNTRY_ZZ, .priority = WEIR_NORMAL };
	reason = header_parse(at, length, message);
	if (reason == WEIR_REASON_NONE)
		reason = options_parse(at, COAP_HEADER + message->token.length, length, &request, message);
	if (reason != WEIR_REASON_NONE)
		return reject(reason, message);
	if (message->type > COAP_NON || message->code == 0 || message->code >> 5 != CLASS_REQUEST)
		return other_check(message);
	return coap_request_check(at, &request, message);
}
