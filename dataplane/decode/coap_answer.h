// SPDX-License-Identifier: BSD-3-Clause
//
// Answers to CoAP requests, as UDP payloads (RFC 7252, 5.2; RFC 7967; decision 37). Pure functions; libc only, no
// allocation. They need of a request what coap_origin_get() keeps, so that its frame may be gone.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/decode/coap.h"

// Bytes of an answer beside its text: header, token, the longest options that weir sends, marker.
enum { COAP_ANSWER_HEAD = COAP_HEADER + COAP_TOKEN_MAX + 6 + 1 };

// Message ids of ours: answers at once have the lower half, those that come later the upper one, so that two that know
// nothing of each other never choose the same. Text of a later one has what every receiver takes (RFC 7252, 4.6).
enum { COAP_LATER_ID = 0x8000, COAP_LATER_TEXT_MAX = 1024 };

// The request that is answered.
struct coap_origin {
	uint8_t token[COAP_TOKEN_MAX];
	uint16_t id, option; // as of coap_message
	uint8_t token_length, kind, type, error, no_response, plain, waits;
};

struct coap_answer {
	uint8_t code;         // of class 2, 4 or 5
	uint16_t id;          // ours; not used where the answer stands in an acknowledgement
	uint32_t retry_after; // seconds, with 5.03
	const char *text;     // not owned; UTF-8
	uint16_t length;      // of the text; 0: none
};

// Keeps what an answer to `message` needs; `at` is the payload that it was parsed from.
void coap_origin_get(struct coap_origin *origin, const uint8_t *at, const struct coap_message *message);

// The code that says so: 2.04, 4.03 or 5.03.
uint8_t coap_status_code(enum weir_status status);

// Each writes to the `room` bytes at `out` and returns the length; 0 where nothing is to be sent; -EMSGSIZE where there
// is no room. Any thread.

// Answers a TRIAGE request: in its acknowledgement, or as a message of its own where it was not confirmable. Where the
// sender does not want to know, an empty acknowledgement or nothing (RFC 7967, 2). Text goes with a success only to who
// accepts text.
int coap_answer_format(uint8_t *out, size_t room, const struct coap_origin *origin, const struct coap_answer *answer);

// The same as a message of its own, `type` COAP_CON or COAP_NON, after the acknowledgement has been sent (5.2.2).
int coap_later_format(uint8_t *out, size_t room, const struct coap_origin *origin, const struct coap_answer *answer,
		      enum coap_type type);

// The empty acknowledgement of a request whose answer comes later; nothing for one that was not confirmable.
int coap_acknowledge_format(uint8_t *out, size_t room, const struct coap_origin *origin);

// Answers whatever is not TRIAGE as its kind says: a reset, the links of /.well-known/core, the error; nothing for
// IGNORED. `id` is ours, for an answer to a request that was not confirmable.
int coap_service_format(uint8_t *out, size_t room, const struct coap_origin *origin, uint16_t id);

// Whether `payload` is one well-formed response as a gateway may send it: code of class 2, 4 or 5, no reset, no
// critical option.
bool coap_answer_is_good(const uint8_t *payload, size_t length);

// Whether `payload` is, byte for byte, what coap_later_format() writes of some answer with one of the three status
// codes to some token: NON, an id of the upper half, text of at most COAP_LATER_TEXT_MAX bytes.
bool coap_later_is_good(const uint8_t *payload, size_t length);
