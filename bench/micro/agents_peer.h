// SPDX-License-Identifier: BSD-3-Clause
//
// What the programs of `bench/run agents` share that take a control plane's place at a dataplane.
#pragma once

#include <stdint.h>

#include "controlplane/mapping.h"

// Ends the program with status 3 and one line: `what` and the error (-errno or errno).
void peer_fail(const char *what, int err) __attribute__((noreturn));

// Connects to the dataplane behind the socket `path` and maps its segment, both for as long as the program runs.
// Returns the socket; does not return where there is none.
int peer_meet(const char *path, struct mapping **map);

// Tells the dataplane that a worker's slots below `consumed` may be written again.
void peer_consumed(int socket, unsigned worker, uint64_t consumed);
