// SPDX-License-Identifier: BSD-3-Clause
//
// What weir-dataplane consists of, how it starts and how all of it is undone. Main thread alone.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/agent_answers.h"
#include "dataplane/args.h"
#include "dataplane/control.h"
#include "dataplane/dispatch.h"
#include "dataplane/icmp.h"
#include "dataplane/kernel.h"
#include "dataplane/port.h"
#include "dataplane/stat.h"
#include "dataplane/steering_xdp.h"
#include "dataplane/swap.h"
#include "dataplane/watch.h"
#include "dataplane/workers.h"
#include "rules/gateway.h"

enum { EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_ENVIRONMENT = 3 };

struct dataplane {
	struct args args;
	struct gateway *gateway;
	int lock;
	struct rte_mempool *pool;
	struct listeners listeners;
	struct port ports[GATEWAY_MAX_PORTS];
	unsigned n_ports; // opened
	struct watch watch;
	struct kernel kernel;
	struct icmp icmp;
	struct stat_segment stat;
	struct handover handover;
	struct worker *workers; // [gateway->n_workers]
	struct steering steering;
	struct steering_xdp steering_xdp;
	struct dispatch *dispatch; // NULL: no port is dispatched
	struct swap swap;
	struct agent_answers answers;
	uint8_t secret[16]; // of this start: what answers are marked with
	struct control control;
	bool huge;    // the EAL's memory is in huge pages
	bool started; // the EAL
	bool running; // the workers
	char why[512];
};

// Makes everything up to the first packet. `args` is filled in, all else zero, but `lock` and `kernel.wake` are -1.
// Returns 0, or the exit status; then `why` says why, or is empty where that has been said on standard error.
int dataplane_start(struct dataplane *dp);

// Starts the ports, the workers and the dispatcher: once, when there is a table. Returns as dataplane_start.
int dataplane_launch(struct dataplane *dp);

// Undoes what dataplane_start has done, in reverse, however far it came; workers must have ended.
void dataplane_clean_up(struct dataplane *dp);
