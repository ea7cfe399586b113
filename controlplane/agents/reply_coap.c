// SPDX-License-Identifier: BSD-3-Clause
//
// Responses to CoAP requests, see reply_coap.h. A request is answered once (RFC 7252, 5.2): here only those whose
// senders have been told nothing but that it came.
#include "controlplane/agents/reply_coap.h"

#include <errno.h>

#include "controlplane/agents/reply.h"
#include "dataplane/decode/coap_answer.h"

// What is answered. -EBADMSG: no message; -EPROTONOSUPPORT: its sender has had its response, or gets a member's. Of a
// message that was handed on elsewhere the body is not here, but the marker before it is.
static int origin_get(const struct spool_message *message, struct coap_origin *origin)
{
	unsigned length = message->record.payload_length;
	struct coap_message parsed;

	if (coap_parse(message->payload, length, &parsed) == WEIR_REASON_COAP_MARKER)
		coap_parse(message->payload, length - 1, &parsed);
	if (parsed.kind != COAP_TRIAGE)
		return -EBADMSG;
	if (!parsed.waits || message->record.kind == WEIR_RECORD_COPY)
		return -EPROTONOSUPPORT;
	coap_origin_get(origin, message->payload, &parsed);
	return 0;
}

// Text goes with a success only to who accepts text.
static bool may_have_text(const struct coap_origin *origin, unsigned status)
{
	return origin->plain || status != WEIR_STATUS_ACCEPTED;
}

size_t reply_coap_text_max(const struct spool_message *message, unsigned status)
{
	struct coap_origin origin;

	return origin_get(message, &origin) == 0 && may_have_text(&origin, status) ? COAP_LATER_TEXT_MAX : 0;
}

int reply_coap_build(const struct spool_message *message, const struct spool_answer *answer, uint8_t *to, size_t room,
		     uint16_t *port)
{
	const struct coap_answer says = { .code = coap_status_code((enum weir_status)answer->status),
					  .id = (uint16_t)(COAP_LATER_ID | message->arrival),
					  .retry_after = REPLY_RETRY_SECONDS,
					  .text = answer->payload,
					  .length = answer->length };
	struct coap_origin origin;
	int err = origin_get(message, &origin), n;

	(void)port;
	if (err)
		return err;
	if (answer->length > COAP_LATER_TEXT_MAX)
		return -EMSGSIZE;
	if (answer->length > 0 && !may_have_text(&origin, answer->status))
		return -EPROTONOSUPPORT;
	n = coap_later_format(to, room, &origin, &says, COAP_NON);
	return n == 0 ? -EPROTONOSUPPORT : n; // 0: its sender wants no answer of that class
}
