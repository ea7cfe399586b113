// SPDX-License-Identifier: BSD-3-Clause
//
// The SIP decoder: start line; header lines, of which it keeps where those stand that matter; their values
// (sip_fields.c); body. It goes on after a fault, so that a request that is wrong can be answered; the fault that comes
// first in the datagram is what is told. docs/sip.md says what is refused and what is let pass.
#include "dataplane/decode/sip.h"

#include "dataplane/decode/sip_lines.h"
#include "dataplane/decode/sip_plain.h"
#include "dataplane/decode/sip_walk.h"

enum { VERSION_LENGTH = 7, STATUS_LENGTH = 3 };

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
	return p > 4 && p < length && at[p] == '.' && sip_number(at, minor, length, UINT16_MAX) >= 0;
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
		sip_fault(walk, 0, WEIR_REASON_SIP_START_LINE);
		return;
	}
	walk->message->kind = SIP_RESPONSE;
	walk->message->status = (uint16_t)status;
	if (!is_ours)
		sip_fault(walk, 0, WEIR_REASON_SIP_VERSION);
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
		sip_fault(walk, 0, WEIR_REASON_SIP_START_LINE);
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
		sip_fault(walk, 0, WEIR_REASON_SIP_START_LINE);
		return;
	}
	if (!is_ours)
		sip_fault(walk, 0, WEIR_REASON_SIP_VERSION);
	if (!sip_uri_parse(at, uri, last - 1, &parsed))
		sip_fault(walk, 0, WEIR_REASON_SIP_URI);
	message->host = parsed.host;
	message->scheme = parsed.scheme;
	if (parsed.scheme == SIP_SCHEME_OTHER)
		sip_fault(walk, 0, WEIR_REASON_SIP_SCHEME);
}

// A request line as most are, `MESSAGE sip:user@host SIP/2.0` or with OPTIONS, that has its LF at `feed`. False, and
// nothing said, where it is another.
static bool usual_line(struct sip_walk *walk, unsigned pos, unsigned feed)
{
	static const char version[] = " SIP/2.0";
	const uint8_t *at = walk->at;
	struct sip_message *message = walk->message;
	struct sip_plain_uri uri;
	enum sip_kind kind;
	unsigned end;

	if (feed + SIP_LEAST >= walk->length || at[pos + 7] != ' ')
		return false;
	kind = kind_find(at + pos, 7);
	end = kind == SIP_OTHER ? 0 : sip_plain_uri(at, pos + 8, &uri);
	if (end == 0 || memcmp(at + end, version, 8) != 0 || !sip_plain_ends(at, end + 8, feed))
		return false;
	message->method = sip_span(pos, pos + 7);
	message->kind = (uint8_t)kind;
	message->host = sip_span(uri.host, end); // SIP_SCHEME_SIP is 0
	return true;
}

// One more line with Via, from `from` on.
static void again_via(struct sip_walk *walk, const struct sip_line *line, unsigned from)
{
	struct sip_message *message = walk->message;

	if (message->more_vias++ == 0)
		message->next_via = (uint16_t)from;
	if (!sip_clean(walk->at, line->from, line->to))
		sip_wrong_value(walk, line, WEIR_REASON_SIP_VIA);
}

// A header field that was there before. Those that may stand once only are refused, and the first holds.
static unsigned again(struct sip_walk *walk, const struct sip_line *line, unsigned from)
{
	const uint32_t once = 1u << SIP_HEADER_FROM | 1u << SIP_HEADER_TO | 1u << SIP_HEADER_CALL_ID |
			      1u << SIP_HEADER_CSEQ | 1u << SIP_HEADER_LENGTH;

	if (once >> line->header & 1)
		sip_fault(walk, line->from, WEIR_REASON_SIP_REPEATED);
	if (line->header != SIP_HEADER_VIA)
		return SIP_HEADER_OTHER;
	again_via(walk, line, from);
	return SIP_NEXT_VIA;
}

static inline bool is_fold(uint8_t byte)
{
	return byte == ' ' || byte == '\t';
}

// More of the line `last`.
static void take_fold(struct sip_walk *walk, unsigned from, unsigned end, unsigned last)
{
	const struct sip_line line = { SIP_HEADER_VIA, from, end };

	walk->line[last].to = end;
	if (last == SIP_NEXT_VIA && !sip_clean(walk->at, from, end))
		sip_wrong_value(walk, &line, WEIR_REASON_SIP_VIA);
}

// The line `last` goes on, and the datagram ends in it: it was none.
static void drop_line(struct sip_walk *walk, unsigned last)
{
	struct sip_message *message = walk->message;

	if (last < SIP_N_HEADERS)
		walk->seen &= ~(uint32_t)sip_bit((int)last);
	if (last == SIP_NEXT_VIA && --message->more_vias == 0)
		message->next_via = 0;
}

// A line that is not as most are: short, with a name that is not in the table or that comes again, a fold, or wrong.
// `last` is which the line before it was, SIP_NO_HEADER for the first one. Returns which this one is.
static __attribute__((noinline)) unsigned take_line(struct sip_walk *walk, unsigned from, unsigned end, unsigned last)
{
	const uint8_t *at = walk->at;
	struct sip_line line;
	struct sip_head head;

	if (last != SIP_NO_HEADER && is_fold(at[from])) {
		take_fold(walk, from, end, last);
		return last;
	}
	head = sip_head_parse(at, from, end, walk->length);
	if (head.header < 0) {
		sip_fault(walk, from, WEIR_REASON_SIP_HEADER);
		return SIP_HEADER_OTHER;
	}
	if (walk->seen & sip_bit(head.header)) {
		line.header = (enum sip_header)head.header;
		sip_line_value(at, head.value, end, &line);
		return again(walk, &line, from);
	}
	walk->seen |= sip_bit(head.header);
	walk->line[head.header] = (struct sip_stretch){ head.value, end };
	return (unsigned)head.header;
}

// Header lines from `from` on, folds included. Returns where the body starts, past the datagram where it has no empty
// line. A function of its own, so that what the inner loop needs stays in registers.
static __attribute__((noinline)) unsigned find_lines(struct sip_walk *walk, struct sip_lines *lines, unsigned from)
{
	const uint8_t *at = lines->at;
	const unsigned room = sizeof(sip_names[0].text);
	const unsigned names = lines->length < room ? 0 : lines->length - room + 1; // where none can be read any more
	unsigned last = SIP_NO_HEADER, unseen = SIP_NAME_BITS;

	do {
		for (unsigned i = lines->i; i < lines->n; i++) {
			const unsigned block = lines->from + 64 * i;

			for (uint64_t feeds = lines->feeds[i]; feeds; feeds &= feeds - 1) {
				const unsigned end = block + (unsigned)__builtin_ctzll(feeds);
				const struct sip_name *name = from < names ? sip_name_find(at + from) : NULL;

				if (__builtin_expect(name && (unseen & name->bit), 1)) {
					last = name->header;
					unseen &= name->others;
					walk->line[last] = (struct sip_stretch){ from + name->length, end };
				} else {
					walk->seen = ~unseen & SIP_NAME_BITS;
					if (end == from || (end - from == 1 && at[from] == '\r'))
						return end + 1;
					last = take_line(walk, from, end, last);
					unseen = ~walk->seen & SIP_NAME_BITS;
				}
				from = end + 1;
			}
		}
	} while (sip_lines_fill(lines));
	walk->seen = ~unseen & SIP_NAME_BITS;
	if (from < lines->length && is_fold(at[from]))
		drop_line(walk, last);
	return lines->length + 1;
}

static void take_body(struct sip_walk *walk, unsigned pos)
{
	unsigned there = walk->length - pos;

	if (walk->body_length > there)
		sip_fault(walk, SIP_AT_END, WEIR_REASON_SIP_LENGTH);
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
		sip_fault(walk, SIP_AT_END, WEIR_REASON_SIP_MISSING);
	else if (!walk->is_unfit && message->kind != SIP_ACK && message->kind != SIP_RESPONSE)
		message->flags |= SIP_ANSWERABLE;
	if (stray)
		sip_fault(walk, SIP_AT_END, WEIR_REASON_SIP_HEADER);
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
	walk->is_unfit = 0;
	walk->fault_at = SIP_NOWHERE;
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
	if (usual_line(&walk, pos, (unsigned)line))
		;
	else if (end - pos > 4 && sip_same(at + pos, 4, "sip/"))
		status_line(&walk, pos, end);
	else
		request_line(&walk, pos, end);
	if (message->kind == SIP_UNKNOWN)
		return message->fault;
	message->headers = (uint16_t)(line + 1);
	body = find_lines(&walk, &lines, (unsigned)line + 1);
	sip_take_fields(&walk);
	if (body > length)
		sip_fault(&walk, SIP_AT_END, WEIR_REASON_SIP_HEADER);
	else
		take_body(&walk, body);
	conclude(&walk, sip_lines_stray(&lines, body));
	return message->kind == SIP_RESPONSE ? WEIR_REASON_SIP_RESPONSE : message->fault;
}
