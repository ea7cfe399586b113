// SPDX-License-Identifier: BSD-3-Clause
//
// Any datagram as a SIP message: what is told of it lies within it, and holds together.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/decode/sip.h"
#include "dataplane/decode/sip_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void is_within(struct span span, size_t size)
{
	assert((size_t)span.at + span.length <= size);
}

static void check_spans(const struct sip_message *message, size_t size)
{
	const struct sip_via *via = &message->via;
	const struct span spans[] = { message->method, message->host, message->number[0], message->number[1], message->call_id,
				      message->from, message->to, message->cseq, message->from_tag, message->to_tag, message->type,
				      message->body, via->value, via->host, via->branch, via->maddr, via->received, via->rport };

	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++)
		is_within(spans[i], size);
}

// Nothing that a request holds could begin a line of its own, but after a fold.
static void check_copied(const uint8_t *data, struct span span)
{
	for (unsigned i = span.at; i < (unsigned)span.at + span.length; i++)
		if (data[i] == '\n')
			assert(i + 1 < (unsigned)span.at + span.length && (data[i + 1] == ' ' || data[i + 1] == '\t'));
}

static void check_good(const uint8_t *data, size_t size, const struct sip_message *message)
{
	const struct span *body = &message->body;

	assert(message->via.value.length && message->via.host.length && message->from.length && message->to.length);
	assert(message->call_id.length && message->cseq.length && message->priority < WEIR_N_PRIORITIES);
	assert(message->scheme == SIP_SCHEME_TEL || message->host.length);
	assert((size_t)body->at + body->length <= size && data[body->at - 1] == '\n');
	assert(!memchr(data + message->call_id.at, '\n', message->call_id.length));
	assert(!memchr(data + message->host.at, ' ', message->host.length));
	assert(message->kind != SIP_UNKNOWN && message->kind != SIP_RESPONSE);
	assert(!(message->flags & SIP_ANSWERABLE) == (message->kind == SIP_ACK));
	assert(message->flags & SIP_TO_GOOD);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sip_message message, again;
	enum weir_reason reason;

	if (size > 65535)
		return 0;
	memset(&message, 0xa5, sizeof(message)); // what was there before does not matter
	memset(&again, 0x5a, sizeof(again));
	reason = sip_parse(data, (unsigned)size, &message);
	assert(sip_parse(data, (unsigned)size, &again) == reason && memcmp(&message, &again, sizeof(message)) == 0);
	check_spans(&message, size);
	if (reason == WEIR_REASON_NONE)
		check_good(data, size, &message);
	assert(reason == (message.kind == SIP_RESPONSE ? WEIR_REASON_SIP_RESPONSE : message.fault));
	if (message.flags & SIP_ANSWERABLE) {
		check_copied(data, message.from);
		check_copied(data, message.to);
		check_copied(data, message.cseq);
		check_copied(data, message.call_id);
		check_copied(data, message.via.value);
		assert((sip_answer_status(&message) == 0) == (reason == WEIR_REASON_NONE && message.kind == SIP_MESSAGE));
	}
	return 0;
}
