/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
//
// The XDP program of a port of type "xdp": gives message traffic to the AF_XDP socket of its queue and
// everything else to the kernel, drops blocked sources and floods, and sends the buckets that an operator
// has moved to a sibling gateway there. One fate a frame, one counter (dataplane/abi/xdp.h).
//
// What the books need reaches the dataplane: a message to a listener that is malformed, an IP header that
// says nothing sure, every UDP fragment, and tunnels that listeners ask for go to the socket, so that they count there
// as on any port.
//
// It has the name, the version and the map of libxdp's own program for AF_XDP sockets, so that DPDK's driver
// takes it for that one and puts its sockets into the map.
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>
#include <xdp/xdp_helpers.h>

#include "dataplane/abi/xdp.h"
#include "ebpf/maps.h"
#include "ebpf/steer.h"

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, XDP_QUEUES);
} xsks_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct xdp_settings);
	__uint(max_entries, 1);
} settings SEC(".maps");

// By UDP port: XDP_PORT_*.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u8);
	__uint(max_entries, 65536);
} ports SEC(".maps");

// Listeners bound to an address; the value is the protocol.
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct xdp_listener);
	__type(value, __u8);
	__uint(max_entries, XDP_LISTENERS);
} listeners SEC(".maps");

// Addresses that tunnels end at: a listener's key without its port; the value is XDP_TUNNEL_*.
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct xdp_listener);
	__type(value, __u8);
	__uint(max_entries, XDP_LISTENERS);
} tunnels SEC(".maps");

// Blocked sources, twice: settings.blocked says which half holds.
struct list4 {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(key_size, sizeof(struct xdp_prefix4));
	__uint(value_size, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__type(key, __u32);
	__uint(max_entries, 2);
	__array(values, struct list4);
} blocked4 SEC(".maps");

struct list6 {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(key_size, sizeof(struct xdp_prefix6));
	__uint(value_size, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__type(key, __u32);
	__uint(max_entries, 2);
	__array(values, struct list6);
} blocked6 SEC(".maps");

// When each source may send its next message at its rate, in 1/64 ns of the machine's clock.
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct xdp_source);
	__type(value, __u64);
	__uint(max_entries, XDP_SOURCES);
} floods SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct xdp_steering);
	__uint(max_entries, 1);
} steering SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct xdp_siblings);
	__uint(max_entries, 1);
} siblings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, WEIR_N_XDP_FATES);
} fates SEC(".maps");

static const __u32 first = 0;

// What the listener speaks that takes the message; STEER_OTHER: none does.
static __always_inline enum steer_protocol listener_find(const struct layers *layers)
{
	struct xdp_listener key = { .port = LAYERS_LOAD(__be16, layers->udp + 2), .family = layers->version };
	__u32 number = bpf_ntohs(key.port);
	const __u8 *port = bpf_map_lookup_elem(&ports, &number), *protocol;

	if (!port || !*port)
		return STEER_OTHER;
	if (!(*port & XDP_PORT_BOUND))
		return *port >> XDP_PORT_PROTOCOL;
	if (layers->version == 4)
		__builtin_memcpy(key.address, layers->ip + 16, 4);
	else
		__builtin_memcpy(key.address, layers->ip + 24, 16);
	protocol = bpf_map_lookup_elem(&listeners, &key);
	if (protocol)
		return *protocol;
	return *port & XDP_PORT_ANY ? *port >> XDP_PORT_PROTOCOL : STEER_OTHER;
}

// Whether a tunnel, XDP_TUNNEL_*, ends at the destination: then the workers look at what is inside, which alone says
// whose message it is.
static __always_inline bool is_tunnel(const struct layers *layers, const struct xdp_settings *set, __u32 tunnel)
{
	struct xdp_listener key = { .family = layers->version };
	const __u8 *bound;

	if (set->tunnels & tunnel)
		return true;
	if (!(set->tunnels_bound & tunnel))
		return false;
	if (layers->version == 4)
		__builtin_memcpy(key.address, layers->ip + 16, 4);
	else
		__builtin_memcpy(key.address, layers->ip + 24, 16);
	bound = bpf_map_lookup_elem(&tunnels, &key);
	return bound && (*bound & tunnel);
}

static __always_inline bool is_ipip(const struct layers *layers, const struct xdp_settings *set)
{
	return (layers->protocol == 4 || layers->protocol == 41) && is_tunnel(layers, set, XDP_TUNNEL_IPIP);
}

static __always_inline bool is_udp_tunnel(const struct layers *layers, const struct xdp_settings *set)
{
	__u32 port = layers_be16(layers->udp + 2);

	if (port != XDP_GUE_PORT && port != XDP_VXLAN_PORT)
		return false;
	return is_tunnel(layers, set, port == XDP_GUE_PORT ? XDP_TUNNEL_GUE : XDP_TUNNEL_VXLAN);
}

static __always_inline bool is_blocked(const struct layers *layers,
				       const struct xdp_settings *set)
{
	__u32 half = set->blocked;
	void *list;

	if (layers->version == 4) {
		struct xdp_prefix4 key = { .length = 32 };

		list = bpf_map_lookup_elem(&blocked4, &half);
		if (!list)
			return false;
		__builtin_memcpy(key.address, layers->ip + 12, 4);
		return bpf_map_lookup_elem(list, &key);
	}
	struct xdp_prefix6 key = { .length = 128 };

	list = bpf_map_lookup_elem(&blocked6, &half);
	if (!list)
		return false;
	__builtin_memcpy(key.address, layers->ip + 8, 16);
	return bpf_map_lookup_elem(list, &key);
}

static __always_inline void source_get(const struct layers *layers, struct xdp_source *source)
{
	source->family = layers->version;
	source->address = 0;
	if (layers->version == 4)
		__builtin_memcpy(&source->address, layers->ip + 12, 4);
	else
		__builtin_memcpy(&source->address, layers->ip + 8, 8);
}

// A token bucket as one word (GCRA): the time at which the source is back at its rate. A message costs one
// gap; it is over the limit where that would be further ahead than the bucket is deep.
static __always_inline bool is_flood(const struct layers *layers,
				     const struct xdp_settings *set)
{
	__u64 now = bpf_ktime_get_ns() * 64, next = now + set->flood_gap;
	struct xdp_source source;
	__u64 *due;

	source_get(layers, &source);
	due = bpf_map_lookup_elem(&floods, &source);
	if (!due) {
		if (bpf_map_update_elem(&floods, &source, &next, BPF_NOEXIST) == 0)
			return false;
		due = bpf_map_lookup_elem(&floods, &source); // another CPU was first
		if (!due)
			return false;
	}
	// As often as other CPUs can have been quicker, and no more.
	for (int i = 0; i < 32; i++) {
		__u64 was = *(volatile __u64 *)due, from = was > now ? was : now;

		if (from - now > set->flood_depth)
			return true;
		if (__sync_val_compare_and_swap(due, was, from + set->flood_gap) == was)
			return false;
	}
	return false;
}

// Whether the frame comes from a sibling: then it is never sent on, or two gateways could pass it round for ever.
static __always_inline bool is_siblings(const __u8 *ether, const struct xdp_siblings *macs)
{
	for (int i = 0; i < XDP_SIBLINGS; i++)
		if (LAYERS_LOAD(__u32, macs->mac[i]) == LAYERS_LOAD(__u32, ether + 6) &&
		    LAYERS_LOAD(__u16, macs->mac[i] + 4) == LAYERS_LOAD(__u16, ether + 10))
			return true;
	return false;
}

// The verifier follows a function that is not inlined once, whatever it is called with, and all else once for each way
// that leads there: what is long below is such a function. It can be told of a place in the frame by its offset alone,
// which this bounds in words that the verifier understands and the compiler leaves alone: XDP shows no frame that is
// longer than a page.
static __always_inline __u64 bounded(__u32 offset)
{
	__u64 known = offset & 0x3fff;

	__asm__ volatile("" : "+r"(known));
	return known;
}

// Where the Call-ID is in the SIP message of `length` bytes behind the UDP header at `udp`.
__attribute__((noinline)) __u32 call_id_find(struct xdp_md *ctx, __u32 udp, __u32 length)
{
	struct layers layers = {.data = (const __u8 *)(long)ctx->data, .end = (const __u8 *)(long)ctx->data_end,
				.payload_length = length};

	layers.udp = layers.data + bounded(udp);
	return steer_call_id_find(&layers);
}

// Where an operator has moved the message's bucket to a sibling gateway, addresses the frame to that one: 1, else 0.
// The message is of `length` bytes; `what`: the IP version, and in its upper half the listener's protocol.
__attribute__((noinline)) int move(struct xdp_md *ctx, __u32 ip, __u32 udp, __u32 length, __u32 what)
{
	struct layers layers = {.data = (const __u8 *)(long)ctx->data, .end = (const __u8 *)(long)ctx->data_end,
				.payload_length = length, .version = what & 0xffff};
	const struct xdp_settings *set = bpf_map_lookup_elem(&settings, &first);
	const struct xdp_steering *table = bpf_map_lookup_elem(&steering, &first);
	const struct xdp_siblings *macs = bpf_map_lookup_elem(&siblings, &first);
	enum steer_protocol protocol = what >> 16;
	__u32 call_id = protocol == STEER_SIP ? call_id_find(ctx, udp, length) : 0, bucket;
	__u8 *ether = (__u8 *)layers.data, to;

	layers.ip = layers.data + bounded(ip);
	layers.udp = layers.data + bounded(udp);
	if (!set || !table || !macs || ether + LAYERS_ETHER_SIZE > layers.end ||
	    layers.ip + (layers.version == 4 ? LAYERS_IPV4_SIZE : LAYERS_IPV6_SIZE) > layers.end ||
	    layers.udp + LAYERS_UDP_SIZE > layers.end)
		return 0;
	bucket = steer_bucket(&layers, LAYERS_UDP, protocol, bounded(call_id), set->seed);
	if (bucket >= XDP_BUCKETS)
		return 0;
	to = table->bucket[bucket];
	if (!(to & XDP_SIBLING) || is_siblings(ether, macs))
		return 0;
	__builtin_memcpy(ether, macs->mac[to & (XDP_SIBLINGS - 1)], 6);
	__builtin_memcpy(ether + 6, set->mac, 6);
	return 1;
}

static __always_inline bool is_moved(struct xdp_md *ctx, const struct layers *layers, enum steer_protocol protocol)
{
	return move(ctx, layers->ip - layers->data, layers->udp - layers->data, layers->payload_length,
		    layers->version | protocol << 16);
}

static __always_inline enum weir_xdp_fate judge_message(struct xdp_md *ctx, const struct layers *layers,
							const struct xdp_settings *set)
{
	enum steer_protocol protocol = listener_find(layers);

	if (protocol == STEER_OTHER)
		return is_udp_tunnel(layers, set) ? WEIR_XDP_SOCKET : WEIR_XDP_NO_LISTENER;
	if (is_blocked(layers, set))
		return WEIR_XDP_BLOCKED_SOURCE;
	if (set->flood_gap && is_flood(layers, set))
		return WEIR_XDP_FLOOD;
	return set->steered && is_moved(ctx, layers, protocol) ? WEIR_XDP_MOVED : WEIR_XDP_SOCKET;
}

static __always_inline enum weir_xdp_fate judge(struct xdp_md *ctx)
{
	struct layers layers = {.data = (const __u8 *)(long)ctx->data, .end = (const __u8 *)(long)ctx->data_end};
	const struct xdp_settings *set = bpf_map_lookup_elem(&settings, &first);
	enum layers_end end = layers_parse(&layers);
	enum weir_xdp_fate fate = WEIR_XDP_SOCKET;

	if (!set)
		return WEIR_XDP_NO_SOCKET;
	if (end == LAYERS_ETHERTYPE)
		return WEIR_XDP_ETHERTYPE;
	if (end == LAYERS_NOT_UDP && !is_ipip(&layers, set))
		return WEIR_XDP_NOT_UDP;
	if (end == LAYERS_UDP)
		fate = judge_message(ctx, &layers, set);
	if (fate == WEIR_XDP_SOCKET && layers.end - layers.data > set->frame_max)
		return WEIR_XDP_TOO_LONG;
	return fate;
}

static __always_inline void count(__u32 fate)
{
	__u64 *counter = bpf_map_lookup_elem(&fates, &fate);

	if (counter)
		++*counter;
}

SEC("xdp")
int xsk_def_prog(struct xdp_md *ctx)
{
	enum weir_xdp_fate fate = judge(ctx);
	int action = XDP_PASS;

	if (fate == WEIR_XDP_SOCKET) {
		action = bpf_redirect_map(&xsks_map, ctx->rx_queue_index, XDP_PASS);
		if (action != XDP_REDIRECT)
			fate = WEIR_XDP_NO_SOCKET;
	} else if (fate == WEIR_XDP_BLOCKED_SOURCE || fate == WEIR_XDP_FLOOD) {
		action = XDP_DROP;
	} else if (fate == WEIR_XDP_MOVED) {
		action = XDP_TX;
	}
	count(fate);
	return action;
}

// After the programs of others: what we take nobody sees after us.
struct {
	__uint(priority, 90);
	__uint(XDP_PASS, 1);
} XDP_RUN_CONFIG(xsk_def_prog);

char _license[] SEC("license") = "Dual BSD/GPL";
__uint(xsk_prog_version, 1) SEC("xdp_metadata");
