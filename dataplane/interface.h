// SPDX-License-Identifier: BSD-3-Clause
//
// What the kernel says of a network interface, and what has changed of it. Main thread only.
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct interface {
	unsigned index; // 0: there is none of that name
	unsigned mtu;
	unsigned rx_queues; // 0: the driver does not say
	bool up;            // set up, and with a carrier
};

// Asks the kernel for all of it.
void interface_get(struct interface *interface, const char *name);

// The interface's MAC address. 0 or -errno.
int interface_mac(const char *name, uint8_t mac[6]);
