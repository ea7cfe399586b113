// SPDX-License-Identifier: BSD-3-Clause
//
// Answers to CoAP requests, see coap_answer.h. Options are Content-Format (12) or Max-Age (14), one of them at most, so
// each is written with its number as the delta. Nothing is written past `room`; any thread.
#include "dataplane/decode/coap_answer.h"

#include <errno.h>
#include <string.h>

#include "dataplane/decode/coap_option.h"

enum { VERSION = 1, FORMAT_TEXT = 0, FORMAT_LINKS = 40, LENGTH_EXTENDED = 13, CLASS_SUCCESS = 2 };

// What /.well-known/core says (RFC 6690).
static const char links[] = "</m>;rt=\"weir.message\";title=\"POST or PUT /m/{tenant}/{channel}\"";

void coap_origin_get(struct coap_origin *origin, const uint8_t *at, const struct coap_message *message)
{
	*origin = (struct coap_origin){
		.id = message->id,
		.option = message->option,
		.token_length = (uint8_t)message->token.length,
		.kind = message->kind,
		.type = message->type,
		.error = message->error,
		.no_response = message->no_response,
		.plain = message->plain,
		.waits = message->waits,
	};
	memcpy(origin->token, at + message->token.at, message->token.length);
}

uint8_t coap_status_code(enum weir_status status)
{
	if (status == WEIR_STATUS_ACCEPTED)
		return COAP_CODE(2, 4);
	return status == WEIR_STATUS_REFUSED ? COAP_CODE(4, 3) : COAP_CODE(5, 3);
}

// A message of four bytes, the whole of it: acknowledgement or reset.
static int empty_format(uint8_t *out, size_t room, enum coap_type type, uint16_t id)
{
	if (room < COAP_HEADER)
		return -EMSGSIZE;
	out[0] = (uint8_t)(VERSION << 6 | type << 4);
	out[1] = 0;
	out[2] = (uint8_t)(id >> 8);
	out[3] = (uint8_t)id;
	return COAP_HEADER;
}

// An unsigned number in as few bytes as it needs (RFC 7252, 3.2).
static uint8_t *put_number(uint8_t *p, unsigned option, uint32_t value)
{
	unsigned n = value == 0 ? 0 : 4 - (unsigned)__builtin_clz(value) / 8;

	if (option < LENGTH_EXTENDED) {
		*p++ = (uint8_t)(option << 4 | n);
	} else {
		*p++ = (uint8_t)(LENGTH_EXTENDED << 4 | n);
		*p++ = (uint8_t)(option - LENGTH_EXTENDED);
	}
	while (n-- > 0)
		*p++ = (uint8_t)(value >> 8 * n);
	return p;
}

// A response: its one option and its text are those that the code calls for (RFC 7252, 5.5 and 5.9.3.4).
static int response_format(uint8_t *out, size_t room, const struct coap_origin *origin,
			   const struct coap_answer *answer, enum coap_type type)
{
	bool success = answer->code >> 5 == CLASS_SUCCESS, core = origin->kind == COAP_CORE;
	size_t length = success && !core && !origin->plain ? 0 : answer->length;
	uint8_t head[COAP_ANSWER_HEAD], *p = head + COAP_HEADER;

	empty_format(head, sizeof(head), type, type == COAP_ACK ? origin->id : answer->id);
	head[0] |= origin->token_length;
	head[1] = answer->code;
	memcpy(p, origin->token, origin->token_length);
	p += origin->token_length;
	if (success && length)
		p = put_number(p, COAP_CONTENT_FORMAT, core ? FORMAT_LINKS : FORMAT_TEXT);
	else if (answer->code == COAP_CODE(5, 3))
		p = put_number(p, COAP_MAX_AGE, answer->retry_after);
	if (length)
		*p++ = COAP_MARKER;
	if ((size_t)(p - head) + length > room)
		return -EMSGSIZE;
	memcpy(out, head, (size_t)(p - head));
	if (length)
		memcpy(out + (p - head), answer->text, length);
	return (int)((size_t)(p - head) + length);
}

// RFC 7967, 2.1: a bit for each class of answers that are not wanted.
static bool is_unwanted(const struct coap_origin *origin, uint8_t code)
{
	return origin->no_response >> ((code >> 5) - 1) & 1;
}

int coap_acknowledge_format(uint8_t *out, size_t room, const struct coap_origin *origin)
{
	return origin->type == COAP_CON ? empty_format(out, room, COAP_ACK, origin->id) : 0;
}

int coap_answer_format(uint8_t *out, size_t room, const struct coap_origin *origin, const struct coap_answer *answer)
{
	if (is_unwanted(origin, answer->code))
		return coap_acknowledge_format(out, room, origin);
	return response_format(out, room, origin, answer, origin->type == COAP_CON ? COAP_ACK : COAP_NON);
}

int coap_later_format(uint8_t *out, size_t room, const struct coap_origin *origin, const struct coap_answer *answer,
		      enum coap_type type)
{
	if (is_unwanted(origin, answer->code))
		return 0;
	return response_format(out, room, origin, answer, type);
}

// "option 27", for who made the request (RFC 7252, 5.5.2). Returns the length.
static uint16_t option_text(char text[16], unsigned number)
{
	static const char word[] = "option ";
	char digits[5];
	uint16_t length = sizeof(word) - 1;
	unsigned n = 0;

	memcpy(text, word, length);
	do
		digits[n++] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	while (n > 0)
		text[length++] = digits[--n];
	return length;
}

static int error_format(uint8_t *out, size_t room, const struct coap_origin *origin, uint16_t id)
{
	struct coap_answer answer = { .code = origin->error, .id = id };
	char text[16];

	if (answer.code == COAP_CODE(4, 2)) {
		answer.text = text;
		answer.length = option_text(text, origin->option);
	}
	return coap_answer_format(out, room, origin, &answer);
}

int coap_service_format(uint8_t *out, size_t room, const struct coap_origin *origin, uint16_t id)
{
	const struct coap_answer core = { COAP_CODE(2, 5), id, 0, links, sizeof(links) - 1 };

	switch (origin->kind) {
	case COAP_REJECTED:
	case COAP_PING:
		return empty_format(out, room, COAP_RST, origin->id);
	case COAP_CORE:
		return coap_answer_format(out, room, origin, &core);
	case COAP_REFUSED:
		return error_format(out, room, origin, id);
	default:
		return 0;
	}
}

bool coap_answer_is_good(const uint8_t *payload, size_t length)
{
	const uint8_t *at, *end = payload + length;
	struct coap_option option = { 0 };
	struct coap_message message;
	unsigned class;

	if (length > UINT16_MAX || coap_parse(payload, (unsigned)length, &message) != WEIR_REASON_COAP_MESSAGE)
		return false;
	class = message.code >> 5;
	if (message.type == COAP_RST || (class != 2 && class != 4 && class != 5))
		return false;
	at = payload + COAP_HEADER + message.token.length;
	while (coap_option_next(&option, &at, end) == COAP_STEP_OPTION)
		if (coap_is_critical(option.number))
			return false;
	return true;
}

// The number that the option Max-Age has, 0 where there is none. More than four bytes are cut: it will not be the same.
static uint32_t max_age_of(const uint8_t *payload, size_t length, const struct coap_message *message)
{
	const uint8_t *at = payload + COAP_HEADER + message->token.length;
	struct coap_option option = { 0 };
	uint32_t seconds = 0;

	while (coap_option_next(&option, &at, payload + length) == COAP_STEP_OPTION)
		for (uint32_t i = 0; option.number == COAP_MAX_AGE && i < option.length; i++)
			seconds = seconds << 8 | option.value[i];
	return seconds;
}

bool coap_later_is_good(const uint8_t *payload, size_t length)
{
	struct coap_origin origin = { .kind = COAP_TRIAGE, .plain = 1 };
	uint8_t again[COAP_ANSWER_HEAD + COAP_LATER_TEXT_MAX];
	struct coap_message message;
	struct coap_answer answer;
	bool status = false;
	int n;

	if (length > sizeof(again) || coap_parse(payload, (unsigned)length, &message) != WEIR_REASON_COAP_MESSAGE)
		return false;
	for (unsigned i = 0; i < WEIR_N_STATUSES; i++)
		status |= message.code == coap_status_code((enum weir_status)i);
	if (!status || !(message.id & COAP_LATER_ID) || message.body.length > COAP_LATER_TEXT_MAX)
		return false;
	origin.token_length = (uint8_t)message.token.length;
	memcpy(origin.token, payload + message.token.at, message.token.length);
	answer = (struct coap_answer){ message.code, message.id, max_age_of(payload, length, &message),
				       (const char *)payload + message.body.at, message.body.length };
	n = response_format(again, sizeof(again), &origin, &answer, COAP_NON);
	return n == (int)length && memcmp(again, payload, length) == 0;
}
