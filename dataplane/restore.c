// SPDX-License-Identifier: BSD-3-Clause
//
// The first table, see restore.h. Main thread.
#include "dataplane/restore.h"

#include <stdio.h>
#include <unistd.h>

#include "dataplane/log.h"
#include "dataplane/store.h"

static int offer_file(struct swap *swap, const char *path, struct swap_offer *offer, char *why, size_t why_size)
{
	offer->table.fd = store_open(path, &offer->table.size, why, why_size);
	return offer->table.fd < 0 ? offer->table.fd : swap_offer(swap, offer, why, why_size);
}

// The routes that were kept with table `generation`, where there are any.
static struct sealed open_routes(const struct gateway *gateway, uint64_t generation)
{
	struct sealed routes = { .fd = -1 };
	char path[4096], why[512];

	if (store_routes_path(gateway, generation, path, sizeof(path)) < 0 || access(path, F_OK) < 0)
		return routes;
	routes.fd = store_open(path, &routes.size, why, sizeof(why));
	if (routes.fd < 0)
		log_line("last routes refused, going by the table alone: %s", why);
	return routes;
}

static int offer_kept(struct swap *swap, const char *path, uint64_t generation, char *why, size_t why_size)
{
	struct swap_offer offer = { .generation = generation, .routes_optional = true };
	int err;

	offer.routes = open_routes(swap->gateway, generation);
	err = offer_file(swap, path, &offer, why, why_size);
	if (offer.table.fd < 0 && offer.routes.fd >= 0)
		close(offer.routes.fd);
	return err;
}

static void offer_last(struct swap *swap)
{
	char path[4096], why[512];
	uint64_t generation = store_find(swap->gateway, UINT64_MAX, path, sizeof(path));

	if (generation == 0)
		log_line("no table yet: waiting for the control plane");
	while (generation != 0 && offer_kept(swap, path, generation, why, sizeof(why)) < 0) {
		log_line("last good table %s refused: %s", path, why);
		generation = store_find(swap->gateway, generation, path, sizeof(path));
		if (generation == 0)
			log_line("no good table: waiting for the control plane");
	}
}

int restore_table(struct swap *swap, const char *path, char *why, size_t why_size)
{
	struct swap_offer offer = { .routes = { .fd = -1 } };
	char reason[256], last[4096];
	int err;

	if (!path) {
		offer_last(swap);
		return 0;
	}
	offer.generation = store_find(swap->gateway, UINT64_MAX, last, sizeof(last)) + 1;
	err = offer_file(swap, path, &offer, reason, sizeof(reason));
	if (err)
		snprintf(why, why_size, "%.200s: table refused: %.250s", path, reason);
	return err;
}
