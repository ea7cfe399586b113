// SPDX-License-Identifier: BSD-3-Clause
//
// Names of header fields: the table, and lines that are not as lines mostly are. Letters are compared without their
// case; a name that is found needs no look at whether it is a token, so that common ones are there for that alone.
#include "dataplane/decode/sip_header.h"

#include <errno.h>

// Eight bytes as a number, the first the lowest.
#define WORD(a, b, c, d, e, f, g, h)                                                                         \
	((uint64_t)(a) | (uint64_t)(b) << 8 | (uint64_t)(c) << 16 | (uint64_t)(d) << 24 | (uint64_t)(e) << 32 | \
	 (uint64_t)(f) << 40 | (uint64_t)(g) << 48 | (uint64_t)(h) << 56)

#define NAME(first, last, length, header) [SIP_NAME_SLOT(first, length)] = { first, last, length, header }

const struct sip_name sip_names[SIP_NAME_SLOTS] = {
	NAME(WORD('v', 0, 0, 0, 0, 0, 0, 0), 0, 1, SIP_HEADER_VIA),
	NAME(WORD('v', 'i', 'a', 0, 0, 0, 0, 0), 0, 3, SIP_HEADER_VIA),
	NAME(WORD('f', 0, 0, 0, 0, 0, 0, 0), 0, 1, SIP_HEADER_FROM),
	NAME(WORD('f', 'r', 'o', 'm', 0, 0, 0, 0), 0, 4, SIP_HEADER_FROM),
	NAME(WORD('t', 0, 0, 0, 0, 0, 0, 0), 0, 1, SIP_HEADER_TO),
	NAME(WORD('t', 'o', 0, 0, 0, 0, 0, 0), 0, 2, SIP_HEADER_TO),
	NAME(WORD('i', 0, 0, 0, 0, 0, 0, 0), 0, 1, SIP_HEADER_CALL_ID),
	NAME(WORD('c', 'a', 'l', 'l', '-', 'i', 'd', 0), 0, 7, SIP_HEADER_CALL_ID),
	NAME(WORD('c', 's', 'e', 'q', 0, 0, 0, 0), 0, 4, SIP_HEADER_CSEQ),
	NAME(WORD('l', 0, 0, 0, 0, 0, 0, 0), 0, 1, SIP_HEADER_LENGTH),
	NAME(WORD('c', 'o', 'n', 't', 'e', 'n', 't', '-'), WORD('t', '-', 'l', 'e', 'n', 'g', 't', 'h'), 14,
	     SIP_HEADER_LENGTH),
	NAME(WORD('c', 0, 0, 0, 0, 0, 0, 0), 0, 1, SIP_HEADER_TYPE),
	NAME(WORD('c', 'o', 'n', 't', 'e', 'n', 't', '-'), WORD('e', 'n', 't', '-', 't', 'y', 'p', 'e'), 12,
	     SIP_HEADER_TYPE),
	NAME(WORD('p', 'r', 'i', 'o', 'r', 'i', 't', 'y'), 0, 8, SIP_HEADER_PRIORITY),
	NAME(WORD('r', 'e', 'q', 'u', 'i', 'r', 'e', 0), 0, 7, SIP_HEADER_REQUIRE),
	NAME(WORD('m', 'a', 'x', '-', 'f', 'o', 'r', 'w'), WORD('f', 'o', 'r', 'w', 'a', 'r', 'd', 's'), 12,
	     SIP_N_HEADERS),
	NAME(WORD('u', 's', 'e', 'r', '-', 'a', 'g', 'e'), WORD('e', 'r', '-', 'a', 'g', 'e', 'n', 't'), 10,
	     SIP_N_HEADERS),
	NAME(WORD('c', 'o', 'n', 't', 'a', 'c', 't', 0), 0, 7, SIP_N_HEADERS),
	NAME(WORD('m', 0, 0, 0, 0, 0, 0, 0), 0, 1, SIP_N_HEADERS),
	NAME(WORD('a', 'l', 'l', 'o', 'w', 0, 0, 0), 0, 5, SIP_N_HEADERS),
	NAME(WORD('e', 'x', 'p', 'i', 'r', 'e', 's', 0), 0, 7, SIP_N_HEADERS),
};

// Position of the colon after the name at `pos`, white space before it passed over; `end` where there is none.
static unsigned colon_find(const uint8_t *at, unsigned pos, unsigned end)
{
	unsigned name = pos;

	pos = sip_skip(at, pos, end, SIP_TOKEN);
	if (pos == name)
		return end;
	while (pos < end && (at[pos] == ' ' || at[pos] == '\t'))
		pos++;
	return pos < end && at[pos] == ':' ? pos : end;
}

// sip_name_find of a name in a line that is short, the datagram's last, or has white space before its colon.
static unsigned name_find_safely(const uint8_t *at, unsigned pos, unsigned colon)
{
	uint8_t copy[16] = { 0 };

	while (at[colon - 1] == ' ' || at[colon - 1] == '\t')
		colon--;
	if (colon - pos > sizeof(copy))
		return 0;
	return sip_name_find(memcpy(copy, at + pos, colon - pos), colon - pos);
}

int sip_name_find_slowly(const uint8_t *at, unsigned pos, unsigned end, unsigned length, unsigned *colon)
{
	*colon = colon_find(at, pos, end);
	if (*colon == end)
		return -EINVAL;
	if (length - pos >= 16 && sip_is(at[*colon - 1], SIP_TOKEN))
		return SIP_HEADER_OTHER; // it was looked for
	return (int)name_find_safely(at, pos, *colon);
}
