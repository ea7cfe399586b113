// SPDX-License-Identifier: BSD-3-Clause
//
// Answers of agents on their way from the spool's outbox to the dataplane (decision 24). Each is sent until the
// dataplane says that a port has taken it, and only then forgotten; what cannot leave now is tried again, what never
// will is put aside, so that it holds up nothing. Loop's thread only, but for what the spool's writer calls.
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "dataplane/abi/socket.h"

struct answers;
struct consumer;
struct link;
struct spool;

struct answers_parts {
	struct event_base *base;
	struct spool *spool;
	struct consumer *consumer;
	struct link *link;
	uint64_t keep_ms; // an answer that could not be sent for so long is given up
};

// Everything in `parts` outlives it, but the consumer: answers_stop, then consumer_destroy, then answers_destroy. NULL
// when memory or descriptors are out.
struct answers *answers_create(const struct answers_parts *parts);
void answers_stop(struct answers *answers); // begins nothing more
void answers_destroy(struct answers *answers);

// What the link says (link.h). -EPROTO: an answer that is not on its way.
void answers_up(struct answers *answers);
void answers_down(struct answers *answers);
int answers_answered(struct answers *answers, const struct weir_answered *answered);

struct answers_status {
	uint64_t sent, lost; // since the start; an answer put aside and tried again is lost each time
	uint64_t given_up;
	unsigned waiting; // in memory: to be sent, on their way, or sent and not yet taken out of the outbox
	unsigned aside;
};

void answers_status(const struct answers *answers, struct answers_status *status);
