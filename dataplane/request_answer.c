// SPDX-License-Identifier: BSD-3-Clause
//
// Answers to SIP and CoAP requests, see request_answer.h. A SIP request is parsed once more only where what
// was found of it is gone: a frame given up late, a record of the agent channel. A CoAP one always is: that is cheap.
#include "dataplane/request_answer.h"

#include <errno.h>
#include <string.h>

#include "dataplane/decode/coap_answer.h"
#include "dataplane/decode/sip_answer.h"
#include "dataplane/decode/sip_transaction.h"

static int answer_coap(const uint8_t *payload, unsigned length, const struct answer *answer,
		       struct request_voice *voice, uint8_t *out, size_t room)
{
	struct coap_message message;
	struct coap_origin origin;
	struct coap_answer told;
	uint16_t id;

	coap_parse(payload, length, &message);
	if (answer ? message.kind != COAP_TRIAGE : message.kind == COAP_IGNORED || message.kind == COAP_TRIAGE)
		return -EBADMSG;
	coap_origin_get(&origin, payload, &message);
	voice->coap_id++;
	id = voice->coap_id & (COAP_LATER_ID - 1);
	if (!answer)
		return coap_service_format(out, room, &origin, id);
	if (answer->later && message.waits)
		return coap_acknowledge_format(out, room, &origin);
	told = (struct coap_answer){ .code = coap_status_code(answer->status),
				     .id = id,
				     .retry_after = answer->retry_after,
				     .text = answer->text,
				     .length = answer->text_length };
	return coap_answer_format(out, room, &origin, &told);
}

static struct sip_peer source_of(const struct answer_to *to)
{
	struct sip_peer source = { .family = to->ip_version, .port = to->udp_destination };

	memcpy(source.address, to->ip_destination, sizeof(source.address));
	return source;
}

// The answer goes to the address that the request came from, whatever maddr says: an address that the sender chose may
// be anyone's.
static int answer_sip(const struct asked *asked, const struct answer *answer, const struct request_voice *voice,
		      struct answer_to *to, uint8_t *out, size_t room)
{
	static const uint16_t status_of[WEIR_N_STATUSES] = { SIP_STATUS_ACCEPTED, SIP_STATUS_FORBIDDEN,
							     SIP_STATUS_UNAVAILABLE };
	const struct sip_message *message = asked->sip;
	struct sip_message parsed;
	struct sip_request request = { .at = asked->payload, .length = asked->length, .source = source_of(to) };
	struct sip_answer told = { 0 };
	struct sip_peer place;
	unsigned own;

	if (!message) {
		sip_parse(asked->payload, asked->length, &parsed);
		message = &parsed;
	}
	own = sip_answer_status(message);
	if (!(message->flags & SIP_ANSWERABLE) || (answer != NULL) == (own != 0))
		return -EBADMSG;
	if (answer)
		told = (struct sip_answer){ status_of[answer->status], answer->retry_after, answer->text,
					    answer->text_length };
	else
		told.status = (uint16_t)own;
	request.message = message;
	request.transaction = sip_transaction(asked->payload, message, voice->secret);
	sip_answer_place(&request, &place);
	to->udp_destination = place.port;
	return sip_answer_format(&request, &told, out, (unsigned)room);
}

int request_answer(const struct asked *asked, const struct answer *answer, struct request_voice *voice,
		   struct answer_to *to, uint8_t *out, size_t room)
{
	return asked->protocol == WEIR_SIP ? answer_sip(asked, answer, voice, to, out, room)
					   : answer_coap(asked->payload, asked->length, answer, voice, out, room);
}
