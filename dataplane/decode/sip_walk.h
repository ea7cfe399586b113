// SPDX-License-Identifier: BSD-3-Clause
//
// A SIP datagram being decoded: what its header lines were found to be, and the first thing that is wrong with it.
// libc only.
#pragma once

#include <stdint.h>

#include "dataplane/decode/sip.h"
#include "dataplane/decode/sip_header.h"

enum { SIP_AT_END = UINT16_MAX + 1, SIP_NOWHERE }; // of a fault that only shows at the end, and of none

// Of a header field, from behind its colon to its last LF; folds included.
struct sip_stretch {
	uint32_t from, to;
};

// What a line may be besides enum sip_header and SIP_N_HEADERS: one more with Via; none.
enum { SIP_NEXT_VIA = SIP_N_HEADERS + 1, SIP_N_LINES, SIP_NO_HEADER = SIP_N_LINES };

struct sip_walk {
	const uint8_t *at;
	unsigned length;
	struct sip_message *message;
	struct sip_stretch line[SIP_N_LINES]; // the first of each; of what is not in `seen` anything
	uint32_t seen;       // a bit for each enum sip_header
	uint32_t is_unfit;   // 1: an answer cannot copy some value; as wide as `seen`, so that one store clears both
	unsigned fault_at;   // position of message->fault
	int64_t body_length; // of Content-Length; -1: none
};

static inline void sip_fault(struct sip_walk *walk, unsigned pos, enum weir_reason reason)
{
	if (pos >= walk->fault_at)
		return;
	walk->fault_at = pos;
	walk->message->fault = (uint8_t)reason;
}

// A value that is wrong may still be copied into an answer, so that the sender learns of it.
void sip_wrong_value(struct sip_walk *walk, const struct sip_line *line, enum weir_reason reason);

// Reads the values of the header fields that were seen into the message, always in the same order, so that the
// processor learns its branches.
void sip_take_fields(struct sip_walk *walk);
