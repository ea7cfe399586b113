// SPDX-License-Identifier: BSD-3-Clause
//
// The list of options of a CoAP message (RFC 7252, 3.1 and 5.10): a cursor over it, and what the registry says of the
// options that weir understands. libc only.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Critical ones that stand here are understood; the others are elective ones that mean something to weir.
enum coap_number {
	COAP_URI_HOST = 3,
	COAP_URI_PORT = 7,
	COAP_URI_PATH = 11,
	COAP_CONTENT_FORMAT = 12,
	COAP_MAX_AGE = 14,
	COAP_URI_QUERY = 15,
	COAP_ACCEPT = 17,
	COAP_PROXY_URI = 35,
	COAP_PROXY_SCHEME = 39,
	COAP_NO_RESPONSE = 258,
};

enum { COAP_MARKER = 0xff, COAP_NUMBER_MAX = 65535 };

struct coap_option {
	uint32_t number;
	uint32_t length;      // of the value
	const uint8_t *value; // in the payload
};

// Nibbles of a delta or length from here on stand for something else than themselves.
enum { COAP_NIBBLE_EXTENDED = 13 };

enum coap_step { COAP_STEP_OPTION, COAP_STEP_BODY, COAP_STEP_END, COAP_STEP_MARKER, COAP_STEP_WRONG };

// The extended part of a delta or length (13: one byte, 14: two, network order); -1 where it is reserved or runs past
// the end. Moves *at behind it.
static inline int coap_extended(unsigned nibble, const uint8_t **at, const uint8_t *end)
{
	const uint8_t *p = *at;

	if (nibble < COAP_NIBBLE_EXTENDED)
		return (int)nibble;
	if (nibble == 15 || end - p < (int)nibble - 12)
		return -1;
	*at += nibble - 12;
	return nibble == 13 ? p[0] + 13 : (p[0] << 8 | p[1]) + 269;
}

// Reads the option at *at and moves behind it; `option` holds the one before (number 0 at first). BODY: *at stands
// behind the marker, where at least one byte follows. END: there is nothing more. MARKER: it is the last byte, which is
// wrong. WRONG: the bytes are no option.
static inline enum coap_step coap_option_next(struct coap_option *option, const uint8_t **at, const uint8_t *end)
{
	unsigned first, delta, length;

	if (*at == end)
		return COAP_STEP_END;
	first = *(*at)++;
	delta = first >> 4;
	length = first & 15;
	if (__builtin_expect(delta >= COAP_NIBBLE_EXTENDED || length >= COAP_NIBBLE_EXTENDED, 0)) {
		int more;

		if (first == COAP_MARKER)
			return *at == end ? COAP_STEP_MARKER : COAP_STEP_BODY;
		more = coap_extended(delta, at, end);
		if (more < 0)
			return COAP_STEP_WRONG;
		delta = (unsigned)more;
		more = coap_extended(length, at, end);
		if (more < 0)
			return COAP_STEP_WRONG;
		length = (unsigned)more;
	}
	if (length > (size_t)(end - *at))
		return COAP_STEP_WRONG;
	option->number += delta;
	if (option->number > COAP_NUMBER_MAX)
		return COAP_STEP_WRONG;
	option->length = length;
	option->value = *at;
	*at += length;
	return COAP_STEP_OPTION;
}

// RFC 7252, 5.4.6: who does not understand such an option may not act on the message.
static inline bool coap_is_critical(unsigned number)
{
	return number & 1;
}
