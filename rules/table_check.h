// SPDX-License-Identifier: BSD-3-Clause
//
// The checks that table_open makes of what the sections of an image say; private to the
// files table*.c. Each returns 0, -EINVAL with the reason written, or -ENOMEM.
#pragma once

#include <stddef.h>

#include "rules/table.h"

struct table_check {
	const struct table *table; // sections attached, their sizes checked
	char *why;                 // where the reason goes
	size_t why_size;
};

// Writes the reason and returns -EINVAL.
int table_refuse(struct table_check *check, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Strings, names, verdicts, meters, zones, pools, members, queues, replies, reasons, blocked ranges.
int table_check_targets(struct table_check *check);

// Pools, members, health checks and maglev slots; the strings are checked.
int table_check_pools(struct table_check *check);

// Whether a frame may be addressed to it: not zero, not a group.
bool table_mac_good(const uint8_t mac[6]);

static inline bool table_string_good(const struct table *table, uint64_t offset)
{
	return offset < table_count(table, TABLE_STRINGS);
}

static inline bool table_zone_good(const struct table *table, uint16_t zone)
{
	return zone == TABLE_NONE16 || zone < table_count(table, TABLE_ZONES);
}

// Country and small classes, blocks, dirs, cells, leaves: every path ends in a verdict, and in group
// blocks in one that exists.
int table_check_cells(struct table_check *check);

// Every tenant is where a look-up probes, once, and its class is whole.
int table_check_tenants(struct table_check *check);

// Every domain is where a look-up probes, once; every tenant's name leads to it, and there is no other. The tenants
// are checked.
int table_check_words(struct table_check *check);

// Every address leads to a country or to none; fills the trees' sizes and levels in `table`, which is check->table.
int table_check_geo(struct table_check *check, struct table *table);
