// SPDX-License-Identifier: BSD-3-Clause
//
// Opens and starts the ports of gateway.conf: any DPDK device. Main thread only.
#pragma once

#include <stddef.h>

#include "dataplane/worker.h"
#include "rules/gateway.h"

struct rte_mempool;

// The mbufs of all ports and workers, as many as memory_mb holds; where there is a port of type xdp only those of them
// that its sockets reach. NULL with `why` when there is no memory.
struct rte_mempool *port_pool_create(const struct gateway *gateway, char *why, size_t why_size);

// Makes or finds the device of `config`, gives it its receive queues and one transmit queue per
// worker, fills `port`. It receives nothing before port_start. 0, or -errno with one line in `why`:
// no such device, device busy, too few queues.
int port_open(struct port *port, const struct gateway_port *config, const struct gateway *gateway,
	      struct rte_mempool *pool, char *why, size_t why_size);

// Logs what a reader of the books should know of it.
void port_say(const struct port *port);

// Starts reception. 0, or -errno with `why`.
int port_start(const struct port *port, char *why, size_t why_size);

// Where the kernel keeps the interface (type xdp): gives it every frame from here on.
void port_detach(const struct port *port);

void port_close(struct port *port);

// Copies what the NIC counts (missed, errors, no buffer) and its link into the segment.
void port_publish(const struct port *port, struct weir_port *to);
