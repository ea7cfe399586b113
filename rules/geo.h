// SPDX-License-Identifier: BSD-3-Clause
//
// The data of country_by_address as it is read: a CSV of ranges or a MaxMind DB. Private to the reader.
#pragma once

#include <stddef.h>

#include "rules/reader.h"

enum { GEO_MAX_ROWS = 8000000 }; // of a family, over all files

struct geo_rows { // in the order in which they are read
	struct geo_range *row;
	uint32_t n, max;
};

struct geo_reader {
	struct reader *reader;
	struct geo_rows four, six;
	uint32_t file;   // index into source.files, for messages
	uint32_t number; // of the file among those of country_by_address
};

// Reports a fault of the file that is being read. `line` 0: the file as a whole.
void geo_report(const struct geo_reader *geo, enum diag_kind kind, uint32_t line, const char *hint,
		const char *format, ...) __attribute__((format(printf, 5, 6)));

// Country index of what a file calls a country, WEIR_COUNTRY_NONE for what stands for none ("", "-", "??", "ZZ"), -1
// for anything else. Warns of a code that ISO 3166-1 does not assign, once a file.
int geo_country(const struct geo_reader *geo, uint32_t line, const char *code, size_t length);

// Adds a row; false, reported, when there are too many or memory is out.
bool geo_put(struct geo_reader *geo, bool six, const struct geo_range *row);

// Reads rows from what a file holds, and reports what is wrong. `text` is writable, with a byte behind it.
void geo_read_csv(struct geo_reader *geo, char *text, size_t length);
void geo_read_mmdb(struct geo_reader *geo, const uint8_t *data, size_t length);

// Whether these are the bytes of a MaxMind DB: it ends in metadata.
bool geo_is_mmdb(const uint8_t *data, size_t length);

// Puts the rows in order. Where rows overlap, the one that was read later counts, also where it says that there is no
// country; ranges of no country are left out of the result. Counts the rows that overlap an earlier one of their own
// file in `n_overlaps`, the first of them in `overlap`. Takes `rows`, whose array is reused or freed. Returns 0 or
// -ENOMEM.
int geo_resolve(struct geo_rows *rows, uint32_t *n_overlaps, uint32_t *overlap);
