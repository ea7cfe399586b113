// SPDX-License-Identifier: BSD-3-Clause
//
// Table swaps, see swap.h. Main thread. `current` is destroyed only after each worker has reported
// quiescence and shows the new generation, so no worker ever reads a table that is gone, and none
// judges a burst by two.
#include "dataplane/swap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/abi/segment.h"
#include "dataplane/log.h"
#include "dataplane/store.h"

int swap_offer(struct swap *swap, int fd, size_t size, uint64_t generation, char *why,
	       size_t why_size)
{
	struct live *live;

	if (swap->pending) {
		snprintf(why, why_size, "another table is being taken over");
		close(fd);
		return -EBUSY;
	}
	live = live_create(&swap->context, swap->current, fd, size, why, why_size);
	if (!live)
		return -errno;
	live->generation = generation;
	swap->pending = live;
	atomic_store_explicit(&swap->handover->current, live, memory_order_release);
	if (swap->published)
		swap->published(swap->published_context, live, swap->current);
	swap->token = rte_rcu_qsbr_start(swap->handover->qsbr);
	return 0;
}

// Every running worker shows the pending generation. Workers that do not run yet will start with
// it.
static bool all_show(const struct swap *swap)
{
	if (!swap->current)
		return true;
	for (uint32_t w = 0; w < swap->context.n_workers; w++)
		if (atomic_load_explicit(&segment_worker(swap->segment, w)->generation,
					 memory_order_acquire) != swap->pending->generation)
			return false;
	return true;
}

bool swap_poll(struct swap *swap)
{
	struct live *live = swap->pending;
	int err;

	if (!live || rte_rcu_qsbr_check(swap->handover->qsbr, swap->token, false) != 1 ||
	    !all_show(swap))
		return false;
	live_settle(live, swap->current, swap->context.registry);
	live_destroy(swap->current);
	swap->current = live;
	swap->pending = NULL;
	atomic_store(&swap->segment->generation, live->generation);
	err = swap->keep ? store_put(swap->gateway, live->generation, live->image,
				     live->table.header->size)
			 : 0;
	if (err)
		log_line("table %llu is in use, but cannot be kept for a restart: %s",
			 (unsigned long long)live->generation, strerror(-err));
	return true;
}

void swap_fini(struct swap *swap)
{
	if (swap->pending)
		live_destroy(swap->pending);
	live_destroy(swap->current);
	swap->pending = swap->current = NULL;
}
