// SPDX-License-Identifier: BSD-3-Clause
//
// Kernel interfaces: beside a port that names one, an interface of the kernel's with the port's MAC.
// Frames that end as `exception` on the port come in by it, and what the kernel sends by it leaves by
// the port; so ARP, ICMP, BGP and ssh work on an address that the operator gives it. Main thread only;
// workers see rings (lane.h).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/worker.h"
#include "rules/gateway.h"

struct icmp;

struct kernel {
	struct kernel_interface {
		int fd; // of the TAP, -1: the port has none
		bool carrier;
		uint64_t taken, refused; // frames that it took, that it did not
		uint64_t unsent;         // frames of its that found no room on the way to worker 0
	} interfaces[GATEWAY_MAX_PORTS]; // by port
	unsigned n_ports, n_workers;
	const struct gateway *gateway;
	struct port *ports;
	int wake; // readable when the kernel has sent something; -1 without any interface
	struct worker *workers;
	struct rte_mempool *pool;
	uint64_t busy_until; // in timer cycles
	struct icmp *icmp;   // sees what comes up; NULL: nobody does
};

// Makes the interfaces that `gateway` names; ports[i].kernel is set for those. 0, or -errno with one line in `why`.
int kernel_open(struct kernel *kernel, const struct gateway *gateway, struct port *ports, char *why,
		size_t why_size);

// Carries frames both ways, a bounded number a call, once `workers` are there. Returns how many microseconds the
// caller may wait before it calls again.
unsigned kernel_poll(struct kernel *kernel);

// The workers have ended: carries what they have left, until nothing is left.
void kernel_drain(struct kernel *kernel);

// Copies the counters of the interface of port `i`, and lets its carrier follow the port's link there.
void kernel_publish(struct kernel *kernel, unsigned i, struct weir_port *to);

void kernel_close(struct kernel *kernel); // removes the interfaces
