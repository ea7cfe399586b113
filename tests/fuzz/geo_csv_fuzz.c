// SPDX-License-Identifier: BSD-3-Clause
//
// Ranges of country_by_address as CSV, from any bytes: what is read without an error resolves to ranges that are
// sorted and disjoint.
#include <stdlib.h>
#include <string.h>

#include "rules/geo.h"
#include "rules/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition)
		abort();
}

static void check(struct geo_rows *rows, unsigned __int128 last)
{
	uint32_t n_overlaps, overlap;

	for (uint32_t i = 0; i < rows->n; i++)
		must(rows->row[i].first <= rows->row[i].last && rows->row[i].last <= last);
	must(geo_resolve(rows, &n_overlaps, &overlap) == 0);
	for (uint32_t i = 0; i < rows->n; i++)
		must(rows->row[i].first <= rows->row[i].last && rows->row[i].country < WEIR_N_COUNTRIES &&
		     (i == 0 || rows->row[i].first > rows->row[i - 1].last));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct geo_file file = {.path = "fuzz"};
	struct geo_reader geo = {0};
	struct reader reader;
	struct diags diags;
	char *text = malloc(size + 1);

	diags_init(&diags);
	must(reader_init(&reader, &diags));
	reader.rules->geo_files = &file;
	must(source_add_file(&reader.source, "fuzz") == 0);
	geo.reader = &reader;
	must(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	geo_read_csv(&geo, text, size);
	free(text);
	if (diags.n_errors == 0) {
		check(&geo.four, UINT32_MAX);
		check(&geo.six, ~(unsigned __int128)0);
	}
	free(geo.four.row);
	free(geo.six.row);
	rules_destroy(reader.rules);
	reader_fini(&reader);
	diags_fini(&diags);
	return 0;
}
