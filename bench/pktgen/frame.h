// SPDX-License-Identifier: BSD-3-Clause
//
// One frame of a scenario: a message that a sender on the next hop would give to the gateway, of the wanted size, or
// spoiled so that the gateway must count it malformed for one reason. Pure.
#pragma once

#include "controlplane/weirctl/battery.h"

enum { FRAME_FCS = 4 };

struct frame_made {
	uint32_t length; // without FCS, at least 60: padded as the link does
	uint16_t stamp;  // where a stamp's bytes may stand (stamp.h), even from the UDP header on; 0: no room
	uint16_t udp;    // offset of the UDP header
};

// Builds the frame of `message`, whose size is set so that the frame has `size` bytes with its FCS, or as few more as
// its headers take. `bytes` holds BATTERY_FRAME_MAX.
struct frame_made frame_make(struct battery_message *message, const struct battery_ends *ends, uint32_t size,
			     uint8_t *bytes);

// Whether frame_spoil knows how, and the protocol that the message must have for it (any: WEIR_N_PROTOCOLS).
bool frame_can_spoil(unsigned reason);
unsigned frame_spoil_protocol(unsigned reason);

// Spoils an IPv4 frame that frame_make made: everything else in it stays right, checksums too.
void frame_spoil(uint8_t *bytes, struct frame_made *made, unsigned reason);
