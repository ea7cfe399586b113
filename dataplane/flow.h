// SPDX-License-Identifier: BSD-3-Clause
//
// Which of a port's frames go to which queue, as far as its NIC can be told: RSS, and a queue of their own
// for emergencies. What a NIC cannot do is said in one line, and the port goes on without. Main thread.
#pragma once

#include <stdint.h>

#include "dataplane/worker.h"
#include "rules/gateway.h"

struct rte_eth_dev_info;

// What RSS is to hash on a port of several queues, of what the device can.
uint64_t flow_hash(const struct gateway_port *config, const struct rte_eth_dev_info *info);

// Gives a started port with emergency_queue its rules: native emergencies to the last queue, and everything
// else to the others.
void flow_emergencies(const struct port *port, const struct gateway *gateway,
		      const struct gateway_port *config);
