// SPDX-License-Identifier: BSD-3-Clause
//
// A piece of a payload, named by where it stands: what decoders of text say of it without copying. libc only.
#pragma once

#include <assert.h>
#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	uint16_t at;     // offset from the payload's first byte
	uint16_t length; // bytes
};
static_assert(sizeof(struct span) == 4 && offsetof(struct span, length) == 2, "span_make writes it as a word");

// A span in one word: two halves that are stored apart make whoever soon loads it whole wait for the stores.
static inline struct span span_make(size_t at, size_t length)
{
	uint32_t word = htole32((uint32_t)at | (uint32_t)length << 16);
	struct span span;

	memcpy(&span, &word, sizeof(span));
	return span;
}

// Whether two stretches are the same. As a rule they are a word long.
static inline bool bytes_equal(const void *a, const void *b, size_t length)
{
	uint32_t first[2], last[2];

	if (length < sizeof(first[0]) || length > 2 * sizeof(first[0]))
		return memcmp(a, b, length) == 0;
	memcpy(&first[0], a, sizeof(first[0]));
	memcpy(&first[1], b, sizeof(first[1]));
	memcpy(&last[0], (const uint8_t *)a + length - sizeof(last[0]), sizeof(last[0]));
	memcpy(&last[1], (const uint8_t *)b + length - sizeof(last[1]), sizeof(last[1]));
	return ((first[0] ^ first[1]) | (last[0] ^ last[1])) == 0;
}

// Whether the piece `span` of `payload` is exactly the `length` bytes of `text`.
static inline bool span_equals(const uint8_t *payload, struct span span, const char *text, size_t length)
{
	return span.length == length && bytes_equal(payload + span.at, text, length);
}
