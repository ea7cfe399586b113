// SPDX-License-Identifier: BSD-3-Clause
//
// Stage decode: the listener's protocol reads the message (DESIGN 1.3, step 6). One file a protocol;
// pure, libc only.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/packet.h"

// Decodes the payload of a parsed packet by its protocol; sets the message's fields and
// PACKET_DECODED, or packet->reason. The authentication tag is checked by decode_verify, when the
// tenant is known.
void decode_message(struct packet *packet);

// Native header, 16 bytes (DESIGN 1.2).
void decode_native(struct packet *packet);

// Whether the tag of a native message is right under `key` (16 bytes). Constant time in the tag.
// packet must be decoded and PACKET_TAGGED.
bool decode_verify(const struct packet *packet, const uint8_t key[16]);
