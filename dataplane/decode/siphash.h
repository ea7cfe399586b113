// SPDX-License-Identifier: BSD-3-Clause
//
// SipHash-2-4 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012), 64-bit result: the
// authentication tag of native messages (DESIGN 1.2). libc only.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { SIPHASH_KEY_SIZE = 16 };

// Hash of `head` followed by `body` under `key`. head_length is a multiple of 8. Any thread.
uint64_t siphash24(const uint8_t key[SIPHASH_KEY_SIZE], const uint8_t *head, size_t head_length,
		   const uint8_t *body, size_t body_length);
