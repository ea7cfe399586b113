// SPDX-License-Identifier: BSD-3-Clause
//
// Chunks of 256 KiB, cut from the front; a request larger than a quarter of that has its own chunk.
#include "rules/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 256 << 10, LARGE = CHUNK / 4 };

struct chunk {
	struct chunk *next;
	alignas(8) char data[];
};

struct arena {
	struct chunk *chunks;
	char *free; // the rest of the newest small chunk
	size_t left;
};

struct arena *arena_create(void)
{
	return calloc(1, sizeof(struct arena));
}

void arena_destroy(struct arena *arena)
{
	struct chunk *next;

	if (arena == NULL)
		return;
	for (struct chunk *chunk = arena->chunks; chunk != NULL; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	free(arena);
}

static char *add_chunk(struct arena *arena, size_t size)
{
	struct chunk *chunk;

	if (size > SIZE_MAX - sizeof(*chunk))
		return NULL;
	chunk = calloc(1, sizeof(*chunk) + size);
	if (chunk == NULL)
		return NULL;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	return chunk->data;
}

static char *take(struct arena *arena, size_t size, size_t align)
{
	size_t skip = arena->free != NULL ? -(uintptr_t)arena->free & (align - 1) : 0;
	char *data;

	if (size > LARGE)
		return add_chunk(arena, size);
	if (arena->free == NULL || arena->left < size + skip) {
		arena->free = add_chunk(arena, CHUNK);
		arena->left = arena->free != NULL ? CHUNK : 0;
		skip = 0;
	}
	if (arena->free == NULL)
		return NULL;
	data = arena->free + skip;
	arena->free += skip + size;
	arena->left -= skip + size;
	return data;
}

void *arena_get(struct arena *arena, size_t size)
{
	return take(arena, size, 8);
}

char *arena_string(struct arena *arena, const char *text, size_t length)
{
	char *copy = length < SIZE_MAX ? take(arena, length + 1, 1) : NULL;

	if (copy != NULL)
		memcpy(copy, text, length);
	return copy;
}
