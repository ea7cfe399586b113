// SPDX-License-Identifier: BSD-3-Clause
//
// The steering table for the XDP programs of ports that the kernel keeps: they send to siblings, the dispatcher sees
// the rest. Main thread only.
#pragma once

#include "dataplane/steering.h"
#include "dataplane/worker.h"

struct steering_xdp {
	const struct gateway *gateway;
	const struct port *ports;
	unsigned n_ports; // those of type xdp are told
};

// Gives the programs the seed of the buckets' hash, the dispatcher's.
void steering_xdp_seed(const struct steering_xdp *to, uint64_t seed);

// What steering publishes, to each program what its port leads to. `to` is a struct steering_xdp.
void steering_xdp_put(void *to, const struct steering_table *table);
