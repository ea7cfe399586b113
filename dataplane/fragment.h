// SPDX-License-Identifier: BSD-3-Clause
//
// One fragment of an IP datagram, as it lies in its frame (RFC 791, 3.2; RFC 8200, 4.5). Pure, libc only, any thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/packet.h"

// What the fragments of one datagram have in common; compared and hashed byte by byte.
struct fragment_key {
	uint8_t source[16], destination[16]; // as they lie there; IPv4 in the first four bytes
	uint32_t id;                         // as it lies there
	uint16_t vlan[2];                    // numbers of the networks, 0 where there is no tag
	uint8_t version, protocol;           // protocol: IPv4 alone
	uint8_t tunnel;                      // that they came in: two ways, two datagrams
	uint8_t reserved[5];
};

struct fragment {
	struct fragment_key key;
	uint16_t offset, length; // of what it carries, in the datagram's payload
	bool more;               // it is not the last one
	uint16_t head;           // bytes of the frame that the whole keeps: up to its payload or fragment header
	uint16_t payload;        // offset of what it carries in the frame
	uint16_t next_at;        // IPv6: offset of the byte that says that a fragment header follows
	uint8_t next;            // IPv6: what takes its place
};

// Reads a frame that parse_frame ended with WEIR_REASON_FRAGMENT. False for one that no datagram can be made with: it
// carries nothing, or is not the last one and no multiple of 8 bytes long, or lies past 65,535 bytes.
bool fragment_read(const struct packet *packet, struct fragment *fragment);

// Makes `frame`, which begins with the `head` bytes of its first fragment, the head of a datagram with a payload of
// `length` bytes: lengths, fragment fields, checksum. False where it is longer than an IP datagram can be.
bool fragment_join(uint8_t *frame, const struct fragment *first, unsigned l3, uint32_t length);
