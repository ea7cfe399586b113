// SPDX-License-Identifier: BSD-3-Clause
//
// What is known of one frame on its way down the corridor: filled by parse (layers), decode (message)
// and classify (verdict). libc only; host byte order except the bytes that `data` points to.
#pragma once

#include <stdint.h>

#include "dataplane/abi/names.h"

struct packet {
	const uint8_t *data;  // the frame, contiguous; not owned
	uint32_t length;      // bytes of it
	uint16_t l3;          // offset of the IP header
	uint16_t payload;     // offset of the UDP payload
	uint16_t payload_length;
	uint8_t ip_version;   // 4 or 6
	uint8_t n_vlan;       // 0 to 2
	uint8_t reason;       // enum weir_reason; NONE: goes on
	uint8_t listener;     // index into the listeners
	uint8_t protocol;     // enum weir_protocol, set with the listener
	uint8_t flags;        // of the message: PACKET_*
	// the message (decode)
	uint32_t tenant;
	uint16_t country;     // index
	uint16_t body;        // offset of the body from the start of the payload
	uint16_t size;        // of the body
	uint8_t priority;
	uint8_t channel;
	uint16_t outer;       // where it came in a tunnel: bytes of the frame before `data`, 0 once it is a frame
};

enum {
	PACKET_WANTS_ACK = 1, // native flag 0x1; every SIP and CoAP message
	PACKET_TAGGED = 2,    // native flag 0x4: authentication tag present
	PACKET_DECODED = 4,   // the message fields are set
	PACKET_HAS_LISTENER = 8, // listener and protocol are set
	PACKET_COUNTRY_BY_NUMBER = 16,  // the country is that of a telephone number
	PACKET_TUNNEL = 32,             // enum weir_tunnel in these bits: three, the last
};

// The tunnel (enum weir_tunnel) that the packet came in, 0: none. It is what was inside then: `data` points to where
// its frame would begin, and where there is an `outer` the Ethernet header is not there yet (tunnel_link).
static inline unsigned packet_tunnel(const struct packet *packet)
{
	return packet->flags / PACKET_TUNNEL;
}
