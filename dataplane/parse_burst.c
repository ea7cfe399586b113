// SPDX-License-Identifier: BSD-3-Clause
//
// parse_frame over a burst. Eight plain frames (Ethernet, IPv4 without options or fragments, UDP) are judged together:
// their bytes are transposed into vectors of 32-bit words, one lane a frame, and every test and both checksums are sums
// down the lanes. The first 64 bytes of a frame hold all of a short message; where a datagram goes on and its checksum
// is to be summed, the next 64 are summed down the lanes too, and what is left frame by frame. A frame that is no such
// one goes to parse_frame, which alone names reasons; so this file decides nothing that parse.c does not decide
// (burst_parse_test holds them together).
//
// Earned by the parse rows of bench/run corridor (21 to 6 TSC cycles a frame) and coap.
#include <assert.h>
#include <immintrin.h>
#include <stddef.h>
#include <string.h>

#include "dataplane/checksum.h"
#include "dataplane/parse.h"

enum { IP = 14, UDP = 34, PAYLOAD = 42, LANES = 8 };
enum { IPV4_HEADER = 20, UDP_HEADER = 8, PROTOCOL_UDP = 17, FIRST = 64, QUARTER = 16, WORD_BITS = 32 };
enum { SUMMED_MAX = PARSE_READABLE - UDP }; // bytes of a datagram that are summed down the lanes
enum { NO_PORT = 0x10000 }; // ports are below
static_assert(PARSE_READABLE % QUARTER == 0 && SUMMED_MAX < 0x10000 / 8, "whole quarters; bits in 16 bits");

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

// The low or the high half in host order, from bytes as they lie in a frame.
static inline __m256i low_number(__m256i v)
{
	const __m128i order = _mm_setr_epi8(1, 0, -1, -1, 5, 4, -1, -1, 9, 8, -1, -1, 13, 12, -1, -1);

	return _mm256_shuffle_epi8(v, _mm256_broadcastsi128_si256(order));
}

static inline __m256i high_number(__m256i v)
{
	const __m128i order = _mm_setr_epi8(3, 2, -1, -1, 7, 6, -1, -1, 11, 10, -1, -1, 15, 14, -1, -1);

	return _mm256_shuffle_epi8(v, _mm256_broadcastsi128_si256(order));
}

static inline __m256i equals(__m256i v, uint32_t mask, uint32_t want)
{
	return _mm256_cmpeq_epi32(_mm256_and_si256(v, _mm256_set1_epi32((int)mask)), _mm256_set1_epi32((int)want));
}

// A sum of fewer than 65,536 16-bit words is 0 in one's-complement arithmetic when folding it once gives 0xffff.
static inline __m256i sum_holds(__m256i sum)
{
	return equals(_mm256_add_epi32(low_half(sum), high_half(sum)), 0xffffffff, 0xffff);
}

static inline __m256i less(__m256i left, int n)
{
	return _mm256_sub_epi32(left, _mm256_set1_epi32(n));
}

// Adds the bits of a word that lie in the datagram: those below `left`, which is 0 or more.
static inline __m256i add_within(__m256i sum, __m256i v, __m256i left)
{
	__m256i outside = _mm256_sllv_epi32(_mm256_set1_epi32(-1), left);

	return add_halves(sum, _mm256_andnot_si256(outside, v));
}

// Of the bits that are left of a datagram, those past the next n; 0 where there are none.
static inline __m256i bits_past(__m256i left, int n)
{
	return _mm256_subs_epu16(left, _mm256_set1_epi32(n));
}

// The words of a quarter of a datagram of which `left` bits lie in it and past it, which become those past it.
static inline __m256i add_quarter(__m256i sum, const struct quarter *q, __m256i *left)
{
	for (int k = 0; k < 4; k++) {
		sum = add_within(sum, q->word[k], *left);
		*left = bits_past(*left, WORD_BITS);
	}
	return sum;
}

// The UDP checksums of eight datagrams, pseudo-headers included, as far as the first 64 bytes of the frame go. `left`
// is bits of the datagram, and becomes those past that.
static inline __m256i udp_sums(const struct quarter *q1, const struct quarter *q2, const struct quarter *q3,
			       __m256i *left)
{
	__m256i sum = _mm256_set1_epi32(PROTOCOL_UDP << 8);

	sum = _mm256_add_epi32(sum, high_half(q2->word[1])); // the length once more
	sum = _mm256_add_epi32(sum, high_half(q1->word[2]));
	sum = add_halves(sum, q1->word[3]);
	sum = add_halves(sum, q2->word[0]);
	sum = add_halves(sum, q2->word[1]);
	*left = bits_past(*left, 6 * 8);
	sum = add_within(sum, q2->word[2], *left);
	*left = bits_past(*left, WORD_BITS);
	sum = add_within(sum, q2->word[3], *left);
	*left = bits_past(*left, WORD_BITS);
	return add_quarter(sum, q3, left);
}

static inline unsigned lanes_of(__m256i v)
{
	return (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(v));
}

// The one's-complement sum, in 16 bits, of what of a frame's datagram of `datagram` bytes lies past PARSE_READABLE. The
// bytes before it are the frame's as well, which checksum_add_bytes is content with.
static uint32_t sum_end(const uint8_t *data, uint32_t datagram)
{
	return checksum_fold(checksum_add_bytes(0, data + PARSE_READABLE, UDP + datagram - PARSE_READABLE));
}

// Adds to the checksums of the `lanes`, whose datagrams of `datagram` bytes go on past the first 64 bytes of the frame,
// the rest: `left` bits as far as PARSE_READABLE goes. A lane of which nothing is left keeps its sum; a long one that
// is not among the `lanes` has none after it.
static __attribute__((noinline)) __m256i add_rest(const struct packet *packet, unsigned lanes, __m256i datagram,
						  __m256i left, __m256i sum)
{
	uint32_t size[LANES], end[LANES] = { 0 }, longest = 0;

	_mm256_storeu_si256((__m256i *)(void *)size, datagram);
	for (; lanes != 0; lanes &= lanes - 1) {
		unsigned i = (unsigned)__builtin_ctz(lanes);

		longest = size[i] > longest ? size[i] : longest;
		if (__builtin_expect(UDP + size[i] > PARSE_READABLE, 0))
			end[i] = sum_end(packet[i].data, size[i]);
	}
	for (unsigned offset = FIRST; offset < PARSE_READABLE && offset < UDP + longest; offset += QUARTER) {
		struct quarter q = load_quarter(packet, offset);

		sum = add_quarter(sum, &q, &left);
	}
	return _mm256_add_epi32(sum, _mm256_loadu_si256((const __m256i *)(const void *)end));
}

// What differs between eight plain frames.
struct plain {
	__m256i datagram; // bytes of it
	__m256i source;   // IPv4 address as it lies in the frame
	unsigned right;   // a bit for each that is plain and right
	unsigned busiest; // and for each that is to the port of the busiest listener
};

// Where a checksum counts without being summed: none was sent, or `sums` says so (the NIC has seen that of what fills
// its packet).
static inline __m256i checksum_known(enum parse_sums sums, __m256i checksum, __m256i datagram, __m256i total)
{
	__m256i known = equals(checksum, 0xffff, 0);

	if (sums == PARSE_TRUST)
		return _mm256_set1_epi32(-1);
	if (sums == PARSE_SUMMED)
		known = _mm256_or_si256(known, _mm256_cmpeq_epi32(datagram, less(total, IPV4_HEADER)));
	return known;
}

static inline struct plain plain_lanes(const struct packet *packet, enum parse_sums sums, uint32_t port)
{
	const __m256i stride = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
	const int step = sizeof(struct packet) / sizeof(int);
	__m256i length = _mm256_i32gather_epi32((const int *)(const void *)&packet->length,
						_mm256_mullo_epi32(stride, _mm256_set1_epi32(step)), 4);
	struct quarter q0 = load_quarter(packet, 0), q1 = load_quarter(packet, 16);
	struct quarter q2 = load_quarter(packet, 32), q3 = load_quarter(packet, 48);
	__m256i total = low_number(q1.word[0]), size = high_number(q2.word[1]);
	__m256i left = _mm256_slli_epi32(_mm256_min_epu16(size, _mm256_set1_epi32(SUMMED_MAX)), 3);
	__m256i right, ip, sum, known, unknown;

	right = equals(q0.word[3], 0x00ffffff, 0x00450008);                            // IPv4, header of 20 bytes
	right = _mm256_and_si256(right, equals(q1.word[1], 0xff00ff3f, PROTOCOL_UDP << 24)); // no fragment, UDP
	right = _mm256_andnot_si256(_mm256_cmpgt_epi32(total, less(length, IP)), right);
	right = _mm256_andnot_si256(_mm256_cmpgt_epi32(size, less(total, IPV4_HEADER)), right);
	right = _mm256_and_si256(right, _mm256_cmpgt_epi32(size, _mm256_set1_epi32(UDP_HEADER - 1)));
	ip = _mm256_add_epi32(high_half(q0.word[3]), low_half(q2.word[0]));
	ip = add_halves(add_halves(ip, q1.word[0]), q1.word[1]);
	ip = add_halves(add_halves(ip, q1.word[2]), q1.word[3]);
	right = _mm256_and_si256(right, sum_holds(ip));
	sum = udp_sums(&q1, &q2, &q3, &left);
	known = checksum_known(sums, q2.word[2], size, total);
	unknown = _mm256_andnot_si256(known, right);
	if (__builtin_expect(!_mm256_testz_si256(unknown, left), 0))
		sum = add_rest(packet, lanes_of(_mm256_andnot_si256(equals(left, ~0u, 0), unknown)), size, left, sum);
	right = _mm256_and_si256(right, _mm256_or_si256(sum_holds(sum), known));
	return (struct plain){ .datagram = size,
			       .source = _mm256_or_si256(high_half(q1.word[2]), _mm256_slli_epi32(q1.word[3], 16)),
			       .right = lanes_of(right),
			       .busiest = lanes_of(equals(q2.word[1], 0xffff, port)) };
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

// A plain frame that is right and to another port than the busiest listener's, stored as if it were to that one. False:
// there is no listener.
static inline bool listen_elsewhere(const struct listeners *listeners, struct packet *packet)
{
	const uint8_t *port = packet->data + UDP + 2;
	int index = listeners_find(listeners, 4, packet->data + IP, (uint16_t)(port[0] << 8 | port[1]));

	if (index < 0)
		return false;
	packet->listener = (uint8_t)index;
	packet->protocol = listeners->list[index].protocol;
	return true;
}

uint64_t parse_burst(const struct listeners *listeners, struct packet *packet, unsigned n, enum parse_sums sums,
		     struct payloads *payloads)
{
	struct plain_fields fields = plain_fields(listeners);
	uint32_t port = listeners->plain_port ? listeners->plain_port : NO_PORT;
	unsigned whole = n & ~(LANES - 1u);
	uint64_t good = 0;

	payloads->tunnelled = 0;
	for (unsigned i = 0; i < whole; i += LANES) {
		struct plain plain = plain_lanes(packet + i, sums, port);
		unsigned right = plain.right & plain.busiest;

		good |= (uint64_t)right << i;
		store_eight(&fields, packet + i, &plain, payloads, i); // what is wrong in it is overwritten
		for (unsigned left = ~right & 0xff; left != 0; left &= left - 1) {
			unsigned lane = (unsigned)__builtin_ctz(left);

			if ((plain.right >> lane & 1) && listen_elsewhere(listeners, &packet[i + lane]))
				good |= UINT64_C(1) << (i + lane);
			else
				good |= parse_one(listeners, packet, i + lane, sums, payloads);
		}
	}
	for (unsigned i = whole; i < n; i++)
		good |= parse_one(listeners, packet, i, sums, payloads);
	return good;
}
