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

#include "dataplane/packet.h"

struct whole;

// What becomes of UDP checksums. PARSE_TRUST: nothing, senders offload them. PARSE_SUMMED: the NIC has summed the
// datagram and found it right; whether a checksum must be there is looked at all the same, and what is inside a tunnel
// summed.
enum parse_sums { PARSE_VERIFY = false, PARSE_TRUST = true, PARSE_SUMMED = 2 };

enum { LISTENERS_MAX = 64 };

struct listener {
	uint8_t address[16]; // network order; IPv4 in the first four bytes
	uint8_t family;      // 4, 6, or 0 for any
	uint8_t protocol;    // enum weir_protocol
	uint16_t port;       // host order
	uint8_t tunnels;     // enum weir_tunnel: those that it asks for
};

// (destination, port) → listener. An address-bound listener goes before `any` on the same port.
struct listeners {
	struct listener list[LISTENERS_MAX];
	uint32_t n;
	uint8_t by_port[65536]; // 0: none, else 1 + index of the first listener to try on that port
	uint8_t next[LISTENERS_MAX]; // 0: no more, else 1 + index of the next on the same port
	uint16_t plain_port; // network order: port of the first listener on any address alone on its port; 0: none
	uint8_t plain_listener; // its index
	uint8_t tunnels; // of all listeners
};

// Builds the index over `list`[0..n). -EINVAL for more than LISTENERS_MAX or two equal ones.
int listeners_init(struct listeners *listeners, const struct listener *list, uint32_t n);

static inline bool listener_takes(const struct listener *listener, unsigned ip_version, const uint8_t *ip)
{
	if (listener->family != ip_version)
		return listener->family == 0;
	return listener->family == 4 ? memcmp(listener->address, ip + 16, 4) == 0
				     : memcmp(listener->address, ip + 24, 16) == 0;
}

// Index of the listener for the destination of an IP header and a UDP port in host order, -1 where there is none.
static inline int listeners_find(const struct listeners *listeners, unsigned ip_version, const uint8_t *ip,
				 uint16_t port)
{
	for (uint8_t i = listeners->by_port[port]; i; i = listeners->next[i - 1])
		if (listener_takes(&listeners->list[i - 1], ip_version, ip))
			return i - 1;
	return -1;
}

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
