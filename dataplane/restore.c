// SPDX-License-Identifier: BSD-3-Clause
//
// The first table, see restore.h. Main thread.
#include "dataplane/restore.h"

#include <stdio.h>

#include "dataplane/log.h"
#include "dataplane/store.h"

static int offer_file(struct swap *swap, const char *path, uint64_t generation, char *why,
		      size_t why_size)
{
	size_t size;
	int fd = store_open(path, &size, why, why_size);

	return fd < 0 ? fd : swap_offer(swap, fd, size, generation, why, why_size);
}

static void offer_last(struct swap *swap)
{
	char path[4096], why[512];
	uint64_t generation = store_find(swap->gateway, UINT64_MAX, path, sizeof(path));

	if (generation == 0)
		log_line("no table yet: waiting for the control plane");
	while (generation != 0 && offer_file(swap, path, generation, why, sizeof(why)) < 0) {
		log_line("last good table %s refused: %s", path, why);
		generation = store_find(swap->gateway, generation, path, sizeof(path));
		if (generation == 0)
			log_line("no good table: waiting for the control plane");
	}
}

int restore_table(struct swap *swap, const char *path, char *why, size_t why_size)
{
	char reason[256], last[4096];
	int err;

	if (!path) {
		offer_last(swap);
		return 0;
	}
	err = offer_file(swap, path, store_find(swap->gateway, UINT64_MAX, last, sizeof(last)) + 1,
			 reason, sizeof(reason));
	if (err)
		snprintf(why, why_size, "%.200s: table refused: %.250s", path, reason);
	return err;
}
