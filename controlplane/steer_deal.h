// SPDX-License-Identifier: BSD-3-Clause
//
// The steering table that weights and moves ask for. Pure: the same wish gives the same table, so what is moved and
// moved back ends where it was, whatever was done between. Any thread.
#pragma once

#include <stdint.h>

#include "dataplane/abi/socket.h"
#include "rules/gateway.h"

enum { STEER_WEIGHT_MAX = 100 };

struct steer_wish {
	uint16_t n_workers, n_siblings;
	uint8_t weight[GATEWAY_MAX_WORKERS];   // 0 to STEER_WEIGHT_MAX, one of them above 0
	uint8_t percent[GATEWAY_MAX_SIBLINGS]; // of all buckets, at most 100 together
};

// Nothing moved, all workers alike.
void steer_wish_init(struct steer_wish *wish, const struct gateway *gateway);

// Deals the buckets. A change of a percentage moves the buckets that it must and no others (but for what two siblings
// both want); so does a change of weights from or to all alike.
void steer_deal(const struct steer_wish *wish, uint8_t bucket[WEIR_STEER_BUCKETS]);
