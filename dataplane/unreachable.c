// SPDX-License-Identifier: BSD-3-Clause
//
// ICMP errors, see unreachable.h: destination unreachable of RFC 792 and RFC 4443, and the latter's parameter problem
// for an unknown next header, which is what ICMP calls protocol unreachable. Main thread, and unreachable_likely on
// workers. Each step checks that what it reads lies in what is left.
#include "dataplane/unreachable.h"

#include <string.h>

#include "dataplane/abi/socket.h"
#include "dataplane/checksum.h"
#include "dataplane/encap.h"
#include "rules/table.h"

enum { ETHER_SIZE = 14, VLAN_SIZE = 4, MAX_VLANS = 2, IPV4_SIZE = 20, IPV6_SIZE = 40, UDP_SIZE = 8,
       GUE_SIZE = 4, ICMP_SIZE = 8 };
enum { TYPE_IPV4 = 0x0800, TYPE_IPV6 = 0x86dd, TYPE_VLAN = 0x8100, TYPE_SERVICE_VLAN = 0x88a8 };
enum { PROTOCOL_ICMP = 1, PROTOCOL_IPV4 = 4, PROTOCOL_UDP = 17, PROTOCOL_IPV6 = 41, PROTOCOL_ICMP6 = 58 };
enum { ICMP_UNREACHABLE = 3, ICMP6_UNREACHABLE = 1, ICMP6_PARAMETER_PROBLEM = 4 };

// Bytes that are left to read.
struct rest {
	const uint8_t *at;
	uint32_t length;
};

// An IP header without IPv6 extension headers, and what follows it. `length` of `payload`: what is there of it.
struct datagram {
	uint8_t family, protocol;
	const uint8_t *source, *destination;
	struct rest payload;
	uint32_t whole; // bytes that the header says the payload has
};

static unsigned get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static bool read_ipv4(struct rest rest, struct datagram *ip)
{
	uint32_t header, total;

	if (rest.length < IPV4_SIZE)
		return false;
	header = (rest.at[0] & 0xfu) * 4;
	total = get16(rest.at + 2);
	if (header < IPV4_SIZE || header > rest.length || total < header)
		return false;
	if (get16(rest.at + 6) & 0x3fff) // more fragments, or an offset
		return false;
	*ip = (struct datagram){ 4, rest.at[9], rest.at + 12, rest.at + 16,
				 { rest.at + header, rest.length - header }, total - header };
	return true;
}

static bool read_ipv6(struct rest rest, struct datagram *ip)
{
	if (rest.length < IPV6_SIZE)
		return false;
	*ip = (struct datagram){ 6, rest.at[6], rest.at + 8, rest.at + 24,
				 { rest.at + IPV6_SIZE, rest.length - IPV6_SIZE }, get16(rest.at + 4) };
	return true;
}

// The datagram at the start of `rest`, of which the end may be missing. What lies behind it is left out.
static bool read_ip(struct rest rest, struct datagram *ip)
{
	bool good = rest.length > 0 && (rest.at[0] >> 4 == 4   ? read_ipv4(rest, ip)
					: rest.at[0] >> 4 == 6 ? read_ipv6(rest, ip)
							       : false);

	if (good && ip->payload.length > ip->whole)
		ip->payload.length = ip->whole;
	return good;
}

static bool read_ethernet(const uint8_t *frame, uint32_t length, struct rest *l3)
{
	uint32_t at = ETHER_SIZE;
	unsigned type;

	if (length < ETHER_SIZE)
		return false;
	type = get16(frame + 12);
	for (unsigned n = 0; n < MAX_VLANS && (type == TYPE_VLAN || type == TYPE_SERVICE_VLAN); n++) {
		if (length - at < VLAN_SIZE)
			return false;
		type = get16(frame + at + 2);
		at += VLAN_SIZE;
	}
	*l3 = (struct rest){ frame + at, length - at };
	return l3->length > 0 && ((type == TYPE_IPV4 && l3->at[0] >> 4 == 4) ||
				  (type == TYPE_IPV6 && l3->at[0] >> 4 == 6));
}

static int cause_of(unsigned family, const uint8_t *icmp)
{
	if (family == 4 && icmp[0] == ICMP_UNREACHABLE)
		return icmp[1] == 1   ? WEIR_HOST_UNREACHABLE
		       : icmp[1] == 2 ? WEIR_PROTOCOL_UNREACHABLE
		       : icmp[1] == 3 ? WEIR_PORT_UNREACHABLE
				      : -1;
	if (family == 6 && icmp[0] == ICMP6_UNREACHABLE)
		return icmp[1] == 3   ? WEIR_HOST_UNREACHABLE
		       : icmp[1] == 4 ? WEIR_PORT_UNREACHABLE
				      : -1;
	if (family == 6 && icmp[0] == ICMP6_PARAMETER_PROBLEM && icmp[1] == 1)
		return WEIR_PROTOCOL_UNREACHABLE;
	return -1;
}

static bool checksums_hold(const struct rest *l3, const struct datagram *ip)
{
	const struct rest *icmp = &ip->payload;
	uint64_t pseudo = 0;

	if (ip->family == 4 && !checksum_holds(checksum_add_bytes(0, l3->at, (uint32_t)(icmp->at - l3->at))))
		return false;
	if (ip->family == 6) { // RFC 8200, 8.1, with ICMPv6's number in the place of UDP's
		uint8_t tail[8] = { 0, 0, (uint8_t)(icmp->length >> 8), (uint8_t)icmp->length, 0, 0, 0,
				    PROTOCOL_ICMP6 };

		pseudo = checksum_add_bytes(checksum_add_bytes(0, l3->at + 8, 32), tail, sizeof(tail));
	}
	return checksum_holds(checksum_add_bytes(pseudo, icmp->at, icmp->length));
}

static bool same(const struct datagram *ip, const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, ip->family == 4 ? 4 : 16) == 0;
}

static void address_get(uint8_t to[16], const struct datagram *ip, const uint8_t *from)
{
	memset(to, 0, 16);
	memcpy(to, from, ip->family == 4 ? 4 : 16);
}

// The error itself: whole, and right by its checksums.
static bool read_error(const uint8_t *frame, uint32_t length, struct datagram *ip)
{
	struct rest l3;

	return read_ethernet(frame, length, &l3) && read_ip(l3, ip) && ip->payload.length == ip->whole &&
	       ip->protocol == (ip->family == 4 ? PROTOCOL_ICMP : PROTOCOL_ICMP6) &&
	       ip->payload.length >= ICMP_SIZE && checksums_hold(&l3, ip);
}

bool unreachable_read(const uint8_t *frame, uint32_t length, struct unreachable *error)
{
	struct datagram outer, quoted;
	int cause;

	if (!read_error(frame, length, &outer))
		return false;
	cause = cause_of(outer.family, outer.payload.at);
	if (cause < 0 ||
	    !read_ip((struct rest){ outer.payload.at + ICMP_SIZE, outer.payload.length - ICMP_SIZE },
		     &quoted) ||
	    quoted.family != outer.family || !same(&outer, outer.destination, quoted.source))
		return false;
	*error = (struct unreachable){ .cause = (uint8_t)cause,
				       .family = outer.family,
				       .from_there = same(&outer, outer.source, quoted.destination),
				       .protocol = quoted.protocol,
				       .payload = quoted.payload.at,
				       .length = quoted.payload.length };
	memcpy(error->mac, frame + 6, sizeof(error->mac));
	address_get(error->source, &quoted, quoted.source);
	address_get(error->destination, &quoted, quoted.destination);
	return true;
}

static bool read_udp(const struct datagram *ip, struct message_flow *flow)
{
	if (ip->protocol != PROTOCOL_UDP || ip->payload.length < UDP_SIZE)
		return false;
	flow->family = ip->family;
	address_get(flow->source, ip, ip->source);
	flow->source_port = (uint16_t)get16(ip->payload.at);
	flow->port = (uint16_t)get16(ip->payload.at + 2);
	return true;
}

// The message's datagram in a tunnel's.
static bool read_inner(struct rest rest, unsigned protocol, struct message_flow *flow)
{
	struct datagram inner;

	return read_ip(rest, &inner) &&
	       protocol == (inner.family == 4 ? PROTOCOL_IPV4 : PROTOCOL_IPV6) &&
	       read_udp(&inner, flow);
}

bool unreachable_flow(const struct unreachable *error, unsigned mode, struct message_flow *flow)
{
	const struct datagram quoted = { error->family, error->protocol, error->source,
					 error->destination, { error->payload, error->length },
					 error->length };
	struct rest rest = quoted.payload;
	struct message_flow udp;

	if (mode == WEIR_MODE_NAT)
		return read_udp(&quoted, flow);
	if (mode == WEIR_MODE_IPIP)
		return read_inner(rest, error->protocol, flow);
	if (mode != WEIR_MODE_GUE || !read_udp(&quoted, &udp) || udp.port != ENCAP_GUE_PORT ||
	    rest.length < UDP_SIZE + GUE_SIZE || rest.at[UDP_SIZE] != 0)
		return false;
	rest = (struct rest){ rest.at + UDP_SIZE + GUE_SIZE, rest.length - UDP_SIZE - GUE_SIZE };
	return read_inner(rest, quoted.payload.at[UDP_SIZE + 1], flow);
}

bool unreachable_likely(const struct packet *packet)
{
	const uint8_t *ip = packet->data + packet->l3;
	uint32_t left = packet->length - packet->l3, header;

	if (packet->reason != WEIR_REASON_NOT_UDP)
		return false;
	header = packet->ip_version == 4 ? (ip[0] & 0xfu) * 4 : IPV6_SIZE;
	if (left < header + 2 || ip[packet->ip_version == 4 ? 9 : 6] !=
					 (packet->ip_version == 4 ? PROTOCOL_ICMP : PROTOCOL_ICMP6))
		return false;
	return cause_of(packet->ip_version, ip + header) >= 0;
}
