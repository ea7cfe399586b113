// SPDX-License-Identifier: BSD-3-Clause
//
// Addresses of a UDP datagram exchanged, both checksums mended by what changed (RFC 1624). libc only; pure.
#pragma once

#include <stdint.h>

// Puts `address` (4 or 16 bytes, of the datagram's family) in the place of the destination, or the source, of
// the datagram at `ip`, whose UDP header is at `udp`. A UDP checksum of 0 over IPv4 (none was sent) stays 0. What
// was right before is right after, and what was wrong stays wrong.
void nat_destination(uint8_t *ip, uint8_t *udp, const uint8_t *address);
void nat_source(uint8_t *ip, uint8_t *udp, const uint8_t *address);
