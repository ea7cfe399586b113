/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
//
// The way from a frame's first byte to its UDP payload, as dataplane/parse.c goes it, in the form that the
// kernel's verifier can follow: a cursor that never passes the end. The XDP program and the dispatching lcore
// compile this; checksums and listeners are not looked at. UAPI and libc types alone.
#pragma once

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

// The verifier must see through every call, and the dispatcher has few cycles for each frame.
#define LAYERS_INLINE static inline __attribute__((always_inline))

enum { LAYERS_VLANS = 2, LAYERS_EXTENSIONS = 8 };
enum { LAYERS_ETHER_SIZE = 14, LAYERS_VLAN_SIZE = 4, LAYERS_IPV4_SIZE = 20, LAYERS_IPV6_SIZE = 40,
       LAYERS_UDP_SIZE = 8, LAYERS_EXTENSION_UNIT = 8 };

enum layers_end {
	LAYERS_UDP,       // a UDP header and a payload are where all lengths say
	LAYERS_ETHERTYPE, // neither IPv4 nor IPv6
	LAYERS_NOT_UDP,
	LAYERS_UNSURE,    // a fragment of UDP, or a header that is broken or cut: for the workers to judge
};

struct layers {
	const __u8 *data, *end; // the frame; all that the others point to lies inside
	const __u8 *ip;         // NULL: no IP header, or not whole
	const __u8 *udp;        // set for LAYERS_UDP; the payload is LAYERS_UDP_SIZE behind it
	__u32 payload_length;   // as the UDP header has it
	__u32 version;          // 4 or 6, set with `ip`
	__u32 protocol;         // of IP, set for LAYERS_NOT_UDP
};

// Words of any alignment. BPF may read them so; in C that is memcpy's work.
#ifdef __bpf__
#define LAYERS_LOAD(type, at) (*(const type *)(at))
#else
#define LAYERS_LOAD(type, at) (((const struct { type word; } __attribute__((packed)) *)(at))->word)
#endif

LAYERS_INLINE __u16 layers_be16(const __u8 *at)
{
	return __builtin_bswap16(LAYERS_LOAD(__u16, at));
}

// `left`: bytes of IP payload from `at` on, which lie in the frame.
LAYERS_INLINE enum layers_end layers_parse_udp(struct layers *layers, const __u8 *at, __u32 left)
{
	__u32 length;

	if (left < LAYERS_UDP_SIZE || at + LAYERS_UDP_SIZE > layers->end)
		return LAYERS_UNSURE;
	length = layers_be16(at + 4);
	if (length < LAYERS_UDP_SIZE || length > left)
		return LAYERS_UNSURE;
	layers->udp = at;
	layers->payload_length = length - LAYERS_UDP_SIZE;
	return LAYERS_UDP;
}

LAYERS_INLINE enum layers_end layers_parse_ipv4(struct layers *layers, const __u8 *ip)
{
	__u32 header, total;

	if (ip + LAYERS_IPV4_SIZE > layers->end)
		return LAYERS_UNSURE;
	layers->ip = ip;
	layers->version = 4;
	header = (ip[0] & 0xfu) * 4;
	total = layers_be16(ip + 2);
	if (ip[0] >> 4 != 4 || header < LAYERS_IPV4_SIZE)
		return LAYERS_UNSURE;
	layers->protocol = ip[9];
	if (ip[9] != 17)
		return LAYERS_NOT_UDP;
	if (total < header || ip + total > layers->end || (layers_be16(ip + 6) & 0x3fff))
		return LAYERS_UNSURE;
	return layers_parse_udp(layers, ip + header, total - header);
}

// Hop-by-hop options, routing, destination options.
LAYERS_INLINE int layers_is_extension(__u8 next)
{
	return next == 0 || next == 43 || next == 60;
}

LAYERS_INLINE enum layers_end layers_parse_ipv6(struct layers *layers, const __u8 *ip)
{
	const __u8 *at = ip + LAYERS_IPV6_SIZE;
	__u32 left, walked = 0;
	__u8 next;

	if (at > layers->end)
		return LAYERS_UNSURE;
	layers->ip = ip;
	layers->version = 6;
	left = layers_be16(ip + 4);
	next = ip[6];
	if (ip[0] >> 4 != 6)
		return LAYERS_UNSURE;
	for (int i = 0; i < LAYERS_EXTENSIONS && layers_is_extension(next); i++) {
		__u32 size;

		if (at + LAYERS_EXTENSION_UNIT > layers->end)
			return LAYERS_UNSURE;
		next = at[0];
		size = (at[1] + 1u) * LAYERS_EXTENSION_UNIT;
		at += size;
		walked += size;
	}
	layers->protocol = next;
	if (next == 44 && at + LAYERS_EXTENSION_UNIT <= layers->end) {
		layers->protocol = at[0];
		return at[0] == 17 ? LAYERS_UNSURE : LAYERS_NOT_UDP;
	}
	if (next == 44 || layers_is_extension(next))
		return LAYERS_UNSURE;
	if (next != 17)
		return LAYERS_NOT_UDP;
	if (walked > left || ip + LAYERS_IPV6_SIZE + left > layers->end)
		return LAYERS_UNSURE;
	return layers_parse_udp(layers, at, left - walked);
}

// Fills `layers` from the frame of which its `data` and `end` are set.
LAYERS_INLINE enum layers_end layers_parse(struct layers *layers)
{
	const __u8 *at = layers->data + LAYERS_ETHER_SIZE;
	__u16 type;

	layers->ip = layers->udp = 0;
	layers->payload_length = layers->version = layers->protocol = 0;
	if (at > layers->end)
		return LAYERS_UNSURE;
	type = layers_be16(layers->data + 12);
	for (int i = 0; i < LAYERS_VLANS && (type == 0x8100 || type == 0x88a8); i++) {
		if (at + LAYERS_VLAN_SIZE > layers->end)
			return LAYERS_UNSURE;
		type = layers_be16(at + 2);
		at += LAYERS_VLAN_SIZE;
	}
	if (type == 0x0800)
		return layers_parse_ipv4(layers, at);
	if (type == 0x86dd)
		return layers_parse_ipv6(layers, at);
	return LAYERS_ETHERTYPE;
}
