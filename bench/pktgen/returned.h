// SPDX-License-Identifier: BSD-3-Clause
//
// What comes back from the gateway: received, told apart, timed, and freed.
#pragma once

#include "bench/pktgen/run.h"

// Takes a burst from each port; `*last` becomes now where something came.
void return_take(const struct run *run, uint64_t *last);
