// SPDX-License-Identifier: BSD-3-Clause
//
// The frame buffers of all ports, see port.h. Main thread.
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <stdio.h>

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

struct rte_mempool *port_pool_create(const struct gateway *gateway, char *why, size_t why_size)
{
	// Object header, mbuf, private area and data room; half of the memory, since a mempool wants one piece and the
	// allocator rounds each object up.
	uint64_t each = 64 + sizeof(struct rte_mbuf) + MBUF_PRIVATE + MBUF_ROOM;
	uint64_t n = ((uint64_t)gateway->memory_mb << 20) / 2 / each;
	struct rte_mempool *pool;

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
	if (!pool)
		snprintf(why, why_size,
			 "no memory for %llu frame buffers: %s (raise dataplane.memory_mb)",
			 (unsigned long long)n, rte_strerror(rte_errno));
	return pool;
}
