// SPDX-License-Identifier: BSD-3-Clause
//
// Routes: who of a table's pools lives now, with which share, and by which next hop. One small
// position-independent image beside the table (table.h), made by the control plane each time that
// a member comes or goes, sealed, passed over dp.sock, checked once by the dataplane and swapped
// under RCU as a table is. A table has its first routes in itself: every member whose mac it gives.
//
// Little-endian host order; offsets are from the start of the image, multiples of 64; padding is
// zero. libc only.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "rules/table.h"

#define ROUTES_MAGIC UINT64_C(0x3174756f72726977) // "wirrout1"
#define ROUTES_ABI 1u

struct routes_header {
	uint64_t magic;
	uint32_t abi;
	uint32_t crc;       // CRC-32C of every byte of the image after this field
	uint64_t size;      // of the whole image in bytes
	uint32_t table_crc; // table_header.crc of the table that this is for
	uint32_t n_pools;   // the table's
	uint32_t n_members; // the table's
	uint32_t n_slots;
	uint32_t n_neighbours;
	uint32_t reserved;
	uint64_t pools, members, slots, neighbours; // offsets
};

struct route_pool {
	uint32_t slot;    // first of n_slots in the slots: member number within the pool
	uint32_t n_slots; // 0: no member lives; else 1 or a prime
};

enum route_state { ROUTE_UP, ROUTE_DOWN, ROUTE_DRAINED, ROUTE_STANDBY, ROUTE_NO_NEXT_HOP, ROUTE_EJECTED,
		   ROUTE_N_STATES };

struct route_member {
	uint8_t mac[6];  // of the next hop; zero: none known, then no slot may name it
	uint8_t state;   // enum route_state, for people: slots decide
	uint8_t reserved;
	uint16_t mtu;    // of the path to it, at least 68; 0: the port's
	uint16_t reserved2;
};

// Next hops for what weir itself sends back to addresses (the replies of nat): sorted by (family,
// address, length), the longest prefix decides. A default route is a prefix of length 0.
struct route_neighbour {
	uint8_t address[16]; // network order, host bits zero; IPv4 in the first four bytes
	uint8_t family;      // 4 or 6
	uint8_t length;      // prefix bits
	uint16_t port;       // index of a port in gateway.conf
	uint8_t mac[6];
	uint8_t reserved[2];
};

// The order of neighbours: below, equal to or above 0.
int route_neighbour_compare(const struct route_neighbour *a, const struct route_neighbour *b);

// An image opened for use: pointers into it.
struct routes {
	const struct routes_header *header;
	const struct route_pool *pools;
	const struct route_member *members;
	const uint16_t *slots;
	const struct route_neighbour *neighbours;
};

enum { ROUTES_MAX_NEIGHBOURS = 4096 };

// Checks an image as if an enemy wrote it (size, alignment, magic, ABI, checksum, that it is for
// `table`, every offset and member number, that each member in a slot has a mac) and fills `routes`.
// `image` stays the caller's and must outlive `routes`, unchanged. 0; -ESTALE for another table;
// -EINVAL; with one line in `why`. Any thread.
int routes_open(struct routes *routes, const struct table *table, const void *image, size_t size, char *why,
		size_t why_size);

// What is known of one of a table's members. It gets slots where its state is ROUTE_UP, its mac is known
// and its weight is not 0: who stands by, fails back or is drained is decided before.
struct routes_input {
	struct route_member member;
	uint16_t weight; // the table's, or what an operator made of it
};

struct routes_image {
	void *data; // free()
	size_t size;
};

// Makes the image for `table` from `input` (one for each of its members, in its order) and `neighbours`,
// sorted without repeats. The same input gives the same bytes. 0, -E2BIG for too many neighbours, -ENOMEM.
// Any thread.
int routes_make(const struct table *table, const struct routes_input *input, const struct route_neighbour *neighbours,
		uint32_t n_neighbours, struct routes_image *image);
