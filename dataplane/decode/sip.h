// SPDX-License-Identifier: BSD-3-Clause
//
// SIP over UDP (RFC 3261, RFC 3428): what triage, answers and steering need of one datagram. Spans are offsets from the
// payload's first byte; bytes stay where they are and as they are. libc only; any thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/abi/names.h"
#include "dataplane/decode/sip_uri.h"
#include "dataplane/decode/sip_value.h"
#include "dataplane/decode/span.h"

enum sip_kind { SIP_UNKNOWN, SIP_MESSAGE, SIP_OPTIONS, SIP_ACK, SIP_OTHER, SIP_RESPONSE };

enum {
	SIP_ANSWERABLE = 1, // a request with all that an answer copies; never an ACK
	SIP_REQUIRES = 2,   // it has a Require header field
	SIP_TO_GOOD = 4,    // To is well formed, so that a tag can be put after it
	SIP_VIA_GOOD = 8,   // the topmost Via is; else via.value is the whole line where the request is answerable
};

struct sip_message {
	uint8_t kind;       // enum sip_kind
	uint8_t flags;      // SIP_*
	uint8_t priority;   // enum weir_priority
	uint8_t scheme;     // enum sip_scheme of the Request-URI
	uint8_t fault;      // enum weir_reason: the first thing wrong, of a response too
	uint16_t status;    // of a response
	uint16_t headers;   // offset of the first header line; 0 where there is none
	struct span method;
	struct span host;   // of the Request-URI, as written, brackets included; length 0 where its scheme has none
	struct span number[2]; // telephone-subscribers of From and of To (sip_uri.h); length 0 where the URI names none
	struct span call_id;
	struct span from, to, cseq; // whole values
	struct span from_tag, to_tag;
	struct span type;   // Content-Type
	struct span body;
	struct sip_via via; // the topmost
	uint16_t via_end;   // where the value of its header line ends, white space left out
	uint16_t more_vias; // header lines with Via after that one; the first of them starts at next_via
	uint16_t next_via;
};

// Decodes one datagram of `length` bytes (at most 65,535) at `at`. Returns WEIR_REASON_NONE for a request that is well
// formed (MESSAGE or another: message->kind), WEIR_REASON_SIP_RESPONSE for a response, else the first thing that is
// wrong. *message is set as far as it could be read, whatever is returned. What is not looked at (header fields that
// weir has no use for, Via values below the topmost) may be anything, as RFC 3261, 16.3 asks of an element in between.
// Work is linear in `length`.
enum weir_reason sip_parse(const uint8_t *at, unsigned length, struct sip_message *message);
