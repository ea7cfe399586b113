// SPDX-License-Identifier: BSD-3-Clause
//
// Mappings of sealed tables. Refuses a descriptor without every seal, since what it shows could change
// or be cut off under us.
#include "controlplane/table_map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

static int map_file(struct table_map *map, int fd, size_t size, char *why, size_t why_size)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	if (seals < 0 || (seals & SEALS) != SEALS) {
		snprintf(why, why_size, "the table is not sealed");
		return -EINVAL;
	}
	if (fstat(fd, &st) < 0 || st.st_size <= 0 || (uint64_t)st.st_size < size) {
		snprintf(why, why_size, "the table is shorter than said");
		return -EINVAL;
	}
	map->size = (size_t)st.st_size; // whole pages where they are huge
	map->data = mmap(NULL, map->size, PROT_READ, MAP_SHARED, fd, 0);
	if (map->data != MAP_FAILED)
		return 0;
	snprintf(why, why_size, "the table cannot be mapped: %s", strerror(errno));
	map->data = NULL;
	return -ENOMEM;
}

struct table_map *table_map_open(int fd, size_t size, char *why, size_t why_size)
{
	struct table_map *map = calloc(1, sizeof(*map));
	int err = -ENOMEM;

	snprintf(why, why_size, "out of memory");
	if (map)
		err = map_file(map, fd, size, why, why_size);
	if (!err)
		err = table_open(&map->table, map->data, size, why, why_size);
	if (!err) {
		atomic_init(&map->uses, 1);
		return map;
	}
	if (map && map->data)
		munmap(map->data, map->size);
	free(map);
	return NULL;
}

struct table_map *table_map_get(struct table_map *map)
{
	if (map)
		atomic_fetch_add(&map->uses, 1);
	return map;
}

void table_map_put(struct table_map *map)
{
	if (!map || atomic_fetch_sub(&map->uses, 1) > 1)
		return;
	munmap(map->data, map->size);
	free(map);
}
