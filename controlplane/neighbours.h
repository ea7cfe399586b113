// SPDX-License-Identifier: BSD-3-Clause
//
// Next hops, as the kernel knows them: for each port that has an interface of the kernel's beside it (or is
// one), neighbours, routes and the link are followed by netlink, and members whose next hop the kernel
// does not know yet are asked for. Needs no privilege. Loop's thread only.
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "rules/gateway.h"
#include "rules/routes.h"

struct neighbours;

// Whom the next hop is wanted of.
struct next_hop_want {
	uint16_t port;
	uint8_t family;
	uint8_t address[16]; // network order
};

// `changed` is called when an answer of neighbours_find may have become another. NULL when memory or
// descriptors are out.
struct neighbours *neighbours_create(struct event_base *base, const struct gateway *gateway,
				     void (*changed)(void *argument), void *argument);
void neighbours_destroy(struct neighbours *neighbours);

// From now on these are wanted, and no others. 0 or -ENOMEM.
int neighbours_want(struct neighbours *neighbours, const struct next_hop_want *want, uint32_t n);

// The MAC of the next hop to `address` out of `port`, and the MTU of the route where it has one of its own
// (else 0). False: there is none, or it is not wanted.
bool neighbours_find(const struct neighbours *neighbours, unsigned port, unsigned family,
		     const uint8_t address[16], uint8_t mac[6], uint16_t *mtu);

// Writes up to `max` next hops in the order of route_neighbour; how many.
uint32_t neighbours_list(const struct neighbours *neighbours, struct route_neighbour *list,
			 uint32_t max);
