// SPDX-License-Identifier: BSD-3-Clause
//
// Stage parse: from the first byte of a frame to its listener (DESIGN 1.3, steps 1 to 5). Runs on every
// worker for every frame, and in weirctl, tests and fuzzers. Each step checks that its header lies in
// what is left before it reads it; the order of the checks is the contract's, since the first one that
// fails names the reason. A plain frame (no tag, IPv4 without options, not a fragment, UDP) with nothing
// wrong is seen by a few combined tests; every other one takes the steps one by one.
#include "dataplane/parse.h"

#include <endian.h>
#include <string.h>

#include "dataplane/checksum.h"
#include "dataplane/reassembly.h"
#include "dataplane/tunnel.h"

enum { ETHER_SIZE = 14, VLAN_SIZE = 4, MAX_VLANS = 2, IPV4_SIZE = 20, IPV6_SIZE = 40, UDP_SIZE = 8,
       MAX_EXTENSIONS = 8, EXTENSION_UNIT = 8 };
enum { TYPE_IPV4 = 0x0800, TYPE_IPV6 = 0x86dd, TYPE_VLAN = 0x8100, TYPE_SERVICE_VLAN = 0x88a8 };
enum { NEXT_HOP_BY_HOP = 0, NEXT_IPV4 = 4, NEXT_UDP = 17, NEXT_ROUTING = 43, NEXT_FRAGMENT = 44,
       NEXT_DESTINATION = 60 };

// The payload of the IP packet: offsets within the frame, padding left out.
struct ip_payload {
	uint32_t start, end;
	uint8_t protocol;
};

// The steps are made twice: for frames, and for what comes out of tunnels and fragments. Compilers inline by themselves
// what has one caller alone.
#define WITHIN inline __attribute__((always_inline))

// What frames are parsed by.
struct parser {
	const struct listeners *listeners;
	uint8_t sums;   // enum parse_sums
	uint8_t tunnel; // that the packet came in, 0: none
};

static inline uint16_t load_be16(const uint8_t *at)
{
	uint16_t word;

	memcpy(&word, at, sizeof(word));
	return be16toh(word);
}

static inline uint32_t load_be32(const uint8_t *at)
{
	return be32toh(checksum_load32(at));
}

static WITHIN enum weir_reason parse_ethernet(struct packet *packet, uint16_t *type)
{
	uint32_t at = ETHER_SIZE;

	if (packet->length < ETHER_SIZE)
		return WEIR_REASON_TRUNCATED;
	*type = load_be16(packet->data + 12);
	while (packet->n_vlan < MAX_VLANS && (*type == TYPE_VLAN || *type == TYPE_SERVICE_VLAN)) {
		if (packet->length - at < VLAN_SIZE)
			return WEIR_REASON_TRUNCATED;
		*type = load_be16(packet->data + at + 2);
		at += VLAN_SIZE;
		packet->n_vlan++;
	}
	packet->l3 = (uint16_t)at;
	return WEIR_REASON_NONE;
}

static WITHIN enum weir_reason parse_ipv4(struct packet *packet, struct ip_payload *payload)
{
	const uint8_t *ip = packet->data + packet->l3;
	uint32_t left = packet->length - packet->l3, header, total;

	packet->ip_version = 4;
	if (left < IPV4_SIZE)
		return WEIR_REASON_TRUNCATED;
	header = (ip[0] & 0xfu) * 4;
	total = load_be16(ip + 2);
	if (ip[0] >> 4 != 4 || header < IPV4_SIZE || total < header)
		return WEIR_REASON_IP_HEADER;
	if (header > left || total > left)
		return WEIR_REASON_TRUNCATED;
	if (!checksum_holds(checksum_add_bytes(0, ip, header)))
		return WEIR_REASON_IP_CHECKSUM;
	if (load_be16(ip + 6) & 0x3fff) // more fragments, or an offset
		return WEIR_REASON_FRAGMENT;
	payload->start = packet->l3 + header;
	payload->end = packet->l3 + total;
	payload->protocol = ip[9];
	return ip[9] == NEXT_UDP ? WEIR_REASON_NONE : WEIR_REASON_NOT_UDP;
}

static inline bool is_extension(uint8_t next)
{
	return next == NEXT_HOP_BY_HOP || next == NEXT_ROUTING || next == NEXT_DESTINATION;
}

// Walks the extension headers that may stand before UDP (RFC 8200, 4).
static enum weir_reason parse_extensions(const struct packet *packet, uint8_t next, struct ip_payload *payload)
{
	for (unsigned n = 0; is_extension(next); n++) {
		const uint8_t *header = packet->data + payload->start;
		uint32_t left = payload->end - payload->start;

		if (n == MAX_EXTENSIONS)
			return WEIR_REASON_IPV6_EXTENSIONS;
		if (left < EXTENSION_UNIT || left < (header[1] + 1u) * EXTENSION_UNIT)
			return WEIR_REASON_TRUNCATED;
		next = header[0];
		payload->start += (header[1] + 1u) * EXTENSION_UNIT;
	}
	if (next == NEXT_FRAGMENT)
		return payload->end - payload->start < EXTENSION_UNIT ? WEIR_REASON_TRUNCATED : WEIR_REASON_FRAGMENT;
	payload->protocol = next;
	return next == NEXT_UDP ? WEIR_REASON_NONE : WEIR_REASON_NOT_UDP;
}

static WITHIN enum weir_reason parse_ipv6(struct packet *packet, struct ip_payload *payload)
{
	const uint8_t *ip = packet->data + packet->l3;
	uint32_t left = packet->length - packet->l3;

	packet->ip_version = 6;
	if (left < IPV6_SIZE)
		return WEIR_REASON_TRUNCATED;
	if (ip[0] >> 4 != 6)
		return WEIR_REASON_IP_HEADER;
	payload->start = packet->l3 + IPV6_SIZE;
	payload->end = payload->start + load_be16(ip + 4);
	if (payload->end > packet->length)
		return WEIR_REASON_TRUNCATED;
	return parse_extensions(packet, ip[6], payload);
}

static WITHIN enum weir_reason parse_network(struct packet *packet, uint16_t type, struct ip_payload *payload)
{
	if (type == TYPE_IPV4)
		return parse_ipv4(packet, payload);
	if (type == TYPE_IPV6)
		return parse_ipv6(packet, payload);
	return WEIR_REASON_ETHERTYPE;
}

// The tunnel that ends at the packet's destination, of what its protocol or UDP port stands for; 0: none.
static __attribute__((noinline)) unsigned tunnel_ending(const struct listeners *listeners,
							const struct packet *packet, unsigned tunnel)
{
	if (!(listeners->tunnels & tunnel))
		return 0;
	for (uint32_t i = 0; i < listeners->n; i++)
		if ((listeners->list[i].tunnels & tunnel) &&
		    listener_takes(&listeners->list[i], packet->ip_version, packet->data + packet->l3))
			return tunnel;
	return 0;
}

// `fills`: the datagram fills the IP payload, which is what a NIC may have summed instead. A zero checksum: IPv4 sent
// none (RFC 768); over IPv6 it is not allowed (RFC 8200, 8.1), but for tunnels at ends that take
// it (RFC 6935; RFC 6936).
static WITHIN bool udp_checksum_holds(const struct parser *parser, const struct packet *packet, const uint8_t *udp,
				      uint16_t length, bool fills)
{
	const uint8_t *ip = packet->data + packet->l3;
	uint64_t pseudo;

	if (udp[6] == 0 && udp[7] == 0)
		return packet->ip_version == 4 ||
		       (!parser->tunnel &&
			tunnel_ending(parser->listeners, packet, tunnel_of_port(load_be16(udp + 2))));
	if (parser->sums == PARSE_SUMMED && fills)
		return true;
	pseudo = packet->ip_version == 4 ? checksum_pseudo4(ip, length) : checksum_pseudo6(ip, length);
	return checksum_holds(checksum_add_bytes(pseudo, udp, length));
}

static WITHIN enum weir_reason parse_udp(const struct parser *parser, struct packet *packet,
					 const struct ip_payload *payload)
{
	const uint8_t *udp = packet->data + payload->start;
	uint32_t left = payload->end - payload->start;
	uint16_t length;

	if (left < UDP_SIZE)
		return WEIR_REASON_TRUNCATED;
	length = load_be16(udp + 4);
	if (length < UDP_SIZE || length > left)
		return WEIR_REASON_TRUNCATED;
	if (parser->sums != PARSE_TRUST && !udp_checksum_holds(parser, packet, udp, length, length == left))
		return WEIR_REASON_UDP_CHECKSUM;
	packet->payload = (uint16_t)(payload->start + UDP_SIZE);
	packet->payload_length = (uint16_t)(length - UDP_SIZE);
	return WEIR_REASON_NONE;
}

static inline int find_listener(const struct listeners *listeners, const struct packet *packet, uint16_t port)
{
	return listeners_find(listeners, packet->ip_version, packet->data + packet->l3, port);
}

static inline void packet_listener(const struct listeners *listeners, struct packet *packet, int index)
{
	packet->reason = WEIR_REASON_NONE;
	packet->listener = (uint8_t)index;
	packet->protocol = listeners->list[index].protocol;
	packet->flags = PACKET_HAS_LISTENER;
}

// From the IP header on, to a listener that asks for the tunnel where the packet came in one.
static WITHIN void parse_packet(const struct parser *parser, struct packet *packet, uint16_t type,
				struct ip_payload *payload)
{
	int index;

	packet->reason = (uint8_t)parse_network(packet, type, payload);
	if (packet->reason == WEIR_REASON_NONE)
		packet->reason = (uint8_t)parse_udp(parser, packet, payload);
	if (packet->reason != WEIR_REASON_NONE)
		return;
	index = find_listener(parser->listeners, packet, load_be16(packet->data + packet->payload - UDP_SIZE + 2));
	if (index < 0 || (parser->listeners->list[index].tunnels & parser->tunnel) != parser->tunnel)
		packet->reason = WEIR_REASON_NO_LISTENER;
	else
		packet_listener(parser->listeners, packet, index);
}

static __attribute__((noinline)) void parse_inner(const struct parser *parser, struct packet *packet, uint16_t type,
						  struct ip_payload *payload)
{
	parse_packet(parser, packet, type, payload);
}

// The tunnel of which the packet may be one, and what is inside then.
static unsigned find_tunnel(const struct packet *packet, const struct ip_payload *payload, struct tunnelled *inside)
{
	if (packet->reason == WEIR_REASON_NOT_UDP) {
		*inside = (struct tunnelled){ payload->start, payload->end, payload->protocol };
		return tunnel_of_protocol(payload->protocol);
	}
	if (packet->reason != WEIR_REASON_NO_LISTENER)
		return 0;
	*inside = (struct tunnelled){ packet->payload, packet->payload + (uint32_t)packet->payload_length, 0 };
	return tunnel_of_port(load_be16(packet->data + packet->payload - UDP_SIZE + 2));
}

// A packet that meets no listener, and may be one of a tunnel that ends here: it is the message or the fragment inside
// from here on, or malformed as that is. With anything else inside it is what it was without the tunnel.
static __attribute__((noinline)) void parse_inside(const struct listeners *listeners, enum parse_sums sums,
						   struct packet *packet, struct ip_payload payload)
{
	struct tunnelled inside;
	unsigned tunnel = tunnel_ending(listeners, packet, find_tunnel(packet, &payload, &inside));
	const struct parser inner = { listeners, sums == PARSE_SUMMED ? PARSE_VERIFY : sums, (uint8_t)tunnel };
	struct packet into = *packet;
	enum weir_reason reason;

	if (!tunnel)
		return;
	reason = tunnel_read(tunnel, packet->data, &inside);
	into.reason = (uint8_t)reason;
	if (reason == WEIR_REASON_NONE) {
		into.outer = (uint16_t)(inside.at - packet->l3);
		into.data += into.outer;
		into.length = inside.end - into.outer;
		parse_inner(&inner, &into, inside.protocol == NEXT_IPV4 ? TYPE_IPV4 : TYPE_IPV6, &payload);
	}
	if (into.reason == WEIR_REASON_NONE || into.reason == WEIR_REASON_FRAGMENT) {
		*packet = into;
		packet->flags |= (uint8_t)(tunnel * PACKET_TUNNEL);
	} else if (weir_reason_disposition(into.reason) == WEIR_MALFORMED) {
		packet->reason = into.reason;
	}
}

// Any frame, step by step. `packet` has its data and length, and is zero otherwise.
static __attribute__((noinline)) void parse_steps(const struct listeners *listeners, enum parse_sums sums,
						  struct packet *packet)
{
	const struct parser parser = { listeners, sums, 0 };
	struct ip_payload payload = {0};
	uint16_t type;

	packet->reason = (uint8_t)parse_ethernet(packet, &type);
	if (packet->reason != WEIR_REASON_NONE)
		return;
	parse_packet(&parser, packet, type, &payload);
	if (listeners->tunnels && packet->reason != WEIR_REASON_NONE)
		parse_inside(listeners, sums, packet, payload);
}

void parse_whole(const struct listeners *listeners, const struct whole *whole, enum parse_sums sums,
		 struct packet *packet)
{
	const struct parser parser = { listeners, sums, whole->tunnel };
	struct ip_payload payload = {0};
	uint16_t type;

	*packet = (struct packet){.data = whole->data, .length = whole->length};
	if (!whole->tunnel) {
		parse_steps(listeners, sums, packet);
		return;
	}
	packet->reason = (uint8_t)parse_ethernet(packet, &type);
	if (packet->reason == WEIR_REASON_NONE)
		parse_inner(&parser, packet, type, &payload);
	packet->flags |= (uint8_t)(whole->tunnel * PACKET_TUNNEL);
}

// Whether the frame is plain, and nothing that parse_steps would stop at is wrong with it up to its UDP
// checksum. The IP header is read as two words: bytes 0 and 6 to 7 of it (version, header length,
// fragment) are judged at once, byte 9 is the protocol.
static inline bool is_plain(const uint8_t *data, uint32_t length, enum parse_sums sums)
{
	const uint8_t *ip = data + ETHER_SIZE, *udp = ip + IPV4_SIZE;
	const uint64_t fixed = htole64(UINT64_C(0xff3f0000000000ff));
	uint64_t first, second;
	uint32_t total, datagram;

	if (length < ETHER_SIZE + IPV4_SIZE + UDP_SIZE || load_be16(data + 12) != TYPE_IPV4)
		return false;
	first = checksum_load64(ip);
	second = checksum_load64(ip + 8);
	total = load_be32(ip) & 0xffff;
	datagram = load_be32(udp + 2) & 0xffff;
	if ((first & fixed) != htole64(0x45) || (uint8_t)(le64toh(second) >> 8) != NEXT_UDP ||
	    total > length - ETHER_SIZE || datagram < UDP_SIZE || datagram + IPV4_SIZE > total)
		return false;
	if (!checksum_holds(checksum_plain_header(ip)))
		return false;
	if (sums != PARSE_VERIFY && (sums == PARSE_TRUST || datagram + IPV4_SIZE == total))
		return true;
	return (udp[6] == 0 && udp[7] == 0) ||
	       checksum_holds(checksum_add_bytes(checksum_pseudo4(ip, (uint16_t)datagram), udp, datagram));
}

void parse_frame(const struct listeners *listeners, const uint8_t *data, uint32_t length, enum parse_sums sums,
		 struct packet *packet)
{
	int index;

	packet->data = data;
	packet->length = length;
	if (__builtin_expect(is_plain(data, length, sums), 1)) {
		packet->l3 = ETHER_SIZE;
		packet->payload = ETHER_SIZE + IPV4_SIZE + UDP_SIZE;
		packet->payload_length = (uint16_t)(load_be16(data + ETHER_SIZE + IPV4_SIZE + 4) - UDP_SIZE);
		packet->ip_version = 4;
		packet->n_vlan = 0;
		index = find_listener(listeners, packet, load_be16(data + ETHER_SIZE + IPV4_SIZE + 2));
		if (__builtin_expect(index >= 0, 1)) {
			packet_listener(listeners, packet, index);
			return;
		}
	}
	*packet = (struct packet){.data = data, .length = length};
	parse_steps(listeners, sums, packet);
}
