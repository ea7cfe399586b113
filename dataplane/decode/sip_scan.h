// SPDX-License-Identifier: BSD-3-Clause
//
// What all SIP decoding stands on: classes of bytes (RFC 3261, 25.1) and small steps over a value.
// Values may hold folds (CR LF and white space), which count as white space. The steps read bytes of at[0..end), and
// where that is less than 32 bytes, of the first 32 all the same: so many must be there. libc only.
#pragma once

#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/decode/digits.h"
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

enum { SIP_LEAST = 32 }; // bytes that must be there (see above)

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

// A bit for each of 32 bytes that is `byte`.
static inline uint32_t sip_equals(const uint8_t *at, unsigned byte)
{
	__m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)at);

	return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8((char)byte)));
}

// The first position from `pos` that has a bit in what `look` says of 32 bytes and `what`, or `end`. Where less than 32
// are left, those are looked at that are the last: where they are does not wait for `pos`.
static inline unsigned sip_walk(const uint8_t *at, unsigned pos, unsigned end, unsigned what,
				uint32_t (*look)(const uint8_t *at, unsigned what))
{
	unsigned first;
	uint64_t found;

	for (; end - pos >= 32; pos += 32) {
		found = look(at + pos, what);
		if (found)
			return pos + (unsigned)__builtin_ctzll(found);
	}
	first = end >= 32 ? end - 32 : 0;
	found = (uint64_t)look(at + first, what) >> (pos - first);
	return pos + (unsigned)__builtin_ctzll(found | UINT64_C(1) << (end - pos));
}

// The first position from `pos` whose byte is not of `class`, or `end`.
static inline unsigned sip_skip(const uint8_t *at, unsigned pos, unsigned end, unsigned class)
{
	return sip_walk(at, pos, end, class, sip_others);
}

// The first position from `pos` whose byte is `byte`, or `end`.
static inline unsigned sip_find(const uint8_t *at, unsigned pos, unsigned end, char byte)
{
	return sip_walk(at, pos, end, (uint8_t)byte, sip_equals);
}

// The first position from `pos` whose byte is not white space, or `end`. There seldom is more than one.
static inline unsigned sip_skip_lws(const uint8_t *at, unsigned pos, unsigned end)
{
	while (pos < end && at[pos] <= ' ' && sip_is(at[pos], SIP_LWS))
		pos++;
	return pos;
}

static inline bool sip_digit(uint8_t byte)
{
	return (uint8_t)(byte - '0') < 10;
}

static inline struct span sip_span(unsigned from, unsigned to)
{
	return span_make(from, to - from);
}

static inline uint8_t sip_case_bit(char letter)
{
	return letter >= 'a' && letter <= 'z' ? 0x20 : 0;
}

// What four bytes differ in from `text` (in lower case), the case of its letters left out; 0: nothing.
static inline uint32_t sip_difference(const uint8_t *at, const char *text)
{
	uint32_t bytes, wanted = 0, fold = 0;

	for (unsigned i = 0; i < 4; i++) {
		wanted |= (uint32_t)(uint8_t)text[i] << 8 * i;
		fold |= (uint32_t)sip_case_bit(text[i]) << 8 * i;
	}
	memcpy(&bytes, at, sizeof(bytes));
	return (le32toh(bytes) | fold) ^ wanted;
}

// Whether `length` bytes are `text`, a literal in lower case; letters in any case. Four bytes at a time: what is made
// of the literal is known when this is compiled.
static inline bool sip_same(const uint8_t *at, unsigned length, const char *text)
{
	const unsigned n = (unsigned)strlen(text);
	uint32_t difference = 0;

	if (length != n)
		return false;
	if (n < 4) {
		for (unsigned i = 0; i < n; i++)
			difference |= (uint32_t)(at[i] | sip_case_bit(text[i])) ^ (uint8_t)text[i];
		return difference == 0;
	}
	for (unsigned i = 0; i + 4 < n; i += 4)
		difference |= sip_difference(at + i, text + i);
	return (difference | sip_difference(at + n - 4, text + n - 4)) == 0;
}

// How many digits eight bytes begin with, the first of them lowest, and the number that these are where they are less
// than eight. No branch hangs on how many they are.
static inline unsigned sip_word_digits(uint64_t bytes, uint32_t *number)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t digits = bytes ^ '0' * ones;
	uint64_t others = (((digits & 0x7f * ones) + (0x80 - 10) * ones) | digits) & 0x80 * ones;
	unsigned n = others ? (unsigned)__builtin_ctzll(others) / 8 : 8;

	*number = digits_join(digits << 4 << (60 - 8 * (n & 7))); // the last digit highest, zeros before the first
	return n;
}

// How many digits stand from `pos` on, and their number, where those are less than eight and `end` is at least that;
// else 8, and no number.
static inline unsigned sip_few_digits(const uint8_t *at, unsigned pos, unsigned end, uint32_t *number)
{
	unsigned left = end - pos, first = left < 8 ? end - 8 : pos;
	uint64_t bytes;

	if (end < 8 || left == 0)
		return 8;
	memcpy(&bytes, at + first, sizeof(bytes));
	// behind the end there are zeros, which are no digits
	return sip_word_digits(le64toh(bytes) >> 8 * (pos - first), number);
}

// The number that the digits from *pos on are, *pos after them: -1 where there are none, or it is above `most` (below
// 2^59).
static inline int64_t sip_digits(const uint8_t *at, unsigned *pos, unsigned end, int64_t most)
{
	unsigned p = *pos, first = p, n;
	int64_t number = 0;
	uint32_t few;

	n = sip_few_digits(at, p, end, &few);
	if (n < 8) {
		*pos = p + n;
		return n == 0 || few > most ? -1 : (int64_t)few;
	}
	for (; p < end && sip_digit(at[p]); p++)
		number = number > most ? number : number * 10 + (at[p] - '0');
	*pos = p;
	return p == first || number > most ? -1 : number;
}

// Digits up to `end`: their number, or -1 where there are none, another byte stands there, or it is above `most` (below
// 2^59).
int64_t sip_number(const uint8_t *at, unsigned pos, unsigned end, int64_t most);

// Position after the IPv6 reference at `pos`, or `pos` where there is none.
unsigned sip_reference_skip(const uint8_t *at, unsigned pos, unsigned end);

// Position after the host at `pos`: a name, an IPv4 address or an IPv6 reference; `pos` where there is none.
static inline unsigned sip_host_skip(const uint8_t *at, unsigned pos, unsigned end)
{
	if (pos < end && at[pos] == '[')
		return sip_reference_skip(at, pos, end);
	return sip_skip(at, pos, end, SIP_HOST);
}

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
