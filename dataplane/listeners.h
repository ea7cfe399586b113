// SPDX-License-Identifier: BSD-3-Clause
//
// The destinations that messages are taken for (DESIGN 1.3, step 5), and whose they are. Pure, libc only. Written
// once, by listeners_init; any number of threads may look then.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { LISTENERS_MAX = 64 };

struct listener {
	uint8_t address[16]; // network order; IPv4 in the first four bytes
	uint8_t family;      // 4, 6, or 0 for any
	uint8_t protocol;    // enum weir_protocol
	uint16_t port;       // host order
	uint8_t tunnels;     // enum weir_tunnel: those that it asks for
};

// (destination, port) → listener. An address-bound listener goes before `any` on the same port.
struct listeners {
	struct listener list[LISTENERS_MAX];
	uint32_t n;
	uint8_t by_port[65536]; // 0: none, else 1 + index of the first listener to try on that port
	uint8_t next[LISTENERS_MAX]; // 0: no more, else 1 + index of the next on the same port
	uint16_t plain_port; // network order: port of the first listener on any address alone on its port; 0: none
	uint8_t plain_listener; // its index
	uint8_t tunnels; // of all listeners
};

// Builds the index over `list`[0..n). -EINVAL for more than LISTENERS_MAX or two equal ones.
int listeners_init(struct listeners *listeners, const struct listener *list, uint32_t n);

static inline bool listener_takes(const struct listener *listener, unsigned ip_version, const uint8_t *ip)
{
	if (listener->family != ip_version)
		return listener->family == 0;
	return listener->family == 4 ? memcmp(listener->address, ip + 16, 4) == 0
				     : memcmp(listener->address, ip + 24, 16) == 0;
}

// Index of the listener for the destination of an IP header and a UDP port in host order, -1 where there is none.
static inline int listeners_find(const struct listeners *listeners, unsigned ip_version, const uint8_t *ip,
				 uint16_t port)
{
	for (uint8_t i = listeners->by_port[port]; i; i = listeners->next[i - 1])
		if (listener_takes(&listeners->list[i - 1], ip_version, ip))
			return i - 1;
	return -1;
}
