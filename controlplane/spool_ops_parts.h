// SPDX-License-Identifier: BSD-3-Clause
//
// What spool_ops.c and spool_claim.c share. Writer's thread, within a batch. Nobody else.
#pragma once

#include "controlplane/spool_ops.h"

enum { LEASE_MAX_MS = 2000000000 };

// Ends an operation that is not to be, with nothing changed. 0.
int op_refuse(struct spool_op *op, int err);

// A look-up that found nothing usable refuses; whatever else went wrong is the batch's, and returned.
int op_not_found(struct spool_op *op, int err);

// spool_claim.c: runs an OP_CLAIM, as spool_op_run.
int op_claim(struct spool *spool, struct spool_op *op, uint64_t now_ms);
