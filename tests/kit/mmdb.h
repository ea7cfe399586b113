// SPDX-License-Identifier: BSD-3-Clause
//
// MaxMind DB files made for tests.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct kit_network {
	uint8_t address[16]; // network order; IPv4 in the first four bytes
	uint8_t version;     // 4 or 6
	uint8_t length;      // prefix bits
	char country[3];     // "": a record without a country
};

enum kit_mmdb_style { KIT_MMDB_NESTED, KIT_MMDB_FLAT, KIT_MMDB_POINTERS }; // country.iso_code, country_code, by pointers

struct kit_mmdb {
	unsigned record_bits; // 24, 28 or 32
	unsigned ip_version;  // 6 holds IPv4 at ::/96, and again at 2002::/16 and ::ffff:0:0/96
	enum kit_mmdb_style style;
};

// A file with `n` networks, later ones over earlier ones. free() the result.
uint8_t *kit_mmdb_make(const struct kit_mmdb *shape, const struct kit_network *network, size_t n, size_t *size);
