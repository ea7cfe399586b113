// SPDX-License-Identifier: BSD-3-Clause
//
// Outer headers of tunnels to members (docs/decisions/013-forwarding-modes.md): IP in IP (RFC 2003, RFC 2473,
// RFC 4213) and generic UDP encapsulation (draft-ietf-intarea-gue-09, version 0, no options). libc only; pure.
#pragma once

#include <stdint.h>

enum { ENCAP_MAX = 40 + 8 + 4, ENCAP_TTL = 64, ENCAP_GUE_PORT = 6080 };

struct encap {
	uint8_t mode;         // enum weir_forward_mode: WEIR_MODE_IPIP or WEIR_MODE_GUE
	uint8_t family;       // of the outer header, 4 or 6
	uint16_t id;          // of an outer IPv4 header that may be fragmented
	uint32_t flow;        // hash of what belongs together: UDP source port, IPv6 flow label
	uint8_t source[16];   // outer addresses, network order
	uint8_t destination[16];
};

// Bytes of all outer headers, at most ENCAP_MAX.
unsigned encap_size(unsigned mode, unsigned family);

// Writes encap_size bytes to `out`: the headers for the IP datagram of `length` bytes at `inner` (checked by
// parse; contiguous; not overlapping). encap_size + length is at most 65,535.
void encap_write(uint8_t *out, const struct encap *encap, const uint8_t *inner, uint16_t length);
