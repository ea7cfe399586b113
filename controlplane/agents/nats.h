// SPDX-License-Identifier: BSD-3-Clause
//
// NATS as the backend of agent queues: a thread forwards what waits in the spool to the stream of messages, and
// removes what the stream has acknowledged; another one takes answers from theirs. The spool stays the
// store-and-forward in front: whatever NATS does, messages wait there. docs/agents-nats.md describes it.
#pragma once

#include <jansson.h>

#include "controlplane/consumer.h"
#include "rules/gateway.h"

struct nats;

// Starts the threads. `key` is the file of the key that seals ids for answers, made where it is missing. Gateway,
// spool and consumer outlive it. NULL with one line in `why`; a NATS that cannot be reached is no error.
struct nats *nats_create(const struct gateway *gateway, struct spool *spool, struct consumer *consumer, const char *key,
			 char *why, size_t why_size);

// Ends them; what was on its way is published again at the next start, and recognised.
void nats_destroy(struct nats *nats);

// The member `nats` of weirctl status. NULL when memory is out. Any thread.
json_t *nats_status(struct nats *nats);
