// SPDX-License-Identifier: BSD-3-Clause
//
// The number plan of the world as a walk over digits: number_table.py makes number_table.c at build time out of
// data/e164. number.c alone reads it.
//
// One row a state, its entries by the next digit, entry 10 for a number that ends here. The walk begins in row 0.
//
//    15   14    12   11      10   9                0
//   +---+----------+------------+-------------------+
//   | 0 |  row of the next digit                    |
//   | 1 |   rule   | digits of  | country, or       |    the walk ends
//   |   |          | the code   | NUMBER_NOBODY     |
//   +---+----------+------------+-------------------+
#pragma once

#include <stdint.h>

enum { NUMBER_COLUMNS = 11, NUMBER_END = 10, NUMBER_LAST = 0x8000, NUMBER_NOBODY = 1023 };

extern const uint16_t number_rows[][NUMBER_COLUMNS];
extern const unsigned number_n_rows;

static inline unsigned number_entry_rule(unsigned entry)
{
	return entry >> 12 & 7;
}

static inline unsigned number_entry_code(unsigned entry)
{
	return entry >> 10 & 3;
}

static inline unsigned number_entry_country(unsigned entry)
{
	return entry & 1023;
}
