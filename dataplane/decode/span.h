// SPDX-License-Identifier: BSD-3-Clause
//
// A piece of a payload, named by where it stands: what decoders of text say of it without copying. libc only.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	uint16_t at;     // offset from the payload's first byte
	uint16_t length; // bytes
};

// Whether the piece `span` of `payload` is exactly the `length` bytes of `text`.
static inline bool span_equals(const uint8_t *payload, struct span span, const char *text, size_t length)
{
	return span.length == length && memcmp(payload + span.at, text, length) == 0;
}
