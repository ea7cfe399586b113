// SPDX-License-Identifier: BSD-3-Clause
//
// Answers to senders whose message left act well, and came to something only later: its member's port had no room
// after all, or the control plane has made it durable. Runs on the worker, for what is rare beside act.
#include <string.h>

#include "dataplane/act.h"
#include "dataplane/answer_frame.h"
#include "dataplane/reach.h"
#include "dataplane/remember.h"
#include "dataplane/respond.h"
#include "dataplane/worker.h"

static const struct answer accepted = { .status = WEIR_STATUS_ACCEPTED, .later = true };
static const struct answer busy = { .status = WEIR_STATUS_BUSY, .retry_after = ANSWER_RETRY_SECONDS };

void act_given_up(struct worker *worker, struct rte_mbuf *mbuf)
{
	const struct frame_origin *origin = frame_origin(mbuf);
	struct packet packet;
	struct answer_to to;
	struct asked asked;
	uint32_t length;

	reach_undo(mbuf);
	length = RTE_MIN(mbuf->pkt_len, (uint32_t)sizeof(worker->linear[0]));
	parse_frame(worker->listeners, rte_pktmbuf_read(mbuf, 0, length, worker->linear[BURST_MAX]),
		    length, true, &packet);
	if (packet.reason != WEIR_REASON_NONE) {
		worker->counters[mbuf->port].answers_lost++;
		rte_pktmbuf_free(mbuf);
		return;
	}
	asked = asked_of(&packet);
	answer_to_packet(&to, &packet);
	memcpy(to.mac_destination, origin->mac_source, 6);
	memcpy(to.mac_source, origin->mac_destination, 6);
	if (!respond_to(worker, mbuf, &to, &asked, &busy, TX_ANSWER, 0))
		rte_pktmbuf_free(mbuf);
}

void act_accepted(struct worker *worker, const struct weir_record *record)
{
	const struct asked asked = { record->protocol, (const uint8_t *)(record + 1), record->payload_length, NULL };
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(worker->pool);
	struct answer_to to;

	remember_accepted(worker, record);
	if (!mbuf) {
		worker->counters[record->port].answers_lost++;
		return;
	}
	mbuf->port = record->port;
	answer_to_record(&to, record, asked.payload);
	if (!respond_to(worker, mbuf, &to, &asked, &accepted, TX_ANSWER, 0))
		rte_pktmbuf_free(mbuf);
}
