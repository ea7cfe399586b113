// SPDX-License-Identifier: BSD-3-Clause
//
// Command line of weir-dataplane.
#pragma once

#include <stdbool.h>

struct args {
	const char *config;  // --config FILE
	const char *table;   // --table IMAGE, or NULL
	double idle_seconds; // --exit-when-idle SECONDS; negative: run until told
	bool time_stages;    // --stage-cycles: cycles of each stage, printed at the end
};

// Fills `args`. 0: go on; 1: done (help or version was printed); -EINVAL: wrong usage, said on
// stderr.
int args_parse(struct args *args, int argc, char **argv);
