// SPDX-License-Identifier: BSD-3-Clause
//
// SIP messages being written: bytes behind bytes, never past the room that there is. Inline, so that where the next
// byte goes stays in a register; what is short is stored as a whole word or block where there is room for one, and what
// is behind its end is written over by what comes next. libc only; any thread.
#pragma once

#include <endian.h>
#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/decode/span.h"

// One end of a datagram's way.
struct sip_peer {
	uint8_t address[16]; // network byte order; IPv4 in the first 4
	uint8_t family;      // 4 or 6
	uint16_t port;       // host byte order
};

enum {
	SIP_TEXT_HEX = 16,   // digits that sip_text_put_hex writes
	SIP_TEXT_BLOCK = 32, // bytes that are moved at once
	SIP_ADDRESS_MAX = 48, // room that an address in text may need
};

// Zero but for `at` and `size` to begin with.
struct sip_text {
	uint8_t *at;
	unsigned size, n; // room; bytes written
	bool full;        // something had no room, and is missing
};

// Copies `n` bytes with white space that holds a line end as one space. Returns how many bytes that made; -1: there was
// no room.
int sip_text_unfold(uint8_t *out, unsigned room, const uint8_t *from, unsigned n);

// Writes the address alone, without brackets, to `out`, of which all may be written. Returns its length.
unsigned sip_address_format(uint8_t out[SIP_ADDRESS_MAX], const struct sip_peer *peer);

static inline void sip_text_put_bytes(struct sip_text *text, const void *bytes, unsigned n)
{
	if (text->size - text->n < n) {
		text->full = true;
		return;
	}
	memcpy(text->at + text->n, bytes, n);
	text->n += n;
}

// Words of ours: how long they are is known when this is compiled.
static inline void sip_text_put(struct sip_text *text, const char *string)
{
	sip_text_put_bytes(text, string, (unsigned)strlen(string));
}

// The first `n` (up to 8) bytes of `word`, its lowest first.
static inline void sip_text_put_word(struct sip_text *text, uint64_t word, unsigned n)
{
	word = htole64(word);
	if (text->size - text->n < sizeof(word)) {
		sip_text_put_bytes(text, &word, n);
		return;
	}
	memcpy(text->at + text->n, &word, sizeof(word));
	text->n += n;
}

// The eight digits of a number below 10^8 as bytes 0 to 9, the first lowest: all pairs at once, then all digits, by
// multiplication with what is as good as 1/100 and 1/10 for numbers so small.
static inline uint64_t sip_digits_of(uint32_t number)
{
	uint64_t fours = number / 10000 | (uint64_t)(number % 10000) << 32;
	uint64_t hundreds = (fours * 10486 >> 20) & UINT64_C(0x0000007f0000007f);
	uint64_t twos = hundreds | (fours - 100 * hundreds) << 16;
	uint64_t tens = (twos * 103 >> 10) & UINT64_C(0x000f000f000f000f);

	return tens | (twos - 10 * tens) << 8;
}

static inline void sip_text_put_number(struct sip_text *text, uint32_t number)
{
	const uint32_t most = 100000000;
	const uint64_t zeros = UINT64_C(0x3030303030303030);
	uint64_t digits = sip_digits_of(number < most ? number : number / most);
	unsigned none = (unsigned)__builtin_ctzll(digits | UINT64_C(1) << 56) / 8;

	sip_text_put_word(text, (digits | zeros) >> 8 * none, 8 - none);
	if (number >= most)
		sip_text_put_word(text, sip_digits_of(number % most) | zeros, 8);
}

static inline void sip_text_put_hex(struct sip_text *text, uint64_t number)
{
	const __m128i digits = _mm_setr_epi8('0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e',
					     'f');
	__m128i bytes = _mm_cvtsi64_si128((int64_t)__builtin_bswap64(number));
	__m128i halves = _mm_unpacklo_epi8(_mm_srli_epi16(bytes, 4), bytes);

	if (text->size - text->n < SIP_TEXT_HEX) {
		text->full = true;
		return;
	}
	_mm_storeu_si128((__m128i *)(void *)(text->at + text->n),
			 _mm_shuffle_epi8(digits, _mm_and_si128(halves, _mm_set1_epi8(15))));
	text->n += SIP_TEXT_HEX;
}

// Moves a block, and gives all bits to each byte of it that is of a line end.
static inline __m256i sip_text_move(uint8_t *out, const uint8_t *from)
{
	__m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)from);

	_mm256_storeu_si256((__m256i *)(void *)out, bytes);
	return _mm256_or_si256(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\r')),
			       _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\n')));
}

// Copies the `n` bytes at `from` as sip_text_unfold does; `left`, at least `n`, can be read. Without a line end in
// them, as they nearly always are, they are moved by blocks, the last of which may overlap the one before it.
static inline int sip_text_copy(uint8_t *out, unsigned room, const uint8_t *from, unsigned n, unsigned left)
{
	__m256i ends;

	if (n <= SIP_TEXT_BLOCK) {
		if (left < SIP_TEXT_BLOCK || room < SIP_TEXT_BLOCK)
			return sip_text_unfold(out, room, from, n);
		ends = sip_text_move(out, from);
		if (_bzhi_u64((uint32_t)_mm256_movemask_epi8(ends), n))
			return sip_text_unfold(out, room, from, n);
		return (int)n;
	}
	if (room < n)
		return sip_text_unfold(out, room, from, n);
	ends = sip_text_move(out + n - SIP_TEXT_BLOCK, from + n - SIP_TEXT_BLOCK);
	for (unsigned i = 0; i + SIP_TEXT_BLOCK < n; i += SIP_TEXT_BLOCK)
		ends = _mm256_or_si256(ends, sip_text_move(out + i, from + i));
	return _mm256_testz_si256(ends, ends) ? (int)n : sip_text_unfold(out, room, from, n);
}

// Copies the bytes from `from` to `to` of `at`, of which `length` are there; white space with a line end in it becomes
// one space.
static inline void sip_text_put_value(struct sip_text *text, const uint8_t *at, unsigned length, unsigned from,
				      unsigned to)
{
	int n = sip_text_copy(text->at + text->n, text->size - text->n, at + from, to - from, length - from);

	if (n < 0)
		text->full = true;
	else
		text->n += (unsigned)n;
}

// The address alone, without brackets.
static inline void sip_text_put_address(struct sip_text *text, const struct sip_peer *peer)
{
	uint8_t bytes[SIP_ADDRESS_MAX];

	if (text->size - text->n >= SIP_ADDRESS_MAX)
		text->n += sip_address_format(text->at + text->n, peer);
	else
		sip_text_put_bytes(text, bytes, sip_address_format(bytes, peer));
}
