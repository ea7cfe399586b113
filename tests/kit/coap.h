// SPDX-License-Identifier: BSD-3-Clause
//
// CoAP messages from a line of text, for tests.
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/decode/coap.h"

enum { KIT_COAP_MAX = 66000 };

// Writes the message that `line` says to `out` (KIT_COAP_MAX bytes) and returns its length. A line is type, code and then
// words, as in "CON 0.02 id:1234 token:a1b2 11:m 11:acme 11:sms 15:country=DE body:hi": NUMBER:TEXT is an option (numbers
// must not fall), NUMBER*N one of N bytes 'x', body:TEXT marker and payload, hex:BYTES bytes as they are. Words end at a
// blank. The program ends where the line is none.
size_t kit_coap(uint8_t *out, const char *line);

// Whether two messages are the same in every field. One byte between two fields belongs to none.
static inline bool kit_coap_same(const struct coap_message *a, const struct coap_message *b)
{
	const size_t hole = offsetof(struct coap_message, option) - 1;

	static_assert(offsetof(struct coap_message, waits) == offsetof(struct coap_message, option) - 2 &&
		      sizeof(struct coap_message) == offsetof(struct coap_message, channel) + 1, "no other hole");
	return memcmp(a, b, hole) == 0 && memcmp(&a->option, &b->option, sizeof(*a) - hole - 1) == 0;
}
