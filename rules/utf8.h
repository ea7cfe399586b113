// SPDX-License-Identifier: BSD-3-Clause
//
// UTF-8 as far as names and diagnostics need it: where a valid character ends. libc only.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// Bytes of the well-formed UTF-8 character (RFC 3629: no overlong forms, no surrogates) at `text`,
// 0 where there is none within `length` bytes. Any thread.
size_t utf8_size(const char *text, size_t length);

// Whether all of the `length` bytes at `text` are such characters, none of them NUL. Any thread.
bool utf8_is_text(const char *text, size_t length);
