// SPDX-License-Identifier: BSD-3-Clause
//
// Stage parse: Ethernet, VLAN, IPv4 or IPv6, UDP, listener (DESIGN 1.3, steps 1 to 5 without the
// blocked sources). Pure, libc only: the dataplane, weirctl classify, tests and fuzzers run this.
#pragma once

#include <endian.h>
#include <nmmintrin.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/listeners.h"
#include "dataplane/packet.h"

struct whole;

// What becomes of UDP checksums. PARSE_TRUST: nothing, senders offload them. PARSE_SUMMED: the NIC has summed the
// datagram and found it right; whether a checksum must be there is looked at all the same, and what is inside a tunnel
// summed.
enum parse_sums { PARSE_VERIFY = false, PARSE_TRUST = true, PARSE_SUMMED = 2 };

// Parses one frame of `length` bytes at `data` (all readable, contiguous). Fills every field of
// `packet` up to the listener; packet->reason says why it ends here, WEIR_REASON_NONE that it goes on. A packet of a
// tunnel that ends here becomes the message, or the fragment, inside it (packet_tunnel); in every other outcome it
// stays the outer one.
void parse_frame(const struct listeners *listeners, const uint8_t *data, uint32_t length, enum parse_sums sums,
		 struct packet *packet);

// The same for a datagram of several frames. Where those came in a tunnel only a listener that asks for it takes the
// datagram, and it is no tunnel's packet itself.
void parse_whole(const struct listeners *listeners, const struct whole *whole, enum parse_sums sums,
		 struct packet *packet);

// Where the payloads of a burst are, and from whom.
enum { PARSE_BURST = 64, PARSE_READABLE = 128 };
struct payloads {
	const uint8_t *at[PARSE_BURST];
	uint16_t length[PARSE_BURST];
	uint32_t source[PARSE_BURST]; // source_fold of each
	uint64_t tunnelled; // a bit for each packet that is what was inside a tunnel, message or fragment
};

// The same for `n` (at most PARSE_BURST) packets whose `data` and `length` are set, in less time for plain frames.
// Each `data` is readable for PARSE_READABLE bytes whatever its length (an mbuf's room); what lies past `length` has
// no influence. Returns a bit for each packet that goes on (its reason is NONE); for those `payloads` is set too.
uint64_t parse_burst(const struct listeners *listeners, struct packet *packet, unsigned n, enum parse_sums sums,
		     struct payloads *payloads);

// Source address as two host-order words, high first; IPv4 in the low word.
static inline void packet_source(const struct packet *packet, uint64_t *high, uint64_t *low)
{
	const uint8_t *ip = packet->data + packet->l3;
	uint64_t words[2];
	uint32_t word;

	if (packet->ip_version == 4) {
		memcpy(&word, ip + 12, sizeof(word));
		*high = 0;
		*low = be32toh(word);
		return;
	}
	memcpy(words, ip + 8, sizeof(words));
	*high = be64toh(words[0]);
	*low = be64toh(words[1]);
}

// The source address in 32 bits: an IPv4 address in host order, or a hash of an IPv6 address.
static inline uint32_t source_fold(const struct packet *packet)
{
	uint64_t high, low;

	packet_source(packet, &high, &low);
	return packet->ip_version == 4 ? (uint32_t)low : (uint32_t)_mm_crc32_u64(_mm_crc32_u64(0, high), low);
}
