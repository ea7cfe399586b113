// SPDX-License-Identifier: BSD-3-Clause
//
// Headers of tunnels, see tunnel.h. The caller has checked all that lies before them.
#include "dataplane/tunnel.h"

#include <string.h>

enum { GUE_SIZE = 4, GUE_CONTROL = 0x20, GUE_LENGTH = 0x1f, PROTOCOL_IPV4 = 4, PROTOCOL_IPV6 = 41 };
enum { VXLAN_SIZE = 8, VXLAN_HAS_VNI = 0x08, ETHER_SIZE = 14, VLAN_SIZE = 4, MAX_VLANS = 2 };
enum { TYPE_IPV4 = 0x0800, TYPE_IPV6 = 0x86dd, TYPE_VLAN = 0x8100, TYPE_SERVICE_VLAN = 0x88a8 };

// Variant 0. Optional fields change how the rest is to be read, so whoever does not know a flag must drop the packet;
// weir knows none. Private data, the rest of the header's length, is passed over.
static enum weir_reason read_gue(const uint8_t *gue, struct tunnelled *inside)
{
	uint32_t size = GUE_SIZE + (gue[0] & GUE_LENGTH) * 4u;

	if (inside->end - inside->at < size)
		return WEIR_REASON_TRUNCATED;
	if (gue[0] & GUE_CONTROL)
		return WEIR_REASON_NOT_UDP;
	if (gue[2] || gue[3])
		return WEIR_REASON_TUNNEL_HEADER;
	if (gue[1] != PROTOCOL_IPV4 && gue[1] != PROTOCOL_IPV6)
		return WEIR_REASON_NOT_UDP;
	inside->protocol = gue[1];
	inside->at += size;
	return WEIR_REASON_NONE;
}

// Variant 1 has no header: the first bits of IPv4 and IPv6, 01, are its number.
static enum weir_reason read_variant(const uint8_t *gue, struct tunnelled *inside)
{
	if (inside->end == inside->at)
		return WEIR_REASON_TRUNCATED;
	switch (gue[0] >> 4) {
	case 4:
		inside->protocol = PROTOCOL_IPV4;
		return WEIR_REASON_NONE;
	case 6:
		inside->protocol = PROTOCOL_IPV6;
		return WEIR_REASON_NONE;
	default:
		break;
	}
	if (gue[0] >> 6 != 0)
		return WEIR_REASON_TUNNEL_HEADER;
	if (inside->end - inside->at < GUE_SIZE)
		return WEIR_REASON_TRUNCATED;
	return read_gue(gue, inside);
}

// The Ethernet type before `at`.
static unsigned type_before(const uint8_t *frame, uint32_t at)
{
	return (unsigned)frame[at - 2] << 8 | frame[at - 1];
}

// Any VNI; all flags but the one, and all that is reserved, are ignored (RFC 7348, 5). Of the frame inside only the
// type counts, behind up to two tags: its addresses and VLANs are those of the network that the tunnel spans.
static enum weir_reason read_vxlan(const uint8_t *frame, struct tunnelled *inside)
{
	uint32_t at = inside->at + VXLAN_SIZE + ETHER_SIZE;
	unsigned type;

	if (inside->end - inside->at < VXLAN_SIZE)
		return WEIR_REASON_TRUNCATED;
	if (!(frame[inside->at] & VXLAN_HAS_VNI))
		return WEIR_REASON_TUNNEL_HEADER;
	if (inside->end < at)
		return WEIR_REASON_TRUNCATED;
	type = type_before(frame, at);
	for (unsigned n = 0; n < MAX_VLANS && (type == TYPE_VLAN || type == TYPE_SERVICE_VLAN); n++) {
		if (inside->end - at < VLAN_SIZE)
			return WEIR_REASON_TRUNCATED;
		at += VLAN_SIZE;
		type = type_before(frame, at);
	}
	if (type != TYPE_IPV4 && type != TYPE_IPV6)
		return WEIR_REASON_NOT_UDP;
	inside->protocol = type == TYPE_IPV4 ? PROTOCOL_IPV4 : PROTOCOL_IPV6;
	inside->at = at;
	return WEIR_REASON_NONE;
}

enum weir_reason tunnel_read(unsigned tunnel, const uint8_t *frame, struct tunnelled *inside)
{
	if (tunnel == WEIR_TUNNEL_GUE)
		return read_variant(frame + inside->at, inside);
	return tunnel == WEIR_TUNNEL_VXLAN ? read_vxlan(frame, inside) : WEIR_REASON_NONE;
}

void tunnel_link(const struct packet *packet, uint8_t *out)
{
	unsigned type = packet->ip_version == 4 ? TYPE_IPV4 : TYPE_IPV6, at = packet->l3 - 2u;

	memmove(out, packet->data - packet->outer, at);
	out[at] = (uint8_t)(type >> 8);
	out[at + 1] = (uint8_t)type;
}
