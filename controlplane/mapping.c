// SPDX-License-Identifier: BSD-3-Clause
//
// Read-only mappings of segments, counted. Refuses what segment_check refuses. Any thread. The header in a mapping is
// a copy of what was checked, in private memory: whatever the dataplane writes into its own, offsets and counts stay.
#include "controlplane/mapping.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

static int fail(int err, const char *what, char *why, size_t why_size)
{
	snprintf(why, why_size, "%s: %s", what, strerror(err));
	return -err;
}

// Puts the checked header in the place of the shared one.
static int freeze_header(void *at, const struct weir_segment *checked)
{
	if (mmap(at, WEIR_SEGMENT_HEADER, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
	    MAP_FAILED)
		return -errno;
	memcpy(at, checked, sizeof(*checked));
	return mprotect(at, WEIR_SEGMENT_HEADER, PROT_READ) < 0 ? -errno : 0;
}

int mapping_open(int fd, struct mapping **mapping, char *why, size_t why_size)
{
	struct weir_segment checked;
	struct mapping *m;
	struct stat st;
	void *at;
	int err;

	if (fstat(fd, &st) < 0)
		return fail(errno, "fstat", why, why_size);
	if (!S_ISREG(st.st_mode) || (size_t)st.st_size < WEIR_SEGMENT_HEADER)
		return fail(EINVAL, "no segment", why, why_size);
	at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return fail(errno, "mmap", why, why_size);
	err = segment_check(at, (size_t)st.st_size, &checked, why, why_size);
	if (!err) {
		err = freeze_header(at, &checked);
		if (err)
			fail(-err, "the header's copy", why, why_size);
	}
	m = err ? NULL : malloc(sizeof(*m));
	if (!m) {
		munmap(at, (size_t)st.st_size);
		return err ? err : fail(ENOMEM, "mapping", why, why_size);
	}
	m->segment = at;
	m->size = (size_t)st.st_size;
	atomic_init(&m->users, 1);
	*mapping = m;
	return 0;
}

struct mapping *mapping_get(struct mapping *mapping)
{
	atomic_fetch_add(&mapping->users, 1);
	return mapping;
}

void mapping_put(struct mapping *mapping)
{
	if (!mapping || atomic_fetch_sub(&mapping->users, 1) > 1)
		return;
	munmap((void *)(uintptr_t)mapping->segment, mapping->size);
	free(mapping);
}

int mapping_same_boot(const struct mapping *a, const struct mapping *b)
{
	return memcmp(a->segment->boot_id, b->segment->boot_id, WEIR_BOOT_ID_SIZE) == 0;
}

const char *boot_format(const uint8_t boot[WEIR_BOOT_ID_SIZE], char out[BOOT_NAME_SIZE])
{
	for (unsigned i = 0; i < WEIR_BOOT_ID_SIZE; i++)
		snprintf(out + 2 * i, 3, "%02x", boot[i]);
	return out;
}
