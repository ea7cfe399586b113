// SPDX-License-Identifier: BSD-3-Clause
//
// Keys of four messages at once: SipHash-1-3 of sixteen bytes each, one message a lane. What repeat_key has one by one
// (repeat_test holds the two together). No branch, no memory but the arrays.
//
// Earned by the CoAP rows of bench/micro/coap.c.
#include <immintrin.h>

#include "dataplane/repeat.h"

enum { LANES = 4 };

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

void repeat_keys(const struct repeat *repeat, const struct repeat_names *names, uint64_t *key)
{
	struct siphash start;

	siphash_init(&start, repeat->secret);
	for (unsigned i = 0; i < names->n; i += LANES) {
		struct lanes s = { spread(start.v0), spread(start.v1), spread(start.v2), spread(start.v3) };
		__m256i hash;

		lanes_put(&s, load(&names->head[i]));
		lanes_put(&s, load(&names->addresses[i]));
		lanes_put(&s, spread(UINT64_C(16) << 56)); // the length of the two
		s.v2 = _mm256_xor_si256(s.v2, spread(0xff));
		lanes_round(&s);
		lanes_round(&s);
		lanes_round(&s);
		hash = _mm256_xor_si256(_mm256_xor_si256(s.v0, s.v1), _mm256_xor_si256(s.v2, s.v3));
		hash = _mm256_sub_epi64(hash, _mm256_cmpeq_epi64(hash, _mm256_setzero_si256())); // 0 becomes 1
		_mm256_storeu_si256((__m256i *)(void *)&key[i], hash);
	}
}
