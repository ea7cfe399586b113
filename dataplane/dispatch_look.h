// SPDX-License-Identifier: BSD-3-Clause
//
// What the dispatcher sees in a frame: as much as steering needs (ebpf/steer.h). Its lcore alone; inlined, since it is
// done for each frame.
#pragma once

#include "dataplane/dispatch.h"
#include "ebpf/steer.h"

// Where a message begins in plain IPv4.
enum { PLAIN_PAYLOAD = LAYERS_ETHER_SIZE + LAYERS_IPV4_SIZE + LAYERS_UDP_SIZE };

// A frame as far as steering needs to know it.
struct steered {
	struct layers layers;
	enum layers_end end;
	enum steer_protocol protocol; // of its listener
};

// A packet that meets no listener may be a tunnel's: then what is inside says whose it is. Fragments inside have one
// bucket by their addresses, whatever the outer header says of each.
static __attribute__((noinline)) void dispatch_look_inside(const struct dispatch *dispatch, struct steered *steered)
{
	struct layers *layers = &steered->layers;
	struct packet packet;

	parse_frame(dispatch->listeners, layers->data, (uint32_t)(layers->end - layers->data), true, &packet);
	if (!packet_tunnel(&packet))
		return;
	layers->ip = packet.data + packet.l3;
	layers->version = packet.ip_version;
	steered->end = LAYERS_UNSURE;
	if (packet.reason != WEIR_REASON_NONE)
		return;
	layers->udp = packet.data + packet.payload - LAYERS_UDP_SIZE;
	layers->payload_length = packet.payload_length;
	steered->end = LAYERS_UDP;
	steered->protocol = dispatch->listeners->list[packet.listener].protocol;
}

// Goes through a frame layer by layer.
static inline __attribute__((always_inline)) void dispatch_look(const struct dispatch *dispatch,
								const struct rte_mbuf *mbuf, struct steered *out)
{
	const uint8_t *data = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	int listener = -1;

	out->layers = (struct layers){ .data = data, .end = data + mbuf->data_len };
	out->end = layers_parse(&out->layers);
	if (likely(out->end == LAYERS_UDP))
		listener = listeners_find(dispatch->listeners, out->layers.version, out->layers.ip,
					  layers_be16(out->layers.udp + 2));
	out->protocol = listener < 0 ? STEER_OTHER : dispatch->listeners->list[listener].protocol;
	if (unlikely(listener < 0) && dispatch->listeners->tunnels)
		dispatch_look_inside(dispatch, out);
}

// Whether a frame is a native message in plain IPv4: no VLAN, no options, no fragment, lengths that agree, to the port
// that all addresses share. Then every field is where it always is, and this is all that dispatch_look would say of it.
static inline bool dispatch_is_plain_native(const struct dispatch *dispatch, const uint8_t *data, uint32_t length)
{
	enum { IP = LAYERS_ETHER_SIZE, UDP = IP + LAYERS_IPV4_SIZE };
	enum { LEAST = LAYERS_UDP_SIZE + STEER_NATIVE_SIZE };
	// as they lie in the frame: EtherType, version and length; flags and offset, TTL, protocol
	const uint32_t start = 0x00450008, start_mask = 0x00ffffff, rest = 0x11000000, rest_mask = 0xff00ff3f;
	uint32_t wrong, total, udp;

	if (unlikely(length < PLAIN_PAYLOAD + STEER_NATIVE_SIZE))
		return false;
	total = layers_be16(data + IP + 2);
	udp = layers_be16(data + UDP + 4);
	wrong = (LAYERS_LOAD(uint32_t, data + IP - 2) ^ start) & start_mask;
	wrong |= (LAYERS_LOAD(uint32_t, data + IP + 6) ^ rest) & rest_mask;
	wrong |= LAYERS_LOAD(uint16_t, data + UDP + 2) ^ dispatch->native_port;
	// a length above another leaves a sign
	wrong |= ((length - IP - total) | (total - LAYERS_IPV4_SIZE - udp) | (udp - LEAST)) & 1u << 31;
	return wrong == 0;
}

// The bucket of any frame, and what its listener speaks.
static inline __attribute__((always_inline)) uint32_t dispatch_bucket(const struct dispatch *dispatch,
								      const struct rte_mbuf *mbuf,
								      enum steer_protocol *protocol)
{
	struct steered steered;
	uint32_t call_id = 0;

	dispatch_look(dispatch, mbuf, &steered);
	if (steered.protocol == STEER_SIP)
		call_id = steer_call_id_find(&steered.layers);
	*protocol = steered.protocol;
	return steer_bucket(&steered.layers, steered.end, steered.protocol, call_id, dispatch->seed);
}
