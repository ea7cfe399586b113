// SPDX-License-Identifier: BSD-3-Clause
//
// Names of header fields by a table without collisions: their first eight bytes and their length say where they would
// be. Letters are compared without their case; a name that is found needs no look at whether it is a token.
#include "dataplane/decode/sip_header.h"

#include <errno.h>

#include "dataplane/decode/sip_scan.h"

enum { SLOTS = 16 };

struct name {
	uint64_t first, last; // up to eight bytes of its beginning, and the last eight of a longer one
	uint8_t length, header;
};

// Eight bytes as a number, the first the lowest.
#define WORD(a, b, c, d, e, f, g, h)                                                                         \
	((uint64_t)(a) | (uint64_t)(b) << 8 | (uint64_t)(c) << 16 | (uint64_t)(d) << 24 | (uint64_t)(e) << 32 | \
	 (uint64_t)(f) << 40 | (uint64_t)(g) << 48 | (uint64_t)(h) << 56)

// The factor was found by trying; the compiler tells of two names in one slot.
#define SLOT(first, length) ((((first) + (length)) * UINT64_C(0xf8e853a325c608ff)) >> 60)
#define NAME(first, last, length, header) [SLOT(first, length)] = { first, last, length, SIP_HEADER_##header }

static const struct name names[SLOTS] = {
	NAME(WORD('v', 0, 0, 0, 0, 0, 0, 0), 0, 1, VIA),
	NAME(WORD('v', 'i', 'a', 0, 0, 0, 0, 0), 0, 3, VIA),
	NAME(WORD('f', 0, 0, 0, 0, 0, 0, 0), 0, 1, FROM),
	NAME(WORD('f', 'r', 'o', 'm', 0, 0, 0, 0), 0, 4, FROM),
	NAME(WORD('t', 0, 0, 0, 0, 0, 0, 0), 0, 1, TO),
	NAME(WORD('t', 'o', 0, 0, 0, 0, 0, 0), 0, 2, TO),
	NAME(WORD('i', 0, 0, 0, 0, 0, 0, 0), 0, 1, CALL_ID),
	NAME(WORD('c', 'a', 'l', 'l', '-', 'i', 'd', 0), 0, 7, CALL_ID),
	NAME(WORD('c', 's', 'e', 'q', 0, 0, 0, 0), 0, 4, CSEQ),
	NAME(WORD('l', 0, 0, 0, 0, 0, 0, 0), 0, 1, LENGTH),
	NAME(WORD('c', 'o', 'n', 't', 'e', 'n', 't', '-'), WORD('t', '-', 'l', 'e', 'n', 'g', 't', 'h'), 14, LENGTH),
	NAME(WORD('c', 0, 0, 0, 0, 0, 0, 0), 0, 1, TYPE),
	NAME(WORD('c', 'o', 'n', 't', 'e', 'n', 't', '-'), WORD('e', 'n', 't', '-', 't', 'y', 'p', 'e'), 12, TYPE),
	NAME(WORD('p', 'r', 'i', 'o', 'r', 'i', 't', 'y'), 0, 8, PRIORITY),
	NAME(WORD('r', 'e', 'q', 'u', 'i', 'r', 'e', 0), 0, 7, REQUIRE),
};

// Eight bytes, with capital letters as small ones. Of what is no letter nothing becomes one, or a hyphen.
static inline uint64_t load(const uint8_t *at)
{
	uint64_t bytes;

	memcpy(&bytes, at, sizeof(bytes));
	bytes = le64toh(bytes);
	return bytes | (bytes & UINT64_C(0x4040404040404040)) >> 1;
}

// Header field of the name `name`, `length` bytes up to 16, at least one. Reads 16.
static inline enum sip_header name_find(const uint8_t *name, unsigned length)
{
	uint64_t first = _bzhi_u64(load(name), 8 * length);
	const struct name *found = &names[SLOT(first, length)];

	if (found->first != first || found->length != length)
		return SIP_HEADER_OTHER;
	if (length > 8 && load(name + length - 8) != found->last)
		return SIP_HEADER_OTHER;
	return found->header;
}

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

// The same by the name of a line that is short, the datagram's last, or has white space before its colon.
static enum sip_header name_find_safely(const uint8_t *at, unsigned pos, unsigned colon)
{
	uint8_t copy[16] = { 0 };

	while (at[colon - 1] == ' ' || at[colon - 1] == '\t')
		colon--;
	if (colon - pos > sizeof(copy))
		return SIP_HEADER_OTHER;
	return name_find(memcpy(copy, at + pos, colon - pos), colon - pos);
}

int sip_line_parse(const uint8_t *at, unsigned pos, unsigned end, unsigned length, struct sip_line *line)
{
	bool near = length - pos >= 16;
	unsigned colon = pos;

	line->header = SIP_HEADER_OTHER;
	if (near) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(at + pos));
		int colons = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(':')));

		colon += (unsigned)__builtin_ctz((unsigned)colons | 1u << 16);
		line->header = name_find(at + pos, colon - pos);
	}
	if (line->header == SIP_HEADER_OTHER) {
		colon = colon_find(at, pos, end);
		if (colon == end)
			return -EINVAL;
		if (!near || !sip_is(at[colon - 1], SIP_TOKEN))
			line->header = name_find_safely(at, pos, colon);
		if (line->header == SIP_HEADER_OTHER)
			return 0;
	}
	line->from = sip_skip_lws(at, colon + 1, end);
	while (end > line->from && at[end - 1] <= ' ' && sip_is(at[end - 1], SIP_LWS))
		end--;
	line->to = end;
	return 0;
}
