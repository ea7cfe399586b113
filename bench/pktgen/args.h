// SPDX-License-Identifier: BSD-3-Clause
//
// The command line of weir-pktgen.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bench/pktgen/run.h"

struct args {
	const char *scenario;            // name or path; NULL with `replay`
	const char *devices[RUN_PORTS_MAX]; // DPDK device strings or PCI addresses; the first is sent to
	unsigned n_devices;
	const char *pcap, *tenants, *replay, *json, *html; // files, or NULL
	double rate; // messages a second in place of the scenario's; -1: the scenario's, 0: as fast as can be
	double seconds;                  // 0: the scenario's
	uint64_t count;                  // messages; 0: no limit (of a capture: the deck once)
	int64_t seed;                    // -1: the scenario's
	bool search;
	double loss, resolution;         // of the search: shares
	double settle_s;
	int cpu, main_cpu;               // -1: the last and the first of ours
	unsigned memory_mb;
	bool huge_never, hold, quiet;
};

// 0, or the status to end with (0 < status, or -1 for --help and --version): what is wrong has been said.
int args_read(struct args *args, int n, char **list);
