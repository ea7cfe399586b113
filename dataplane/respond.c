// SPDX-License-Identifier: BSD-3-Clause
//
// Answers to senders, see respond.h. Runs on the worker. Native replies are written straight into the frame; others are
// made from what the frame holds, so they are made beside it first.
#include "dataplane/respond.h"

#include "dataplane/answer_frame.h"
#include "dataplane/request_answer.h"
#include "dataplane/worker.h"

static bool too_large(const struct worker *worker, unsigned port, const struct answer_to *to, unsigned length)
{
	return (to->ip_version == 4 ? 20u : 40u) + 8u + length > worker->ports[port].mtu;
}

// Length of the answer's payload in worker->scratch; 0: none is wanted; -EMSGSIZE: it does not fit.
static int make_payload(struct worker *worker, unsigned port, struct answer_to *to, const struct asked *asked,
			const struct answer *answer)
{
	int length = request_answer(asked, answer, &worker->voice, to, worker->scratch, sizeof(worker->scratch));

	return length > 0 && too_large(worker, port, to, (unsigned)length) ? -EMSGSIZE : length;
}

bool respond_to(struct worker *worker, struct rte_mbuf *mbuf, struct answer_to *to, const struct asked *asked,
		const struct answer *answer, enum tx_kind kind, unsigned priority)
{
	struct weir_counters *counters = &worker->counters[mbuf->port];
	bool made;

	if (likely(asked->protocol == WEIR_NATIVE)) {
		made = answer_frame(mbuf, to, answer);
	} else {
		int length = make_payload(worker, mbuf->port, to, asked, answer);

		if (length == 0)
			return false;
		made = length > 0 && answer_frame_payload(mbuf, to, worker->scratch, (unsigned)length);
	}
	if (!made) {
		counters->answers_lost++;
		return false;
	}
	counters->answers++;
	tx_push(worker, mbuf->port, mbuf, kind, priority);
	return true;
}

bool respond(struct worker *worker, struct burst *burst, unsigned i, const struct answer *answer, enum tx_kind kind,
	     unsigned priority)
{
	const struct packet *packet = &burst->packet[i];
	struct asked asked = asked_of(packet);
	struct answer_to to;

	asked.sip = &worker->request[i].sip;
	answer_to_packet(&to, packet);
	return respond_to(worker, burst->mbuf[i], &to, &asked, answer, kind, priority);
}

void respond_end(struct worker *worker, struct burst *burst, unsigned i, const struct answer *answer)
{
	struct weir_counters *counters = &worker->counters[burst->port];
	const struct packet *packet = &burst->packet[i];

	if (!respond(worker, burst, i, answer, TX_ANSWER, 0)) {
		burst_end_reason(worker, burst, i);
		return;
	}
	counters->reason[packet->reason]++;
	counters->disposition[weir_reason_disposition(packet->reason)]++;
}
