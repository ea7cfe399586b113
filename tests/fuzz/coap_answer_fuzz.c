// SPDX-License-Identifier: BSD-3-Clause
//
// Answers to CoAP datagrams: the input begins with what is answered (code, room, seconds, length of the text) and goes on
// with the datagram. Whatever decodes is answered by a message that decodes again, has its token, and asks for nothing.
#include "dataplane/decode/coap_answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD = 8, OWN_ID = 0x5aa5, TEXT_MAX = 512, ROOM_MAX = 1024 };

struct wish { // of the fuzzer
	struct coap_answer answer;
	enum coap_type later;
	size_t room;
};

static void must(bool held)
{
	if (!held)
		abort();
}

static struct wish wish_of(const uint8_t head[HEAD])
{
	static const uint8_t classes[] = { 2, 4, 5 };
	static char text[TEXT_MAX];
	struct wish wish = {
		.answer = {
			.code = (uint8_t)(head[0] >= 0xc0 ? coap_status_code(head[0] % WEIR_N_STATUSES)
							  : COAP_CODE(classes[head[0] % 3], head[1] & 31)),
			.id = OWN_ID,
			.retry_after = (uint32_t)head[2] << 24 >> (head[3] & 31),
			.text = text,
			.length = (uint16_t)((head[4] << 8 | head[5]) % (TEXT_MAX + 1)),
		},
		.later = head[3] & 128 ? COAP_CON : COAP_NON,
		.room = (size_t)(head[6] << 8 | head[7]) % (ROOM_MAX + 1),
	};

	memset(text, 't', sizeof(text));
	return wish;
}

// A message of four bytes, or a response with the request's token.
static void look_at_answer(const uint8_t *out, int length, const struct coap_origin *origin, size_t room)
{
	struct coap_message again;

	if (length == -EMSGSIZE || length == 0)
		return;
	must(length >= COAP_HEADER && (size_t)length <= room);
	must(coap_parse(out, (unsigned)length, &again) == WEIR_REASON_COAP_MESSAGE);
	must(again.id == (again.type == COAP_ACK || again.type == COAP_RST ? origin->id : OWN_ID));
	if (again.code == 0) {
		must(length == COAP_HEADER && (again.type == COAP_ACK || again.type == COAP_RST));
		return;
	}
	must(coap_answer_is_good(out, (size_t)length));
	must(again.token.length == origin->token_length);
	must(memcmp(out + again.token.at, origin->token, origin->token_length) == 0);
	must(!(origin->no_response >> ((again.code >> 5) - 1) & 1));
}

// With an id of its half, an answer of one of the statuses passes the check of what comes later.
static void look_at_later(uint8_t *out, int length, const struct wish *wish)
{
	bool status = false;

	for (unsigned i = 0; i < WEIR_N_STATUSES; i++)
		status |= wish->answer.code == coap_status_code((enum weir_status)i);
	if (length <= 0)
		return;
	must(!coap_later_is_good(out, (size_t)length));
	out[2] |= COAP_LATER_ID >> 8;
	must(coap_later_is_good(out, (size_t)length) == (status && wish->later == COAP_NON));
}

// In a buffer of exactly the room, so that a sanitizer sees a byte too many.
static void answer_all(const struct coap_origin *origin, const struct wish *wish)
{
	uint8_t *out = malloc(wish->room ? wish->room : 1);
	int length = coap_service_format(out, wish->room, origin, OWN_ID);

	look_at_answer(out, length, origin, wish->room);
	must((origin->kind == COAP_TRIAGE || origin->kind == COAP_IGNORED) <= (length == 0));
	if (origin->kind == COAP_TRIAGE) {
		length = coap_answer_format(out, wish->room, origin, &wish->answer);
		look_at_answer(out, length, origin, wish->room);
		must(origin->type == COAP_NON || length != 0);
		length = coap_later_format(out, wish->room, origin, &wish->answer, wish->later);
		look_at_answer(out, length, origin, wish->room);
		look_at_later(out, length, wish);
		length = coap_acknowledge_format(out, wish->room, origin);
		look_at_answer(out, length, origin, wish->room);
	}
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct coap_message message;
	struct coap_origin origin;
	struct wish wish;

	if (size < HEAD || size - HEAD > UINT16_MAX)
		return 0;
	wish = wish_of(data);
	coap_parse(data + HEAD, (unsigned)(size - HEAD), &message);
	coap_origin_get(&origin, data + HEAD, &message);
	answer_all(&origin, &wish);
	must(!coap_later_is_good(data, size) || coap_answer_is_good(data, size));
	return 0;
}
