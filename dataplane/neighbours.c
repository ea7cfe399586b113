// SPDX-License-Identifier: BSD-3-Clause
//
// Longest-prefix match, see neighbours.h. In the order of (address, length), the last prefix at or below an
// address either holds it or lies within each prefix that does: so a binary search and a walk up the
// parents, of which there are few, finds the longest.
#include "dataplane/neighbours.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool holds(const struct route_neighbour *prefix, unsigned family, const uint8_t address[16])
{
	unsigned whole = prefix->length / 8, rest = prefix->length % 8;

	if (prefix->family != family || memcmp(prefix->address, address, whole) != 0)
		return false;
	return rest == 0 || (prefix->address[whole] ^ address[whole]) >> (8 - rest) == 0;
}

static uint16_t climb(const struct neighbours *neighbours, uint16_t at, unsigned family,
		      const uint8_t address[16])
{
	while (at != NEIGHBOUR_NONE && !holds(&neighbours->list[at], family, address))
		at = neighbours->parent[at];
	return at;
}

int neighbours_init(struct neighbours *neighbours, const struct route_neighbour *list, uint32_t n)
{
	*neighbours = (struct neighbours){ .list = list,
					   .n = n,
					   .parent = calloc(n + 1, sizeof(uint16_t)) };
	if (neighbours->parent == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		neighbours->parent[i] = i == 0 ? NEIGHBOUR_NONE
					       : climb(neighbours, (uint16_t)(i - 1),
						       list[i].family, list[i].address);
	return 0;
}

void neighbours_fini(struct neighbours *neighbours)
{
	free(neighbours->parent);
	*neighbours = (struct neighbours){ 0 };
}

const struct route_neighbour *neighbours_find(const struct neighbours *neighbours, unsigned family,
					      const uint8_t address[16])
{
	struct route_neighbour wanted = { .family = (uint8_t)family, .length = 128 };
	uint32_t below = 0, n = neighbours->n; // prefixes at or below the address
	uint16_t found;

	memcpy(wanted.address, address, sizeof(wanted.address));
	while (n > 0) {
		uint32_t half = n / 2;

		if (route_neighbour_compare(&neighbours->list[below + half], &wanted) <= 0) {
			below += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	if (below == 0)
		return NULL;
	found = climb(neighbours, (uint16_t)(below - 1), family, address);
	return found == NEIGHBOUR_NONE ? NULL : &neighbours->list[found];
}
