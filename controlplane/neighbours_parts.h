// SPDX-License-Identifier: BSD-3-Clause
//
// What the parts of neighbours share: neighbours.c (what is wanted, and answers), neighbours_known.c (what is known),
// neighbours_netlink.c (how it is learned) and neighbours_message.c (the kernel's messages). Nobody else.
#pragma once

#include "controlplane/neighbours.h"

struct mnl_socket;
struct nlmsghdr;

enum {
	NEIGHBOURS_MAX = 16384,
	VIAS_MAX = ROUTES_MAX_NEIGHBOURS,
	SOLICIT_MS = 2000,
	SOLICIT_BURST = 256
};

struct interface {        // beside a port; `index` 0: there is none at the moment
	const char *name; // NULL: the port has none
	uint32_t index;
	bool up;
	uint8_t round;
};

struct hop_key {
	uint16_t port;
	uint8_t family;
	uint8_t address[16];
};

struct neighbour {
	struct hop_key key;
	uint8_t mac[6];
	uint8_t round; // of dumping in which it was seen
	bool valid, stale;
};

struct via { // a route through a gateway
	struct hop_key gateway;
	uint8_t family, length;
	uint8_t address[16];
	uint8_t round;
	uint32_t metric;
};

struct hop { // of a wanted address
	struct hop_key want;
	struct hop_key gateway; // itself where it is on the link; family 0: no route
	uint16_t mtu;
};

enum dump { DUMP_LINKS, DUMP_NEIGHBOURS, DUMP_ROUTES, DUMP_NONE };

struct neighbours {
	struct event_base *base;
	void (*changed)(void *argument);
	void *argument;
	unsigned n_ports;
	struct interface interface[GATEWAY_MAX_PORTS];
	struct neighbour *neighbour; // sorted by key
	uint32_t n_neighbours;
	struct via *via;
	uint32_t n_vias;
	struct hop *hop; // sorted by want
	uint32_t n_hops, next_solicit;
	struct mnl_socket *events, *queries;
	struct event *readable, *solicit, *look;
	int udp4, udp6;  // for asking, -1: none
	enum dump dump;  // that runs
	bool dump_again; // what was learned is not whole
	bool overrun_said, full_said;
	uint8_t round;
	uint32_t sequence; // of the last dump; questions on the other socket do not count
	uint32_t look_ms;
};

int hop_key_compare(const void *a, const void *b);

// The neighbour of this key, NULL: not known.
const struct neighbour *neighbour_find(const struct neighbours *neighbours, const struct hop_key *key);

// The port whose interface has this index, -1: none.
int neighbours_port(const struct neighbours *neighbours, uint32_t index);

// What was learned. Each calls `changed` where an answer may be another one now.
void neighbours_link(struct neighbours *neighbours, const char *name, uint32_t index, bool up);
void neighbours_put(struct neighbours *neighbours, const struct neighbour *neighbour);
void neighbours_via(struct neighbours *neighbours, const struct via *via, bool gone, bool replaces);

// A dump begins; it is over: what was not seen in it is forgotten.
void neighbours_round(struct neighbours *neighbours);
void neighbours_sweep(struct neighbours *neighbours);

// A route: what is used of it.
struct route {
	struct hop_key gateway; // family 0: none
	uint32_t oif, metric, table;
	uint8_t address[16];
	uint16_t mtu;
};

// neighbours_message.c: takes up what the kernel says of links, neighbours and routes; other messages, and what is too
// short, are passed over. Whether the way to a wanted address may be another one now.
bool netlink_take(struct neighbours *neighbours, const struct nlmsghdr *header);
// Reads an RTM_NEWROUTE or RTM_DELROUTE that has its struct rtmsg.
void netlink_read_route(const struct neighbours *neighbours, const struct nlmsghdr *header, struct route *route);

// neighbours_netlink.c: 0 or -errno; all dumps, one after the other; the way to a wanted address.
int netlink_open(struct neighbours *neighbours);
void netlink_close(struct neighbours *neighbours);
void netlink_dump(struct neighbours *neighbours);
void netlink_look(struct neighbours *neighbours, struct hop *hop);
