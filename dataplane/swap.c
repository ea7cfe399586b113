// SPDX-License-Identifier: BSD-3-Clause
//
// Swaps of tables and routes, see swap.h. Main thread. `current` is destroyed only after each worker has
// reported quiescence (and, for a table, shows the new generation), so no worker ever reads what is gone,
// and none judges a burst by two tables.
#include "dataplane/swap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/abi/segment.h"
#include "dataplane/log.h"
#include "dataplane/store.h"

static void sealed_close(struct sealed memory)
{
	if (memory.fd >= 0)
		close(memory.fd);
}

static int busy(char *why, size_t why_size)
{
	snprintf(why, why_size, "another table or routes are being taken over");
	return -EBUSY;
}

static void publish(struct swap *swap, struct paths *paths)
{
	const struct live *previous = swap->current ? swap->current->live : NULL;

	swap->pending = paths;
	atomic_store_explicit(&swap->handover->current, paths, memory_order_release);
	if (swap->published && paths->live != previous)
		swap->published(swap->published_context, paths->live, previous);
	swap->token = rte_rcu_qsbr_start(swap->handover->qsbr);
}

// The ways to the members of a new table: by its routes, or, where those may be left out, without them.
static struct paths *make_paths(struct swap *swap, const struct swap_offer *offer, struct live *live, char *why,
				size_t why_size)
{
	const struct sealed none = { .fd = -1 };
	struct paths *paths = paths_create(&swap->context, live, offer->routes, why, why_size);

	if (paths || !offer->routes_optional || offer->routes.fd < 0)
		return paths;
	log_line("last routes refused, going by the table alone: %s", why);
	return paths_create(&swap->context, live, none, why, why_size);
}

int swap_offer(struct swap *swap, const struct swap_offer *offer, char *why, size_t why_size)
{
	struct paths *paths;
	struct live *live;

	if (swap->pending) {
		sealed_close(offer->table);
		sealed_close(offer->routes);
		return busy(why, why_size);
	}
	live = live_create(&swap->context, swap->current ? swap->current->live : NULL, offer->table.fd,
			   offer->table.size, why, why_size);
	if (!live) {
		int err = -errno;

		sealed_close(offer->routes);
		return err;
	}
	live->generation = offer->generation;
	paths = make_paths(swap, offer, live, why, why_size);
	if (!paths) {
		int err = -errno;

		live_abandon(live, swap->context.registry);
		return err;
	}
	publish(swap, paths);
	return 0;
}

int swap_routes(struct swap *swap, struct sealed routes, char *why, size_t why_size)
{
	struct paths *paths;

	if (swap->pending || !swap->current) {
		sealed_close(routes);
		if (swap->pending)
			return busy(why, why_size);
		snprintf(why, why_size, "there is no table yet");
		return -ESTALE;
	}
	paths = paths_create(&swap->context, swap->current->live, routes, why, why_size);
	if (!paths)
		return -errno;
	publish(swap, paths);
	return 0;
}

// Every running worker shows the pending generation. Workers that do not run yet will start with it.
static bool all_show(const struct swap *swap)
{
	if (!swap->current || swap->current->live == swap->pending->live)
		return true;
	for (uint32_t w = 0; w < swap->context.n_workers; w++)
		if (atomic_load_explicit(&segment_worker(swap->segment, w)->generation, memory_order_acquire) !=
		    swap->pending->live->generation)
			return false;
	return true;
}

static void keep_routes(const struct swap *swap)
{
	const struct paths *paths = swap->current;
	size_t size = paths->image ? paths->routes.header->size : 0;
	int err = store_put_routes(swap->gateway, paths->live->generation, paths->image, size);

	if (err)
		log_line("routes are in use, but cannot be kept for a restart: %s", strerror(-err));
}

static void keep_table(const struct swap *swap)
{
	const struct live *live = swap->current->live;
	int err = store_put(swap->gateway, live->generation, live->image, live->table.header->size);

	if (err)
		log_line("table %llu is in use, but cannot be kept for a restart: %s",
			 (unsigned long long)live->generation, strerror(-err));
}

// The routes go first: a table that is found has them.
static void keep(const struct swap *swap, enum swapped swapped)
{
	if (!swap->keep)
		return;
	keep_routes(swap);
	if (swapped == SWAPPED_TABLE)
		keep_table(swap);
}

enum swapped swap_poll(struct swap *swap)
{
	struct paths *old = swap->current;
	enum swapped swapped;

	if (!swap->pending || rte_rcu_qsbr_check(swap->handover->qsbr, swap->token, false) != 1 || !all_show(swap))
		return SWAPPED_NOTHING;
	swap->current = swap->pending;
	swap->pending = NULL;
	swapped = old && old->live == swap->current->live ? SWAPPED_ROUTES : SWAPPED_TABLE;
	if (swapped == SWAPPED_TABLE) {
		struct live *before = old ? old->live : NULL;

		live_settle(swap->current->live, before, swap->context.registry);
		live_destroy(before);
		atomic_store(&segment_state_own(swap->segment)->generation, swap->current->live->generation);
	}
	paths_destroy(old);
	keep(swap, swapped);
	return swapped;
}

const struct live *swap_last(const struct swap *swap)
{
	const struct paths *last = swap->pending ? swap->pending : swap->current;

	return last ? last->live : NULL;
}

void swap_close_queues(struct swap *swap, uint64_t generation, const uint64_t closed[WEIR_QUEUES_MAX / 64])
{
	const struct paths *last = swap->pending ? swap->pending : swap->current;

	if (last && last->live->generation == generation)
		live_close(last->live, closed);
}

void swap_fini(struct swap *swap)
{
	struct live *current = swap->current ? swap->current->live : NULL;

	if (swap->pending && swap->pending->live != current)
		live_destroy(swap->pending->live);
	live_destroy(current);
	paths_destroy(swap->pending);
	paths_destroy(swap->current);
	swap->pending = swap->current = NULL;
}
