// SPDX-License-Identifier: BSD-3-Clause
//
// Tunnels that end at a listener which asks for them (docs/decisions/049-decapsulation.md): IP in IP (RFC 2003,
// RFC 2473, RFC 4213), generic UDP encapsulation (draft-ietf-intarea-gue-09, variants 0 and 1) and VXLAN (RFC 7348).
// What reads their headers, and what makes a frame of what was inside. Pure, libc only; any thread.
#pragma once

#include <stdint.h>

#include "dataplane/packet.h"

enum { TUNNEL_GUE_PORT = 6080, TUNNEL_VXLAN_PORT = 4789 };

// The tunnel (enum weir_tunnel) that an IP protocol, or a UDP port in host order, stands for; 0: none.
static inline unsigned tunnel_of_protocol(unsigned protocol)
{
	return protocol == 4 || protocol == 41 ? WEIR_TUNNEL_IPIP : 0;
}

static inline unsigned tunnel_of_port(unsigned port)
{
	if (port == TUNNEL_GUE_PORT)
		return WEIR_TUNNEL_GUE;
	return port == TUNNEL_VXLAN_PORT ? WEIR_TUNNEL_VXLAN : 0;
}

// Bytes of a frame that a tunnel's packet carries, behind the IP header of IP in IP or the UDP header of the others.
struct tunnelled {
	uint32_t at, end; // offsets in the frame
	uint8_t protocol; // 4 or 41: an IPv4 or an IPv6 packet begins at `at`
};

// Reads the tunnel's own header, and that of the Ethernet frame which VXLAN carries, after which `inside` begins at the
// packet inside. `inside->protocol` is set by the caller for IP in IP. NONE; TRUNCATED or TUNNEL_HEADER, where it is
// broken; NOT_UDP, where something else than an IP packet is inside.
enum weir_reason tunnel_read(unsigned tunnel, const uint8_t *frame, struct tunnelled *inside);

// Writes the Ethernet header that the frame came with, of the type of the packet inside, to where the packet's frame
// begins: `packet` is one with an `outer`, `out` is packet->data in memory that is the caller's, or a copy of it.
void tunnel_link(const struct packet *packet, uint8_t *out);
