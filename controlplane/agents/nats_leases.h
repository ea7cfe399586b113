// SPDX-License-Identifier: BSD-3-Clause
//
// Leases that agents of this gateway held before its queues went to NATS.
#pragma once

#include "controlplane/consumer.h"

// Ends every lease: its message waits again, at its old place. 0, or the spool's error, then some may be left. Waits
// for the writer; not on its thread.
int nats_leases_return(struct spool *spool, struct consumer *consumer);
