// SPDX-License-Identifier: BSD-3-Clause
//
// Outer headers, see encap.h. Runs on the worker. The traffic class is copied from the inner header, DSCP
// and ECN alike (RFC 2983, uniform; RFC 6040, section 4.1, normal mode).
#include "dataplane/encap.h"

#include <string.h>

#include "dataplane/checksum.h"
#include "rules/table.h"

enum { IPV4_SIZE = 20, IPV6_SIZE = 40, UDP_SIZE = 8, GUE_SIZE = 4 };
enum { PROTOCOL_IPV4 = 4, PROTOCOL_UDP = 17, PROTOCOL_IPV6 = 41 };
enum { DONT_FRAGMENT = 0x4000, DYNAMIC_PORTS = 0xc000 };

static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put_sum(uint8_t *at, uint16_t sum) // as checksum.h makes it: already in network order
{
	memcpy(at, &sum, sizeof(sum));
}

static unsigned version(const uint8_t *ip)
{
	return ip[0] >> 4;
}

static uint8_t protocol_of(const uint8_t *inner)
{
	return version(inner) == 4 ? PROTOCOL_IPV4 : PROTOCOL_IPV6;
}

static uint8_t traffic_class(const uint8_t *inner)
{
	return version(inner) == 4 ? inner[1] : (uint8_t)(inner[0] << 4 | inner[1] >> 4);
}

// A datagram that routers may not fragment is not to be fragmented in the tunnel either. An IPv6 one never is.
static bool dont_fragment(const uint8_t *inner)
{
	return version(inner) == 6 || (inner[6] & DONT_FRAGMENT >> 8) != 0;
}

unsigned encap_size(unsigned mode, unsigned family)
{
	return (family == 4 ? IPV4_SIZE : IPV6_SIZE) +
	       (mode == WEIR_MODE_GUE ? UDP_SIZE + GUE_SIZE : 0);
}

// An atomic datagram needs no identification (RFC 6864, section 4.1).
static void write_ipv4(uint8_t *out, const struct encap *encap, const uint8_t *inner,
		       unsigned total)
{
	bool atomic = dont_fragment(inner);

	memset(out, 0, IPV4_SIZE);
	out[0] = 0x45;
	out[1] = traffic_class(inner);
	put16(out + 2, total);
	put16(out + 4, atomic ? 0 : encap->id);
	put16(out + 6, atomic ? DONT_FRAGMENT : 0);
	out[8] = ENCAP_TTL;
	out[9] = encap->mode == WEIR_MODE_GUE ? PROTOCOL_UDP : protocol_of(inner);
	memcpy(out + 12, encap->source, 4);
	memcpy(out + 16, encap->destination, 4);
	put_sum(out + 10, checksum_finish(checksum_plain_header(out)));
}

// The flow label lets routers spread flows without a look at the inner header (RFC 6438).
static void write_ipv6(uint8_t *out, const struct encap *encap, const uint8_t *inner,
		       unsigned total)
{
	uint8_t class = traffic_class(inner);

	out[0] = (uint8_t)(0x60 | class >> 4);
	out[1] = (uint8_t)(class << 4 | (encap->flow >> 16 & 0xf));
	put16(out + 2, encap->flow & 0xffff);
	put16(out + 4, total - IPV6_SIZE);
	out[6] = encap->mode == WEIR_MODE_GUE ? PROTOCOL_UDP : protocol_of(inner);
	out[7] = ENCAP_TTL;
	memcpy(out + 8, encap->source, 16);
	memcpy(out + 24, encap->destination, 16);
}

// Version 0, no flags, header length 0 (of optional fields); the protocol of the inner datagram.
static void write_gue(uint8_t *out, const uint8_t *inner)
{
	out[0] = 0;
	out[1] = protocol_of(inner);
	out[2] = out[3] = 0;
}

// Over IPv4 no checksum: the inner datagram has its own. Over IPv6 a full one, which every receiver and every
// box between takes, whether it allows RFC 6935's zero or not.
static void write_udp(uint8_t *ip, const struct encap *encap, const uint8_t *inner, unsigned length)
{
	uint8_t *udp = ip + (encap->family == 4 ? IPV4_SIZE : IPV6_SIZE);
	uint16_t udp_length = (uint16_t)(UDP_SIZE + GUE_SIZE + length);
	uint64_t sum;

	put16(udp, DYNAMIC_PORTS | (encap->flow & 0x3fff));
	put16(udp + 2, ENCAP_GUE_PORT);
	put16(udp + 4, udp_length);
	put16(udp + 6, 0);
	write_gue(udp + UDP_SIZE, inner);
	if (encap->family == 4)
		return;
	sum = checksum_add_bytes(checksum_pseudo6(ip, udp_length), udp, UDP_SIZE + GUE_SIZE);
	put_sum(udp + 6, checksum_finish_udp(checksum_add_bytes(sum, inner, length)));
}

void encap_write(uint8_t *out, const struct encap *encap, const uint8_t *inner, uint16_t length)
{
	unsigned total = encap_size(encap->mode, encap->family) + length;

	if (encap->family == 4)
		write_ipv4(out, encap, inner, total);
	else
		write_ipv6(out, encap, inner, total);
	if (encap->mode == WEIR_MODE_GUE)
		write_udp(out, encap, inner, length);
}
