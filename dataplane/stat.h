// SPDX-License-Identifier: BSD-3-Clause
//
// The dataplane's end of the segment (abi/segment.h): makes the file, gives each worker its part.
// Main thread only.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "dataplane/abi/segment.h"
#include "rules/gateway.h"

struct stat_segment {
	struct weir_segment *map;
	int fd;        // locked for as long as we live
	int reader_fd; // the same file, opened read-only: for the control plane
	char path[256];
};

// Makes run_dir/NAME/segment.BOOTID for `gateway` (its folder exists): size reserved, locked,
// zeroed, header filled, touched once so that no worker meets a page fault. 0, or -errno with one
// line in `why`.
int stat_create(struct stat_segment *stat, const struct gateway *gateway, char *why,
		size_t why_size);

// Marks the segment as ended in order and removes the file when no record in it is unread.
void stat_destroy(struct stat_segment *stat);

// Frames received, by all workers on all ports.
uint64_t stat_received(const struct stat_segment *stat);
