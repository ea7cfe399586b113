// SPDX-License-Identifier: BSD-3-Clause
//
// Country by address in an opened table (table.h): no checks of the table, no allocation, libc only. Thread: any
// number of readers.
#pragma once

#include "rules/table.h"

enum { GEO_BURST = 64 };

struct geo_address {
	uint64_t high, low; // host order: IPv6; IPv4 in the upper half of `high`, `low` is not looked at
	uint8_t version;    // 4 or 6
};

// `bytes` are 4 or 16 in network order, by `version` (4 or 6).
struct geo_address geo_address_make(unsigned version, const void *bytes);

// Country index of an address, WEIR_COUNTRY_NONE where the data says none or there is none. `bytes` as above.
uint16_t table_find_address_country(const struct table *table, unsigned version, const void *bytes);

// The same for `n` addresses at once, at most GEO_BURST, each level of the tree fetched ahead.
void table_find_address_countries(const struct table *table, const struct geo_address *address, unsigned n,
				  uint16_t *country);

// What says so: TABLE_GEO_ROW of the file and its line or prefix length, TABLE_NONE for no country.
uint32_t table_find_address_row(const struct table *table, const struct geo_address *address);

// Blocks of a level that holds the first keys of `n` blocks, and of level 0 for `n` keys.
static inline uint64_t geo_blocks_over(uint64_t n)
{
	return (n + TABLE_GEO_WAYS) / (TABLE_GEO_WAYS + 1);
}

static inline uint64_t geo_leaf_blocks(uint64_t n)
{
	return (n + TABLE_GEO_WAYS - 1) / TABLE_GEO_WAYS;
}
