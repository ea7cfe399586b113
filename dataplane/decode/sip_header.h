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

// Of all names in the table: a bit for each enum sip_header, and one for those that weir has no use for.
#define SIP_NAME_BITS ((2u << SIP_N_HEADERS) - 2)

// A bit for a header field that weir looks at; none for the others.
static inline uint16_t sip_bit(int header)
{
	return header == SIP_HEADER_OTHER || header == SIP_N_HEADERS ? 0 : (uint16_t)(1 << header);
}

struct sip_line {
	enum sip_header header;
	unsigned from, to; // of the value, without white space at its ends; nothing of SIP_HEADER_OTHER
};

enum { SIP_NAME_SLOTS = 32, SIP_NAMES = SIP_NAME_SLOTS + 3 };

// A table whose slots the first two bytes of a name, its colon included, choose; names that begin alike hang on one
// another.
struct sip_name {
	uint8_t text[16]; // in small letters, with the colon
	uint16_t mask;    // a bit for each byte of it
	uint8_t length;   // bytes, with the colon
	uint8_t header;   // SIP_N_HEADERS: a token that weir has no use for
	uint8_t next;     // slot of another name that begins so; 0: there is none
	uint32_t bit;     // 1 << header; 0: nothing is here
	uint32_t others;  // all bits but that of a header that weir looks at
} __attribute__((aligned(32)));
extern const struct sip_name sip_names[SIP_NAMES];

// Of two bytes as a number, the first the lower. The factor was found by trying; the compiler tells of two names in one
// slot.
#define SIP_NAME_SLOT(two) ((uint32_t)((two) * UINT32_C(0x60f10109)) >> 27)

// What stands in the table of the name at `line`, which its colon ends; NULL or no bit for nothing. Reads 16 bytes.
static inline const struct sip_name *sip_name_find(const uint8_t *line)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)line);
	// Capital letters as small ones. Of what is no letter nothing becomes one, or a hyphen or a colon.
	__m128i letters = _mm_srli_epi16(_mm_and_si128(bytes, _mm_set1_epi8(0x40)), 1);
	const struct sip_name *name;
	unsigned slot, same;

	bytes = _mm_or_si128(bytes, letters);
	slot = SIP_NAME_SLOT((uint16_t)_mm_cvtsi128_si32(bytes));
	do {
		name = &sip_names[slot];
		same = (unsigned)_mm_movemask_epi8(
			_mm_cmpeq_epi8(bytes, *(const __m128i *)(const void *)name->text));
		if ((name->mask & ~same) == 0)
			return name;
		slot = name->next;
	} while (slot);
	return NULL;
}

// What a line begins with.
struct sip_head {
	int header;     // enum sip_header, SIP_N_HEADERS for OTHER too, -EINVAL where there is no name or no colon
	unsigned value; // where its value begins, behind the colon
};

// The beginning of a line that is short, whose name is not in the table, or has white space before its colon.
struct sip_head sip_head_parse_slowly(const uint8_t *at, unsigned pos, unsigned end, unsigned length);

// Reads `name:` from `pos` on, of a line that has its last byte before `end` in a datagram of `length` bytes. SIP_LEAST
// bytes (sip_scan.h) must be there even where `length` is less.
static inline struct sip_head sip_head_parse(const uint8_t *at, unsigned pos, unsigned end, unsigned length)
{
	const struct sip_name *name = length - pos >= sizeof(name->text) ? sip_name_find(at + pos) : NULL;

	if (__builtin_expect(name && name->bit, 1))
		return (struct sip_head){ name->header, pos + name->length };
	return sip_head_parse_slowly(at, pos, end, length);
}

// Whether `*two` are `first` and a byte above a space.
static inline bool sip_is_before_text(const uint8_t *two, char first)
{
	return (uint16_t)((two[0] << 8 | two[1]) - (first << 8) - ' ' - 1) < 0xff - ' ';
}

// The value from `from` (behind the colon) to `end`, white space at its ends left out. As a rule that is one space, and
// a CR.
static inline void sip_line_value(const uint8_t *at, unsigned from, unsigned end, struct sip_line *line)
{
	if (end - from >= 3 && sip_is_before_text(at + from, ' ') && at[end - 1] == '\r' && at[end - 2] > ' ') {
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

// Reads `name: value` from `pos` to `end` (after the value's last byte, folds included), as sip_head_parse. Returns 0
// or -EINVAL.
static inline int sip_line_parse(const uint8_t *at, unsigned pos, unsigned end, unsigned length, struct sip_line *line)
{
	struct sip_head head = sip_head_parse(at, pos, end, length);

	*line = (struct sip_line){ SIP_HEADER_OTHER, pos, pos };
	if (head.header < 0)
		return head.header;
	if (head.header == SIP_HEADER_OTHER || head.header == SIP_N_HEADERS)
		return 0;
	line->header = (enum sip_header)head.header;
	sip_line_value(at, head.value, end, line);
	return 0;
}
