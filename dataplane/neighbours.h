// SPDX-License-Identifier: BSD-3-Clause
//
// Next hops by longest prefix (rules/routes.h: route_neighbour), for what weir itself sends back. Built by
// the main thread, looked up by workers. libc only.
#pragma once

#include <stdint.h>

#include "rules/routes.h"

struct neighbours {
	const struct route_neighbour *list; // sorted, checked by routes_open; not owned
	uint32_t n;
	uint16_t *parent; // index of the longest other prefix that holds this one, or NEIGHBOUR_NONE
};

#define NEIGHBOUR_NONE 0xffffu

// 0 or -ENOMEM.
int neighbours_init(struct neighbours *neighbours, const struct route_neighbour *list, uint32_t n);
void neighbours_fini(struct neighbours *neighbours);

// The longest prefix that holds `address` (network order, IPv4 in the first four bytes, the rest zero); NULL: none.
const struct route_neighbour *neighbours_find(const struct neighbours *neighbours, unsigned family,
					      const uint8_t address[16]);
