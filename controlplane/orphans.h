// SPDX-License-Identifier: BSD-3-Clause
//
// Segments of dead dataplanes: found by their free lock, read like any source, removed when everything
// that they hold is in the spool. Consumer's thread.
#pragma once

#include "controlplane/source.h"

struct orphan {
	struct orphan *next;
	char *name;            // of the file
	int fd;                // holds the lock
	struct source *source; // NULL: the file is no segment; it stays where it is
};

struct orphans {
	const char *folder;
	struct orphan *list;
};

// Looks for new ones. `live` is the segment that is attached, or NULL: it is never an orphan.
void orphans_scan(struct orphans *orphans, const struct mapping *live);

// Removes those that are drained, with their cursors.
void orphans_retire(struct orphans *orphans, struct spool *spool);

// Forgets one of the same boot, or (NULL) all; files stay.
void orphans_forget(struct orphans *orphans, const struct mapping *boot);
