// SPDX-License-Identifier: BSD-3-Clause
//
// How the packet path reaches members now: the slots of each pool, the frame header for each member, and
// what the corridor needs of each verdict, gathered into one line. Made from a table alone, or from it and
// routes (rules/routes.h). Beside the table, behind one pointer with it: workers take up `struct paths`, and
// with it the table that it is for. Built and destroyed by the main thread, like the table (live.h).
#pragma once

#include <assert.h>
#include <stdint.h>

#include "dataplane/live.h"
#include "dataplane/neighbours.h"
#include "dataplane/sealed.h"
#include "rules/routes.h"

// What act, police and classify need of a verdict, gathered from the table, its pool and the registry: one load.
struct live_verdict {
	uint8_t action;       // enum weir_action
	uint8_t set_priority; // or 0xff
	uint8_t port;         // index of the port forwarded to
	uint8_t plain;        // 1: forward, without a copy, by rewriting MACs alone, to a pool that has members
	uint32_t name;        // registry index of the rule
	uint32_t meter;       // profile, or TABLE_NONE
	uint32_t slot;        // first of n_slots in paths.slots
	uint32_t n_slots;
	uint32_t member; // first of the pool's members
	uint32_t zone;   // first of its zone's row in weir_segment.zones, or TABLE_NONE
	uint32_t reserved;
};
static_assert(sizeof(struct live_verdict) == 32, "two verdicts a cache line");

struct live_member {
	uint8_t mac_destination[6], mac_source[6]; // as the forwarded frame begins
	uint32_t name;                             // registry index
};
static_assert(sizeof(struct live_member) == 16, "four members a cache line");

// A member of nat pools and the address that its answers leave from.
struct path_service {
	uint8_t family;
	uint8_t member[16];
	uint8_t service[16];
};

struct paths {
	struct live *live;             // the table
	struct live_verdict *verdicts; // n_rules + 1
	struct live_member *members;
	const uint16_t *slots; // of the routes, else of the table
	uint16_t *mtus;        // by member: largest IP datagram that goes to it; 65,535 where all do that ports take in
	struct path_service *services; // members of nat pools, sorted, n_services
	uint32_t n_services;
	bool ejects; // some pool ejects members by ICMP errors
	struct neighbours neighbours; // next hops for what they answer
	struct routes routes;  // header NULL: by the table alone
	struct sealed memory;  // of the routes
	void *image;
	size_t mapped;
};

// Builds what leads to the members of `live` by `memory` (routes; taken over, closed on failure), or, where its
// fd is -1, by the table alone. NULL with errno and one line in `why`: ESTALE routes for another table, EPERM not
// sealed, EINVAL bad routes, ENOMEM. `live` stays the caller's and must outlive the result.
struct paths *paths_create(const struct live_context *context, struct live *live, struct sealed memory, char *why,
			   size_t why_size);

// Frees and closes. No worker may use it any more. NULL is fine. The table stays.
void paths_destroy(struct paths *paths);

// The service address that stands for the member with this address (16 bytes, network order), or NULL. Worker.
const uint8_t *paths_find_service(const struct paths *paths, unsigned family, const uint8_t address[16]);
