// SPDX-License-Identifier: BSD-3-Clause
//
// The frame buffers of all ports, see port.h. Main thread.
//
// AF_XDP sockets reach less than the whole pool. DPDK's driver registers as much memory as the buffers would take
// side by side, but no buffer crosses a page: with pages of 4 KiB each has one to itself, with hugepages there is a
// gap at the end of each. A buffer past the registered end is refused by the kernel without a word: put into a fill
// ring it is gone and the ring a place shorter, until the socket is deaf; put into a transmit ring its frame is lost.
// So where there is a port of type xdp such buffers are taken out of the pool for good.
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <stdlib.h>

#include "dataplane/port.h"

enum {
	MBUF_ROOM = RTE_PKTMBUF_HEADROOM + 2048,
	// A line of its own, so that frames start on a line too: one of 64 bytes lies in one, not in two.
	MBUF_PRIVATE = RTE_CACHE_LINE_SIZE,
	MBUF_CACHE = 512,
	MBUFS_MIN = 4096,
	MBUFS_MAX = 131071,
};

static_assert(sizeof(struct frame_origin) <= MBUF_PRIVATE, "the private area holds it");

static bool has_xdp(const struct gateway *gateway)
{
	bool has = false;

	for (unsigned i = 0; i < gateway->n_ports; i++)
		has |= gateway->ports[i].type == GATEWAY_PORT_XDP;
	return has;
}

// Keeps the buffers that sockets reach: those that end where the driver believes the last one to end, or before.
// The driver knows one piece of memory, the first.
static int sockets_limit(struct rte_mempool *pool)
{
	size_t size = pool->header_size + pool->elt_size + pool->trailer_size;
	unsigned n = pool->populated_size, kept = 0;
	const char *first = STAILQ_FIRST(&pool->mem_list)->addr,
		   *end = first + n * size;
	void **all = calloc(n, sizeof(*all));
	int err = all ? rte_mempool_generic_get(pool, all, n, NULL) : -ENOMEM;

	for (unsigned i = 0; err == 0 && i < n; i++) {
		const char *object = (const char *)all[i] - pool->header_size;

		if (object >= first && object + size <= end)
			all[kept++] = all[i];
	}
	if (err == 0)
		rte_mempool_generic_put(pool, all, kept, NULL);
	free(all);
	return err ? err : kept < MBUFS_MIN ? -ENOBUFS : 0;
}

struct rte_mempool *port_pool_create(const struct gateway *gateway, char *why, size_t why_size)
{
	// Object header, mbuf, private area and data room; half of the memory, since a mempool wants one piece and the
	// allocator rounds each object up.
	uint64_t each = 64 + sizeof(struct rte_mbuf) + MBUF_PRIVATE + MBUF_ROOM;
	uint64_t n = ((uint64_t)gateway->memory_mb << 20) / 2 / each;
	struct rte_mempool *pool;
	int err;

	if (n < MBUFS_MIN) {
		snprintf(
			why, why_size,
			"%s: dataplane.memory_mb = %u holds only %llu frames (at least 32 MiB needed)",
			gateway->file, gateway->memory_mb, (unsigned long long)n);
		return NULL;
	}
	if (n > MBUFS_MAX)
		n = MBUFS_MAX;
	pool = rte_pktmbuf_pool_create("weir", (unsigned)n, MBUF_CACHE,
				       MBUF_PRIVATE, MBUF_ROOM, SOCKET_ID_ANY);
	err = !pool ? -rte_errno : has_xdp(gateway) ? sockets_limit(pool) : 0;
	if (!err)
		return pool;
	rte_mempool_free(pool);
	snprintf(why, why_size, "no memory for %llu frame buffers: %s (raise dataplane.memory_mb)",
		 (unsigned long long)n, rte_strerror(-err));
	return NULL;
}
