// SPDX-License-Identifier: BSD-3-Clause
//
// Stage decode, native messages (DESIGN 1.3, step 6); the other protocols have sip.h and coap.h. Pure, libc only.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/packet.h"

// Decodes the payload of a parsed packet as a native message (DESIGN 1.2); sets the message's fields and
// PACKET_DECODED, or packet->reason. The authentication tag is checked by decode_verify, when the tenant is known.
void decode_native(struct packet *packet);

// Whether the tag of a native message is right under `key` (16 bytes). Constant time in the tag.
// packet must be decoded and PACKET_TAGGED.
bool decode_verify(const struct packet *packet, const uint8_t key[16]);
