// SPDX-License-Identifier: BSD-3-Clause
//
// decode_native over a burst, for the worker: what the look-ups need of each message, one array a field. libc only.
#pragma once

#include <stdint.h>

#include "dataplane/parse.h"

enum { MESSAGES_MAX = 64 };

// Decoded native messages, by position in the burst.
struct messages {
	uint32_t tenant[MESSAGES_MAX];
	uint16_t country[MESSAGES_MAX]; // index
	uint16_t size[MESSAGES_MAX];    // of the body
	uint16_t kind[MESSAGES_MAX];    // triage_small() | PACKET_WANTS_ACK, PACKET_TAGGED in the upper byte
	uint16_t any; // every bit that some kind has; may have more, of messages that are refused
};

static inline uint8_t message_small(uint16_t kind)
{
	return (uint8_t)kind;
}

static inline unsigned message_priority(uint16_t kind)
{
	return kind >> 4 & 3;
}

static inline unsigned message_flags(uint16_t kind)
{
	return kind >> 8;
}

// Decodes the first `n` payloads (and may overwrite where those point that are too short, and those past n).
// Returns a bit for each payload that decode_native refuses; their fields mean nothing.
uint64_t decode_native_burst(struct payloads *payloads, unsigned n, struct messages *messages);
