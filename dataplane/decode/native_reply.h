// SPDX-License-Identifier: BSD-3-Clause
//
// Native replies (DESIGN 1.2), as a gateway sends them. Pure, libc only.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Whether `payload` is one well-formed reply: version 1, flag 0x2 alone, a status, channel, tenant and country that a
// message may have, the length that follows; a busy one begins with its seconds (4 bytes).
bool native_reply_is_good(const uint8_t *payload, size_t length);
