// SPDX-License-Identifier: BSD-3-Clause
//
// Header fields of SIP that weir looks at, and their compact forms (RFC 3261, 7.3.3 and 20). libc only.
#pragma once

#include <endian.h>
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/decode/sip_scan.h"

enum sip_header {
	SIP_HEADER_OTHER, // a token that weir has no use for
	SIP_HEADER_VIA,
	SIP_HEADER_FROM,
	SIP_HEADER_TO,
	SIP_HEADER_CALL_ID,
	SIP_HEADER_CSEQ,
	SIP_HEADER_LENGTH,
	SIP_HEADER_TYPE,
	SIP_HEADER_PRIORITY,
	SIP_HEADER_REQUIRE,
	SIP_N_HEADERS
};

struct sip_line {
	enum sip_header header;
	unsigned from, to; // of the value, without white space at its ends; nothing of SIP_HEADER_OTHER
};

enum { SIP_NAME_SLOTS = 32 };

// A table without collisions: the first eight bytes of a name, in small letters, and its length say where it would be.
struct sip_name {
	uint64_t first, last; // up to eight bytes of its beginning, and the last eight of a longer one
	uint8_t length;
	uint8_t header; // 0: nothing is here; SIP_N_HEADERS: a token that weir has no use for
};
extern const struct sip_name sip_names[SIP_NAME_SLOTS];

// The factor was found by trying; the compiler tells of two names in one slot.
#define SIP_NAME_SLOT(first, length) ((((first) + (length)) * UINT64_C(0x0c7b228b53c9d763)) >> 59)

// Eight bytes, with capital letters as small ones. Of what is no letter nothing becomes one, or a hyphen.
static inline uint64_t sip_name_load(const uint8_t *at)
{
	uint64_t bytes;

	memcpy(&bytes, at, sizeof(bytes));
	bytes = le64toh(bytes);
	return bytes | (bytes & UINT64_C(0x4040404040404040)) >> 1;
}

// What stands in the table of the name `name`, `length` bytes up to 16; 0 for nothing. Reads 16.
static inline unsigned sip_name_find(const uint8_t *name, unsigned length)
{
	uint64_t first = _bzhi_u64(sip_name_load(name), 8 * length);
	const struct sip_name *found = &sip_names[SIP_NAME_SLOT(first, length)];

	if (found->first != first || found->length != length)
		return 0;
	if (length > 8 && sip_name_load(name + length - 8) != found->last)
		return 0;
	return found->header;
}

// The same of any line's name, and *colon is where its colon is. -EINVAL where there is no name or no colon.
int sip_name_find_slowly(const uint8_t *at, unsigned pos, unsigned end, unsigned length, unsigned *colon);

// The value between the colon and `end`, white space at its ends left out. As a rule that is one space, and a CR.
static inline void sip_line_value(const uint8_t *at, unsigned colon, unsigned end, struct sip_line *line)
{
	unsigned from = colon + 1;

	if (end - from >= 3 && at[from] == ' ' && at[from + 1] > ' ' && at[end - 1] == '\r' && at[end - 2] > ' ') {
		line->from = from + 1;
		line->to = end - 1;
		return;
	}
	from = sip_skip_lws(at, from, end);
	while (end > from && at[end - 1] <= ' ' && sip_is(at[end - 1], SIP_LWS))
		end--;
	line->from = from;
	line->to = end;
}

// Reads `name: value` from `pos` to `end` (after the value's last byte, folds included), of a datagram of `length`
// bytes. -EINVAL where there is no name or no colon. SIP_LEAST bytes (sip_scan.h) must be there even where `length` is
// less. Part of who calls it: lines are the half of a message's work.
static inline int sip_line_parse(const uint8_t *at, unsigned pos, unsigned end, unsigned length, struct sip_line *line)
{
	unsigned colon = pos, header = 0;

	*line = (struct sip_line){ SIP_HEADER_OTHER, pos, pos };
	if (length - pos >= 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(at + pos));
		int colons = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(':')));

		colon += (unsigned)__builtin_ctz((unsigned)colons | 1u << 16);
		header = sip_name_find(at + pos, colon - pos);
	}
	if (header == 0) {
		unsigned where;
		int found = sip_name_find_slowly(at, pos, end, length, &where);

		if (found < 0)
			return found;
		header = (unsigned)found;
		colon = where;
	}
	if (header == SIP_HEADER_OTHER || header == SIP_N_HEADERS)
		return 0;
	line->header = (enum sip_header)header;
	sip_line_value(at, colon, end, line);
	return 0;
}
