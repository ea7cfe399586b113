// SPDX-License-Identifier: BSD-3-Clause
//
// What holds between the tables of a spool, looked at when it is opened for writing: counts of queues, numbers that
// were given out, leases and receipts. spool*.c and tests.
#pragma once

#include "controlplane/spool.h"

// Checks, and mends what can be: counts that differ from the tables, numbers that would be given out twice, leases of
// messages that were settled or wait, times of dead letters and receipts that are missing. Says so, a line each, and in
// `mended`. Counts are compared table by table, and queue by queue where that shows a difference, or where `deep`.
// 0; -EBADMSG with a line in `why` that names what cannot be mended; the error of a batch.
int spool_audit(struct spool *spool, bool deep, unsigned *mended, char *why, size_t why_size);
