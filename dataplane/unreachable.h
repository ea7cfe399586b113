// SPDX-License-Identifier: BSD-3-Clause
//
// Reads ICMP and ICMPv6 errors that say that nobody is there, and the message in what they quote
// (docs/decisions/020-passive-ejection.md). Anybody may have written them. libc only; pure.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/packet.h"

// An error whose own headers, checksum and quoted IP header hold.
struct unreachable {
	uint8_t cause;   // enum weir_unreachable_cause
	uint8_t family;  // 4 or 6, of the error and of what it quotes
	uint8_t mac[6];  // whom the frame is from
	bool from_there; // whom the error is from is whom the quoted datagram was for
	uint8_t source[16], destination[16]; // of the quoted datagram, network order
	uint8_t protocol;                    // of what is in it,
	const uint8_t *payload;              // within the frame
	uint32_t length;                     // bytes of it that are quoted
};

// What tells the messages of one flow from all others.
struct message_flow {
	uint8_t family;
	uint8_t source[16]; // network order
	uint16_t source_port, port;
};

// Reads the frame of `length` bytes. False: it is no such error, or not whole, or it quotes a fragment, or was sent to
// somebody else than the one whom it quotes.
bool unreachable_read(const uint8_t *frame, uint32_t length, struct unreachable *error);

// The flow of the message that the quoted datagram carries, sent in `mode` (enum weir_forward_mode, not l2). False:
// it carries none that way, or too little of it is quoted.
bool unreachable_flow(const struct unreachable *error, unsigned mode, struct message_flow *flow);

// Whether a packet that parse ended as `not-udp` may be such an error: worth reading.
bool unreachable_likely(const struct packet *packet);
