// SPDX-License-Identifier: BSD-3-Clause
//
// What DPDK says while the dataplane starts. It is kept, so that a start that fails ends with one line
// that names the cause; where the start goes on, it is logged like our own lines. Main thread only.
#pragma once

#include <stddef.h>

// Keeps what DPDK logs from here on. Where no memory is left it goes to stderr as it comes.
void said_begin(void);

// The first thing that DPDK said since the last said_pass_on, cut to `size`, without the name of the
// function that said it; a copy of `otherwise` where it said nothing. Returns `out`.
const char *said_format(char *out, size_t size, const char *otherwise);

// The step is done: logs what was kept, and keeps on.
void said_pass_on(void);

// What DPDK logs from here on goes to stderr; what is still kept is forgotten.
void said_end(void);
