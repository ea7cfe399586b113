// SPDX-License-Identifier: BSD-3-Clause
//
// Well-formed UTF-8, RFC 3629 section 4. Pure; any thread.
#include "rules/utf8.h"

#include <stdbool.h>
#include <stdint.h>

static bool is_tail(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

// The second byte's range is what keeps out overlong forms, surrogates and what is past U+10FFFF.
static bool is_second(unsigned char first, unsigned char second)
{
	switch (first) {
	case 0xe0:
		return second >= 0xa0 && second <= 0xbf;
	case 0xed:
		return second >= 0x80 && second <= 0x9f;
	case 0xf0:
		return second >= 0x90 && second <= 0xbf;
	case 0xf4:
		return second >= 0x80 && second <= 0x8f;
	default:
		return is_tail(second);
	}
}

size_t utf8_size(const char *text, size_t length)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t n;

	if (length == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (length < n || !is_second(p[0], p[1]))
		return 0;
	for (size_t i = 2; i < n; i++)
		if (!is_tail(p[i]))
			return 0;
	return n;
}

bool utf8_is_text(const char *text, size_t length)
{
	size_t size;

	for (size_t at = 0; at < length; at += size) {
		size = utf8_size(text + at, length - at);
		if (size == 0 || text[at] == '\0')
			return false;
	}
	return true;
}
