// SPDX-License-Identifier: BSD-3-Clause
//
// SIP messages being written: bytes behind bytes, never past the room that there is. libc only; any thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/decode/span.h"

// One end of a datagram's way.
struct sip_peer {
	uint8_t address[16]; // network byte order; IPv4 in the first 4
	uint8_t family;      // 4 or 6
	uint16_t port;       // host byte order
};

enum { SIP_TEXT_HEX = 16 }; // digits that sip_text_put_hex writes

// Zero but for `at` and `size` to begin with.
struct sip_text {
	uint8_t *at;
	unsigned size, n; // room; bytes written
	bool full;        // something had no room, and is missing
};

void sip_text_put_bytes(struct sip_text *text, const void *bytes, unsigned n);
void sip_text_put(struct sip_text *text, const char *string);
void sip_text_put_number(struct sip_text *text, uint32_t number);
void sip_text_put_hex(struct sip_text *text, uint64_t number);

// Copies the bytes of `at` from `from` to `to`; white space with a line end in it becomes one space.
void sip_text_put_value(struct sip_text *text, const uint8_t *at, unsigned from, unsigned to);

// "name: value" as a line; `name` has its colon and space.
void sip_text_put_header(struct sip_text *text, const char *name, const uint8_t *at, struct span value);

// The address alone, without brackets.
void sip_text_put_address(struct sip_text *text, const struct sip_peer *peer);
