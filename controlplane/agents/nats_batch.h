// SPDX-License-Identifier: BSD-3-Clause
//
// Messages of the spool in hand of the forwarder: copied out of it, published, and removed when NATS has them.
#pragma once

#include "controlplane/agents/nats_sender.h"
#include "controlplane/spool_ops.h"

enum { NATS_BATCH = 1024, NATS_BATCH_BYTES = 4 << 20 };

struct nats_batch {
	struct nats_item *items[NATS_BATCH];
	unsigned n;
	size_t bytes; // of payload in it
};

// Fills an empty batch with messages that wait: from the front of each queue, by priority and then arrival, an
// even share of each. `heads`: one of each (queue, priority) alone. 0, or -errno of the spool; then the batch is empty.
int nats_batch_fill(struct nats_batch *batch, struct spool *spool, bool heads);

// The operation that removes an item of a batch from the spool; the batch owns it.
struct spool_op *nats_batch_op(struct nats_item *item);

void nats_batch_clear(struct nats_batch *batch);
