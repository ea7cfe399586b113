// SPDX-License-Identifier: BSD-3-Clause
//
// SipHash-2-4: two rounds a word, four to finish. The message comes in two parts, because the tag that
// stands between header and payload is left out.
#include "dataplane/decode/siphash.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static inline uint64_t load64(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return le64toh(word);
}

static inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v0 = rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v2 = rotate(s->v2, 32);
}

static inline void sip_word(struct sip *s, uint64_t word)
{
	s->v3 ^= word;
	sip_round(s);
	sip_round(s);
	s->v0 ^= word;
}

static inline void sip_words(struct sip *s, const uint8_t *data, size_t n)
{
	for (size_t i = 0; i + 8 <= n; i += 8)
		sip_word(s, load64(data + i));
}

// The last word: what is left of the body, and the length modulo 256 in the top byte.
static inline uint64_t sip_last(const uint8_t *rest, size_t n, size_t length)
{
	uint64_t word = (uint64_t)length << 56;

	for (size_t i = 0; i < n; i++)
		word |= (uint64_t)rest[i] << (8 * i);
	return word;
}

uint64_t siphash24(const uint8_t key[SIPHASH_KEY_SIZE], const uint8_t *head, size_t head_length,
		   const uint8_t *body, size_t body_length)
{
	uint64_t k0 = load64(key), k1 = load64(key + 8);
	struct sip s = {
		.v0 = k0 ^ UINT64_C(0x736f6d6570736575),
		.v1 = k1 ^ UINT64_C(0x646f72616e646f6d),
		.v2 = k0 ^ UINT64_C(0x6c7967656e657261),
		.v3 = k1 ^ UINT64_C(0x7465646279746573),
	};
	size_t rest = body_length % 8;

	assert(head_length % 8 == 0);
	sip_words(&s, head, head_length);
	sip_words(&s, body, body_length);
	sip_word(&s, sip_last(body + body_length - rest, rest, head_length + body_length));
	s.v2 ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
