// SPDX-License-Identifier: BSD-3-Clause
//
// Answers to SIP and CoAP requests, as UDP payloads made from the request's own bytes (docs/sip.md, docs/coap.md).
// libc only.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "dataplane/answer.h"

struct sip_message;

// No answer is longer: it has the request's Via fields, and text.
enum { REQUEST_ANSWER_MAX = 4096 };

// What answers are made with beside the request. One writer.
struct request_voice {
	uint8_t secret[16]; // of the tags in To: the same for a retransmission, not to be guessed
	uint16_t coap_id;   // last message id of ours
};

// A message to be answered; `payload` may lie in the frame that becomes the answer.
struct asked {
	uint8_t protocol; // enum weir_protocol
	const uint8_t *payload;
	unsigned length;
	const struct sip_message *sip; // of SIP: sip_parse() of it, or NULL where that is not at hand
};

// Writes the answer to the request `asked` to `out` (`room` bytes): what `answer` says, in the words of its protocol
// (not native); with NULL what the protocol itself owes, where request_decode said that it does. `to` is where the
// request came from turned round; its UDP port is set where the protocol has another say. Returns the length; 0: no
// answer is wanted; -EMSGSIZE: it does not fit; -EBADMSG: the payload is no request.
int request_answer(const struct asked *asked, const struct answer *answer, struct request_voice *voice,
		   struct answer_to *to, uint8_t *out, size_t room);
