// SPDX-License-Identifier: BSD-3-Clause
//
// SipHash (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012), 64-bit results. SipHash-2-4 is the
// authentication tag of native messages (DESIGN 1.2). SipHash-1-3 says which message is a repetition
// (docs/decisions/051-one-hash-a-message.md), and is fed piece by piece. libc only; any thread.
#pragma once

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { SIPHASH_KEY_SIZE = 16 };

// Hash of `head` followed by `body` under `key`. head_length is a multiple of 8. Any thread.
uint64_t siphash24(const uint8_t key[SIPHASH_KEY_SIZE], const uint8_t *head, size_t head_length,
		   const uint8_t *body, size_t body_length);

struct siphash {
	uint64_t v0, v1, v2, v3;
	uint64_t length; // bytes put
};

static inline uint64_t siphash_rotate(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static inline uint64_t siphash_load(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return le64toh(word);
}

static inline void siphash_init(struct siphash *s, const uint8_t key[SIPHASH_KEY_SIZE])
{
	uint64_t k0 = siphash_load(key), k1 = siphash_load(key + 8);

	*s = (struct siphash){
		.v0 = k0 ^ UINT64_C(0x736f6d6570736575),
		.v1 = k1 ^ UINT64_C(0x646f72616e646f6d),
		.v2 = k0 ^ UINT64_C(0x6c7967656e657261),
		.v3 = k1 ^ UINT64_C(0x7465646279746573),
	};
}

static inline void siphash_round(struct siphash *s)
{
	s->v0 += s->v1;
	s->v1 = siphash_rotate(s->v1, 13) ^ s->v0;
	s->v0 = siphash_rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = siphash_rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = siphash_rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = siphash_rotate(s->v1, 17) ^ s->v2;
	s->v2 = siphash_rotate(s->v2, 32);
}

// The last `n` (0 to 7) of `length` bytes at `at` as a word, zeros behind them.
static inline uint64_t siphash_rest(const uint8_t *at, size_t length, unsigned n)
{
	uint64_t word = 0;

	if (n == 0)
		return 0;
	if (length >= sizeof(word))
		return siphash_load(at + length - sizeof(word)) >> 8 * (sizeof(word) - n);
	for (unsigned i = 0; i < n; i++)
		word |= (uint64_t)at[length - n + i] << 8 * i;
	return word;
}

// Eight bytes of what SipHash-1-3 is of.
static inline void siphash13_put(struct siphash *s, uint64_t word)
{
	s->v3 ^= word;
	siphash_round(s);
	s->v0 ^= word;
	s->length += sizeof(word);
}

// A piece, with zeros behind it up to a whole word: how long it is has to be put as well.
static inline void siphash13_put_piece(struct siphash *s, const uint8_t *at, size_t length)
{
	unsigned rest = length % 8;

	for (size_t i = 0; i + 8 <= length; i += 8)
		siphash13_put(s, siphash_load(at + i));
	if (rest)
		siphash13_put(s, siphash_rest(at, length, rest));
}

// The hash of all that has been put and of the low `n` (0 to 7) bytes of `rest`, whose others are zeros.
static inline uint64_t siphash13_end(struct siphash *s, uint64_t rest, unsigned n)
{
	siphash13_put(s, rest | (s->length + n) << 56);
	s->v2 ^= 0xff;
	for (int i = 0; i < 3; i++)
		siphash_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}
