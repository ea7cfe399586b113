// SPDX-License-Identifier: BSD-3-Clause
//
// CoAP over UDP (RFC 7252): what a datagram says and what its sender is owed (docs/coap.md, decision 37). Pure
// functions over the payload; libc only, no allocation, one pass over the options.
#pragma once

#include <stdint.h>

#include "dataplane/abi/names.h"
#include "dataplane/decode/span.h"

enum coap_type { COAP_CON, COAP_NON, COAP_ACK, COAP_RST };

// A code as on the wire: class and detail, "4.04" being COAP_CODE(4, 4).
#define COAP_CODE(class, detail) ((class) << 5 | (detail))

enum { COAP_HEADER = 4, COAP_TOKEN_MAX = 8 };

// What is to be done with a datagram.
enum coap_kind {
	COAP_IGNORED,  // nothing: it is wrong, or an acknowledgement, reset or response
	COAP_REJECTED, // wrong or unexpected, and its sender is owed a reset
	COAP_REFUSED,  // a request that is answered with the code `error`
	COAP_PING,     // owed a reset (RFC 7252, 4.3)
	COAP_CORE,     // GET /.well-known/core
	COAP_TRIAGE,   // a message
};

// Offsets are from the payload's first byte; numbers in host order.
struct coap_message {
	uint16_t id;
	uint8_t kind, type, code; // enum coap_kind, enum coap_type
	uint8_t error;            // of REFUSED
	uint8_t no_response;      // RFC 7967: bit n - 1 set: no answer of class n is wanted
	uint8_t plain;            // an answer may carry text (Accept is absent or text/plain)
	uint8_t waits;            // of TRIAGE: where agents get it, the answer is theirs (answer=agent)
	uint16_t option;          // REASON_COAP_CRITICAL: the number of the first option not understood
	struct span token, body;  // body: without the marker; empty where there is none
	// of TRIAGE: the tenant is the id where it is not 0, else the name where that is not empty, else who has `host`
	// among its domains
	uint32_t tenant;
	struct span name, host; // as sent; host may be in any case
	uint16_t country;       // index; ZZ where the message has none
	uint8_t priority, channel;
};

// Reads a datagram's payload of `length` bytes (0 to 65,535) and says what it is. Returns WEIR_REASON_NONE for TRIAGE,
// CORE and PING, else the reason. Every field of `message` is set, with zeros (ZZ, normal) for what was not reached:
// type, code and id are right from 4 bytes on, token and body for whatever is no format error. The work is at most
// linear in `length`. Any thread.
enum weir_reason coap_parse(const uint8_t *at, unsigned length, struct coap_message *message);
