// SPDX-License-Identifier: BSD-3-Clause
//
// What a name, a domain and a key may look like. libc only; pure; any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// NULL for a good name (1 to 63 bytes of UTF-8 without control characters), else what is wrong with
// it: "is empty", ...
const char *name_fault(const char *name, size_t length);

// The same for names that matches refer to (tenants, groups, zones): not "@...", not "unknown".
const char *referable_fault(const char *name, size_t length);

// NULL for well-formed UTF-8, else what is wrong.
const char *text_fault(const char *text, size_t length);

// Copies a domain name in lower case into `out`. NULL, or what is wrong: labels of 1 to 63 letters,
// digits and inner hyphens, 253 bytes in all (RFC 1123, section 2.1).
const char *domain_parse(const char *text, size_t length, char out[254]);

// 32 hexadecimal digits to 16 bytes; false for anything else.
bool key_parse(const char *text, uint8_t key[16]);
