// SPDX-License-Identifier: BSD-3-Clause
//
// Addresses, prefixes and MAC addresses as text. Results are in network order. Pure; any thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Length of the text of any prefix, its NUL included.
enum { PREFIX_TEXT = 64 };

// An IPv4 or IPv6 address into `out` (IPv4 in the first four bytes, the rest zero). Returns 4 or 6,
// 0 for what is no address.
int address_parse(const char *text, uint8_t out[16]);

// "ADDRESS/LENGTH" or an address alone (a prefix of its full length). Returns 4 or 6, 0 for what is
// none, -1 where bits behind the prefix are set: `address` is cleared of them then.
int prefix_parse(const char *text, uint8_t address[16], uint8_t *length);

void prefix_format(const uint8_t address[16], int family, unsigned length, char out[PREFIX_TEXT]);

// Six hexadecimal bytes with ':' or '-' between; false for anything else.
bool mac_parse(const char *text, uint8_t mac[6]);
