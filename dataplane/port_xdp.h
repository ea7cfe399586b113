// SPDX-License-Identifier: BSD-3-Clause
//
// A port of type "xdp" as DPDK sees it: one AF_XDP device a queue, joined to the program that xdp.h
// attaches. Main thread only.
#pragma once

#include <stddef.h>

#include "dataplane/port.h"

struct xdp;

// Attaches the program, makes a device for each queue (and for each worker beyond, to send from) and fills
// `port`. 0, or -errno with one line in `why`, and nothing left behind but the devices.
int port_xdp_open(struct port *port, const struct gateway_port *config,
		  const struct gateway *gateway, struct rte_mempool *pool, char *why,
		  size_t why_size);

int port_xdp_start(const struct port *port, char *why, size_t why_size);

// From here on no frame comes in: the kernel gets them.
void port_xdp_detach(const struct port *port);

// Detaches, and frees what is ours. The devices stay until the process ends: DPDK's driver, when it closes one,
// takes off whatever program the interface has, other owners' too.
void port_xdp_close(struct port *port);

// For what is done with the program while it runs (xdp.h). NULL: the port is of another type.
struct xdp *port_xdp_get(const struct port *port);

void port_xdp_publish(const struct port *port, struct weir_port *to);
