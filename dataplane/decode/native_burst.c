// SPDX-License-Identifier: BSD-3-Clause
//
// decode_native, eight messages at a time: their 16-byte headers are turned into four vectors of words, and every
// test and field is one operation for all eight. It only says right or wrong; decode_native names what is wrong
// (burst_parse_test holds the two together).
//
// Earned by the decode row of bench/run corridor (14 to 4 TSC cycles a frame).
#include "dataplane/decode/native_burst.h"

#include <immintrin.h>

#include "dataplane/abi/names.h"
#include "dataplane/packet.h"

enum { HEADER = 16, LANES = 8 };

struct words { // word w of the headers of eight messages; word 3, the message id, is not needed
	__m256i first, tenant, third;
};

static inline __m256i load_pair(const uint8_t *low, const uint8_t *high)
{
	__m128i first = _mm_loadu_si128((const __m128i *)(const void *)low);

	return _mm256_inserti128_si256(_mm256_castsi128_si256(first),
				       _mm_loadu_si128((const __m128i *)(const void *)high), 1);
}

// Transposes eight headers.
static inline struct words load_words(const uint8_t *const *at)
{
	__m256i a = load_pair(at[0], at[4]), b = load_pair(at[1], at[5]);
	__m256i c = load_pair(at[2], at[6]), d = load_pair(at[3], at[7]);
	__m256i ab = _mm256_unpacklo_epi32(a, b), cd = _mm256_unpacklo_epi32(c, d);
	__m256i ab_high = _mm256_unpackhi_epi32(a, b), cd_high = _mm256_unpackhi_epi32(c, d);

	return (struct words){ _mm256_unpacklo_epi64(ab, cd), _mm256_unpackhi_epi64(ab, cd),
			       _mm256_unpacklo_epi64(ab_high, cd_high) };
}

static inline __m256i shuffle_each(__m256i v, __m128i how)
{
	return _mm256_shuffle_epi8(v, _mm256_broadcastsi128_si256(how));
}

// Country index of each third word, and whether its field is legal (all ones).
static inline __m256i countries(__m256i third, __m256i *legal)
{
	const __m128i spread = _mm_setr_epi8(0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13, -1);
	__m256i letters = _mm256_sub_epi16(shuffle_each(third, spread), _mm256_set1_epi16('A'));
	__m256i in_range = _mm256_cmpeq_epi16(_mm256_min_epu16(letters, _mm256_set1_epi16(25)), letters);
	__m256i both = _mm256_cmpeq_epi32(in_range, _mm256_set1_epi32(-1));
	__m256i index = _mm256_madd_epi16(letters, _mm256_set1_epi32(1 << 16 | 26));
	__m256i unknown = _mm256_cmpeq_epi32(_mm256_slli_epi32(third, 16), _mm256_setzero_si256());

	*legal = _mm256_or_si256(both, unknown);
	return _mm256_blendv_epi8(index, _mm256_set1_epi32(WEIR_COUNTRY_ZZ), unknown);
}

// The low halves of eight words, in order.
static inline __m128i narrow(__m256i v)
{
	__m256i packed = _mm256_packus_epi32(v, v);

	return _mm256_castsi256_si128(_mm256_permute4x64_epi64(packed, 0x08));
}

static inline void store16(uint16_t *to, __m256i v)
{
	_mm_storeu_si128((__m128i *)(void *)to, narrow(v));
}

// Eight messages; a bit for each that is wrong. Their kinds are added to `any`.
static inline unsigned decode_eight(struct payloads *payloads, struct messages *messages, unsigned at, __m256i *any)
{
	const __m128i swap32 = _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
	const __m128i swap_high16 = _mm_setr_epi8(3, 2, -1, -1, 7, 6, -1, -1, 11, 10, -1, -1, 15, 14, -1, -1);
	struct words words = load_words(payloads->at + at);
	__m256i wanted = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)&payloads->length[at]));
	__m256i tenant = shuffle_each(words.tenant, swap32), size = shuffle_each(words.third, swap_high16), legal,
		country, kind;
	// magic, version and the two flags that must be 0, priority, channel
	__m256i right = _mm256_cmpeq_epi32(_mm256_and_si256(words.first, _mm256_set1_epi32((int)0xf0fcfaffu)),
					   _mm256_set1_epi32(0x1057));
	__m256i tag = _mm256_and_si256(_mm256_srli_epi32(words.first, 10), _mm256_set1_epi32(1));
	__m256i total = _mm256_add_epi32(_mm256_add_epi32(size, _mm256_slli_epi32(tag, 3)), _mm256_set1_epi32(HEADER));

	country = countries(words.third, &legal);
	right = _mm256_and_si256(_mm256_and_si256(right, legal), _mm256_cmpeq_epi32(total, wanted));
	right = _mm256_andnot_si256(_mm256_cmpeq_epi32(tenant, _mm256_setzero_si256()), right);
	kind = _mm256_or_si256(_mm256_and_si256(_mm256_srli_epi32(words.first, 12), _mm256_set1_epi32(0x30)),
			       _mm256_srli_epi32(words.first, 24));
	kind = _mm256_or_si256(kind, _mm256_and_si256(words.first, _mm256_set1_epi32(PACKET_WANTS_ACK << 8)));
	kind = _mm256_or_si256(kind, _mm256_slli_epi32(tag, 9));
	_mm256_storeu_si256((__m256i *)(void *)&messages->tenant[at], tenant);
	store16(&messages->country[at], country);
	store16(&messages->size[at], size);
	store16(&messages->kind[at], kind);
	*any = _mm256_or_si256(*any, kind);
	return ~(unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(right)) & 0xff;
}

uint64_t decode_native_burst(struct payloads *payloads, unsigned n, struct messages *messages)
{
	static const uint8_t nothing[HEADER];
	__m256i any = _mm256_setzero_si256();
	uint32_t kinds[LANES];
	uint64_t wrong = 0;

	// Payloads too short to be read, and the places past n: a header that is wrong in every field.
	for (unsigned i = 0; i < ((n + LANES - 1) & ~(LANES - 1u)); i++)
		if (i >= n || payloads->length[i] < HEADER)
			payloads->at[i] = nothing;
	for (unsigned at = 0; at < n; at += LANES)
		wrong |= (uint64_t)decode_eight(payloads, messages, at, &any) << at;
	_mm256_storeu_si256((__m256i *)(void *)kinds, any);
	messages->any = 0;
	for (unsigned i = 0; i < LANES; i++)
		messages->any |= (uint16_t)kinds[i];
	return n < 64 ? wrong & ((UINT64_C(1) << n) - 1) : wrong;
}
