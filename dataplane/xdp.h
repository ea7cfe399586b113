// SPDX-License-Identifier: BSD-3-Clause
//
// The XDP side of a port of type "xdp": the program on the interface and its maps (ebpf/steer.bpf.c).
// The kernel keeps the interface; DPDK's AF_XDP driver joins the program (port_xdp.c). Everything that
// is made here is pinned in /sys/fs/bpf/weir/GATEWAY/PORT, so that what a crash left is known for what
// it is. Main thread only.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "dataplane/abi/segment.h"
#include "rules/gateway.h"
#include "rules/table.h"

struct xdp;

struct xdp_parts {
	const struct gateway *gateway; // name, listeners
	const struct gateway_port *port;
	uint32_t frame_max; // longest frame that a socket can take
};

// Takes away what a dead dataplane of this name left on the interface, loads the program and attaches it:
// through libxdp's dispatcher beside other programs, else by a link of its own; natively, else in skb mode.
// What was not the first choice is logged. Until sockets are in the map every frame goes to the kernel.
// NULL with errno and one line in `why`: no such interface, not permitted, no bpffs, another gateway or
// program has the interface, refused by the verifier.
struct xdp *xdp_open(const struct xdp_parts *parts, char *why, size_t why_size);

// Gives the sockets of the queues from `n` on no frames: they only send.
void xdp_sockets_limit(struct xdp *xdp, unsigned n);

// Detaches: from here on the kernel gets every frame. What sockets hold already stays there.
void xdp_detach(struct xdp *xdp);

// Detaches and removes all pins. NULL is fine.
void xdp_close(struct xdp *xdp);

// Looks after the interface: says what has changed, attaches again where the program was taken away. To be
// called often; does its work a few times a second.
void xdp_poll(struct xdp *xdp, uint64_t now_ns);

// Copies the program's counters, and whether the interface is up, into the segment.
void xdp_publish(const struct xdp *xdp, struct weir_port *to);

// The blocked sources of `table` hold from here on, instead of those of `previous` (or NULL). Prefixes past
// the port's blocked_max are left to the workers, which check every message anyway; said and counted.
void xdp_blocked_put(struct xdp *xdp, const struct table *table, const struct table *previous);

// What the program does with each steering bucket (socket.h): WEIR_STEER_SIBLING | s goes to the MAC `s` of
// `n_siblings`, everything else to the socket. 0 or -errno; -EINVAL for a sibling that is not there.
int xdp_steer_put(struct xdp *xdp, const uint8_t *bucket, const uint8_t (*sibling)[6],
		  unsigned n_siblings);

// Draws the program's bucket hash from `seed` (ebpf/steer.h), which the dispatching lcore has too. 0 or -errno.
int xdp_seed_put(struct xdp *xdp, uint64_t seed);
