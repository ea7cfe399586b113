// SPDX-License-Identifier: BSD-3-Clause
//
// Hears of dead members by the ICMP errors that messages to them bring, and tells the control plane
// (docs/decisions/020-passive-ejection.md). Sees exception frames on their way to the kernel, and on a port that the
// kernel keeps a copy of what it gets. Main thread only.
#pragma once

#include <stdint.h>

#include "dataplane/control.h"
#include "dataplane/worker.h"
#include "rules/gateway.h"

struct icmp {
	const struct worker *workers;
	unsigned n_workers, n_ports;
	const struct handover *handover;
	struct control *control;
	int copy[GATEWAY_MAX_PORTS][2]; // of a port of type xdp, packet sockets for IPv4 and IPv6; -1: none
	uint64_t looked_at;             // TSC up to which looks are paid for
};

// Opens the copies that it needs; where one cannot be, that is said, and errors on that port are not heard.
// Everything pointed to outlives it.
void icmp_open(struct icmp *icmp, const struct gateway *gateway);
void icmp_close(struct icmp *icmp);

// Looks at a frame that came up from a worker.
void icmp_look_mbuf(struct icmp *icmp, const struct rte_mbuf *mbuf);

// Looks at what the copies hold.
void icmp_poll(struct icmp *icmp);
