// SPDX-License-Identifier: BSD-3-Clause
//
// The dispatcher's busy answers: who set the flag always hears what became of the message (DESIGN 1.2), also of one
// that no ring had room for. On the dispatching lcore. Only what a worker would have decoded is answered; a tag is not
// verified: the answer says nothing but "busy".
#include "dataplane/dispatch.h"

#include "dataplane/answer_frame.h"
#include "dataplane/decode/decode.h"

static const struct answer busy = { .status = WEIR_STATUS_BUSY, .retry_after = ANSWER_RETRY_SECONDS };

// Whether the frame is a sound native message whose sender wants an answer; where that goes to.
static bool wants_answer(const struct dispatch *dispatch, unsigned port,
			 const struct rte_mbuf *mbuf, struct answer_to *to)
{
	struct packet packet;

	if (mbuf->nb_segs != 1)
		return false; // longer than a native message that is worth an answer here
	parse_frame(dispatch->listeners, rte_pktmbuf_mtod(mbuf, const uint8_t *), mbuf->data_len,
		    dispatch->ports[port].trust_udp_checksum, &packet);
	if (packet.reason != WEIR_REASON_NONE || packet.protocol != WEIR_NATIVE)
		return false;
	decode_message(&packet);
	if (packet.reason != WEIR_REASON_NONE || !(packet.flags & PACKET_WANTS_ACK))
		return false;
	answer_to_packet(to, &packet);
	return true;
}

bool dispatch_answer(struct dispatch *dispatch, unsigned port, struct rte_mbuf *mbuf)
{
	struct outlet *outlet = &dispatch->outlets[port];
	struct answer_to to;

	if (!wants_answer(dispatch, port, mbuf, &to))
		return false;
	if (dispatch->sends[port] && outlet->n == DISPATCH_OUTLET)
		dispatch_flush(dispatch, port);
	if (!dispatch->sends[port] || outlet->n == DISPATCH_OUTLET ||
	    !answer_frame(mbuf, &to, &busy)) {
		dispatch->counters[port].answers_lost++;
		return false;
	}
	mbuf->port = (uint16_t)port;
	mbuf->hash.usr = TX_ANSWER;
	outlet->frame[outlet->n++] = mbuf;
	return true;
}
