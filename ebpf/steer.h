/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
//
// The steering bucket of a frame, of which the steering table says who takes it (docs/decisions/015-steering.md):
// one worker of this gateway, or a sibling gateway. One sender's messages fall into all buckets, since what is
// hashed of a native message is its tenant and its id. The XDP program and the dispatching lcore compile this.
// UAPI and libc types alone.
#pragma once

#include "ebpf/parse.h"

enum { STEER_BITS = 12, STEER_BUCKETS = 1 << STEER_BITS, STEER_NATIVE_SIZE = 16 };

// Every bit of a key has a say in every bit of the result. BPF has no instruction for a checksum, so: two rounds
// of multiply and shift (the finalizer of MurmurHash3, one round shorter, its upper bits taken).
LAYERS_INLINE __u64 steer_mix(__u64 key)
{
	key ^= key >> 32;
	key *= 0xff51afd7ed558ccdull;
	key ^= key >> 29;
	return key * 0xc4ceb9fe1a85ec53ull;
}

LAYERS_INLINE __u32 steer_fold(__u64 key)
{
	return (__u32)(steer_mix(key) >> (64 - STEER_BITS));
}

// Source and destination of an IP header, as the key of what has no ports or none that are sure: all fragments of a
// datagram have one bucket.
LAYERS_INLINE __u64 steer_addresses(const struct layers *layers)
{
	const __u8 *ip = layers->ip;

	if (layers->version == 4)
		return LAYERS_LOAD(__u64, ip + 12);
	return steer_mix(LAYERS_LOAD(__u64, ip + 8)) + steer_mix(LAYERS_LOAD(__u64, ip + 16) + 1) +
	       steer_mix(LAYERS_LOAD(__u64, ip + 24) + 2) + LAYERS_LOAD(__u64, ip + 32);
}

// Source address and both ports.
LAYERS_INLINE __u64 steer_flow(const struct layers *layers)
{
	__u64 ports = LAYERS_LOAD(__u32, layers->udp);

	if (layers->version == 4)
		return ports << 32 | LAYERS_LOAD(__u32, layers->ip + 12);
	return steer_mix(LAYERS_LOAD(__u64, layers->ip + 8) + ports) +
	       LAYERS_LOAD(__u64, layers->ip + 16);
}

// The bucket of a frame that layers_parse ended as `end`; `native`: a listener of protocol native takes it. `seed` is
// drawn at each start, so that nobody outside can choose ids that all fall to one worker.
LAYERS_INLINE __u32 steer_bucket(const struct layers *layers, enum layers_end end, int native,
				 __u64 seed)
{
	if (end == LAYERS_UDP) {
		const __u8 *payload = layers->udp + LAYERS_UDP_SIZE;

		if (native && layers->payload_length >= STEER_NATIVE_SIZE &&
		    payload + STEER_NATIVE_SIZE <= layers->end)
			return steer_fold(seed ^ ((__u64)LAYERS_LOAD(__u32, payload + 4) << 32 |
						  LAYERS_LOAD(__u32, payload + 12)));
		return steer_fold(seed ^ steer_flow(layers));
	}
	if (layers->ip)
		return steer_fold(seed ^ steer_addresses(layers));
	return (__u32)seed % STEER_BUCKETS;
}
