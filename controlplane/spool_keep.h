// SPDX-License-Identifier: BSD-3-Clause
//
// Retention: what has been in the spool for too long. In small steps, each a batch of the writer.
#pragma once

#include "controlplane/spool.h"

struct spool_limits {
	uint64_t waiting_ms; // a message that was stored longer ago becomes a dead letter ("expired")
	uint64_t dead_ms;    // a dead letter that is one for longer is removed
	uint64_t done_ms;    // the receipt of a message that was settled longer ago is removed
};

struct spool_kept {
	uint32_t expired, removed, forgotten; // messages, dead letters, receipts
	bool more;                            // left for the next step
};

// One step, a batch of its own at time `now_ms` (CLOCK_REALTIME): nothing is written where nothing is due. Leased
// messages and answers to be sent have no limit here. 0 or the error of a batch, of which nothing is left then.
int spool_keep(struct spool *spool, const struct spool_limits *limits, uint64_t now_ms, struct spool_kept *kept);
