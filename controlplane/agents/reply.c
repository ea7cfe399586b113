// SPDX-License-Identifier: BSD-3-Clause
//
// Answers of agents by protocol, see reply.h: a table, one row for each protocol that has replies.
#include "controlplane/agents/reply.h"

#include <errno.h>

#include "controlplane/agents/reply_coap.h"
#include "controlplane/agents/reply_native.h"
#include "controlplane/agents/reply_sip.h"
#include "rules/utf8.h"

static const struct reply_kind {
	size_t (*text_max)(const struct spool_message *message, unsigned status);
	int (*build)(const struct spool_message *message, const struct spool_answer *answer, uint8_t *to, size_t room,
		     uint16_t *port);
	bool bytes; // an answer need not be text
} kinds[WEIR_N_PROTOCOLS] = {
	[WEIR_NATIVE] = { reply_native_text_max, reply_native_build, true },
	[WEIR_SIP] = { reply_sip_text_max, reply_sip_build, false },
	[WEIR_COAP] = { reply_coap_text_max, reply_coap_build, false },
};

static const struct reply_kind *kind_of(const struct spool_message *message)
{
	unsigned protocol = message->record.protocol;

	return protocol < WEIR_N_PROTOCOLS && kinds[protocol].build ? &kinds[protocol] : NULL;
}

size_t reply_text_max(const struct spool_message *message, unsigned status)
{
	const struct reply_kind *kind = kind_of(message);

	return kind && status < WEIR_N_STATUSES ? kind->text_max(message, status) : 0;
}

int reply_build(const struct spool_message *message, const struct spool_answer *answer, uint8_t *to, size_t room,
		uint16_t *port)
{
	const struct reply_kind *kind = kind_of(message);

	if (!kind)
		return -EPROTONOSUPPORT;
	if (answer->status >= WEIR_N_STATUSES)
		return -EINVAL;
	if (!kind->bytes && !utf8_is_text(answer->payload, answer->length))
		return -EILSEQ;
	return kind->build(message, answer, to, room, port);
}
