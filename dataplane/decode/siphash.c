// SPDX-License-Identifier: BSD-3-Clause
//
// SipHash-2-4: two rounds a word, four to finish. The message comes in two parts, because the tag that
// stands between header and payload is left out.
#include "dataplane/decode/siphash.h"

#include <assert.h>

static inline void put_word(struct siphash *s, uint64_t word)
{
	s->v3 ^= word;
	siphash_round(s);
	siphash_round(s);
	s->v0 ^= word;
}

static inline void put_words(struct siphash *s, const uint8_t *data, size_t n)
{
	for (size_t i = 0; i + 8 <= n; i += 8)
		put_word(s, siphash_load(data + i));
}

uint64_t siphash24(const uint8_t key[SIPHASH_KEY_SIZE], const uint8_t *head, size_t head_length,
		   const uint8_t *body, size_t body_length)
{
	uint64_t length = (head_length + body_length) << 56; // modulo 256, in the top byte
	struct siphash s;

	assert(head_length % 8 == 0);
	siphash_init(&s, key);
	put_words(&s, head, head_length);
	put_words(&s, body, body_length);
	put_word(&s, siphash_rest(body, body_length, body_length % 8) | length);
	s.v2 ^= 0xff;
	for (int i = 0; i < 4; i++)
		siphash_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
