// SPDX-License-Identifier: BSD-3-Clause
//
// Builds frames byte by byte for tests: layers are pushed from the outside in, frame_finish fills in
// the lengths and checksums of all of them from the inside out. What a test wants to break it breaks
// afterwards; frame_mend recomputes the checksums alone. The sums are made a byte pair at a time, by
// other code than the product's.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAME_MAX = 70000 };

struct frame {
	uint8_t bytes[FRAME_MAX];
	uint32_t length;
	uint32_t ip;         // offset of the IP header, 0: none
	uint32_t udp;        // offset of the UDP header, 0: none
	uint32_t payload;    // offset of the UDP payload
	uint32_t type;       // offset of the Ethernet type that the next layer fills in
	uint32_t next;       // offset of the IP protocol or next-header byte that the next layer fills in
};

// Starts a frame with two addresses and no type yet.
void frame_ethernet(struct frame *frame);
void frame_vlan(struct frame *frame, uint16_t tpid, uint16_t tci);

// IP headers: 10.0.0.1 → 10.0.0.2, 2001:db8::1 → 2001:db8::2. n_options: bytes, multiple of 4, to 40.
void frame_ipv4(struct frame *frame, unsigned n_options);
void frame_ipv6(struct frame *frame);

// IPv6 extension header of `size` bytes (multiple of 8); kind is its protocol number.
void frame_extension(struct frame *frame, uint8_t kind, unsigned size);

// UDP header, source port 40000.
void frame_udp(struct frame *frame, uint16_t port);

// Bytes of payload, any number of calls.
void frame_push(struct frame *frame, const void *bytes, size_t n);

// Native header (ack off, priority 2, channel 1, tenant 1001, "DE", id 7) and a body of `size` bytes 'x'.
void frame_native(struct frame *frame, uint16_t size);

// Fills in all lengths and checksums. Padding is pushed after it.
void frame_finish(struct frame *frame);

// Recomputes the IPv4 and UDP checksums over the lengths that the headers say.
void frame_mend(struct frame *frame);

// Ethernet, IP of `version`, UDP to 5700, native with a body of `size` bytes, finished.
void frame_message(struct frame *frame, unsigned version, uint16_t size);

// Puts `inner` into a `tunnel` (enum weir_tunnel) over IP of `version`: IP in IP, UDP to port 6080 with a GUE header of
// four bytes, or UDP to port 4789 with a VXLAN header and inner's Ethernet header once more, of other addresses. The
// outer Ethernet header is inner's, tags included.
void frame_tunnel(struct frame *frame, const struct frame *inner, unsigned version, unsigned tunnel);

void frame_put16(struct frame *frame, uint32_t offset, uint16_t value);
