// SPDX-License-Identifier: BSD-3-Clause
//
// Keys of four messages at once: SipHash-1-3 of the words of each, one message a lane. What repeat_key and
// sip_transaction_end have one by one (repeat_test and sip_answer_test hold them together). Each hash waits for itself
// alone, so that four take little longer than one.
//
// Earned by the CoAP rows of bench/micro/coap.c, and by bench/run sip.
#include <immintrin.h>

#include "dataplane/repeat.h"

struct lanes {
	__m256i v0, v1, v2, v3;
};

static inline __m256i load(const uint64_t *at)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)at);
}

static inline __m256i spread(uint64_t word)
{
	return _mm256_set1_epi64x((long long)word);
}

static inline __m256i turn(__m256i v, int n)
{
	return _mm256_or_si256(_mm256_slli_epi64(v, n), _mm256_srli_epi64(v, 64 - n));
}

static inline __m256i turn32(__m256i v)
{
	return _mm256_shuffle_epi32(v, 0xb1);
}

static inline __m256i turn16(__m256i v)
{
	const __m128i each = _mm_setr_epi8(6, 7, 0, 1, 2, 3, 4, 5, 14, 15, 8, 9, 10, 11, 12, 13);

	return _mm256_shuffle_epi8(v, _mm256_broadcastsi128_si256(each));
}

static inline void lanes_round(struct lanes *s)
{
	s->v0 = _mm256_add_epi64(s->v0, s->v1);
	s->v1 = _mm256_xor_si256(turn(s->v1, 13), s->v0);
	s->v0 = turn32(s->v0);
	s->v2 = _mm256_add_epi64(s->v2, s->v3);
	s->v3 = _mm256_xor_si256(turn16(s->v3), s->v2);
	s->v0 = _mm256_add_epi64(s->v0, s->v3);
	s->v3 = _mm256_xor_si256(turn(s->v3, 21), s->v0);
	s->v2 = _mm256_add_epi64(s->v2, s->v1);
	s->v1 = _mm256_xor_si256(turn(s->v1, 17), s->v2);
	s->v2 = turn32(s->v2);
}

static inline void lanes_put(struct lanes *s, __m256i word)
{
	s->v3 = _mm256_xor_si256(s->v3, word);
	lanes_round(s);
	s->v0 = _mm256_xor_si256(s->v0, word);
}

// Leaves the lanes in `kept`, which have no more words, as they were.
static inline void lanes_keep(struct lanes *s, const struct lanes *old, __m256i kept)
{
	s->v0 = _mm256_blendv_epi8(s->v0, old->v0, kept);
	s->v1 = _mm256_blendv_epi8(s->v1, old->v1, kept);
	s->v2 = _mm256_blendv_epi8(s->v2, old->v2, kept);
	s->v3 = _mm256_blendv_epi8(s->v3, old->v3, kept);
}

static inline unsigned smaller(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static inline unsigned greater(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

// Puts the words of four messages, however many each has.
static inline void lanes_put_words(struct lanes *s, const uint64_t (*word)[REPEAT_LANES], const uint8_t *n)
{
	const __m256i ends = _mm256_setr_epi64x(n[0], n[1], n[2], n[3]);
	const unsigned least = smaller(smaller(n[0], n[1]), smaller(n[2], n[3]));
	const unsigned most = greater(greater(n[0], n[1]), greater(n[2], n[3]));
	unsigned i;

	for (i = 0; i < least; i++)
		lanes_put(s, load(word[i]));
	for (; i < most; i++) {
		struct lanes old = *s;

		lanes_put(s, load(word[i]));
		lanes_keep(s, &old, _mm256_cmpeq_epi64(_mm256_max_epu32(ends, spread(i)), spread(i)));
	}
}

void repeat_keys(const uint8_t secret[SIPHASH_KEY_SIZE], const struct repeat_names *names, uint64_t *key)
{
	struct siphash start;

	siphash_init(&start, secret);
	for (unsigned i = 0; i < names->n; i += REPEAT_LANES) {
		struct lanes s = { spread(start.v0), spread(start.v1), spread(start.v2), spread(start.v3) };
		__m256i hash;

		lanes_put_words(&s, names->word[i / REPEAT_LANES], &names->count[i]);
		s.v2 = _mm256_xor_si256(s.v2, spread(0xff));
		lanes_round(&s);
		lanes_round(&s);
		lanes_round(&s);
		hash = _mm256_xor_si256(_mm256_xor_si256(s.v0, s.v1), _mm256_xor_si256(s.v2, s.v3));
		hash = _mm256_sub_epi64(hash, _mm256_cmpeq_epi64(hash, _mm256_setzero_si256())); // 0 becomes 1
		_mm256_storeu_si256((__m256i *)(void *)&key[i], hash);
	}
}
