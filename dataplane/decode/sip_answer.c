// SPDX-License-Identifier: BSD-3-Clause
//
// Answers to SIP requests. What is copied comes from a request that sip_parse found answerable: it holds no line end
// but folds, and these are not copied, so nothing of it can begin a line of the answer. Writes nowhere past `size`.
#include "dataplane/decode/sip_answer.h"

#include <arpa/inet.h>
#include <errno.h>

#include "dataplane/decode/sip_header.h"
#include "dataplane/decode/sip_scan.h"

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

static bool is_source(const struct sip_request *request, struct span host)
{
	const struct sip_peer *source = &request->source;
	uint8_t address[16];

	return address_parse(request->at, host, address) == source->family &&
	       memcmp(address, source->address, source->family == 4 ? 4 : 16) == 0;
}

// The topmost Via: as it came, but that received and rport are ours to say.
static void put_top(struct sip_text *out, const struct sip_request *request)
{
	const struct sip_via *via = &request->message->via;
	bool good = request->message->flags & SIP_VIA_GOOD, rport = via->rport.length > 0;
	const struct span *first = &via->received, *second = &via->rport;
	unsigned from = via->value.at, end = from + via->value.length;

	if (first->at > second->at) {
		first = &via->rport;
		second = &via->received;
	}
	if (!good) {
		sip_text_put_value(out, request->at, from, end);
		return;
	}
	if (first->length) {
		sip_text_put_value(out, request->at, from, first->at);
		from = (unsigned)first->at + first->length;
	}
	if (second->length) {
		sip_text_put_value(out, request->at, from, second->at);
		from = (unsigned)second->at + second->length;
	}
	if (from < end)
		sip_text_put_value(out, request->at, from, end);
	if (rport || !is_source(request, via->host)) {
		sip_text_put(out, ";received=");
		sip_text_put_address(out, &request->source);
	}
	if (rport) {
		sip_text_put(out, ";rport=");
		sip_text_put_number(out, request->source.port);
	}
}

// The Via values of all lines, in order. Each line of the request is one of the answer.
static void put_vias(struct sip_text *out, const struct sip_request *request)
{
	const uint8_t *at = request->at;
	unsigned pos = request->message->headers, from = pos;
	const struct span *top = &request->message->via.value;
	struct sip_lines lines;
	struct sip_line line;
	int end;

	sip_lines_init(&lines, at, request->length, pos);
	while ((end = sip_lines_next_header(&lines, &pos)) >= 0) {
		int err = sip_line_parse(at, from, (unsigned)end, request->length, &line);

		from = pos;
		if (err || line.header != SIP_HEADER_VIA)
			continue;
		sip_text_put(out, "Via: ");
		if (line.from == top->at) {
			put_top(out, request);
			line.from = (unsigned)top->at + top->length;
		}
		sip_text_put_value(out, at, line.from, line.to);
		sip_text_put(out, "\r\n");
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
		if (!err && line.header == SIP_HEADER_REQUIRE && sip_clean(request->at, line.from, line.to))
			sip_text_put_header(out, "Unsupported: ", request->at, sip_span(line.from, line.to));
	}
}

static bool put_status(struct sip_text *out, unsigned status)
{
	switch (status) {
#define X(name, code, phrase)                            \
	case SIP_STATUS_##name:                          \
		sip_text_put(out, "SIP/2.0 " #code " " phrase "\r\n"); \
		return true;
		SIP_STATUSES(X)
#undef X
	default:
		return false;
	}
}

static void put_body(struct sip_text *out, const struct sip_answer *answer)
{
	unsigned length = answer->status < 300 ? 0 : answer->text_length;

	if (length)
		sip_text_put(out, "Content-Type: text/plain;charset=UTF-8\r\n");
	sip_text_put(out, "Content-Length: ");
	sip_text_put_number(out, length);
	sip_text_put(out, "\r\n\r\n");
	if (length)
		sip_text_put_bytes(out, answer->text, length);
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
	put_vias(&text, request);
	sip_text_put_header(&text, "From: ", request->at, message->from);
	sip_text_put(&text, "To: ");
	sip_text_put_value(&text, request->at, message->to.at, (unsigned)message->to.at + message->to.length);
	if ((message->flags & SIP_TO_GOOD) && !message->to_tag.length) {
		sip_text_put(&text, ";tag=");
		sip_text_put_hex(&text, request->transaction);
	}
	sip_text_put(&text, "\r\n");
	sip_text_put_header(&text, "Call-ID: ", request->at, message->call_id);
	sip_text_put_header(&text, "CSeq: ", request->at, message->cseq);
	if (answer->status == SIP_STATUS_UNAVAILABLE) {
		sip_text_put(&text, "Retry-After: ");
		sip_text_put_number(&text, answer->retry_after);
		sip_text_put(&text, "\r\n");
	}
	if (says_allowed(message, answer->status))
		sip_text_put(&text, "Allow: MESSAGE, OPTIONS\r\n");
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

static void put_piece(struct siphash *hash, const uint8_t *at, struct span span)
{
	siphash13_put_piece(hash, at + span.at, span.length);
}

// Pieces and how long each is: three lengths in the last word, the others in a word before it where that says so.
uint64_t sip_transaction_end(struct siphash *hash, const uint8_t *at, const struct sip_message *message)
{
	static const char cookie[] = "z9hG4bK"; // RFC 3261, 8.1.1.7
	const struct span *branch = &message->via.branch, *first = branch;
	bool unique = branch->length >= sizeof(cookie) && memcmp(at + branch->at, cookie, sizeof(cookie) - 1) == 0;

	if (!unique) {
		first = &message->via.value;
		put_piece(hash, at, message->from);
		put_piece(hash, at, message->to);
		siphash13_put(hash, message->from.length | (uint64_t)message->to.length << 16);
	}
	put_piece(hash, at, *first);
	put_piece(hash, at, message->call_id);
	put_piece(hash, at, message->cseq);
	return siphash13_end(hash, first->length | (uint64_t)message->call_id.length << 16 |
				   (uint64_t)message->cseq.length << 32 | (uint64_t)unique << 48, 7);
}

uint64_t sip_transaction(const uint8_t *at, const struct sip_message *message, const uint8_t key[SIPHASH_KEY_SIZE])
{
	struct siphash hash;

	siphash_init(&hash, key);
	return sip_transaction_end(&hash, at, message);
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
