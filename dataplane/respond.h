// SPDX-License-Identifier: BSD-3-Clause
//
// Answers to senders, each in the protocol of the message (DESIGN 1.2; docs/sip.md, docs/coap.md). On the worker.
#pragma once

#include <rte_mbuf.h>
#include <stdbool.h>

#include "dataplane/answer.h"
#include "dataplane/request_answer.h"
#include "dataplane/tx.h"

struct worker;
struct burst;

static inline struct asked asked_of(const struct packet *packet)
{
	return (struct asked){ packet->protocol, packet->data + packet->payload, packet->payload_length, NULL };
}

// Turns `mbuf` into the answer that `to` gets, and stages it (`kind`, `priority`: tx_push). `answer` NULL: what the
// protocol itself owes (request_decode). False: the frame is still the caller's, but for segments after its first; no
// answer is wanted, or none can be given, which answers_lost counts.
bool respond_to(struct worker *worker, struct rte_mbuf *mbuf, struct answer_to *to, const struct asked *asked,
		const struct answer *answer, enum tx_kind kind, unsigned priority);

// The same to the sender of frame `i` of the burst, which has gone through decode().
bool respond(struct worker *worker, struct burst *burst, unsigned i, const struct answer *answer, enum tx_kind kind,
	     unsigned priority);

// Ends frame `i` of the burst for the reason that its packet has, and answers its sender with `answer` where that can
// be done.
void respond_end(struct worker *worker, struct burst *burst, unsigned i, const struct answer *answer);
