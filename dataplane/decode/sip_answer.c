// SPDX-License-Identifier: BSD-3-Clause
//
// Answers to SIP requests. What is copied comes from a request that sip_parse found answerable: it holds no line end
// but folds, and these are not copied, so nothing of it can begin a line of the answer. Writes nowhere past `size`.
#include "dataplane/decode/sip_answer.h"

#include <arpa/inet.h>
#include <errno.h>

#include "dataplane/decode/sip_header.h"
#include "dataplane/decode/sip_lines.h"

enum { DEFAULT_PORT = 5060 };

// An IP address in text, brackets or none around it. Family 4 or 6, 0 where it is none.
static unsigned address_parse(const uint8_t *at, struct span text, uint8_t address[16])
{
	char copy[INET6_ADDRSTRLEN];

	if (text.length > 1 && at[text.at] == '[') {
		text.at++;
		text.length = (uint16_t)(text.length - 2);
	}
	if (text.length >= sizeof(copy))
		return 0;
	memcpy(copy, at + text.at, text.length);
	copy[text.length] = '\0';
	if (inet_pton(AF_INET, copy, address) == 1)
		return 4;
	return inet_pton(AF_INET6, copy, address) == 1 ? 6 : 0;
}

// Whether a host is the address that the request came from. One of IPv4 is written in one way alone, ours; one of IPv6
// in many.
static bool is_source(const struct sip_request *request, struct span host)
{
	const struct sip_peer *source = &request->source;
	uint8_t text[SIP_ADDRESS_MAX], address[16];

	if (source->family == 4)
		return span_equals(request->at, host, (const char *)text, sip_address_format(text, source));
	return address_parse(request->at, host, address) == 6 && memcmp(address, source->address, sizeof(address)) == 0;
}

static inline void put_value(struct sip_text *out, const struct sip_request *request, unsigned from, unsigned to)
{
	sip_text_put_value(out, request->at, request->length, from, to);
}

static inline void put_span(struct sip_text *out, const struct sip_request *request, const struct span *span)
{
	put_value(out, request, span->at, (unsigned)span->at + span->length);
}

// What our side has to say of where the request came from.
static inline void put_source(struct sip_text *out, const struct sip_request *request)
{
	const struct sip_via *via = &request->message->via;
	bool rport = via->rport.length > 0;

	if (!rport && is_source(request, via->host))
		return;
	sip_text_put(out, ";received=");
	sip_text_put_address(out, &request->source);
	if (!rport)
		return;
	sip_text_put(out, ";rport=");
	sip_text_put_number(out, request->source.port);
}

// The value of the topmost Via's line. It is as it came, but that received and rport are ours to say.
static inline void put_top(struct sip_text *out, const struct sip_request *request)
{
	const struct sip_message *message = request->message;
	const struct sip_via *via = &message->via;
	const struct span *parameter[2] = { &via->received, &via->rport };
	unsigned from = via->value.at, end = from + via->value.length;

	if (message->flags & SIP_VIA_GOOD) {
		bool swapped = via->received.at > via->rport.at;

		for (unsigned i = 0; i < 2; i++) {
			const struct span *skipped = parameter[i ^ swapped];

			if (skipped->length == 0)
				continue;
			put_value(out, request, from, skipped->at);
			from = (unsigned)skipped->at + skipped->length;
		}
		if (from < end)
			put_value(out, request, from, end);
		put_source(out, request);
		from = end;
	}
	if (from < message->via_end)
		put_value(out, request, from, message->via_end);
}

// The values of the other lines with Via, in order: each is a line of the answer.
static void put_more_vias(struct sip_text *out, const struct sip_request *request)
{
	const struct sip_message *message = request->message;
	unsigned pos = message->next_via, from = pos, left = message->more_vias;
	struct sip_lines lines;
	struct sip_line line;
	int end;

	sip_lines_init(&lines, request->at, request->length, pos);
	for (; left > 0 && (end = sip_lines_next_header(&lines, &pos)) >= 0; from = pos) {
		if (sip_line_parse(request->at, from, (unsigned)end, request->length, &line) ||
		    line.header != SIP_HEADER_VIA)
			continue;
		sip_text_put(out, "\r\nVia: ");
		put_value(out, request, line.from, line.to);
		left--;
	}
}

// Unsupported: all that the request requires (RFC 3261, 8.2.2.3).
static void put_unsupported(struct sip_text *out, const struct sip_request *request)
{
	unsigned pos = request->message->headers, from = pos;
	struct sip_lines lines;
	struct sip_line line;
	int end;

	sip_lines_init(&lines, request->at, request->length, pos);
	while ((end = sip_lines_next_header(&lines, &pos)) >= 0) {
		int err = sip_line_parse(request->at, from, (unsigned)end, request->length, &line);

		from = pos;
		if (err || line.header != SIP_HEADER_REQUIRE || !sip_clean(request->at, line.from, line.to))
			continue;
		sip_text_put(out, "\r\nUnsupported: ");
		put_value(out, request, line.from, line.to);
	}
}

// Up to where the first value goes.
static inline bool put_status(struct sip_text *out, unsigned status)
{
	switch (status) {
#define X(name, code, phrase)                            \
	case SIP_STATUS_##name:                          \
		sip_text_put(out, "SIP/2.0 " #code " " phrase "\r\nVia: "); \
		return true;
		SIP_STATUSES(X)
#undef X
	default:
		return false;
	}
}

// The end of the last line, what tells of the body, and that.
static inline void put_body(struct sip_text *out, const struct sip_answer *answer)
{
	if (answer->status < 300 || answer->text_length == 0) {
		sip_text_put(out, "\r\nContent-Length: 0\r\n\r\n");
		return;
	}
	sip_text_put(out, "\r\nContent-Type: text/plain;charset=UTF-8\r\nContent-Length: ");
	sip_text_put_number(out, answer->text_length);
	sip_text_put(out, "\r\n\r\n");
	sip_text_put_bytes(out, answer->text, answer->text_length);
}

// Allow is of 405 (RFC 3261, 20.5), and of what OPTIONS asks for (11.2).
static bool says_allowed(const struct sip_message *message, unsigned status)
{
	return status == SIP_STATUS_NOT_ALLOWED || (status == SIP_STATUS_OK && message->kind == SIP_OPTIONS);
}

int sip_answer_format(const struct sip_request *request, const struct sip_answer *answer, uint8_t *out, unsigned size)
{
	const struct sip_message *message = request->message;
	struct sip_text text = { .at = out, .size = size };

	if (!(message->flags & SIP_ANSWERABLE) || !put_status(&text, answer->status))
		return -EINVAL;
	put_top(&text, request);
	if (message->more_vias)
		put_more_vias(&text, request);
	sip_text_put(&text, "\r\nFrom: ");
	put_span(&text, request, &message->from);
	sip_text_put(&text, "\r\nTo: ");
	put_span(&text, request, &message->to);
	if ((message->flags & SIP_TO_GOOD) && !message->to_tag.length) {
		sip_text_put(&text, ";tag=");
		sip_text_put_hex(&text, request->transaction);
	}
	sip_text_put(&text, "\r\nCall-ID: ");
	put_span(&text, request, &message->call_id);
	sip_text_put(&text, "\r\nCSeq: ");
	put_span(&text, request, &message->cseq);
	if (answer->status == SIP_STATUS_UNAVAILABLE) {
		sip_text_put(&text, "\r\nRetry-After: ");
		sip_text_put_number(&text, answer->retry_after);
	}
	if (says_allowed(message, answer->status))
		sip_text_put(&text, "\r\nAllow: MESSAGE, OPTIONS");
	if (answer->status == SIP_STATUS_EXTENSION)
		put_unsupported(&text, request);
	put_body(&text, answer);
	return text.full ? -EMSGSIZE : (int)text.n;
}

unsigned sip_answer_status(const struct sip_message *message)
{
	if (!(message->flags & SIP_ANSWERABLE))
		return 0;
	switch (message->fault) {
	case WEIR_REASON_NONE:
		break;
	case WEIR_REASON_SIP_VERSION:
		return SIP_STATUS_VERSION;
	case WEIR_REASON_SIP_SCHEME:
		return SIP_STATUS_SCHEME;
	default:
		return SIP_STATUS_BAD_REQUEST;
	}
	if (message->kind == SIP_MESSAGE)
		return 0;
	if (message->kind != SIP_OPTIONS)
		return SIP_STATUS_NOT_ALLOWED;
	return message->flags & SIP_REQUIRES ? SIP_STATUS_EXTENSION : SIP_STATUS_OK;
}

bool sip_answer_place(const struct sip_request *request, struct sip_peer *place)
{
	const struct sip_via *via = &request->message->via;
	uint16_t port = via->port ? via->port : DEFAULT_PORT;
	unsigned family = via->maddr.length ? address_parse(request->at, via->maddr, place->address) : 0;

	if (family) {
		place->family = (uint8_t)family;
		place->port = port;
		return true;
	}
	*place = request->source;
	if (!via->rport.length)
		place->port = port;
	return false;
}
