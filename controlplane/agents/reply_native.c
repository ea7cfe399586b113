// SPDX-License-Identifier: BSD-3-Clause
//
// Native replies, see reply_native.h. The header is taken from the message as it came, so that its sender knows it
// again; what came of its flags and its tag is left out.
#include "controlplane/agents/reply_native.h"

#include <errno.h>
#include <string.h>

#include "controlplane/agents/reply.h"
#include "dataplane/abi/socket.h"

enum { HEADER = 16, MAGIC = 0x57, VERSION_AND_REPLY = 0x12, SECONDS = 4 };

// Bytes beside the text: the header, and the seconds of `busy`.
static size_t overhead_of(unsigned status)
{
	return status == WEIR_STATUS_BUSY ? HEADER + SECONDS : HEADER;
}

size_t reply_native_text_max(const struct spool_message *message, unsigned status)
{
	// what a datagram of 1,500 bytes holds
	return (message->record.ip_version == 6 ? WEIR_ANSWER_MAX - 20 : WEIR_ANSWER_MAX) - overhead_of(status);
}

static uint8_t *put16(uint8_t *p, size_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
	return p + 2;
}

int reply_native_build(const struct spool_message *message, const struct spool_answer *answer, uint8_t *to, size_t room,
		       uint16_t *port)
{
	size_t overhead = overhead_of(answer->status);
	const uint8_t *asked = message->payload;

	(void)port;
	if (answer->length > reply_native_text_max(message, answer->status) || answer->length + overhead > room)
		return -EMSGSIZE;
	if (message->record.payload_length < HEADER || asked[0] != MAGIC || asked[1] >> 4 != VERSION_AND_REPLY >> 4)
		return -EBADMSG;
	memcpy(to, asked, HEADER);
	to[1] = VERSION_AND_REPLY;
	to[2] = answer->status;
	put16(to + 10, overhead - HEADER + answer->length);
	if (answer->status == WEIR_STATUS_BUSY)
		put16(put16(to + HEADER, 0), REPLY_RETRY_SECONDS);
	if (answer->length > 0)
		memcpy(to + overhead, answer->payload, answer->length);
	return (int)(overhead + answer->length);
}
