// SPDX-License-Identifier: BSD-3-Clause
//
// The checks that table_open makes of what the sections of an image say; private to table.c,
// table_check.c and table_cells.c. Each returns 0, -EINVAL with the reason written, or -ENOMEM.
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

// Country and small classes, blocks, dirs, cells, leaves: every path ends in a verdict, and in group
// blocks in one that exists.
int table_check_cells(struct table_check *check);

// Every tenant is where a look-up probes, once, and its class is whole.
int table_check_tenants(struct table_check *check);
