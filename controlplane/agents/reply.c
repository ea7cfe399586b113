// SPDX-License-Identifier: BSD-3-Clause
//
// Answers of agents by protocol, see reply.h: a table, one row for each protocol that has replies.
#include "controlplane/agents/reply.h"

#include <errno.h>

#include "controlplane/agents/reply_native.h"
#include "dataplane/abi/socket.h"

static const struct reply_kind {
	size_t (*overhead)(unsigned status); // bytes beside the text
	int (*build)(const struct spool_message *message, const struct spool_answer *answer, uint8_t *to);
} kinds[WEIR_N_PROTOCOLS] = {
	[WEIR_NATIVE] = { reply_native_overhead, reply_native_build },
};

static const struct reply_kind *kind_of(const struct spool_message *message)
{
	unsigned protocol = message->record.protocol;

	return protocol < WEIR_N_PROTOCOLS && kinds[protocol].build ? &kinds[protocol] : NULL;
}

// Bytes of UDP payload that a datagram of 1,500 bytes holds.
static size_t datagram_max(const struct spool_message *message)
{
	return message->record.ip_version == 6 ? WEIR_ANSWER_MAX - 20 : WEIR_ANSWER_MAX;
}

size_t reply_text_max(const struct spool_message *message, unsigned status)
{
	const struct reply_kind *kind = kind_of(message);

	return kind && status < WEIR_N_STATUSES ? datagram_max(message) - kind->overhead(status) : 0;
}

int reply_build(const struct spool_message *message, const struct spool_answer *answer, uint8_t *to, size_t room)
{
	const struct reply_kind *kind = kind_of(message);

	if (!kind)
		return -EPROTONOSUPPORT;
	if (answer->status >= WEIR_N_STATUSES)
		return -EINVAL;
	if (answer->length > reply_text_max(message, answer->status) ||
	    answer->length + kind->overhead(answer->status) > room)
		return -EMSGSIZE;
	return kind->build(message, answer, to);
}
