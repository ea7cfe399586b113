// SPDX-License-Identifier: BSD-3-Clause
//
// Watches what befalls ports that DPDK drives, and says each thing once: link up, link down, device
// taken away. Ports of type xdp watch their interface themselves (xdp.h). Main thread only.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "dataplane/worker.h"

struct watch {
	const struct port *ports;
	unsigned n;
	bool up[GATEWAY_MAX_PORTS], said[GATEWAY_MAX_PORTS];
	_Atomic bool removed[GATEWAY_MAX_PORTS]; // written by the EAL's interrupt thread
};

// Begins to watch the opened `ports`. `watch` stays where it is until watch_stop.
void watch_start(struct watch *watch, const struct port *ports, unsigned n);

// Looks at port `i`, whose counters and link have just been published in `shown`; logs what has changed. A device that
// was taken away has no link.
void watch_port(struct watch *watch, unsigned i, struct weir_port *shown);

void watch_stop(struct watch *watch);
