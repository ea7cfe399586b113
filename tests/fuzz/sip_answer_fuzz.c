// SPDX-License-Identifier: BSD-3-Clause
//
// Whatever is decoded is answered by a message that is decoded again, and says what the request said: Via values in
// order, From, To, Call-ID and CSeq, folds aside. The first bytes choose the status, the source and the room. What an agent
// answers to it is a MESSAGE that the check of such MESSAGEs and the decoder take; nothing else passes that check.
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/decode/sip_answer.h"
#include "dataplane/decode/sip_header.h"
#include "dataplane/decode/sip_lines.h"
#include "dataplane/decode/sip_reply.h"
#include "dataplane/decode/sip_transaction.h"

enum { CHOICES = 4, OUT_MAX = 200000, LINES_MAX = 65536 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t key[SIPHASH_KEY_SIZE];
static const uint16_t statuses[] = { 202, 403, 503, 200, 405, 400, 416, 420, 505 };

struct text {
	uint8_t at[OUT_MAX];
	unsigned n;
};

static uint8_t out[OUT_MAX];

// The bytes from `from` to `to` with each run of white space that holds a line end as one space.
static void unfold(const uint8_t *at, unsigned from, unsigned to, struct text *text)
{
	text->n = 0;
	while (from < to) {
		unsigned end = sip_skip(at, from, to, SIP_LWS);
		bool fold = memchr(at + from, '\n', end - from) || memchr(at + from, '\r', end - from);

		if (fold) {
			text->at[text->n++] = ' ';
			from = end;
		} else {
			text->at[text->n++] = at[from++];
		}
	}
}

static bool same_text(const uint8_t *a, struct span x, const uint8_t *b, struct span y)
{
	static struct text one, two;

	unfold(a, x.at, (unsigned)x.at + x.length, &one);
	unfold(b, y.at, (unsigned)y.at + y.length, &two);
	return one.n == two.n && memcmp(one.at, two.at, one.n) == 0;
}

// The values of the header field, one for each line that has it.
static unsigned count_lines(const uint8_t *at, unsigned length, unsigned pos, enum sip_header header, struct span *values)
{
	unsigned n = 0, from = pos;
	struct sip_lines lines;
	struct sip_line line;
	int end;

	sip_lines_init(&lines, at, length, pos);
	while ((end = sip_lines_next_header(&lines, &pos)) >= 0) {
		if (sip_line_parse(at, from, (unsigned)end, length, &line) == 0 && line.header == header && n < LINES_MAX)
			values[n++] = sip_span(line.from, line.to);
		from = pos;
	}
	return n;
}

static unsigned count_all(const uint8_t *at, unsigned length, unsigned pos)
{
	unsigned n = 0;
	struct sip_lines lines;

	sip_lines_init(&lines, at, length, pos);
	while (sip_lines_next_header(&lines, &pos) >= 0)
		n++;
	return n;
}

static void check_top(const struct sip_via *asked, const uint8_t *at, const struct sip_via *given)
{
	assert(same_text(at, asked->host, out, given->host));
	assert(same_text(at, asked->branch, out, given->branch));
	assert(same_text(at, asked->maddr, out, given->maddr));
	assert(asked->port == given->port);
	assert(!asked->rport.length == !given->rport.length);
	assert(!given->rport.length || given->received.length);
}

static void check_vias(const struct sip_request *request, int length, const struct sip_message *answer)
{
	static struct span asked[LINES_MAX], given[LINES_MAX];
	unsigned n = count_lines(request->at, request->length, request->message->headers, SIP_HEADER_VIA, asked);

	assert(count_lines(out, (unsigned)length, answer->headers, SIP_HEADER_VIA, given) == n);
	for (unsigned i = 0; i < n; i++) {
		if (i == 0 && (request->message->flags & SIP_VIA_GOOD)) { // what comes after the topmost value, in the same line
			unsigned a = (unsigned)request->message->via.value.at + request->message->via.value.length;
			unsigned b = (unsigned)answer->via.value.at + answer->via.value.length;

			asked[0] = sip_span(a, (unsigned)asked[0].at + asked[0].length);
			given[0] = sip_span(b, (unsigned)given[0].at + given[0].length);
		}
		assert(same_text(request->at, asked[i], out, given[i]));
	}
	if (request->message->flags & SIP_VIA_GOOD)
		check_top(&request->message->via, request->at, &answer->via);
}

static void check_answer(const struct sip_request *request, const struct sip_answer *asked, int length)
{
	const struct sip_message *message = request->message;
	struct sip_message answer;
	struct span to;

	assert(sip_parse(out, (unsigned)length, &answer) == WEIR_REASON_SIP_RESPONSE);
	assert(answer.status == asked->status);
	assert(message->fault != WEIR_REASON_NONE || answer.fault == WEIR_REASON_NONE);
	assert(answer.body.at); // its header section ends
	// a line for each Via, From, To, Call-ID, CSeq, Content-Length, and what the status brings: no more
	assert(count_all(out, (unsigned)length, answer.headers) <=
	       count_all(request->at, request->length, message->headers) + 4);
	check_vias(request, length, &answer);
	assert(same_text(request->at, message->from, out, answer.from));
	assert(same_text(request->at, message->call_id, out, answer.call_id));
	assert(same_text(request->at, message->cseq, out, answer.cseq));
	to = answer.to;
	if ((message->flags & SIP_TO_GOOD) && !message->to_tag.length) {
		assert(answer.to_tag.length == 16);
		to.length = (uint16_t)(to.length - strlen(";tag=") - 16);
	}
	assert(same_text(request->at, message->to, out, to));
	assert(answer.body.length == (asked->status < 300 ? 0 : asked->text_length));
}

static void check_message(const uint8_t *at, unsigned length, const struct sip_peer *from)
{
	struct sip_message message;

	assert(sip_parse(at, length, &message) == WEIR_REASON_NONE && message.kind == SIP_MESSAGE);
	assert((message.flags & SIP_ANSWERABLE) && !(message.flags & SIP_REQUIRES) && !message.to_tag.length);
	assert(message.via.port == from->port && message.via.rport.length && !message.via.maddr.length);
	assert((unsigned)message.body.at + message.body.length == length);
}

static void check_reply(const struct sip_request *request, const char *text, unsigned length)
{
	const struct sip_reply reply = { .from = request->source, .name = { 1, 2, 3, UINT64_MAX }, .text = text, .length = length };
	int n = sip_reply_format(request, &reply, out, sizeof(out));

	if (sip_reply_is_good(request->at, request->length, &request->source))
		check_message(request->at, request->length, &request->source);
	if (n < 0) {
		assert(n == -EINVAL || n == -EMSGSIZE);
		return;
	}
	assert(sip_reply_is_good(out, (size_t)n, &request->source));
	check_message(out, (unsigned)n, &request->source);
	assert(sip_reply_format(request, &reply, out, (unsigned)n - 1) == -EMSGSIZE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t text[256] = "\r\n\r\nany text";
	struct sip_message message;
	struct sip_request request = { .message = &message };
	struct sip_answer answer = { .text = (const char *)text };
	struct sip_peer place;
	int whole;

	if (size < CHOICES || size - CHOICES > 50000)
		return 0;
	answer.status = statuses[data[0] % (sizeof(statuses) / sizeof(statuses[0]))];
	answer.retry_after = data[1];
	answer.text_length = data[2];
	request.at = data + CHOICES;
	request.length = (unsigned)size - CHOICES;
	request.source.family = data[3] & 1 ? 6 : 4;
	request.source.port = (uint16_t)(data[3] << 7 | 1);
	memset(request.source.address, data[3], sizeof(request.source.address));
	sip_parse(request.at, request.length, &message);
	check_reply(&request, answer.text, answer.text_length);
	if (!(message.flags & SIP_ANSWERABLE)) {
		assert(sip_answer_format(&request, &answer, out, sizeof(out)) == -EINVAL);
		return 0;
	}
	request.transaction = sip_transaction(request.at, &message, key);
	sip_answer_place(&request, &place);
	assert((place.family == 4 || place.family == 6) && place.port != 0);
	whole = sip_answer_format(&request, &answer, out, sizeof(out));
	assert(whole > 0);
	if (whole <= 65535)
		check_answer(&request, &answer, whole);
	assert(sip_answer_format(&request, &answer, out, (unsigned)whole - 1) == -EMSGSIZE);
	return 0;
}
