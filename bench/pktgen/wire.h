// SPDX-License-Identifier: BSD-3-Clause
//
// EAL, mbufs and ports of the generator. Main thread only.
#pragma once

#include <stddef.h>

#include "bench/pktgen/args.h"

struct wire {
	struct rte_mempool *pool;
	uint16_t ports[RUN_PORTS_MAX];
	unsigned n_ports;
	unsigned lcore; // that sends and receives
};

// Starts the EAL and the ports; frames have up to `longest` bytes. 0, or -errno with one line in `why`; wire_stop in
// every case.
int wire_start(struct wire *wire, const struct args *args, size_t longest, char *why, size_t why_size);

// Waits until the first port's link is up, at most `seconds`, or `*stop`. False where it is not.
bool wire_wait_link(const struct wire *wire, double seconds, const bool *stop);

void wire_stop(struct wire *wire);
