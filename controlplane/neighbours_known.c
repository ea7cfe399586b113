// SPDX-License-Identifier: BSD-3-Clause
//
// What is known of next hops: interfaces, neighbours and routes through gateways as the kernel tells of them
// (neighbours_netlink.c), and the list of all that can be sent to. What was not seen in a whole dump is forgotten
// at its end. Loop's thread.
#include <stdlib.h>
#include <string.h>

#include "controlplane/log.h"
#include "controlplane/neighbours_parts.h"

int hop_key_compare(const void *a, const void *b)
{
	const struct hop_key *left = a, *right = b;

	if (left->port != right->port)
		return left->port < right->port ? -1 : 1;
	if (left->family != right->family)
		return left->family < right->family ? -1 : 1;
	return memcmp(left->address, right->address, sizeof(left->address));
}

int neighbours_port(const struct neighbours *n, uint32_t index)
{
	for (unsigned i = 0; i < n->n_ports; i++)
		if (index && n->interface[i].index == index)
			return (int)i;
	return -1;
}

static void tell(struct neighbours *n)
{
	n->changed(n->argument);
}

void neighbours_link(struct neighbours *n, const char *name, uint32_t index, bool up)
{
	for (unsigned i = 0; i < n->n_ports; i++) {
		struct interface *interface = &n->interface[i];
		bool named = interface->name && strcmp(interface->name, name) == 0;

		if (named)
			interface->round = n->round;
		if (!named && interface->index == index && index)
			index = 0, up = false; // it has another name now
		else if (!named)
			continue;
		if (interface->index == index && interface->up == up)
			return;
		log_info("interface %s is %s", interface->name,
			 !index ? "gone"
			 : up   ? "up"
				: "down");
		if (interface->index != index && index)
			n->dump_again = true; // what belongs to a new index was passed over so far
		interface->index = index;
		interface->up = up;
		tell(n);
		return;
	}
}

// Where a neighbour is, or belongs.
static uint32_t neighbour_place(const struct neighbours *n, const struct hop_key *key)
{
	uint32_t low = 0, high = n->n_neighbours;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (hop_key_compare(&n->neighbour[middle].key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct neighbour *neighbour_find(const struct neighbours *n, const struct hop_key *key)
{
	uint32_t at = neighbour_place(n, key);

	if (at < n->n_neighbours && hop_key_compare(&n->neighbour[at].key, key) == 0)
		return &n->neighbour[at];
	return NULL;
}

void neighbours_put(struct neighbours *n, const struct neighbour *neighbour)
{
	uint32_t at = neighbour_place(n, &neighbour->key);
	struct neighbour *place = &n->neighbour[at];

	if (at == n->n_neighbours || hop_key_compare(&place->key, &neighbour->key) != 0) {
		if (!neighbour->valid)
			return;
		if (n->n_neighbours == NEIGHBOURS_MAX) {
			if (!n->full_said)
				log_warning("more than %d neighbours: the others are not known",
					    NEIGHBOURS_MAX);
			n->full_said = true;
			return;
		}
		memmove(place + 1, place, (n->n_neighbours - at) * sizeof(*place));
		n->n_neighbours++;
		*place = *neighbour;
		tell(n);
	} else {
		bool same = place->valid == neighbour->valid &&
			    memcmp(place->mac, neighbour->mac, 6) == 0;

		*place = *neighbour;
		if (!same)
			tell(n);
	}
	place->round = n->round;
}

static int compare_prefixes(const struct via *a, const struct via *b)
{
	int order = a->family - b->family;

	if (!order)
		order = memcmp(a->address, b->address, sizeof(a->address));
	return order ? order : a->length - b->length;
}

static int compare_routes(const struct via *a, const struct via *b)
{
	int order = compare_prefixes(a, b);

	return order ? order : (a->metric > b->metric) - (a->metric < b->metric);
}

static void remove_vias(struct neighbours *n, const struct via *via, bool any_gateway)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n->n_vias; i++)
		if (compare_routes(&n->via[i], via) != 0 ||
		    (!any_gateway && hop_key_compare(&n->via[i].gateway, &via->gateway) != 0))
			n->via[kept++] = n->via[i];
	n->n_vias = kept;
}

// By prefix, then metric.
static void insert_via(struct neighbours *n, const struct via *via)
{
	uint32_t at = n->n_vias++;

	for (; at > 0 && compare_routes(&n->via[at - 1], via) > 0; at--)
		n->via[at] = n->via[at - 1];
	n->via[at] = *via;
	n->via[at].round = n->round;
}

void neighbours_via(struct neighbours *n, const struct via *via, bool gone, bool replaces)
{
	remove_vias(n, via, replaces);
	if (!gone && n->n_vias == VIAS_MAX && via->length == 0)
		n->n_vias--; // a default route is worth more than any other
	if (!gone && n->n_vias < VIAS_MAX)
		insert_via(n, via);
	tell(n);
}

void neighbours_round(struct neighbours *n)
{
	n->round++;
}

void neighbours_sweep(struct neighbours *n)
{
	uint32_t kept = 0;

	for (unsigned i = 0; i < n->n_ports; i++)
		if (n->interface[i].index && n->interface[i].round != n->round)
			neighbours_link(n, n->interface[i].name, 0, false);
	for (uint32_t i = 0; i < n->n_neighbours; i++)
		if (n->neighbour[i].round == n->round)
			n->neighbour[kept++] = n->neighbour[i];
	n->n_neighbours = kept;
	kept = 0;
	for (uint32_t i = 0; i < n->n_vias; i++)
		if (n->via[i].round == n->round)
			n->via[kept++] = n->via[i];
	n->n_vias = kept;
	tell(n);
}

static int compare_listed(const void *a, const void *b)
{
	return route_neighbour_compare(a, b);
}

// Adds the routes of one length class: defaults first, since there may be no room for all.
static uint32_t list_vias(const struct neighbours *n, bool defaults, struct route_neighbour *list,
			  uint32_t n_list, uint32_t max)
{
	const struct via *last = NULL;

	for (uint32_t i = 0; i < n->n_vias && n_list < max; i++) {
		const struct via *via = &n->via[i];
		const struct neighbour *gateway = neighbour_find(n, &via->gateway);
		struct route_neighbour entry = { .family = via->family,
						 .length = via->length,
						 .port = via->gateway.port };

		memcpy(entry.address, via->address, sizeof(entry.address));
		if ((via->length == 0) != defaults || !gateway || !gateway->valid ||
		    !n->interface[via->gateway.port].up ||
		    (last && compare_prefixes(last, via) == 0))
			continue;
		last = via; // of several the one of the least metric
		memcpy(entry.mac, gateway->mac, sizeof(entry.mac));
		list[n_list++] = entry;
	}
	return n_list;
}

uint32_t neighbours_list(const struct neighbours *n, struct route_neighbour *list, uint32_t max)
{
	uint32_t n_list = list_vias(n, true, list, 0, max), kept;

	for (uint32_t i = 0; i < n->n_neighbours && n_list < max; i++) {
		const struct neighbour *neighbour = &n->neighbour[i];
		struct route_neighbour *entry = &list[n_list];

		if (!neighbour->valid || !n->interface[neighbour->key.port].up)
			continue;
		*entry = (struct route_neighbour){ .family = neighbour->key.family, .port = neighbour->key.port,
						   .length = neighbour->key.family == 4 ? 32 : 128 };
		memcpy(entry->address, neighbour->key.address, sizeof(entry->address));
		memcpy(entry->mac, neighbour->mac, sizeof(entry->mac));
		n_list++;
	}
	n_list = list_vias(n, false, list, n_list, max);
	qsort(list, n_list, sizeof(*list), compare_listed);
	kept = n_list > 0;
	for (uint32_t i = 1; i < n_list; i++) // an address may be seen on two ports: the first counts
		if (compare_listed(&list[i], &list[kept - 1]) != 0)
			list[kept++] = list[i];
	return kept;
}
