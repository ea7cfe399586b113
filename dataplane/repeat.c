// SPDX-License-Identifier: BSD-3-Clause
//
// The table of repeat.h: its memory, which is touched at init, so that no look meets a page that is not there.
#include "dataplane/repeat.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

static size_t table_size(const struct repeat *repeat)
{
	return (repeat->mask + 1) * sizeof(struct repeat_line);
}

int repeat_init(struct repeat *repeat, size_t bytes, uint32_t seconds, const uint8_t secret[SIPHASH_KEY_SIZE])
{
	uint64_t lines = bytes / sizeof(struct repeat_line);
	void *map;

	if (lines == 0 || seconds == 0 || seconds >= UINT32_MAX / REPEAT_TICKS)
		return -EINVAL;
	*repeat = (struct repeat){
		.mask = (UINT64_C(1) << (63 - __builtin_clzll(lines))) - 1,
		.lifetime = seconds * REPEAT_TICKS,
	};
	memcpy(repeat->secret, secret, sizeof(repeat->secret));
	map = mmap(NULL, table_size(repeat), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return -ENOMEM;
	madvise(map, table_size(repeat), MADV_HUGEPAGE); // fewer TLB misses where the kernel can
	memset(map, 0, table_size(repeat));
	repeat->lines = map;
	return 0;
}

void repeat_fini(struct repeat *repeat)
{
	munmap(repeat->lines, table_size(repeat));
	repeat->lines = NULL;
}
