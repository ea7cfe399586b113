// SPDX-License-Identifier: BSD-3-Clause
//
// What the parts of the CoAP decoder share: coap_plain.c reads a message that is written as most are, coap.c the bytes
// of any, and coap_request.c says what a request wants. libc only.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/decode/coap.h"

enum { COAP_PATH_MAX = 3, COAP_ACCEPT_NONE = 0x10000 };

// What the options of a request said.
struct coap_request {
	struct span path[COAP_PATH_MAX]; // the first segments of Uri-Path
	struct span country, priority;   // values of the last arguments of these names
	uint32_t n_path;                 // segments, more than are kept too
	uint32_t n_country, n_priority;
	uint32_t accept; // a content format, or NONE
	uint32_t seen;   // by option number, of those below 32 that may stand only once
	bool proxy;
	bool waits;       // answer=agent
	bool no_response; // has been seen
	bool critical;    // one that is not understood has been seen: message->option
};

// Says what a request without format errors wants: sets kind, error and the fields of triage. `at` is the payload.
enum weir_reason coap_request_check(const uint8_t *at, const struct coap_request *request,
				    struct coap_message *message);

// As coap_parse, of which it is all but the short way.
enum weir_reason coap_parse_any(const uint8_t *at, unsigned length, struct coap_message *message);
