// SPDX-License-Identifier: BSD-3-Clause
//
// MESSAGEs of ours, see reply_sip.h. What names one (branch, tag, Call-ID) is a hash of what names the message that it
// answers, under the boot id of its dataplane: no other message has the same, who has not seen the boot id foresees
// nothing, and the same answer sent again is the same MESSAGE to its receiver.
#include "controlplane/agents/reply_sip.h"

#include <errno.h>
#include <string.h>

#include "dataplane/abi/names.h"
#include "dataplane/decode/sip_reply.h"

static_assert((int)WEIR_BOOT_ID_SIZE == (int)SIPHASH_KEY_SIZE, "the boot id is the key");

static uint64_t name_of(const struct spool_message *message, uint64_t which)
{
	const uint64_t words[] = { which, message->worker, message->record.sequence, message->arrival };

	return siphash24(message->boot_id, (const uint8_t *)words, sizeof(words), message->boot_id, 0);
}

static struct sip_peer peer_of(const struct weir_record *record, const uint8_t address[16], uint16_t port)
{
	struct sip_peer peer = { .family = record->ip_version, .port = port };

	memcpy(peer.address, address, sizeof(peer.address));
	return peer;
}

// Writes the MESSAGE, and where it goes to: as the answer that the message had at once (RFC 3261, 18.2.2), but to the
// address that it came from, whatever maddr says.
static int format(const struct spool_message *message, const char *text, unsigned length, struct sip_text *out,
		  struct sip_peer *place)
{
	const struct weir_record *record = &message->record;
	struct sip_message parsed;
	const struct sip_request request = { .at = message->payload, .length = record->payload_length,
					     .message = &parsed,
					     .source = peer_of(record, record->ip_source, record->udp_source) };
	struct sip_reply reply = { .from = peer_of(record, record->ip_destination, record->udp_destination),
				   .text = text, .length = length };
	int n;

	for (unsigned i = 0; i < 4; i++)
		reply.name[i] = name_of(message, i);
	sip_parse(request.at, request.length, &parsed);
	n = sip_reply_format(&request, &reply, out->at, out->size);
	if (n > 0)
		sip_answer_place(&request, place);
	return n == -EINVAL ? -EPROTONOSUPPORT : n;
}

size_t reply_sip_text_max(const struct spool_message *message, unsigned status)
{
	uint8_t head[SIP_REPLY_MAX];
	struct sip_text out = { .at = head, .size = sizeof(head) };
	struct sip_peer place;
	int n = format(message, "", 0, &out, &place), most = SIP_REPLY_MAX - n;

	(void)status;
	if (n < 0)
		return 0;
	for (int least = 10; least <= most; least *= 10) // the length of none has one digit
		most--;
	return (size_t)most;
}

int reply_sip_build(const struct spool_message *message, const struct spool_answer *answer, uint8_t *to, size_t room,
		    uint16_t *port)
{
	const char *text = answer->length > 0 ? answer->payload : weir_status_name(answer->status);
	unsigned length = answer->length > 0 ? answer->length : (unsigned)strlen(text);
	struct sip_text out = { .at = to, .size = room < UINT16_MAX ? (unsigned)room : UINT16_MAX };
	struct sip_peer place;
	int n = format(message, text, length, &out, &place);

	if (n > 0)
		*port = place.port;
	return n;
}
