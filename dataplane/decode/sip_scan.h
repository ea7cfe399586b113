// SPDX-License-Identifier: BSD-3-Clause
//
// What all SIP decoding stands on: classes of bytes (RFC 3261, 25.1), small steps over a value, and the ends of lines.
// Values may hold folds (CR LF and white space), which count as white space. libc only.
#pragma once

#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/decode/span.h"

enum sip_class {
	SIP_TOKEN = 1,     // token
	SIP_LWS = 2,       // SP, HTAB; CR and LF, which within a value are of a fold
	SIP_HOST = 4,      // of host names and IPv4 addresses; and `_`, which real names have
	SIP_URI = 8,       // reserved and unreserved, but for `@`; `%` is looked at by itself
	SIP_SCHEME = 16,
	SIP_QUOTED = 32,   // within quotes: qdtext, and what a fold is made of
	SIP_GENERIC = 64,  // of a parameter's value without quotes: visible, but for `; , " < >`
	SIP_REFERENCE = 128, // within the brackets of an IPv6 reference
	SIP_CALL_ID = 256,   // of a Call-ID: visible, but for commas
	SIP_N_CLASSES = 9,
};

extern const uint16_t sip_classes[256];

// The same for many bytes at once, ASCII alone: of each class, at the low four bits of a byte, a bit for each value of
// its high three bits with which it is of the class.
extern const uint8_t sip_lows[SIP_N_CLASSES][16];

static inline bool sip_is(uint8_t byte, unsigned classes)
{
	return sip_classes[byte] & classes;
}

// A bit for each of 32 bytes that is not of `class`.
static inline uint32_t sip_others(const uint8_t *at, unsigned class)
{
	const __m256i bits = _mm256_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32,
					      64, -128, 0, 0, 0, 0, 0, 0, 0, 0);
	const uint8_t *low = sip_lows[__builtin_ctz(class)];
	__m256i lows = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)low));
	__m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)at);
	__m256i high = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(15));
	__m256i in = _mm256_and_si256(_mm256_shuffle_epi8(lows, bytes), _mm256_shuffle_epi8(bits, high));
	uint32_t others = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(in, _mm256_setzero_si256()));

	return class == SIP_QUOTED ? others & ~(uint32_t)_mm256_movemask_epi8(bytes) : others;
}

// The first position from `pos` whose byte is not of `class`, or `end`; 32 bytes at a time, none of them outside of
// `at`[0..end): the last are looked at together with what is before `pos`.
static inline unsigned sip_skip(const uint8_t *at, unsigned pos, unsigned end, unsigned class)
{
	while (end >= 32 && pos < end) {
		unsigned back = end - pos < 32 ? 32 - (end - pos) : 0;
		uint32_t others = sip_others(at + pos - back, class) >> back;

		if (others)
			return pos + (unsigned)__builtin_ctz(others);
		pos += 32 - back;
	}
	while (pos < end && sip_is(at[pos], class))
		pos++;
	return pos;
}

// The same for what is short as a rule, one byte after the other.
static inline unsigned sip_skip_few(const uint8_t *at, unsigned pos, unsigned end, unsigned class)
{
	while (pos < end && sip_is(at[pos], class))
		pos++;
	return pos;
}

// The first position from `pos` whose byte is not white space, or `end`. There seldom is more than one.
static inline unsigned sip_skip_lws(const uint8_t *at, unsigned pos, unsigned end)
{
	while (pos < end && sip_is(at[pos], SIP_LWS))
		pos++;
	return pos;
}

static inline bool sip_digit(uint8_t byte)
{
	return (uint8_t)(byte - '0') < 10;
}

static inline struct span sip_span(unsigned from, unsigned to)
{
	return (struct span){ .at = (uint16_t)from, .length = (uint16_t)(to - from) };
}

// Whether `length` bytes are `text` (in lower case), letters in any case.
static inline bool sip_same(const uint8_t *at, unsigned length, const char *text)
{
	if (length != strlen(text))
		return false;
	for (unsigned i = 0; i < length; i++)
		if ((at[i] | ((uint8_t)(at[i] - 'A') < 26 ? 0x20 : 0)) != text[i])
			return false;
	return true;
}

// Digits up to `end`: their number, or -1 where there are none, another byte stands there, or it is above `most`
// (below 2^60).
int64_t sip_number(const uint8_t *at, unsigned pos, unsigned end, int64_t most);

// Position after the host at `pos`: a name, an IPv4 address or an IPv6 reference; `pos` where there is none.
unsigned sip_host_skip(const uint8_t *at, unsigned pos, unsigned end);

// Position after the quoted string that starts at `pos` with its quote; 0 where it does not end before `end` or holds
// what it may not.
unsigned sip_quoted(const uint8_t *at, unsigned pos, unsigned end);

// Whether a stretch that no grammar was held against can be copied: no control characters but HTAB and those of folds.
bool sip_clean(const uint8_t *at, unsigned pos, unsigned end);

struct sip_param {
	struct span name, value; // value.length 0: none; quotes included
	unsigned from;           // of the semicolon
};

// Reads one parameter, `; name [= value]` with white space anywhere between (RFC 3261, 25.1: generic-param). `*pos` is
// at the semicolon, and then at the next byte that is not white space, or `end`. False where it is no parameter.
bool sip_param_parse(const uint8_t *at, unsigned *pos, unsigned end, struct sip_param *param);

enum { SIP_NO_LINE = -1 };

// The ends of lines, in order. `feeds` and `strays` are of the block before `next`.
struct sip_lines {
	const uint8_t *at;
	unsigned length, next;
	uint64_t feeds;  // a bit for each LF not yet told
	uint64_t strays; // a bit for each byte after a CR that is not the LF that belongs there
	uint64_t carry;  // 1: the last byte of the block was a CR
	bool stray;      // one of the lines told had a CR that no LF follows
};

static inline void sip_lines_init(struct sip_lines *lines, const uint8_t *at, unsigned length, unsigned from)
{
	*lines = (struct sip_lines){ .at = at, .length = length, .next = from };
}

static inline uint64_t sip_find32(const uint8_t *at, char byte)
{
	__m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)at);

	return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(byte)));
}

// The last block of a datagram is looked at together with what is before it, and one of less than 64 bytes as a copy.
static inline void sip_lines_load(struct sip_lines *lines)
{
	unsigned left = lines->length - lines->next, back = left < 64 ? 64 - left : 0;
	const uint8_t *block = lines->at + lines->next - back;
	uint8_t copy[64] = { 0 };
	uint64_t returns;

	if (lines->length < 64) {
		memcpy(copy + back, lines->at + lines->next, left);
		block = copy;
	}
	lines->feeds = (sip_find32(block, '\n') | sip_find32(block + 32, '\n') << 32) >> back;
	returns = (sip_find32(block, '\r') | sip_find32(block + 32, '\r') << 32) >> back;
	lines->strays = (returns << 1 | lines->carry) & ~lines->feeds;
	lines->carry = returns >> 63;
	lines->next += 64;
}

// Position of the next LF, or SIP_NO_LINE. `stray` is set on the way.
static inline int sip_lines_next(struct sip_lines *lines)
{
	unsigned bit;

	while (lines->feeds == 0) {
		lines->stray |= lines->strays != 0;
		lines->strays = 0;
		if (lines->next >= lines->length)
			return SIP_NO_LINE;
		sip_lines_load(lines);
	}
	bit = (unsigned)__builtin_ctzll(lines->feeds);
	lines->stray |= (lines->strays & (((uint64_t)1 << bit) - 1)) != 0;
	lines->strays &= ~(((uint64_t)1 << bit) - 1);
	lines->feeds &= lines->feeds - 1;
	return (int)(lines->next - 64 + bit);
}

// The next header line from `*pos` on, folds included: the position of its last LF, and `*pos` is then the line after
// it. SIP_NO_LINE at the empty line, with `*pos` where the body starts, and where the datagram ends before it, with
// `*pos` past the datagram's end.
static inline int sip_lines_next_header(struct sip_lines *lines, unsigned *pos)
{
	const uint8_t *at = lines->at;
	int end = sip_lines_next(lines);

	if (end >= 0 && ((unsigned)end == *pos || ((unsigned)end == *pos + 1 && at[*pos] == '\r'))) {
		*pos = (unsigned)end + 1;
		return SIP_NO_LINE;
	}
	while (end >= 0 && (unsigned)end + 1 < lines->length && (at[end + 1] == ' ' || at[end + 1] == '\t'))
		end = sip_lines_next(lines);
	*pos = end >= 0 ? (unsigned)end + 1 : lines->length + 1;
	return end;
}
