// SPDX-License-Identifier: BSD-3-Clause
//
// A connection to a NATS server, one of those that agents.url names. It never reconnects by itself: what was on its way
// on a connection that broke is in doubt, and who published it must settle that first. Calls block, for about
// `timeout_ms` at most, so they are made on threads that may wait.
#pragma once

#include <nats/nats.h>
#include <stdbool.h>
#include <stddef.h>

#include "rules/gateway.h"

enum { NATS_WHY = 512 };

struct nats_link {
	natsConnection *connection;
	jsCtx *js;
	char server[256]; // URL of the server that answered
};

// Connects, with the credentials that stand in their files now. `acked` hears of acknowledgements of what is published
// asynchronously (NULL: nothing is), on a thread of the library; `closure` outlives the library (nats_CloseAndWait).
// 0, or -1 with one line in `why` (no secret in it).
int nats_link_open(struct nats_link *link, const struct gateway *gateway, jsPubAckHandler acked, void *closure,
		   char why[NATS_WHY]);
void nats_link_close(struct nats_link *link);
bool nats_link_is_open(const struct nats_link *link);

// One line on why a call of JetStream failed.
void nats_link_explain(natsStatus status, jsErrCode code, const char *what, char why[NATS_WHY]);
