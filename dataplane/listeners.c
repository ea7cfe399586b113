// SPDX-License-Identifier: BSD-3-Clause
//
// The index over listeners: for each port a chain, which has those that are bound to an address before the one on any.
#include "dataplane/listeners.h"

#include <endian.h>
#include <errno.h>

static bool listener_equal(const struct listener *a, const struct listener *b)
{
	size_t size = a->family == 4 ? 4 : a->family == 6 ? 16 : 0;

	return a->port == b->port && a->family == b->family && memcmp(a->address, b->address, size) == 0;
}

// Puts one listener into its port's chain: bound ones in front, `any` last.
static void listeners_push(struct listeners *listeners, uint8_t index)
{
	uint8_t *link = &listeners->by_port[listeners->list[index].port];

	if (listeners->list[index].family == 0)
		while (*link)
			link = &listeners->next[*link - 1];
	listeners->next[index] = *link;
	*link = (uint8_t)(index + 1);
}

// The listener that parse_burst is quickest for: the first on any address, alone on its port.
static void listeners_choose_plain(struct listeners *listeners)
{
	for (uint32_t i = 0; i < listeners->n; i++) {
		uint16_t port = listeners->list[i].port;

		if (listeners->list[i].family == 0 && listeners->by_port[port] == i + 1 && port != 0) {
			listeners->plain_port = htobe16(port);
			listeners->plain_listener = (uint8_t)i;
			return;
		}
	}
}

int listeners_init(struct listeners *listeners, const struct listener *list, uint32_t n)
{
	if (n > LISTENERS_MAX)
		return -EINVAL;
	memset(listeners, 0, sizeof(*listeners));
	listeners->n = n;
	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t j = 0; j < i; j++)
			if (listener_equal(&list[i], &list[j]))
				return -EINVAL;
		listeners->list[i] = list[i];
		listeners->tunnels |= list[i].tunnels;
		listeners_push(listeners, (uint8_t)i);
	}
	listeners_choose_plain(listeners);
	return 0;
}
