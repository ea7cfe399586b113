// SPDX-License-Identifier: BSD-3-Clause
//
// CoAP messages from a line of text, for tests.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { KIT_COAP_MAX = 66000 };

// Writes the message that `line` says to `out` (KIT_COAP_MAX bytes) and returns its length. A line is type, code and then
// words, as in "CON 0.02 id:1234 token:a1b2 11:m 11:acme 11:sms 15:country=DE body:hi": NUMBER:TEXT is an option (numbers
// must not fall), NUMBER*N one of N bytes 'x', body:TEXT marker and payload, hex:BYTES bytes as they are. Words end at a
// blank. The program ends where the line is none.
size_t kit_coap(uint8_t *out, const char *line);
