// SPDX-License-Identifier: BSD-3-Clause
//
// Answers of agents that come back by NATS: a thread with a connection of its own takes them from the stream
// `weir-answers` by a durable consumer named as the gateway, has the spool's writer put them into the outbox, and
// acknowledges each when that is durable. One that is wrong is counted, and taken out of the stream.
#pragma once

#include "controlplane/agents/nats_link.h"
#include "controlplane/consumer.h"

struct answer_key;
struct nats_answers;

struct nats_answers_status {
	bool connected;
	uint64_t taken, refused; // since the start
	char error[NATS_WHY];    // why none come now, "" where they may
};

// Starts the thread. All arguments outlive it. NULL with errno.
struct nats_answers *nats_answers_create(const struct gateway *gateway, const struct answer_key *key,
					 struct consumer *consumer);

// Ends it, within a second or so.
void nats_answers_destroy(struct nats_answers *answers);

// Any thread.
void nats_answers_status(struct nats_answers *answers, struct nats_answers_status *status);
