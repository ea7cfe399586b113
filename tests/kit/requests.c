// SPDX-License-Identifier: BSD-3-Clause
//
// Random messages, see requests.h: what steering has to get right or has to survive, not what a decoder has.
#include "tests/kit/requests.h"

#include <string.h>

static void text(struct frame *frame, const char *words)
{
	frame_push(frame, words, strlen(words));
}

static void letters(struct frame *frame, draw_fn draw, unsigned n)
{
	static const char some[] = "abcdefghijklmnopqrstuvwxyz0123456789-.@ICci:";

	for (; n > 0; n--)
		frame_push(frame, &some[draw(sizeof(some) - 1)], 1);
}

static void header(struct frame *frame, draw_fn draw, const char *end)
{
	static const char *const names[] = { "Via: ",  "v: ",       "From: ", "f:",  "To: ",  "CSeq: ", "Max-Forwards: ",
					     "Contact: ", "c: ", "l:", "Record-Route: ", "Content-Type : ", "Call-Info:", "Call-IDs:",
					     " Call-ID: ", "Call-ID :", "in:", "" };
	static const char *const call_ids[] = { "Call-ID:", "Call-ID: ", "CALL-ID:", "call-id:\t", "cAlL-iD: ", "i:", "I: " };

	if (draw(5))
		text(frame, names[draw(sizeof(names) / sizeof(names[0]))]);
	else
		text(frame, call_ids[draw(sizeof(call_ids) / sizeof(call_ids[0]))]);
	letters(frame, draw, draw(8) ? draw(40) : draw(400));
	text(frame, end);
}

void requests_sip(struct frame *frame, draw_fn draw)
{
	const char *end = draw(4) ? "\r\n" : "\n";

	text(frame, draw(8) ? "MESSAGE sip:a@acme.example SIP/2.0" : "\n\n");
	text(frame, end);
	for (unsigned n = draw(12); n > 0; n--)
		header(frame, draw, draw(20) ? end : draw(2) ? "" : "\r\n ");
	text(frame, end);
	letters(frame, draw, draw(3) ? 0 : draw(60));
	for (unsigned n = draw(4) ? 0 : draw(6); n > 0; n--)
		frame->bytes[frame->payload + draw(frame->length - frame->payload)] = (uint8_t)(draw(2) ? '\n' : draw(256));
	if (draw(6) == 0)
		frame->length -= draw(frame->length - frame->payload);
}

void requests_coap(struct frame *frame, draw_fn draw)
{
	uint8_t bytes[48];
	unsigned n = draw(8) ? 4 + draw(44) : draw(5);

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)draw(256);
	bytes[0] = (uint8_t)(0x40 | draw(4) << 4 | (draw(6) ? draw(9) : draw(16)));
	frame_push(frame, bytes, n);
}
