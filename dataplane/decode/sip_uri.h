// SPDX-License-Identifier: BSD-3-Clause
//
// URIs of SIP messages: sip, sips and im (RFC 3261, 19.1; RFC 3860), tel (RFC 3966), and others, of which only the form
// is looked at. libc only.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/decode/span.h"

enum sip_scheme { SIP_SCHEME_SIP, SIP_SCHEME_TEL, SIP_SCHEME_OTHER };

struct sip_uri {
	uint8_t scheme;     // enum sip_scheme; `sip` stands for sips and im too
	struct span host;   // as written, brackets of an IPv6 reference included; length 0 where the scheme has none
	struct span number; // telephone-subscriber as written, for number_subscriber(); length 0 where it names none
};

// Reads the URI that stands from `pos` to `end`, both offsets into `at`, of which
// SIP_LEAST bytes (sip_scan.h) are there. The number is what stands behind `tel:`, or a
// user part that begins with `+` or has `user=phone`, without its password. False where the URI is not well formed.
bool sip_uri_parse(const uint8_t *at, unsigned pos, unsigned end, struct sip_uri *uri);
