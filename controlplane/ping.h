// SPDX-License-Identifier: BSD-3-Clause
//
// What a health probe over UDP says, and whether what comes back answers it: native ping
// (docs/decisions/018-native-ping.md), SIP OPTIONS (RFC 3261, section 11) and CoAP ping (RFC 7252, section 4.3), for
// which docs/decisions/046-sip-and-coap-probes.md says what counts. Pure; libc only; any thread.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "rules/table.h"

// The tenant, channel and priority of a native ping.
#define PING_TENANT 0xffffffffu
enum { PING_CHANNEL = 15, PING_PRIORITY = 3, PING_ENDPOINT = 64, PING_MAX = 1024 };

struct ping {
	enum weir_probe probe;    // native, sip or coap
	uint64_t token;           // random: what answers carry back
	char here[PING_ENDPOINT]; // "192.0.2.1:40000", "[2001:db8::1]:40000": for SIP
	char there[PING_ENDPOINT];
};

// Writes the request; its length, at most `room` bytes of which PING_MAX are enough. 0: no such probe.
size_t ping_format(const struct ping *ping, uint8_t *out, size_t room);

enum ping_answer {
	PING_NONE,  // not the answer to this request
	PING_ALIVE, // the answer
	PING_AWAY,  // the answer, and it says that nobody takes messages there now
};

// What a datagram of `n` bytes from the member is; of PING_AWAY *status is the SIP status.
enum ping_answer ping_answers(const struct ping *ping, const uint8_t *data, size_t n, unsigned *status);
