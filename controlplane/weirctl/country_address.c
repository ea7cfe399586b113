// SPDX-License-Identifier: BSD-3-Clause
//
// `weirctl country` of an address: the look-up that the dataplane makes, in the table of a rule file or in that of the
// running gateway, and the row of country_by_address that it came from. The table itself has the rows, so the answer is
// of the data that was loaded, whatever the files are by now.

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "controlplane/weirctl/ask.h"
#include "controlplane/weirctl/country.h"
#include "controlplane/weirctl/load.h"
#include "controlplane/weirctl/weirctl.h"
#include "rules/address.h"
#include "rules/lookup_geo.h"

bool country_is_address(const char *word)
{
	uint8_t bytes[16];

	return address_parse(word, bytes) != 0;
}

// The generation that the gateway uses at present, as text.
static int find_present(const struct options *options, char *text, size_t size)
{
	json_t *answer;
	int status = ask(options, json_pack("{s:s}", "command", "status"), NULL, &answer);
	long long generation;

	if (status != STATUS_DONE)
		return status;
	generation = answer_number(json_object_get(answer, "result"), "generation");
	json_decref(answer);
	snprintf(text, size, "%lld", generation);
	if (generation > 0)
		return STATUS_DONE;
	return failure(STATUS_ENVIRONMENT, "the gateway has no table yet (load one, or give --rules FILE)");
}

// `FILE:LINE` of a CSV, `FILE: NETWORK` of a MaxMind DB.
static void format_row(const struct table *table, const uint8_t bytes[16], int family, uint32_t row, char *out,
		       size_t size)
{
	const struct geo_source *file = &table->geo_files[row >> TABLE_GEO_ROW_BITS];
	uint32_t place = row & ((UINT32_C(1) << TABLE_GEO_ROW_BITS) - 1);
	char network[PREFIX_TEXT];
	uint8_t masked[16];

	if (file->kind == GEO_CSV) {
		snprintf(out, size, "%s:%u", table_string(table, file->path), place);
		return;
	}
	memcpy(masked, bytes, sizeof(masked));
	for (unsigned bit = place; bit < 128; bit++)
		masked[bit / 8] &= (uint8_t)~(0x80 >> bit % 8);
	prefix_format(masked, family, place, network);
	snprintf(out, size, "%s: %s", table_string(table, file->path), network);
}

static int print_found(const char *word, const char *country, const char *row, bool json)
{
	json_t *out;

	if (!json) {
		printf("%s: %s, by address: %s\n", word, country, row != NULL ? row : "no row of the data holds it");
		return STATUS_DONE;
	}
	out = json_pack("{s:s, s:s, s:s, s:s?}", "address", word, "country", country, "by", "address", "row", row);
	if (!out)
		return failure(STATUS_ENVIRONMENT, "no memory");
	json_dumpf(out, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(out);
	return STATUS_DONE;
}

static int print_address(const struct table *table, const char *word, bool json)
{
	uint8_t bytes[16];
	int family = address_parse(word, bytes);
	struct geo_address address = geo_address_make((unsigned)family, bytes);
	uint16_t country = table_find_address_country(table, (unsigned)family, bytes);
	char code[3], row[600];

	if (table_count(table, TABLE_GEO_FILES) == 0)
		return failure(STATUS_REFUSED,
			       "the table has no countries of addresses (country_by_address in the rule file)");
	weir_country_format(country == WEIR_COUNTRY_NONE ? WEIR_COUNTRY_ZZ : country, code);
	if (country != WEIR_COUNTRY_NONE)
		format_row(table, bytes, family, table_find_address_row(table, &address), row, sizeof(row));
	return print_found(word, code, country != WEIR_COUNTRY_NONE ? row : NULL, json);
}

int country_print_address(const struct options *options, const char *word, const char *rules)
{
	struct loaded loaded = {0};
	char generation[24];
	int status = STATUS_DONE;

	if (rules == NULL) {
		status = find_present(options, generation, sizeof(generation));
		rules = generation;
	}
	if (status == STATUS_DONE)
		status = table_load(&loaded, options, rules);
	if (status == STATUS_DONE)
		status = print_address(&loaded.table, word, options->json);
	loaded_close(&loaded);
	return status;
}
