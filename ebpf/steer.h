/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
//
// The steering bucket of a frame, of which the steering table says who takes it (docs/decisions/015-steering.md):
// one worker of this gateway, or a sibling gateway. One sender's messages fall into all buckets, and a message that
// is sent again falls into the same one, since what is hashed is what names the message (decision 45): tenant and id
// of a native one, source and Call-ID of SIP, source, token and message id of CoAP. The XDP program and the dispatching
// lcore compile this. UAPI and libc types alone.
#pragma once

#include "ebpf/call_id.h"
#include "ebpf/parse.h"

enum { STEER_BITS = 12, STEER_BUCKETS = 1 << STEER_BITS };
enum { STEER_NATIVE_SIZE = 16, STEER_COAP_SIZE = 4, STEER_TOKEN_MAX = 8 };

// What a listener speaks, by the numbers of enum weir_protocol; STEER_OTHER: there is no listener.
enum steer_protocol { STEER_NATIVE, STEER_SIP, STEER_COAP, STEER_OTHER };

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

LAYERS_INLINE __u64 steer_source(const struct layers *layers)
{
	if (layers->version == 4)
		return LAYERS_LOAD(__u32, layers->ip + 12);
	return steer_mix(LAYERS_LOAD(__u64, layers->ip + 8)) + LAYERS_LOAD(__u64, layers->ip + 16);
}

// Source address and Call-ID, at `call_id` in the message; source and ports where that is 0.
LAYERS_INLINE __u64 steer_sip(const struct layers *layers, __u32 call_id, __u64 seed)
{
	if (call_id == 0)
		return seed ^ steer_flow(layers);
	return steer_value(layers, layers->udp + LAYERS_UDP_SIZE + call_id, layers->payload_length - call_id,
			   seed ^ steer_source(layers));
}

// Source endpoint (whose own message ids and tokens are: RFC 7252, 4.4 and 5.3.1), message id, and token, where that
// has a legal length; source and ports alone of what is shorter than a header.
LAYERS_INLINE __u64 steer_coap(const struct layers *layers, __u64 seed)
{
	const __u8 *message = layers->udp + LAYERS_UDP_SIZE;
	__u64 key = seed ^ steer_flow(layers), token;
	__u32 length;

	if (layers->payload_length < STEER_COAP_SIZE || message + STEER_COAP_SIZE > layers->end)
		return key;
	key = steer_mix(key) ^ LAYERS_LOAD(__u16, message + 2);
	length = message[0] & 15;
	if (length == 0 || length > STEER_TOKEN_MAX)
		return key;
	token = steer_word(layers, message + STEER_COAP_SIZE, layers->payload_length - STEER_COAP_SIZE);
	return steer_mix(key) ^ (token & (~0ull >> (64 - 8 * length)));
}

// Tenant and id of a native message, of which STEER_NATIVE_SIZE bytes lie in the frame.
LAYERS_INLINE __u32 steer_native(const __u8 *message, __u64 seed)
{
	return steer_fold(seed ^ ((__u64)LAYERS_LOAD(__u32, message + 4) << 32 | LAYERS_LOAD(__u32, message + 12)));
}

// The bucket of a frame that layers_parse ended as `end`; `protocol`: of the listener that takes it; `call_id`: what
// steer_call_id_find says of a SIP message. `seed` is drawn at each start, so that nobody outside can choose ids
// that all fall to one worker.
LAYERS_INLINE __u32 steer_bucket(const struct layers *layers, enum layers_end end, enum steer_protocol protocol,
				 __u32 call_id, __u64 seed)
{
	if (end == LAYERS_UDP) {
		const __u8 *payload = layers->udp + LAYERS_UDP_SIZE;

		if (protocol == STEER_NATIVE && layers->payload_length >= STEER_NATIVE_SIZE &&
		    payload + STEER_NATIVE_SIZE <= layers->end)
			return steer_native(payload, seed);
		if (protocol == STEER_SIP)
			return steer_fold(steer_sip(layers, call_id, seed));
		if (protocol == STEER_COAP)
			return steer_fold(steer_coap(layers, seed));
		return steer_fold(seed ^ steer_flow(layers));
	}
	if (layers->ip)
		return steer_fold(seed ^ steer_addresses(layers));
	return (__u32)seed % STEER_BUCKETS;
}
