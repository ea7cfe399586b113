// SPDX-License-Identifier: BSD-3-Clause
//
// Ranges as CSV: first,last,country; both ends inclusive, IPv4 and IPv6 in one file or in two. A first line that says
// so is passed over.

#include <string.h>

#include "rules/address.h"
#include "rules/csv.h"
#include "rules/geo.h"

enum column { FIRST, LAST, COUNTRY, N_COLUMNS };

static int parse_end(const struct geo_reader *geo, const struct csv_record *row, enum column column,
		     unsigned __int128 *number)
{
	uint8_t bytes[16];
	int family = address_parse(row->field[column], bytes);

	*number = 0;
	for (unsigned i = 0; i < (family == 4 ? 4 : 16); i++)
		*number = *number << 8 | bytes[i];
	if (family == 0)
		geo_report(geo, DIAG_ERROR, row->line, NULL, "\"%.60s\" is no address", row->field[column]);
	return family;
}

static int read_country(const struct geo_reader *geo, const struct csv_record *row)
{
	const char *code = row->field[COUNTRY];
	int country = geo_country(geo, row->line, code, row->length[COUNTRY]);

	if (country < 0)
		geo_report(geo, DIAG_ERROR, row->line,
			   "two capital letters of ISO 3166-1; ZZ, ??, - or nothing where there is none",
			   "\"%.60s\" is no country code", code);
	return country;
}

// False when there is no use in going on.
static bool read_row(struct geo_reader *geo, const struct csv_record *row)
{
	struct geo_range range = {.row = TABLE_GEO_ROW(geo->number, row->line)};
	int first = parse_end(geo, row, FIRST, &range.first), last = parse_end(geo, row, LAST, &range.last);
	int country = read_country(geo, row);

	if (first == 0 || last == 0 || country < 0)
		return true;
	if (first != last) {
		geo_report(geo, DIAG_ERROR, row->line, NULL, "%.60s and %.60s are not of one IP version",
			   row->field[FIRST], row->field[LAST]);
		return true;
	}
	if (range.first > range.last) {
		geo_report(geo, DIAG_ERROR, row->line, "swap them?", "first %.60s is behind last %.60s",
			   row->field[FIRST], row->field[LAST]);
		return true;
	}
	range.country = (uint16_t)country;
	return geo_put(geo, first == 6, &range);
}

static bool is_header(const struct csv_record *row)
{
	return row->n == N_COLUMNS && strcmp(row->field[FIRST], "first") == 0 &&
	       strcmp(row->field[LAST], "last") == 0 && strcmp(row->field[COUNTRY], "country") == 0;
}

void geo_read_csv(struct geo_reader *geo, char *text, size_t length)
{
	struct csv_record row;
	const char *why = NULL;
	uint32_t n = 0;
	struct csv csv;
	int got;

	csv_init(&csv, text, length);
	for (; (got = csv_next(&csv, &row, &why)) != 0; n++) {
		if (row.line >= (UINT32_C(1) << TABLE_GEO_ROW_BITS) - 1) {
			geo_report(geo, DIAG_ERROR, row.line, "split the file", "too many lines");
			return;
		}
		if (got < 0)
			geo_report(geo, DIAG_ERROR, row.line, NULL, "%s", why);
		else if (row.n != N_COLUMNS)
			geo_report(geo, DIAG_ERROR, row.line, "the columns are first,last,country",
				   "the row has %u fields, not %d", row.n, N_COLUMNS);
		else if (!(n == 0 && is_header(&row)) && !read_row(geo, &row))
			return;
	}
	if (n == 0)
		geo_report(geo, DIAG_ERROR, 0, "rows of first,last,country", "the file is empty");
}
