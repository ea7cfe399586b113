// SPDX-License-Identifier: BSD-3-Clause
//
// country_by_address: which files, and what is common to their kinds.

#include "rules/geo.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/country.h"
#include "rules/file.h"

void geo_report(const struct geo_reader *geo, enum diag_kind kind, uint32_t line, const char *hint,
		const char *format, ...)
{
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	diags_push(geo->reader->diags, kind, geo->reader->source.files[geo->file], line, hint, "%s", text);
}

int geo_country(const struct geo_reader *geo, uint32_t line, const char *code, size_t length)
{
	uint32_t *warned = geo->reader->warned;
	int country = length == 2 ? weir_country_find(code) : -1;
	char text[3], hint[32];

	if (length == 0 || (length == 1 && code[0] == '-') || (length == 2 && memcmp(code, "??", 2) == 0) ||
	    country == WEIR_COUNTRY_ZZ)
		return WEIR_COUNTRY_NONE;
	if (country < 0 || country_is_assigned((unsigned)country) || warned[country] == geo->file + 1)
		return country;
	warned[country] = geo->file + 1;
	weir_country_format((unsigned)country, text);
	geo_report(geo, DIAG_WARNING, line, country_hint(text, hint),
		   "ISO 3166-1 does not assign the country code \"%s\"", text);
	return country;
}

bool geo_put(struct geo_reader *geo, bool six, const struct geo_range *row)
{
	struct geo_rows *rows = six ? &geo->six : &geo->four;
	uint32_t max = rows->max > 0 ? 2 * rows->max : 1024;
	struct geo_range *grown;

	if (rows->n == GEO_MAX_ROWS) {
		geo_report(geo, DIAG_ERROR, 0, NULL, "more than %d ranges of addresses", GEO_MAX_ROWS);
		return false;
	}
	if (rows->n == rows->max) {
		grown = realloc(rows->row, max * sizeof(*grown));
		if (grown == NULL)
			return reader_out_of_memory(geo->reader);
		rows->row = grown;
		rows->max = max;
	}
	rows->row[rows->n++] = *row;
	return true;
}

static void read_data(struct geo_reader *geo, char *data, size_t length)
{
	const char *path = geo->reader->source.files[geo->file];
	struct geo_file *file = &geo->reader->rules->geo_files[geo->number];
	size_t end = strlen(path);

	file->kind = geo_is_mmdb((const uint8_t *)data, length) ? GEO_MMDB : GEO_CSV;
	if (length >= 2 && memcmp(data, "\x1f\x8b", 2) == 0)
		geo_report(geo, DIAG_ERROR, 0, "gunzip it", "the file is compressed");
	else if (file->kind == GEO_MMDB)
		geo_read_mmdb(geo, (const uint8_t *)data, length);
	else if (end > 5 && strcmp(path + end - 5, ".mmdb") == 0)
		geo_report(geo, DIAG_ERROR, 0, "is it whole?", "this is no MaxMind DB: it has no metadata at its end");
	else
		geo_read_csv(geo, data, length);
}

static void read_file(struct geo_reader *geo, config_setting_t *at, const char *name)
{
	struct reader *reader = geo->reader;
	int file = reader_add_file(reader, at, name);
	char *data, why[128];
	const char *path;
	size_t length = 0;

	if (file < 0)
		return;
	path = reader->source.files[file];
	geo->file = (uint32_t)file;
	reader->rules->geo_files[geo->number].path = arena_string(reader->arena, path, strlen(path));
	if (reader->rules->geo_files[geo->number].path == NULL) {
		reader_out_of_memory(reader);
		return;
	}
	if (file_read(path, FILE_MAX_CSV, &data, &length, why, sizeof(why)) != 0) {
		conf_error(&reader->conf, at, "paths are relative to the file they stand in",
			   "the file %s cannot be read: %s", path, why);
		return;
	}
	read_data(geo, data, length);
	free(data);
}

static void warn_overlaps(struct geo_reader *geo, const char *family, uint32_t n, uint32_t row)
{
	const struct geo_file *file = &geo->reader->rules->geo_files[row >> TABLE_GEO_ROW_BITS];

	diags_push(geo->reader->diags, DIAG_WARNING, file->path,
		   file->kind == GEO_CSV ? row & ((UINT32_C(1) << TABLE_GEO_ROW_BITS) - 1) : 0, NULL,
		   "%u %s ranges overlap earlier ones of the file, here the first: the later one counts", n, family);
}

static void resolve(struct geo_reader *geo, struct geo_rows *rows, const char *family)
{
	uint32_t n_overlaps = 0, overlap = 0;

	if (geo_resolve(rows, &n_overlaps, &overlap) != 0)
		reader_out_of_memory(geo->reader);
	else if (n_overlaps > 0)
		warn_overlaps(geo, family, n_overlaps, overlap);
}

void read_country_by_address(struct reader *reader, config_setting_t *root)
{
	struct geo_reader geo = {.reader = reader};
	struct rule_set *rules = reader->rules;
	struct conf_list list;

	conf_list(&reader->conf, root, "country_by_address", &list);
	if (list.n > TABLE_GEO_MAX_FILES) {
		conf_error(&reader->conf, list.setting, NULL, "country_by_address: more than %d files",
			   TABLE_GEO_MAX_FILES);
		return;
	}
	rules->geo_files = arena_get(reader->arena, TABLE_GEO_MAX_FILES * sizeof(*rules->geo_files));
	if (rules->geo_files == NULL) {
		reader_out_of_memory(reader);
		return;
	}
	rules->n_geo_files = list.n;
	for (; geo.number < list.n && !reader->out_of_memory; geo.number++) {
		config_setting_t *at = conf_list_get(&list, geo.number);
		const char *name = conf_element(&reader->conf, at, "country_by_address");

		if (name != NULL)
			read_file(&geo, at, name);
	}
	if (reader->diags->n_errors == 0) {
		resolve(&geo, &geo.four, "IPv4");
		resolve(&geo, &geo.six, "IPv6");
	}
	rules->geo4 = geo.four.row;
	rules->n_geo4 = geo.four.n;
	rules->geo6 = geo.six.row;
	rules->n_geo6 = geo.six.n;
}
