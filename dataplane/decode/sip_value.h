// SPDX-License-Identifier: BSD-3-Clause
//
// Values of the header fields that weir reads: Via, From and To, CSeq, Call-ID, Priority. `pos` and `end` are offsets
// into `at`, of which SIP_LEAST bytes (sip_scan.h) are there, white space at the ends left out. Each says
// false where the value is not well formed. libc only.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/decode/sip_uri.h"
#include "dataplane/decode/span.h"

// The topmost Via value: where an answer goes (RFC 3261, 18.2.2; RFC 3581).
struct sip_via {
	struct span value;    // from the protocol's name to the last parameter
	struct span host;     // of sent-by, as written
	struct span branch;
	struct span maddr;
	struct span received; // the whole parameter from its semicolon, white space after it too
	struct span rport;    // likewise
	uint16_t port;        // of sent-by; 0: none was given
};

struct sip_address {
	struct span uri;    // without brackets
	struct span number; // of the URI (sip_uri.h)
	struct span tag;
};

// The first value of a Via header field. `via->value` ends before a comma or at `end`. Where what is wrong comes after
// sent-by, `via->host` is set all the same.
bool sip_via_parse(const uint8_t *at, unsigned pos, unsigned end, struct sip_via *via);

// From or To: name-addr or addr-spec, and parameters.
bool sip_address_parse(const uint8_t *at, unsigned pos, unsigned end, struct sip_address *address);

// CSeq: a number below 2^31 and what should be a method, of which *method is the stretch.
bool sip_cseq_parse(const uint8_t *at, unsigned pos, unsigned end, struct span *method);

bool sip_call_id_check(const uint8_t *at, unsigned pos, unsigned end);

// enum weir_priority; any token that is none of the four is normal.
uint8_t sip_priority_find(const uint8_t *at, unsigned length);
