// SPDX-License-Identifier: BSD-3-Clause
//
// The SIP decoder: start line; header lines, of which it keeps where those stand that matter; their values, always in
// the same order, so that the processor learns its branches; body. It goes on after a fault, so that a request that is
// wrong can be answered; the fault that comes first in the datagram is what is told. docs/sip.md says what is refused
// and what is let pass.
#include "dataplane/decode/sip.h"

#include "dataplane/decode/sip_header.h"
#include "dataplane/decode/sip_plain.h"
#include "dataplane/decode/sip_scan.h"

enum { VERSION_LENGTH = 7, STATUS_LENGTH = 3, LENGTH_MAX = 65535 };
enum { AT_END = LENGTH_MAX + 1, NOWHERE }; // of a fault that only shows at the end, and of none

// Of a header field, from behind its colon to its end.
struct stretch {
	const uint8_t *from, *to;
};

struct sip_walk {
	const uint8_t *at;
	unsigned length;
	struct sip_message *message;
	struct stretch line[SIP_N_HEADERS + 1]; // the first of each; of those that weir has no use for any
	uint32_t seen;       // a bit for each enum sip_header
	uint32_t unfit;      // likewise, of those that cannot be copied
	unsigned fault_at;   // position of message->fault
	int64_t body_length; // of Content-Length; -1: none
};

static void fault(struct sip_walk *walk, unsigned pos, enum weir_reason reason)
{
	if (pos >= walk->fault_at)
		return;
	walk->fault_at = pos;
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
	int64_t status = sip_digits(at, &p, end, 699);
	bool is_ours;

	if (!space || !version_parse(at + pos, code - 1 - pos, &is_ours) || p - code != STATUS_LENGTH || status < 100 ||
	    (p < end && at[p] != ' ')) {
		fault(walk, 0, WEIR_REASON_SIP_START_LINE);
		return;
	}
	walk->message->kind = SIP_RESPONSE;
	walk->message->status = (uint16_t)status;
	if (!is_ours)
		fault(walk, 0, WEIR_REASON_SIP_VERSION);
}

// Request-Line: Method SP Request-URI SP SIP-Version, one SP each.
static void request_line(struct sip_walk *walk, unsigned pos, unsigned end)
{
	const uint8_t *at = walk->at;
	struct sip_message *message = walk->message;
	unsigned method = pos, uri, last = end;
	struct sip_uri parsed;
	bool is_ours;

	pos = sip_skip(at, pos, end, SIP_TOKEN);
	if (pos == method || pos == end || at[pos] != ' ') {
		fault(walk, 0, WEIR_REASON_SIP_START_LINE);
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
		fault(walk, 0, WEIR_REASON_SIP_START_LINE);
		return;
	}
	if (!is_ours)
		fault(walk, 0, WEIR_REASON_SIP_VERSION);
	if (sip_uri_plain(at, uri, last - 1, &parsed) != last - 1 && !sip_uri_parse(at, uri, last - 1, &parsed))
		fault(walk, 0, WEIR_REASON_SIP_URI);
	message->host = parsed.host;
	message->scheme = parsed.scheme;
	if (parsed.scheme == SIP_SCHEME_OTHER)
		fault(walk, 0, WEIR_REASON_SIP_SCHEME);
}

// A value that is wrong may still be copied into an answer, so that the sender learns of it.
static void wrong_value(struct sip_walk *walk, const struct sip_line *line, enum weir_reason reason)
{
	fault(walk, line->from, reason);
	if (line->from == line->to || !sip_clean(walk->at, line->from, line->to))
		walk->unfit |= 1u << line->header;
}

static void take_via(struct sip_walk *walk, const struct sip_line *line)
{
	struct sip_message *message = walk->message;
	struct sip_via *via = &message->via;
	unsigned rest;

	message->via_end = (uint16_t)line->to;
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
	const uint8_t *at = walk->at;
	struct sip_message *message = walk->message;
	struct span method;

	message->cseq = sip_span(line->from, line->to);
	if (sip_cseq_parse(at, line->from, line->to, &method) &&
	    (message->kind == SIP_RESPONSE ? sip_skip(at, method.at, line->to, SIP_TOKEN) == line->to :
	     span_equals(at, method, (const char *)at + message->method.at, message->method.length)))
		return;
	wrong_value(walk, line, WEIR_REASON_SIP_CSEQ);
}

static void take_length(struct sip_walk *walk, const struct sip_line *line)
{
	walk->body_length = sip_number(walk->at, line->from, line->to, LENGTH_MAX);
	if (walk->body_length < 0)
		fault(walk, line->from, WEIR_REASON_SIP_LENGTH);
}

// One more line with Via, from `from` on.
static void again_via(struct sip_walk *walk, const struct sip_line *line, unsigned from)
{
	struct sip_message *message = walk->message;

	if (message->more_vias++ == 0)
		message->next_via = (uint16_t)from;
	if (!sip_clean(walk->at, line->from, line->to))
		wrong_value(walk, line, WEIR_REASON_SIP_VIA);
}

// A header field that was there before. Those that may stand once only are refused, and the first holds.
static void again(struct sip_walk *walk, const struct sip_line *line, unsigned from)
{
	const uint32_t once = 1u << SIP_HEADER_FROM | 1u << SIP_HEADER_TO | 1u << SIP_HEADER_CALL_ID |
			      1u << SIP_HEADER_CSEQ | 1u << SIP_HEADER_LENGTH;

	if (once >> line->header & 1)
		fault(walk, line->from, WEIR_REASON_SIP_REPEATED);
	else if (line->header == SIP_HEADER_VIA)
		again_via(walk, line, from);
}

// A line that is not as lines mostly are: short, with a name that is not in the table or that comes again, or wrong.
static __attribute__((noinline)) void take_line(struct sip_walk *walk, unsigned from, unsigned end)
{
	struct sip_line line;
	struct sip_head head = sip_head_parse(walk->at, from, end, walk->length);

	if (head.header < 0) {
		fault(walk, from, WEIR_REASON_SIP_HEADER);
	} else if (walk->seen & sip_bit(head.header)) {
		line.header = (enum sip_header)head.header;
		sip_line_value(walk->at, head.value, end, &line);
		again(walk, &line, from);
	} else {
		walk->line[head.header] = (struct stretch){ walk->at + head.value, walk->at + end };
		walk->seen |= sip_bit(head.header);
	}
}

// Header lines from `pos` on, folds included. Returns where the body starts, past the datagram where it has no empty
// line. A function of its own, so that what the inner loop needs stays in registers.
static __attribute__((noinline)) unsigned find_lines(struct sip_walk *walk, struct sip_lines *lines, unsigned pos)
{
	const uint8_t *at = lines->at, *from = at + pos, *stop = at + lines->length;

	for (;;) {
		const uint8_t *block = at + lines->next - 64;

		for (uint64_t feeds = lines->feeds; feeds; feeds &= feeds - 1) {
			const uint8_t *end = block + __builtin_ctzll(feeds);
			const struct sip_name *name;

			if (__builtin_expect(end - from < 2, 0) && (end == from || *from == '\r'))
				return (unsigned)(end - at) + 1;
			if (end + 1 < stop && __builtin_expect(end[1] <= ' ', 0) && (end[1] == ' ' || end[1] == '\t'))
				continue; // a fold
			name = stop - from >= (ptrdiff_t)sizeof(name->text) ? sip_name_find(from) : NULL;
			if (__builtin_expect(!name || name->header == 0 || walk->seen & name->bit, 0)) {
				take_line(walk, (unsigned)(from - at), (unsigned)(end - at));
			} else {
				walk->seen |= name->bit;
				walk->line[name->header] = (struct stretch){ from + name->length, end };
			}
			from = end + 1;
		}
		if (lines->next >= lines->length)
			return lines->length + 1;
		sip_lines_load(lines);
	}
}

static inline bool find(const struct sip_walk *walk, enum sip_header header, struct sip_line *line)
{
	if (!(walk->seen >> header & 1))
		return false;
	line->header = header;
	sip_line_value(walk->at, (unsigned)(walk->line[header].from - walk->at),
		       (unsigned)(walk->line[header].to - walk->at), line);
	return true;
}

// The values of what find_lines has found.
static void take_values(struct sip_walk *walk)
{
	const uint8_t *at = walk->at;
	struct sip_message *message = walk->message;
	struct sip_line line;

	if (find(walk, SIP_HEADER_VIA, &line))
		take_via(walk, &line);
	if (find(walk, SIP_HEADER_FROM, &line))
		take_from(walk, &line);
	if (find(walk, SIP_HEADER_TO, &line))
		take_to(walk, &line);
	if (find(walk, SIP_HEADER_CALL_ID, &line))
		take_call_id(walk, &line);
	if (find(walk, SIP_HEADER_CSEQ, &line))
		take_cseq(walk, &line);
	if (find(walk, SIP_HEADER_LENGTH, &line))
		take_length(walk, &line);
	if (find(walk, SIP_HEADER_TYPE, &line))
		message->type = sip_span(line.from, line.to);
	if (find(walk, SIP_HEADER_PRIORITY, &line))
		message->priority = sip_priority_find(at + line.from, line.to - line.from);
	if (walk->seen >> SIP_HEADER_REQUIRE & 1)
		message->flags |= SIP_REQUIRES;
}

static void take_body(struct sip_walk *walk, unsigned pos)
{
	unsigned there = walk->length - pos;

	if (walk->body_length > there)
		fault(walk, AT_END, WEIR_REASON_SIP_LENGTH);
	if (walk->body_length >= 0 && walk->body_length <= there)
		there = (unsigned)walk->body_length;
	walk->message->body = sip_span(pos, pos + there);
}

// What a message must have, and what an answer to it can be made of.
static void conclude(struct sip_walk *walk, bool stray)
{
	const uint32_t needed = 1u << SIP_HEADER_VIA | 1u << SIP_HEADER_FROM | 1u << SIP_HEADER_TO |
				1u << SIP_HEADER_CALL_ID | 1u << SIP_HEADER_CSEQ;
	struct sip_message *message = walk->message;

	if ((walk->seen & needed) != needed)
		fault(walk, AT_END, WEIR_REASON_SIP_MISSING);
	else if (!(walk->unfit & needed) && message->kind != SIP_ACK && message->kind != SIP_RESPONSE)
		message->flags |= SIP_ANSWERABLE;
	if (stray)
		fault(walk, AT_END, WEIR_REASON_SIP_HEADER);
}

// All zeros, by stores of its own: the compiler would have a string instruction, which takes longer to begin than this.
static inline void clear(struct sip_message *message)
{
	uint8_t *to = (uint8_t *)message;

	static_assert(sizeof(*message) > 64 && sizeof(*message) <= 96, "three stores of 32 bytes");
	_mm256_storeu_si256((__m256i *)(void *)to, _mm256_setzero_si256());
	_mm256_storeu_si256((__m256i *)(void *)(to + 32), _mm256_setzero_si256());
	_mm256_storeu_si256((__m256i *)(void *)(to + sizeof(*message) - 32), _mm256_setzero_si256());
}

// Of `line` only what is in `seen` is ever read.
static inline void walk_init(struct sip_walk *walk, const uint8_t *at, unsigned length, struct sip_message *message)
{
	walk->at = at;
	walk->length = length;
	walk->message = message;
	walk->seen = 0;
	walk->unfit = 0;
	walk->fault_at = NOWHERE;
	walk->body_length = -1;
}

enum weir_reason sip_parse(const uint8_t *at, unsigned length, struct sip_message *message)
{
	struct sip_walk walk;
	uint8_t copy[SIP_LEAST];
	struct sip_lines lines;
	unsigned pos = 0, end, body;
	int line;

	clear(message);
	message->priority = WEIR_NORMAL;
	if (length < SIP_LEAST) {
		memset(copy, 0, sizeof(copy));
		at = memcpy(copy, at, length);
	}
	walk_init(&walk, at, length, message);
	while (pos < length && (at[pos] == '\r' || at[pos] == '\n'))
		pos++; // RFC 3261, 7.5: empty lines before the start line
	sip_lines_init(&lines, at, length, pos);
	line = sip_lines_next(&lines);
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
	body = find_lines(&walk, &lines, (unsigned)line + 1);
	take_values(&walk);
	if (body > length)
		fault(&walk, AT_END, WEIR_REASON_SIP_HEADER);
	else
		take_body(&walk, body);
	conclude(&walk, sip_lines_stray(&lines, body));
	return message->kind == SIP_RESPONSE ? WEIR_REASON_SIP_RESPONSE : message->fault;
}
