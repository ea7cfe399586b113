// SPDX-License-Identifier: BSD-3-Clause
//
// parse_frame over a burst. Eight short plain frames (Ethernet, IPv4 without options or fragments, UDP to the busiest
// listener, at most 64 bytes up to the end of the datagram) are judged together: their bytes are transposed into
// vectors of 32-bit words, one lane a frame, and every test and both checksums are sums down the lanes. A frame that
// is otherwise goes to parse_frame, which alone names reasons; so this file decides nothing that parse.c does not
// decide (burst_parse_test holds them together).
//
// Earned by the parse row of bench/run corridor (21 to 6 TSC cycles a frame).
#include <assert.h>
#include <immintrin.h>
#include <stddef.h>
#include <string.h>

#include "dataplane/parse.h"

enum { IP = 14, UDP = 34, PAYLOAD = 42, LANES = 8 };
enum { IPV4_HEADER = 20, UDP_HEADER = 8, PROTOCOL_UDP = 17, DATAGRAM_MAX = PARSE_READABLE - UDP };

// Word at offset 16 * n + 4 * k of eight frames is word[k] of quarter n.
struct quarter {
	__m256i word[4];
};

static inline __m256i load_pair(const uint8_t *low, const uint8_t *high)
{
	__m128i first = _mm_loadu_si128((const __m128i *)(const void *)low);

	return _mm256_inserti128_si256(_mm256_castsi128_si256(first),
				       _mm_loadu_si128((const __m128i *)(const void *)high), 1);
}

static inline struct quarter load_quarter(const struct packet *packet, unsigned offset)
{
	__m256i a = load_pair(packet[0].data + offset, packet[4].data + offset);
	__m256i b = load_pair(packet[1].data + offset, packet[5].data + offset);
	__m256i c = load_pair(packet[2].data + offset, packet[6].data + offset);
	__m256i d = load_pair(packet[3].data + offset, packet[7].data + offset);
	__m256i ab = _mm256_unpacklo_epi32(a, b), cd = _mm256_unpacklo_epi32(c, d);
	__m256i ab_high = _mm256_unpackhi_epi32(a, b), cd_high = _mm256_unpackhi_epi32(c, d);

	return (struct quarter){ { _mm256_unpacklo_epi64(ab, cd), _mm256_unpackhi_epi64(ab, cd),
				   _mm256_unpacklo_epi64(ab_high, cd_high), _mm256_unpackhi_epi64(ab_high, cd_high) } };
}

static inline __m256i low_half(__m256i v)
{
	return _mm256_and_si256(v, _mm256_set1_epi32(0xffff));
}

static inline __m256i high_half(__m256i v)
{
	return _mm256_srli_epi32(v, 16);
}

static inline __m256i add_halves(__m256i sum, __m256i v)
{
	return _mm256_add_epi32(sum, _mm256_add_epi32(low_half(v), high_half(v)));
}

// 16 bits in the low half, in the other byte order.
static inline __m256i swap16(__m256i v)
{
	return _mm256_or_si256(_mm256_srli_epi32(v, 8),
			       _mm256_and_si256(_mm256_slli_epi32(v, 8), _mm256_set1_epi32(0xff00)));
}

static inline __m256i equals(__m256i v, uint32_t mask, uint32_t want)
{
	return _mm256_cmpeq_epi32(_mm256_and_si256(v, _mm256_set1_epi32((int)mask)), _mm256_set1_epi32((int)want));
}

// A sum of at most a few dozen 16-bit words is 0 in one's-complement arithmetic when folding it once gives 0xffff.
static inline __m256i sum_holds(__m256i sum)
{
	return equals(_mm256_add_epi32(low_half(sum), high_half(sum)), 0xffffffff, 0xffff);
}

// Adds the bytes of a word that lie in the datagram: those below `left`.
static inline __m256i add_within(__m256i sum, __m256i v, __m256i left)
{
	__m256i bits = _mm256_slli_epi32(_mm256_max_epi32(left, _mm256_setzero_si256()), 3);
	__m256i mask = _mm256_sub_epi32(_mm256_sllv_epi32(_mm256_set1_epi32(1), bits), _mm256_set1_epi32(1));

	return add_halves(sum, _mm256_and_si256(v, mask));
}

static inline __m256i less(__m256i left, int n)
{
	return _mm256_sub_epi32(left, _mm256_set1_epi32(n));
}

// The UDP checksums of eight datagrams of `datagram` bytes, pseudo-headers included.
static inline __m256i udp_sums(const struct quarter *q1, const struct quarter *q2, const struct quarter *q3,
			       __m256i datagram)
{
	__m256i sum = _mm256_set1_epi32(PROTOCOL_UDP << 8);

	sum = _mm256_add_epi32(sum, high_half(q2->word[1])); // the length once more
	sum = _mm256_add_epi32(sum, high_half(q1->word[2]));
	sum = add_halves(sum, q1->word[3]);
	sum = add_halves(sum, q2->word[0]);
	sum = add_halves(sum, q2->word[1]);
	sum = add_within(sum, q2->word[2], less(datagram, 6));
	sum = add_within(sum, q2->word[3], less(datagram, 10));
	for (int k = 0; k < 4; k++)
		sum = add_within(sum, q3->word[k], less(datagram, 14 + 4 * k));
	return sum;
}

// What differs between eight plain frames.
struct plain {
	__m256i datagram; // bytes of it
	__m256i source;   // IPv4 address as it lies in the frame
};

// A bit for each of eight frames that is short, plain and right, for which `plain` is set.
static inline unsigned plain_lanes(const struct listeners *listeners, const struct packet *packet, bool trust,
				   struct plain *plain)
{
	const __m256i stride = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
	const int step = sizeof(struct packet) / sizeof(int);
	__m256i length = _mm256_i32gather_epi32((const int *)(const void *)&packet->length,
						_mm256_mullo_epi32(stride, _mm256_set1_epi32(step)), 4);
	struct quarter q0 = load_quarter(packet, 0), q1 = load_quarter(packet, 16);
	struct quarter q2 = load_quarter(packet, 32), q3 = load_quarter(packet, 48);
	__m256i total = swap16(low_half(q1.word[0])), size = swap16(high_half(q2.word[1]));
	__m256i right, ip, udp;

	right = equals(q0.word[3], 0x00ffffff, 0x00450008);                            // IPv4, header of 20 bytes
	right = _mm256_and_si256(right, equals(q1.word[1], 0xff00ff3f, PROTOCOL_UDP << 24)); // no fragment, UDP
	right = _mm256_and_si256(right, equals(q2.word[1], 0xffff, listeners->plain_port));
	right = _mm256_andnot_si256(_mm256_cmpgt_epi32(total, less(length, IP)), right);
	right = _mm256_andnot_si256(_mm256_cmpgt_epi32(size, less(total, IPV4_HEADER)), right);
	right = _mm256_and_si256(right, _mm256_cmpgt_epi32(size, _mm256_set1_epi32(UDP_HEADER - 1)));
	right = _mm256_and_si256(right, _mm256_cmpgt_epi32(_mm256_set1_epi32(DATAGRAM_MAX + 1), size));
	ip = _mm256_add_epi32(high_half(q0.word[3]), low_half(q2.word[0]));
	ip = add_halves(add_halves(ip, q1.word[0]), q1.word[1]);
	ip = add_halves(add_halves(ip, q1.word[2]), q1.word[3]);
	udp = _mm256_or_si256(sum_holds(udp_sums(&q1, &q2, &q3, size)), equals(q2.word[2], 0xffff, 0)); // 0: none sent
	udp = _mm256_or_si256(udp, _mm256_set1_epi32(trust ? -1 : 0));
	right = _mm256_and_si256(_mm256_and_si256(right, sum_holds(ip)), udp);
	plain->datagram = size;
	plain->source = _mm256_or_si256(high_half(q1.word[2]), _mm256_slli_epi32(q1.word[3], 16));
	return (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(right));
}

// What parse_frame would store in a plain packet, from `l3` to `flags`, without the payload's length.
struct plain_fields {
	uint64_t first;
	uint32_t second;
};
static_assert(offsetof(struct packet, l3) == 12 && offsetof(struct packet, payload) == 14 &&
		      offsetof(struct packet, payload_length) == 16 && offsetof(struct packet, ip_version) == 18 &&
		      offsetof(struct packet, n_vlan) == 19 && offsetof(struct packet, reason) == 20 &&
		      offsetof(struct packet, listener) == 21 && offsetof(struct packet, protocol) == 22 &&
		      offsetof(struct packet, flags) == 23,
	      "plain_fields is laid over the packet");

static inline struct plain_fields plain_fields(const struct listeners *listeners)
{
	uint32_t listener = listeners->plain_listener, protocol = listeners->list[listener].protocol;

	return (struct plain_fields){ IP | PAYLOAD << 16 | UINT64_C(4) << 48,
				      WEIR_REASON_NONE | listener << 8 | protocol << 16 |
					      (uint32_t)PACKET_HAS_LISTENER << 24 };
}

// The low halves of eight words, in order.
static inline __m128i narrow(__m256i v)
{
	__m256i halves = low_half(v);

	return _mm256_castsi256_si128(_mm256_permute4x64_epi64(_mm256_packus_epi32(halves, halves), 0x08));
}

static inline void store_eight(const struct plain_fields *fields, struct packet *packet, const struct plain *plain,
			       struct payloads *payloads, unsigned at)
{
	const __m128i swap32 = _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
	__m256i source = _mm256_shuffle_epi8(plain->source, _mm256_broadcastsi128_si256(swap32));
	__m256i size = less(plain->datagram, UDP_HEADER);
	uint32_t sizes[LANES];

	_mm256_storeu_si256((__m256i *)(void *)&payloads->source[at], source);
	_mm256_storeu_si256((__m256i *)(void *)sizes, size);
	_mm_storeu_si128((__m128i *)(void *)&payloads->length[at], narrow(size));
	for (unsigned i = 0; i < LANES; i++) {
		uint64_t first = fields->first | (uint64_t)sizes[i] << 32;

		memcpy((char *)&packet[i] + 12, &first, sizeof(first));
		memcpy((char *)&packet[i] + 20, &fields->second, sizeof(fields->second));
		payloads->at[at + i] = packet[i].data + PAYLOAD;
	}
}

// Frame `i` by parse_frame; its bit where it goes on.
static uint64_t parse_one(const struct listeners *listeners, struct packet *packet, unsigned i, enum parse_sums sums,
			  struct payloads *payloads)
{
	parse_frame(listeners, packet[i].data, packet[i].length, sums, &packet[i]);
	payloads->tunnelled |= (uint64_t)(packet_tunnel(&packet[i]) != 0) << i;
	if (packet[i].reason != WEIR_REASON_NONE)
		return 0;
	payloads->at[i] = packet[i].data + packet[i].payload;
	payloads->length[i] = packet[i].payload_length;
	payloads->source[i] = source_fold(&packet[i]);
	return UINT64_C(1) << i;
}

uint64_t parse_burst(const struct listeners *listeners, struct packet *packet, unsigned n, enum parse_sums sums,
		     struct payloads *payloads)
{
	struct plain_fields fields = plain_fields(listeners);
	unsigned whole = n & ~(LANES - 1u);
	struct plain plain;
	uint64_t good = 0;

	payloads->tunnelled = 0;
	for (unsigned i = 0; i < whole; i += LANES) {
		unsigned right = plain_lanes(listeners, packet + i, sums == PARSE_TRUST, &plain);

		good |= (uint64_t)right << i;
		store_eight(&fields, packet + i, &plain, payloads, i); // what is wrong in it is overwritten
		for (unsigned left = ~right & 0xff; left != 0; left &= left - 1)
			good |= parse_one(listeners, packet, i + (unsigned)__builtin_ctz(left), sums,
					  payloads);
	}
	for (unsigned i = whole; i < n; i++)
		good |= parse_one(listeners, packet, i, sums, payloads);
	return good;
}
