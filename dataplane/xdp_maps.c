// SPDX-License-Identifier: BSD-3-Clause
//
// Fills the maps of an XDP port and reads its counters. Blocked sources are double: the half that is not in
// use is filled, then one word of the settings changes over, so that every frame meets either the old
// list or the new one, whole.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <steer.skel.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/abi/socket.h"
#include "dataplane/log.h"
#include "dataplane/prefix.h"
#include "dataplane/tunnel.h"
#include "dataplane/xdp_parts.h"
#include "ebpf/maps.h"

enum { FLOOD_UNITS = 64 /* of a nanosecond */, CPUS_MAX = 8192 };
#define SECOND_UNITS (UINT64_C(1000000000) * FLOOD_UNITS)

static_assert((int)XDP_TUNNEL_IPIP == (int)WEIR_TUNNEL_IPIP && (int)XDP_TUNNEL_GUE == (int)WEIR_TUNNEL_GUE &&
		      (int)XDP_TUNNEL_VXLAN == (int)WEIR_TUNNEL_VXLAN &&
		      (int)XDP_GUE_PORT == (int)TUNNEL_GUE_PORT && (int)XDP_VXLAN_PORT == (int)TUNNEL_VXLAN_PORT,
	      "the program's tunnels are the parser's");
static_assert((int)XDP_BUCKETS == (int)WEIR_STEER_BUCKETS &&
		      (int)XDP_SIBLING == (int)WEIR_STEER_SIBLING,
	      "the control plane's buckets are the program's");

static int put(const struct bpf_map *map, const void *key, const void *value)
{
	return bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY) < 0 ? -errno : 0;
}

static int settings_get(const struct xdp *xdp, struct xdp_settings *settings)
{
	uint32_t key = 0;

	return bpf_map_lookup_elem(bpf_map__fd(xdp->skeleton->maps.settings), &key, settings) < 0
		       ? -errno
		       : 0;
}

static int settings_put(const struct xdp *xdp, const struct xdp_settings *settings)
{
	uint32_t key = 0;

	return put(xdp->skeleton->maps.settings, &key, settings);
}

static int listener_put(const struct xdp *xdp, const struct gateway_listener *from, uint8_t *ports)
{
	struct xdp_listener key = { .port = htobe16(from->port), .family = from->family };
	uint8_t value = from->protocol, *port = &ports[from->port];

	if (from->family == 0) {
		*port |= (uint8_t)(XDP_PORT_ANY | from->protocol << XDP_PORT_PROTOCOL);
		return 0;
	}
	*port |= XDP_PORT_BOUND;
	memcpy(key.address, from->address, from->family == 4 ? 4 : 16);
	return put(xdp->skeleton->maps.listeners, &key, &value);
}

static int listeners_put(const struct xdp *xdp)
{
	const struct gateway *gateway = xdp->parts.gateway;
	uint8_t *ports = calloc(1, UINT16_MAX + 1);
	int err = ports ? 0 : -ENOMEM;

	for (unsigned i = 0; err == 0 && i < gateway->n_listeners; i++)
		err = listener_put(xdp, &gateway->listeners[i], ports);
	for (uint32_t i = 0; err == 0 && i <= UINT16_MAX; i++)
		if (ports[i])
			err = put(xdp->skeleton->maps.ports, &i, &ports[i]);
	free(ports);
	return err;
}

// Where the tunnels end that listeners ask for.
static int tunnels_put(const struct xdp *xdp, struct xdp_settings *settings)
{
	const struct gateway *gateway = xdp->parts.gateway;
	int err = 0;

	for (unsigned i = 0; err == 0 && i < gateway->n_listeners; i++) {
		const struct gateway_listener *from = &gateway->listeners[i];
		struct xdp_listener key = { .family = from->family };
		uint8_t was = 0, value;

		if (from->family == 0 || !from->tunnels) {
			settings->tunnels |= from->tunnels;
			continue;
		}
		memcpy(key.address, from->address, from->family == 4 ? 4 : 16);
		if (bpf_map_lookup_elem(bpf_map__fd(xdp->skeleton->maps.tunnels), &key, &was) < 0)
			was = 0;
		value = was | from->tunnels; // of another port there
		settings->tunnels_bound |= value;
		err = put(xdp->skeleton->maps.tunnels, &key, &value);
	}
	return err;
}

int xdp_maps_fill(struct xdp *xdp)
{
	const struct gateway_port *port = xdp->parts.port;
	struct xdp_settings settings = { .frame_max = xdp->parts.frame_max };
	int err = listeners_put(xdp);

	if (err == 0)
		err = tunnels_put(xdp, &settings);
	if (err)
		return err;
	memcpy(settings.mac, xdp->mac, sizeof(settings.mac));
	if (port->flood_rate) {
		settings.flood_gap = SECOND_UNITS / port->flood_rate;
		settings.flood_depth = settings.flood_gap * (port->flood_burst - 1);
	}
	return settings_put(xdp, &settings);
}

void xdp_sockets_limit(struct xdp *xdp, unsigned n)
{
	for (uint32_t queue = n; queue < XDP_QUEUES; queue++)
		bpf_map_delete_elem(bpf_map__fd(xdp->skeleton->maps.xsks_map), &queue);
}

// One list of blocked sources of one family: ranges by number, and the map that they go to.
struct list {
	const struct table *table;
	bool wide; // IPv6
	uint64_t n;
};

static void list_get(const struct list *list, uint64_t i, prefix_address *first,
		     prefix_address *last)
{
	if (list->wide) {
		const struct blocked6_range *range = &list->table->blocked6[i];

		*first = (prefix_address)range->first[0] << 64 | range->first[1];
		*last = (prefix_address)range->last[0] << 64 | range->last[1];
		return;
	}
	*first = list->table->blocked4[i].first;
	*last = list->table->blocked4[i].last;
}

static int prefix_put(const struct list *list, int map, prefix_address first, unsigned bits)
{
	struct xdp_prefix4 key4 = { 32 - bits, { 0 } };
	struct xdp_prefix6 key6 = { 128 - bits, { 0 } };
	uint64_t halves[2] = { htobe64((uint64_t)(first >> 64)), htobe64((uint64_t)first) };
	uint32_t word = htobe32((uint32_t)first);
	uint8_t value = 1;

	memcpy(key4.address, &word, sizeof(word));
	memcpy(key6.address, halves, sizeof(halves));
	return bpf_map_update_elem(map, list->wide ? (void *)&key6 : (void *)&key4, &value,
				   BPF_ANY) < 0
		       ? -errno
		       : 0;
}

// Walks the prefixes of the list; puts each into `map` while there is room for `room` of them (map < 0: counts
// only). Returns how many there are; `*left_out` is how many of them did not go in.
static uint64_t prefixes_put(const struct list *list, int map, uint64_t room, uint64_t *left_out)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < list->n; i++) {
		prefix_address first, last, end;

		list_get(list, i, &first, &last);
		do {
			unsigned bits = prefix_free_bits(first, last, list->wide ? 128 : 32);

			end = first | prefix_mask(bits);
			if (map >= 0 && (n >= room || prefix_put(list, map, first, bits) < 0))
				++*left_out;
			n++;
			first = end + 1;
		} while (end != last);
	}
	return n;
}

static int list_map_create(const struct list *list, uint64_t n)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);
	uint32_t key_size = list->wide ? sizeof(struct xdp_prefix6) : sizeof(struct xdp_prefix4);

	return bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, list->wide ? "blocked6_list" : "blocked4_list",
			      key_size, 1, (uint32_t)n, &options);
}

// Makes the list that `half` of `outer` holds, of at most `room` prefixes. Returns how many are not in it.
static uint64_t list_put(const struct list *list, const struct bpf_map *outer, uint32_t half,
			 uint64_t *room)
{
	uint64_t left_out = 0, n = prefixes_put(list, -1, 0, &left_out),
		 kept = n < *room ? n : *room;
	int map = kept ? list_map_create(list, kept) : -1;

	if (map < 0) {
		bpf_map_delete_elem(bpf_map__fd(outer), &half);
		return n;
	}
	prefixes_put(list, map, kept, &left_out);
	*room -= kept;
	if (bpf_map_update_elem(bpf_map__fd(outer), &half, &map, BPF_ANY) < 0) {
		bpf_map_delete_elem(bpf_map__fd(outer), &half);
		left_out = n;
	}
	close(map);
	return left_out;
}

static bool same_blocked(const struct table *a, const struct table *b)
{
	uint64_t n4 = table_count(a, TABLE_BLOCKED4), n6 = table_count(a, TABLE_BLOCKED6);

	return n4 == table_count(b, TABLE_BLOCKED4) && n6 == table_count(b, TABLE_BLOCKED6) &&
	       memcmp(a->blocked4, b->blocked4, n4 * sizeof(*a->blocked4)) == 0 &&
	       memcmp(a->blocked6, b->blocked6, n6 * sizeof(*a->blocked6)) == 0;
}

void xdp_blocked_put(struct xdp *xdp, const struct table *table, const struct table *previous)
{
	struct list list4 = { table, false, table_count(table, TABLE_BLOCKED4) };
	struct list list6 = { table, true, table_count(table, TABLE_BLOCKED6) };
	uint32_t half = 1 - xdp->half;
	uint64_t room = xdp->parts.port->blocked_max;
	struct xdp_settings settings;

	if (previous && xdp->left_out == 0 && same_blocked(table, previous))
		return;
	xdp->left_out = list_put(&list4, xdp->skeleton->maps.blocked4, half, &room);
	xdp->left_out += list_put(&list6, xdp->skeleton->maps.blocked6, half, &room);
	if (settings_get(xdp, &settings) == 0) {
		settings.blocked = half;
		settings_put(xdp, &settings);
	}
	bpf_map_delete_elem(bpf_map__fd(xdp->skeleton->maps.blocked4), &xdp->half);
	bpf_map_delete_elem(bpf_map__fd(xdp->skeleton->maps.blocked6), &xdp->half);
	xdp->half = half;
	if (xdp->left_out)
		log_line(
			"port \"%s\": %llu prefixes of blocked sources are more than blocked_max = %u: the workers "
			"drop those, not the kernel",
			xdp->name, (unsigned long long)xdp->left_out, xdp->parts.port->blocked_max);
}

int xdp_steer_put(struct xdp *xdp, const uint8_t *bucket, const uint8_t (*sibling)[6],
		  unsigned n_siblings)
{
	struct xdp_settings settings;
	struct xdp_siblings siblings = { 0 };
	bool steered = false;
	uint32_t key = 0;
	int err;

	if (n_siblings > XDP_SIBLINGS)
		return -EINVAL;
	for (unsigned i = 0; i < XDP_BUCKETS; i++) {
		if (!(bucket[i] & XDP_SIBLING))
			continue;
		if ((bucket[i] & ~XDP_SIBLING) >= (int)n_siblings)
			return -EINVAL;
		steered = true;
	}
	if (n_siblings)
		memcpy(siblings.mac, sibling, n_siblings * sizeof(siblings.mac[0]));
	err = settings_get(xdp, &settings);
	if (err == 0)
		err = put(xdp->skeleton->maps.siblings, &key, &siblings);
	if (err == 0)
		err = put(xdp->skeleton->maps.steering, &key, bucket);
	settings.steered = steered;
	return err ? err : settings_put(xdp, &settings);
}

int xdp_seed_put(struct xdp *xdp, uint64_t seed)
{
	struct xdp_settings settings;
	int err = settings_get(xdp, &settings);

	settings.seed = seed;
	return err ? err : settings_put(xdp, &settings);
}

static uint64_t fate_get(const struct xdp *xdp, uint32_t fate)
{
	static uint64_t values[CPUS_MAX];
	int cpus = libbpf_num_possible_cpus();
	uint64_t sum = 0;

	if (cpus > CPUS_MAX ||
	    bpf_map_lookup_elem(bpf_map__fd(xdp->skeleton->maps.fates), &fate, values) < 0)
		return 0;
	for (int cpu = 0; cpu < cpus; cpu++)
		sum += values[cpu];
	return sum;
}

void xdp_publish(const struct xdp *xdp, struct weir_port *to)
{
	for (uint32_t fate = 0; fate < WEIR_N_XDP_FATES; fate++)
		atomic_store_explicit(&to->xdp[fate], fate_get(xdp, fate), memory_order_relaxed);
	atomic_store_explicit(&to->xdp_left_out, xdp->left_out, memory_order_relaxed);
	atomic_store_explicit(&to->link_up, xdp->seen.up, memory_order_relaxed);
	atomic_store_explicit(&to->has_xdp, 1, memory_order_release);
}
