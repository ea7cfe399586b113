// SPDX-License-Identifier: BSD-3-Clause
//
// parse_frame over a burst. Short plain frames (Ethernet, IPv4 without options or fragments, UDP, at most 64 bytes up to the
// end of the datagram) are judged by 256-bit words: one comparison for all fixed fields, and both checksums as sums of
// 16-bit words under masks. Every other frame, and every one that something is wrong with, goes to parse_frame, which
// names the reason; so this file decides nothing that parse.c does not decide (burst_parse_test holds them together).
//
// Earned by: bench/micro parse and the stage row of bench/run corridor (21 to 12 TSC cycles a frame).
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/parse.h"

enum { IP = 14, UDP = 34, PAYLOAD = 42, SHORT = 64 };
enum { IPV4_HEADER = 20, UDP_HEADER = 8, PROTOCOL_UDP = 17, DATAGRAM_MAX = SHORT - UDP };

static inline uint16_t load16(const uint8_t *at)
{
	uint16_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

static inline uint16_t load_be16(const uint8_t *at)
{
	return __builtin_bswap16(load16(at));
}

// 32 bytes of ones and 32 of zeros: from 32 - n, the mask of the first n bytes.
static const uint8_t ones_then_zeros[64] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
};

// Ethertype, version and header length, flags and fragment offset, protocol; everything else is masked out.
static inline int fixed_fields_right(__m256i first)
{
	const __m256i mask = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, 0, //
					      0, 0, 0, 0, 0x3f, -1, 0, -1, 0, 0, 0, 0, 0, 0, 0, 0);
	const __m256i want = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x08, 0x00, 0x45, 0, //
					      0, 0, 0, 0, 0, 0, 0, PROTOCOL_UDP, 0, 0, 0, 0, 0, 0, 0, 0);

	return _mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_and_si256(first, mask), want)) == -1;
}

// Sums of the 16 unsigned words of `v` in 8 lanes, each less 2 * 0x8000: madd is signed.
static inline __m256i word_sums(__m256i v)
{
	return _mm256_madd_epi16(_mm256_xor_si256(v, _mm256_set1_epi16((short)0x8000)), _mm256_set1_epi16(1));
}

// A sum of at most 64 words is 0 in one's-complement arithmetic when folding it once gives 0xffff.
static inline int sum_holds(uint32_t sum)
{
	return (sum >> 16) + (sum & 0xffff) == 0xffff;
}

// Both checksums of a short plain frame whose lengths are right.
static inline int checksums_hold(const uint8_t *data, __m256i first, unsigned datagram)
{
	const __m256i in_ip = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1, //
					       -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
	const __m256i in_addresses = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, //
						      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1, -1, -1);
	__m256i second = _mm256_loadu_si256((const __m256i *)(const void *)(data + 32));
	__m256i in_datagram = _mm256_loadu_si256((const __m256i *)(const void *)(ones_then_zeros + 30 - datagram));
	__m256i ip = word_sums(_mm256_and_si256(first, in_ip));
	__m256i udp = _mm256_add_epi32(word_sums(_mm256_and_si256(first, in_addresses)),
				       word_sums(_mm256_and_si256(second, in_datagram)));
	__m256i pairs = _mm256_hadd_epi32(ip, udp);
	__m128i quads = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
	uint64_t both = (uint64_t)_mm_cvtsi128_si64(_mm_hadd_epi32(quads, quads));
	uint32_t ip_sum = (uint32_t)both + 16 * 0x8000u + load16(data + 32);
	uint32_t udp_sum = (uint32_t)(both >> 32) + 32 * 0x8000u + __builtin_bswap16((uint16_t)datagram) +
			   (PROTOCOL_UDP << 8);

	return sum_holds(ip_sum) & (sum_holds(udp_sum) | (load16(data + UDP + 6) == 0));
}

// Fills `packet` where its frame is short, plain and right up to its listener; 0 where it is not (or may not be).
static inline int parse_short(const struct listeners *listeners, struct packet *packet)
{
	const uint8_t *data = packet->data;
	__m256i first = _mm256_loadu_si256((const __m256i *)(const void *)data);
	unsigned total = load_be16(data + IP + 2), datagram = load_be16(data + UDP + 4);
	unsigned listener = listeners->by_port[load_be16(data + UDP + 2)];

	// The differences are unsigned: one comparison tells too short from too long.
	if (!fixed_fields_right(first) || packet->length < PAYLOAD || total > packet->length - IP ||
	    datagram - UDP_HEADER > DATAGRAM_MAX - UDP_HEADER || datagram + IPV4_HEADER > total || listener == 0 ||
	    listeners->list[listener - 1].family != 0 || !checksums_hold(data, first, datagram))
		return 0;
	packet->l3 = IP;
	packet->payload = PAYLOAD;
	packet->payload_length = (uint16_t)(datagram - UDP_HEADER);
	packet->ip_version = 4;
	packet->n_vlan = 0;
	packet->reason = WEIR_REASON_NONE;
	packet->listener = (uint8_t)(listener - 1);
	packet->protocol = listeners->list[listener - 1].protocol;
	packet->flags = PACKET_HAS_LISTENER;
	return 1;
}

void parse_burst(const struct listeners *listeners, struct packet *packet, unsigned n, bool trust_udp_checksum)
{
	for (unsigned i = 0; i < n; i++)
		if (__builtin_expect(!parse_short(listeners, &packet[i]), 0))
			parse_frame(listeners, packet[i].data, packet[i].length, trust_udp_checksum, &packet[i]);
}
