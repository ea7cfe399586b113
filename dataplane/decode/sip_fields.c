// SPDX-License-Identifier: BSD-3-Clause
//
// From the values of header fields to the message: the plain form first (sip_plain.h), which most have, else all that
// RFC 3261 lets stand (sip_value.h).
#include "dataplane/decode/sip_walk.h"

#include "dataplane/decode/sip_plain.h"

// What is between the colon and the LF, as a rule a space, the value and a CR.
struct sip_raw {
	unsigned from; // behind one space, where there is one
	unsigned feed; // of the LF
	bool is_safe;  // that sip_plain.h may read it
};

static inline struct sip_raw raw(const struct sip_walk *walk, enum sip_header header)
{
	struct sip_stretch line = walk->line[header];
	unsigned from = line.from + (walk->at[line.from] == ' ');

	return (struct sip_raw){ from, line.to, line.to + SIP_LEAST < walk->length };
}

static struct sip_line value(const struct sip_walk *walk, enum sip_header header)
{
	struct sip_line line = { .header = header };

	sip_line_value(walk->at, walk->line[header].from, walk->line[header].to, &line);
	return line;
}

void sip_wrong_value(struct sip_walk *walk, const struct sip_line *line, enum weir_reason reason)
{
	sip_fault(walk, line->from, reason);
	if (line->from == line->to || !sip_clean(walk->at, line->from, line->to))
		walk->is_unfit = 1;
}

static __attribute__((noinline)) void take_any_via(struct sip_walk *walk)
{
	struct sip_line line = value(walk, SIP_HEADER_VIA);
	struct sip_message *message = walk->message;
	struct sip_via *via = &message->via;
	unsigned rest;

	message->via_end = (uint16_t)line.to;
	if (sip_via_parse(walk->at, line.from, line.to, via)) {
		message->flags |= SIP_VIA_GOOD;
		rest = (unsigned)via->value.at + via->value.length;
		if (sip_clean(walk->at, rest, line.to))
			return;
	} else {
		via->value = sip_span(line.from, line.to);
	}
	sip_wrong_value(walk, &line, WEIR_REASON_SIP_VIA);
	if (!via->host.length) // nobody knows where an answer would go
		walk->is_unfit = 1;
}

static inline void take_via(struct sip_walk *walk)
{
	struct sip_raw at = raw(walk, SIP_HEADER_VIA);
	unsigned end = at.is_safe ? sip_plain_via(walk->at, at.from, &walk->message->via) : 0;

	if (end == 0 || !sip_plain_ends(walk->at, end, at.feed)) {
		take_any_via(walk);
		return;
	}
	walk->message->via_end = (uint16_t)end;
	walk->message->flags |= SIP_VIA_GOOD;
}

// From or To. *whole is the value. Returns whether it is well formed.
static __attribute__((noinline)) bool take_any_address(struct sip_walk *walk, enum sip_header header,
						       struct span *whole, struct sip_address *address)
{
	struct sip_line line = value(walk, header);

	*whole = sip_span(line.from, line.to);
	if (sip_address_parse(walk->at, line.from, line.to, address))
		return true;
	sip_wrong_value(walk, &line, header == SIP_HEADER_FROM ? WEIR_REASON_SIP_FROM : WEIR_REASON_SIP_TO);
	return false;
}

static inline __attribute__((always_inline)) bool take_address(struct sip_walk *walk, enum sip_header header,
							       struct span *whole, struct sip_address *address)
{
	struct sip_raw at = raw(walk, header);
	unsigned end = at.is_safe ? sip_plain_address(walk->at, at.from, at.feed, address) : 0;

	if (end == 0 || !sip_plain_ends(walk->at, end, at.feed))
		return take_any_address(walk, header, whole, address);
	*whole = sip_span(at.from, end);
	return true;
}

static inline void take_from(struct sip_walk *walk)
{
	struct sip_message *message = walk->message;
	struct sip_address address;

	take_address(walk, SIP_HEADER_FROM, &message->from, &address);
	message->number[0] = address.number;
	message->from_tag = address.tag;
}

static inline void take_to(struct sip_walk *walk)
{
	struct sip_message *message = walk->message;
	struct sip_address address;

	if (take_address(walk, SIP_HEADER_TO, &message->to, &address))
		message->flags |= SIP_TO_GOOD;
	message->number[1] = address.number;
	message->to_tag = address.tag;
}

static inline void take_call_id(struct sip_walk *walk)
{
	struct sip_raw at = raw(walk, SIP_HEADER_CALL_ID);
	unsigned end = at.is_safe ? sip_plain_call_id(walk->at, at.from) : 0;
	struct sip_line line;

	if (end != 0 && sip_plain_ends(walk->at, end, at.feed)) {
		walk->message->call_id = sip_span(at.from, end);
		return;
	}
	line = value(walk, SIP_HEADER_CALL_ID);
	walk->message->call_id = sip_span(line.from, line.to);
	if (!sip_call_id_check(walk->at, line.from, line.to))
		sip_wrong_value(walk, &line, WEIR_REASON_SIP_CALL_ID);
}

static __attribute__((noinline)) void take_any_cseq(struct sip_walk *walk)
{
	struct sip_line line = value(walk, SIP_HEADER_CSEQ);
	const uint8_t *at = walk->at;
	struct sip_message *message = walk->message;
	struct span method;

	message->cseq = sip_span(line.from, line.to);
	if (sip_cseq_parse(at, line.from, line.to, &method) &&
	    (message->kind == SIP_RESPONSE ? sip_skip(at, method.at, line.to, SIP_TOKEN) == line.to :
	     span_equals(at, method, (const char *)at + message->method.at, message->method.length)))
		return;
	sip_wrong_value(walk, &line, WEIR_REASON_SIP_CSEQ);
}

static inline void take_cseq(struct sip_walk *walk)
{
	struct sip_message *message = walk->message;
	struct sip_raw at = raw(walk, SIP_HEADER_CSEQ);
	unsigned end = 0;

	if (at.is_safe && message->kind != SIP_RESPONSE)
		end = sip_plain_cseq(walk->at, at.from, message->method);
	if (end != 0 && sip_plain_ends(walk->at, end, at.feed))
		message->cseq = sip_span(at.from, end);
	else
		take_any_cseq(walk);
}

static inline void take_length(struct sip_walk *walk)
{
	struct sip_raw at = raw(walk, SIP_HEADER_LENGTH);
	uint32_t number;
	unsigned n = sip_few_digits(walk->at, at.from, at.feed, &number); // nothing behind: this line is often the last
	struct sip_line line;

	if (n > 0 && n < 8 && number <= UINT16_MAX && sip_plain_ends(walk->at, at.from + n, at.feed)) {
		walk->body_length = number;
		return;
	}
	line = value(walk, SIP_HEADER_LENGTH);
	walk->body_length = sip_number(walk->at, line.from, line.to, UINT16_MAX);
	if (walk->body_length < 0)
		sip_fault(walk, line.from, WEIR_REASON_SIP_LENGTH);
}

void sip_take_fields(struct sip_walk *walk)
{
	struct sip_message *message = walk->message;
	const uint32_t seen = walk->seen;
	struct sip_line line;

	if (seen >> SIP_HEADER_VIA & 1)
		take_via(walk);
	if (seen >> SIP_HEADER_FROM & 1)
		take_from(walk);
	if (seen >> SIP_HEADER_TO & 1)
		take_to(walk);
	if (seen >> SIP_HEADER_CALL_ID & 1)
		take_call_id(walk);
	if (seen >> SIP_HEADER_CSEQ & 1)
		take_cseq(walk);
	if (seen >> SIP_HEADER_LENGTH & 1)
		take_length(walk);
	if (seen >> SIP_HEADER_TYPE & 1) {
		line = value(walk, SIP_HEADER_TYPE);
		message->type = sip_span(line.from, line.to);
	}
	if (seen >> SIP_HEADER_PRIORITY & 1) {
		line = value(walk, SIP_HEADER_PRIORITY);
		message->priority = sip_priority_find(walk->at + line.from, line.to - line.from);
	}
	if (seen >> SIP_HEADER_REQUIRE & 1)
		message->flags |= SIP_REQUIRES;
}
