// SPDX-License-Identifier: BSD-3-Clause
//
// What has come in tunnels, on a worker (docs/decisions/049-decapsulation.md): after it the frame is what was inside,
// with the Ethernet header that it came with, and every later stage treats it as it treats any other.
#pragma once

#include "dataplane/burst.h"

// Takes the outer headers off the frames in burst->payloads.tunnelled. Part of parse.
void decap(struct burst *burst);

// Completes the frame that begins at packet->data, in memory of the worker's; nothing where it is complete.
void decap_link(struct packet *packet);
