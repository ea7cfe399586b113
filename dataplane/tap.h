// SPDX-License-Identifier: BSD-3-Clause
//
// A TAP device: an interface of the kernel whose wire we are. It lives as long as its descriptor, so
// that not even a killed process leaves one behind. Main thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rte_mbuf;

// Makes interface `name` with this MAC and MTU, up, without carrier. Its descriptor (non-blocking), or -errno with one
// line in `why`: what failed and how to mend it.
int tap_open(const char *name, const uint8_t mac[6], unsigned mtu, char *why, size_t why_size);

// Hands a frame to the kernel, which takes it at once or not at all. The mbuf stays the caller's.
bool tap_write(int fd, const struct rte_mbuf *mbuf);

// Reads a frame that the kernel sends into the empty `mbuf`. 1, 0 when there is none, -EMSGSIZE for one that does not
// fit (it is gone), -EBADFD when the interface was deleted.
int tap_read(int fd, struct rte_mbuf *mbuf);

// The interface shows carrier or not, as the port's link is. Best effort (Linux before 5.0 cannot).
void tap_carrier(int fd, bool up);
