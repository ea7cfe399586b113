// SPDX-License-Identifier: BSD-3-Clause
//
// Header fields of SIP that weir looks at, and their compact forms (RFC 3261, 7.3.3 and 20). libc only.
#pragma once

#include <stdint.h>

enum sip_header {
	SIP_HEADER_OTHER, // a token that weir has no use for
	SIP_HEADER_VIA,
	SIP_HEADER_FROM,
	SIP_HEADER_TO,
	SIP_HEADER_CALL_ID,
	SIP_HEADER_CSEQ,
	SIP_HEADER_LENGTH,
	SIP_HEADER_TYPE,
	SIP_HEADER_PRIORITY,
	SIP_HEADER_REQUIRE,
	SIP_N_HEADERS
};

struct sip_line {
	enum sip_header header;
	unsigned from, to; // of the value, without white space at its ends; not set of SIP_HEADER_OTHER
};

// Reads `name: value` from `pos` to `end` (after the value's last byte, folds included), of a datagram of `length`
// bytes. -EINVAL where there is no name or no colon. SIP_LEAST bytes (sip_scan.h) must be there even where `length` is
// less.
int sip_line_parse(const uint8_t *at, unsigned pos, unsigned end, unsigned length, struct sip_line *line);
