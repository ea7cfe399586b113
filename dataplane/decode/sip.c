// SPDX-License-Identifier: BSD-3-Clause
//
// The SIP decoder: start line, header lines one after the other, body. It goes on after a fault, so that a request that
// is wrong can be answered; the first fault is what is told. docs/sip.md says what is refused and what is let pass.
#include "dataplane/decode/sip.h"

#include "dataplane/decode/sip_header.h"
#include "dataplane/decode/sip_scan.h"

enum { VERSION_LENGTH = 7, STATUS_LENGTH = 3, LENGTH_MAX = 65535 };

struct sip_walk {
	const uint8_t *at;
	unsigned length;
	struct sip_message *message;
	struct sip_lines lines;
	uint32_t seen;       // a bit for each enum sip_header
	uint32_t unfit;      // likewise, of those that cannot be copied
	int64_t body_length; // of Content-Length; -1: none
};

static void fault(struct sip_walk *walk, enum weir_reason reason)
{
	if (walk->message->fault == WEIR_REASON_NONE)
		walk->message->fault = (uint8_t)reason;
}

static enum sip_kind kind_find(const uint8_t *method, unsigned length)
{
	if (length == 7 && memcmp(method, "MESSAGE", 7) == 0)
		return SIP_MESSAGE;
	if (length == 7 && memcmp(method, "OPTIONS", 7) == 0)
		return SIP_OPTIONS;
	return length == 3 && memcmp(method, "ACK", 3) == 0 ? SIP_ACK : SIP_OTHER;
}

// "SIP/" digits "." digits; *is_ours where it is 2.0.
static bool version_parse(const uint8_t *at, unsigned length, bool *is_ours)
{
	unsigned p = 4, minor;

	*is_ours = length == VERSION_LENGTH && sip_same(at, VERSION_LENGTH, "sip/2.0");
	if (*is_ours)
		return true;
	if (length < VERSION_LENGTH || !sip_same(at, 4, "sip/"))
		return false;
	while (p < length && sip_digit(at[p]))
		p++;
	minor = p + 1;
	return p > 4 && p < length && at[p] == '.' && sip_number(at, minor, length, LENGTH_MAX) >= 0;
}

// Status-Line: SIP-Version SP Status-Code SP Reason-Phrase. The last SP is seen to be left out where no phrase follows.
static void status_line(struct sip_walk *walk, unsigned pos, unsigned end)
{
	const uint8_t *at = walk->at, *space = memchr(at + pos, ' ', end - pos);
	unsigned code = space ? (unsigned)(space - at) + 1 : end, p = code;
	int64_t status;
	bool is_ours;

	while (p < end && sip_digit(at[p]))
		p++;
	status = sip_number(at, code, p, 699);
	if (!space || !version_parse(at + pos, code - 1 - pos, &is_ours) || p - code != STATUS_LENGTH || status < 100 ||
	    (p < end && at[p] != ' ')) {
		fault(walk, WEIR_REASON_SIP_START_LINE);
		return;
	}
	walk->message->kind = SIP_RESPONSE;
	walk->message->status = (uint16_t)status;
	if (!is_ours)
		fault(walk, WEIR_REASON_SIP_VERSION);
}

// Request-Line: Method SP Request-URI SP SIP-Version, one SP each.
static void request_line(struct sip_walk *walk, unsigned pos, unsigned end)
{
	const uint8_t *at = walk->at;
	struct sip_message *message = walk->message;
	unsigned method = pos, uri, last = end;
	struct sip_uri parsed;
	bool is_ours;

	pos = sip_skip_few(at, pos, end, SIP_TOKEN);
	if (pos == method || pos == end || at[pos] != ' ') {
		fault(walk, WEIR_REASON_SIP_START_LINE);
		return;
	}
	message->method = sip_span(method, pos);
	message->kind = (uint8_t)kind_find(at + method, pos - method);
	uri = pos + 1;
	if (end - uri > VERSION_LENGTH && at[end - VERSION_LENGTH - 1] == ' ')
		last = end - VERSION_LENGTH; // as a rule
	while (last > uri && at[last - 1] != ' ')
		last--;
	if (last == uri || !version_parse(at + last, end - last, &is_ours)) {
		fault(walk, WEIR_REASON_SIP_START_LINE);
		return;
	}
	if (!is_ours)
		fault(walk, WEIR_REASON_SIP_VERSION);
	if (!sip_uri_parse(at, uri, last - 1, &parsed))
		fault(walk, WEIR_REASON_SIP_URI);
	message->host = parsed.host;
	message->scheme = parsed.scheme;
	if (parsed.scheme == SIP_SCHEME_OTHER)
		fault(walk, WEIR_REASON_SIP_SCHEME);
}

// A value that is wrong may still be copied into an answer, so that the sender learns of it.
static void wrong_value(struct sip_walk *walk, const struct sip_line *line, enum weir_reason reason)
{
	fault(walk, reason);
	if (line->from == line->to || !sip_clean(walk->at, line->from, line->to))
		walk->unfit |= 1u << line->header;
}

static void take_top(struct sip_walk *walk, const struct sip_line *line)
{
	struct sip_message *message = walk->message;
	struct sip_via *via = &message->via;
	unsigned rest;

	if (sip_via_parse(walk->at, line->from, line->to, via)) {
		message->flags |= SIP_VIA_GOOD;
		rest = (unsigned)via->value.at + via->value.length;
		if (sip_clean(walk->at, rest, line->to))
			return;
	} else {
		via->value = sip_span(line->from, line->to);
	}
	wrong_value(walk, line, WEIR_REASON_SIP_VIA);
	if (!via->host.length) // nobody knows where an answer would go
		walk->unfit |= 1u << SIP_HEADER_VIA;
}

static void take_via(struct sip_walk *walk, const struct sip_line *line, bool first)
{
	if (first)
		take_top(walk, line);
	else if (!sip_clean(walk->at, line->from, line->to))
		wrong_value(walk, line, WEIR_REASON_SIP_VIA);
}

static void take_from(struct sip_walk *walk, const struct sip_line *line)
{
	struct sip_message *message = walk->message;
	struct sip_address address;

	message->from = sip_span(line->from, line->to);
	if (!sip_address_parse(walk->at, line->from, line->to, &address)) {
		wrong_value(walk, line, WEIR_REASON_SIP_FROM);
	}
	message->number[0] = address.number;
	message->from_tag = address.tag;
}

static void take_to(struct sip_walk *walk, const struct sip_line *line)
{
	struct sip_message *message = walk->message;
	struct sip_address address;

	message->to = sip_span(line->from, line->to);
	if (sip_address_parse(walk->at, line->from, line->to, &address)) {
		message->flags |= SIP_TO_GOOD;
	} else {
		wrong_value(walk, line, WEIR_REASON_SIP_TO);
	}
	message->number[1] = address.number;
	message->to_tag = address.tag;
}

static void take_call_id(struct sip_walk *walk, const struct sip_line *line)
{
	walk->message->call_id = sip_span(line->from, line->to);
	if (sip_call_id_check(walk->at, line->from, line->to))
		return;
	wrong_value(walk, line, WEIR_REASON_SIP_CALL_ID);
}

static void take_cseq(struct sip_walk *walk, const struct sip_line *line)
{
	struct sip_message *message = walk->message;
	struct span method;

	message->cseq = sip_span(line->from, line->to);
	if (sip_cseq_parse(walk->at, line->from, line->to, &method) &&
	    (message->kind == SIP_RESPONSE || (method.length == message->method.length &&
	    memcmp(walk->at + method.at, walk->at + message->method.at, method.length) == 0)))
		return;
	wrong_value(walk, line, WEIR_REASON_SIP_CSEQ);
}

static void take_length(struct sip_walk *walk, const struct sip_line *line)
{
	walk->body_length = sip_number(walk->at, line->from, line->to, LENGTH_MAX);
	if (walk->body_length < 0)
		fault(walk, WEIR_REASON_SIP_LENGTH);
}

// One header line, its folds included. Those that may stand once only are refused the second time, and the first holds.
static void take_line(struct sip_walk *walk, unsigned pos, unsigned end)
{
	const uint32_t once = 1u << SIP_HEADER_FROM | 1u << SIP_HEADER_TO | 1u << SIP_HEADER_CALL_ID |
			      1u << SIP_HEADER_CSEQ | 1u << SIP_HEADER_LENGTH;
	struct sip_message *message = walk->message;
	struct sip_line line;
	bool first;

	if (sip_line_parse(walk->at, pos, end, &line)) {
		fault(walk, WEIR_REASON_SIP_HEADER);
		return;
	}
	if (line.header == SIP_HEADER_OTHER)
		return;
	first = !(walk->seen >> line.header & 1);
	walk->seen |= 1u << line.header;
	if (!first && (once >> line.header & 1)) {
		fault(walk, WEIR_REASON_SIP_REPEATED);
		return;
	}
	switch (line.header) {
	case SIP_HEADER_VIA: take_via(walk, &line, first); break;
	case SIP_HEADER_FROM: take_from(walk, &line); break;
	case SIP_HEADER_TO: take_to(walk, &line); break;
	case SIP_HEADER_CALL_ID: take_call_id(walk, &line); break;
	case SIP_HEADER_CSEQ: take_cseq(walk, &line); break;
	case SIP_HEADER_LENGTH: take_length(walk, &line); break;
	case SIP_HEADER_REQUIRE: message->flags |= SIP_REQUIRES; break;
	case SIP_HEADER_TYPE:
		if (first)
			message->type = sip_span(line.from, line.to);
		break;
	case SIP_HEADER_PRIORITY:
		if (first)
			message->priority = sip_priority_find(walk->at + line.from, line.to - line.from);
		break;
	default: break;
	}
}

// Header lines from `pos` on. Returns where the body starts, past the datagram where it has no empty line.
static unsigned take_lines(struct sip_walk *walk, unsigned pos)
{
	unsigned from = pos;
	int end;

	while ((end = sip_lines_next_header(&walk->lines, &pos)) >= 0) {
		take_line(walk, from, (unsigned)end);
		from = pos;
	}
	return pos;
}

static void take_body(struct sip_walk *walk, unsigned pos)
{
	unsigned there = walk->length - pos;

	if (walk->body_length > there)
		fault(walk, WEIR_REASON_SIP_LENGTH);
	if (walk->body_length >= 0 && walk->body_length <= there)
		there = (unsigned)walk->body_length;
	walk->message->body = sip_span(pos, pos + there);
}

// What a message must have, and what an answer to it can be made of.
static void conclude(struct sip_walk *walk)
{
	const uint32_t needed = 1u << SIP_HEADER_VIA | 1u << SIP_HEADER_FROM | 1u << SIP_HEADER_TO |
				1u << SIP_HEADER_CALL_ID | 1u << SIP_HEADER_CSEQ;
	struct sip_message *message = walk->message;

	if ((walk->seen & needed) != needed)
		fault(walk, WEIR_REASON_SIP_MISSING);
	else if (!(walk->unfit & needed) && message->kind != SIP_ACK && message->kind != SIP_RESPONSE)
		message->flags |= SIP_ANSWERABLE;
	if (walk->lines.stray)
		fault(walk, WEIR_REASON_SIP_HEADER);
}

enum weir_reason sip_parse(const uint8_t *at, unsigned length, struct sip_message *message)
{
	struct sip_walk walk = { .at = at, .length = length, .message = message, .body_length = -1 };
	unsigned pos = 0, end, body;
	int line;

	memset(message, 0, sizeof(*message));
	message->priority = WEIR_NORMAL;
	while (pos < length && (at[pos] == '\r' || at[pos] == '\n'))
		pos++; // RFC 3261, 7.5: empty lines before the start line
	sip_lines_init(&walk.lines, at, length, pos);
	line = sip_lines_next(&walk.lines);
	if (line < 0)
		return message->fault = WEIR_REASON_SIP_START_LINE;
	end = (unsigned)line - (at[line - 1] == '\r');
	if (end - pos > 4 && sip_same(at + pos, 4, "sip/"))
		status_line(&walk, pos, end);
	else
		request_line(&walk, pos, end);
	if (message->kind == SIP_UNKNOWN)
		return message->fault;
	message->headers = (uint16_t)(line + 1);
	body = take_lines(&walk, (unsigned)line + 1);
	if (body > length)
		fault(&walk, WEIR_REASON_SIP_HEADER);
	else
		take_body(&walk, body);
	conclude(&walk);
	return message->kind == SIP_RESPONSE ? WEIR_REASON_SIP_RESPONSE : message->fault;
}
