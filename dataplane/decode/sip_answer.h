// SPDX-License-Identifier: BSD-3-Clause
//
// Answers to SIP requests, made of the request's own bytes and nothing kept (RFC 3261, 8.2.6 and 8.2.7). libc only; any
// thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/decode/sip.h"
#include "dataplane/decode/sip_text.h"
#include "dataplane/decode/siphash.h"

// X(name, code, phrase)
#define SIP_STATUSES(X)                               \
	X(OK, 200, "OK")                              \
	X(ACCEPTED, 202, "Accepted")                  \
	X(BAD_REQUEST, 400, "Bad Request")            \
	X(FORBIDDEN, 403, "Forbidden")                \
	X(NOT_ALLOWED, 405, "Method Not Allowed")     \
	X(SCHEME, 416, "Unsupported URI Scheme")      \
	X(EXTENSION, 420, "Bad Extension")            \
	X(UNAVAILABLE, 503, "Service Unavailable")    \
	X(VERSION, 505, "Version Not Supported")

enum sip_status {
#define X(name, code, phrase) SIP_STATUS_##name = code,
	SIP_STATUSES(X)
#undef X
};

struct sip_request {
	const uint8_t *at; // the datagram, `length` bytes
	unsigned length;
	const struct sip_message *message; // sip_parse() of it
	struct sip_peer source;            // where it came from
	uint64_t transaction;              // sip_transaction() of it
};

struct sip_answer {
	uint16_t status;      // enum sip_status
	uint32_t retry_after; // seconds, of 503
	const char *text;     // body, text/plain; left out of a 2xx (RFC 3428, 7)
	unsigned text_length; // 0: none
};

// The status that a decoded request (sip_parse, whatever it returned) gets before any rule is asked; 0 where rules
// decide (a well-formed MESSAGE) or no answer may be sent. A MESSAGE that weir keeps for itself, and that has
// SIP_REQUIRES, gets 420 as OPTIONS does here; one that is forwarded is the member's to judge.
unsigned sip_answer_status(const struct sip_message *message);

// Writes an answer into `out`. Returns its length, -EMSGSIZE where it does not fit in `size`, -EINVAL where the request
// is not answerable or the status is none of the list. Folds of what is copied become one space; nothing else of it
// changes but the topmost Via (received, rport: RFC 3261, 18.2.1; RFC 3581, 4).
int sip_answer_format(const struct sip_request *request, const struct sip_answer *answer, uint8_t *out, unsigned size);

// Where an answer is sent to (RFC 3261, 18.2.2; RFC 3581, 4): maddr where it is an address, else the source; the port
// of sent-by, or the source's where rport asks for it. True where it is maddr: an address that the sender chose, and
// that need not be its own.
bool sip_answer_place(const struct sip_request *request, struct sip_peer *place);
