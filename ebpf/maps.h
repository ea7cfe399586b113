/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
//
// Keys and values of the XDP program's maps (steer.bpf.c), which the dataplane fills (dataplane/xdp_maps.c).
// UAPI types alone.
#pragma once

#include <linux/types.h>

enum {
	XDP_QUEUES = 64,     // sockets that a port can have
	XDP_LISTENERS = 64,  // bound to an address
	XDP_SOURCES = 65536, // that a flood limit remembers, the least recent forgotten first
	XDP_BUCKETS = 4096,  // of the steering table
	XDP_SIBLINGS = 16,   // gateways that a bucket can name
	XDP_SIBLING = 0x80,  // flag of a bucket: the rest is a sibling
	XDP_PORT_ANY = 1,    // of a UDP port: a listener on any address
	XDP_PORT_BOUND = 2,  // a listener on some address
	XDP_PORT_PROTOCOL = 2, // from this bit on: what the one on any address speaks (steer.h)
	XDP_TUNNEL_IPIP = 1, // of an address: a listener there takes messages out of these tunnels
	XDP_TUNNEL_GUE = 2,
	XDP_TUNNEL_VXLAN = 4,
	XDP_GUE_PORT = 6080,
	XDP_VXLAN_PORT = 4789,
};

// Of the whole program; one word, `blocked`, says which half of the blocked sources holds.
struct xdp_settings {
	__u32 blocked;   // 0 or 1
	__u32 frame_max; // longest frame that fits a buffer of the socket
	__u32 steered;   // 1: some bucket is a sibling's
	__u8 tunnels;     // XDP_TUNNEL_*: those that end at any address,
	__u8 tunnels_bound; // and those that end at some
	__u8 reserved[2];
	__u64 seed;          // of the bucket hash (steer.h)
	__u64 flood_gap; // between two messages of one source at its limit, in 1/64 ns; 0: no limit
	__u64 flood_depth; // how far ahead of time a source may be, in 1/64 ns
	__u8 mac[6];         // of the interface: source of what goes to a sibling
	__u8 reserved2[2];
};

// A listener bound to an address.
struct xdp_listener {
	__u8 address[16]; // network order; IPv4 in the first four bytes
	__be16 port;
	__u8 family; // 4 or 6
	__u8 reserved;
};

// Keys of the blocked sources: longest prefix match.
struct xdp_prefix4 {
	__u32 length; // bits
	__u8 address[4];
};

struct xdp_prefix6 {
	__u32 length;
	__u8 address[16];
};

// Whom a flood limit counts as one source: an IPv4 address, or the /64 of an IPv6 address.
struct xdp_source {
	__u64 address; // IPv4 with the upper half zero; network order
	__u64 family;  // 4 or 6
};

struct xdp_steering {
	__u8 bucket[XDP_BUCKETS];
};

struct xdp_siblings {
	__u8 mac[XDP_SIBLINGS][6];
};
