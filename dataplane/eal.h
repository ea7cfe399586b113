// SPDX-License-Identifier: BSD-3-Clause
//
// Starts DPDK's environment as gateway.conf asks. Main thread only.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "rules/gateway.h"

// Starts the EAL: main lcore on main_cpu, one worker lcore (number 1 + i) on each of worker_cpus,
// one (number n_workers + 1) for the dispatcher where there is one,
// memory_mb in hugepages where `hugepages` is required, or auto and enough are free; else in
// ordinary pages (`*huge` says which). In-memory: no files, several gateways beside each other. 0,
// or -errno with one line in `why`.
int eal_start(const struct gateway *gateway, bool *huge, char *why, size_t why_size);

// To be left out where a port of type xdp was opened (port_xdp_close says why): the end of the process is
// the end of it all.
void eal_stop(void);
