// SPDX-License-Identifier: BSD-3-Clause
//
// The dispatcher's busy answers: who set the flag always hears what became of the message (DESIGN 1.2), also of one
// that no ring had room for. On the dispatching lcore. Only what a worker would have decoded is answered; a tag is not
// verified: the answer says nothing but "busy".
#include "dataplane/dispatch.h"

#include <errno.h>

#include "dataplane/answer_frame.h"
#include "dataplane/decap.h"
#include "dataplane/decode/decode.h"

static const struct answer busy = { .status = WEIR_STATUS_BUSY, .retry_after = ANSWER_RETRY_SECONDS };

// Whether the frame is a sound message whose sender wants an answer. Fills `packet`.
static bool wants_answer(const struct dispatch *dispatch, unsigned port, const struct rte_mbuf *mbuf,
			 struct packet *packet)
{
	if (mbuf->nb_segs != 1)
		return false; // longer than a message that is worth an answer here
	parse_frame(dispatch->listeners, rte_pktmbuf_mtod(mbuf, const uint8_t *), mbuf->data_len,
		    dispatch->ports[port].trust_udp_checksum, packet);
	if (packet->reason != WEIR_REASON_NONE)
		return false;
	if (packet->protocol != WEIR_NATIVE)
		return true;
	decode_native(packet);
	return packet->reason == WEIR_REASON_NONE && packet->flags & PACKET_WANTS_ACK;
}

// Turns the frame into the answer. 1: it is; 0: no answer is wanted; -1: it could not be made.
static int make_answer(struct dispatch *dispatch, struct rte_mbuf *mbuf, struct packet *packet)
{
	struct answer_to to;
	struct asked asked;
	int length;

	if (packet_tunnel(packet))
		decap_link(packet);
	answer_to_packet(&to, packet);
	if (packet->protocol == WEIR_NATIVE)
		return answer_frame(mbuf, &to, &busy) ? 1 : -1;
	asked = (struct asked){ packet->protocol, packet->data + packet->payload, packet->payload_length, NULL };
	length = request_answer(&asked, &busy, &dispatch->voice, &to, dispatch->scratch, sizeof(dispatch->scratch));
	if (length == 0 || length == -EBADMSG)
		return 0;
	return length > 0 && answer_frame_payload(mbuf, &to, dispatch->scratch, (unsigned)length) ? 1 : -1;
}

bool dispatch_answer(struct dispatch *dispatch, unsigned port, struct rte_mbuf *mbuf)
{
	struct outlet *outlet = &dispatch->outlets[port];
	struct packet packet;
	int made = -1;

	if (!wants_answer(dispatch, port, mbuf, &packet))
		return false;
	if (dispatch->sends[port] && outlet->n == DISPATCH_OUTLET)
		dispatch_flush(dispatch, port);
	if (dispatch->sends[port] && outlet->n < DISPATCH_OUTLET)
		made = make_answer(dispatch, mbuf, &packet);
	if (made <= 0) {
		dispatch->counters[port].answers_lost += made < 0;
		return false;
	}
	mbuf->port = (uint16_t)port;
	mbuf->hash.usr = TX_ANSWER;
	outlet->frame[outlet->n++] = mbuf;
	return true;
}
