// SPDX-License-Identifier: BSD-3-Clause
//
// Memory that is taken piece by piece and given back at once: what a rule_set is made of. libc only.
// Not thread safe.
#pragma once

#include <stddef.h>

struct arena;

// NULL when memory is out.
struct arena *arena_create(void);

// Frees everything taken from or adopted by it; NULL is fine.
void arena_destroy(struct arena *arena);

// `size` zeroed bytes, aligned for any type of up to 8 bytes; NULL when memory is out.
void *arena_get(struct arena *arena, size_t size);

// A copy of `length` bytes with a NUL behind, unaligned; NULL when memory is out.
char *arena_string(struct arena *arena, const char *text, size_t length);
