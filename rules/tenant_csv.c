// SPDX-License-Identifier: BSD-3-Clause
//
// Tenant files: CSV with the header id,name,domains,groups,home,rate,burst; lists are split by ';',
// an empty field is an absent one.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/country.h"
#include "rules/csv.h"
#include "rules/file.h"
#include "rules/reader.h"

enum column { ID, NAME, DOMAINS, GROUPS, HOME, RATE, BURST, N_COLUMNS };
static const char *const columns[N_COLUMNS] = { "id",   "name", "domains", "groups",
						"home", "rate", "burst" };
enum { MAX_RESERVE = 2000000 };
#define HEADER "id,name,domains,groups,home,rate,burst"

struct texts { // parts of one list, kept from row to row
	const char **part;
	uint32_t max;
};

static void report(struct reader *reader, const struct tenant_text *text, const char *hint,
		   const char *what)
{
	diags_push(reader->diags, DIAG_ERROR, reader->source.files[text->file], text->line, hint,
		   "%s", what);
}

static bool grow_texts(struct texts *texts, uint32_t n)
{
	uint32_t max = texts->max ? 2 * texts->max : 16;
	const char **grown;

	if (n < texts->max)
		return true;
	grown = realloc(texts->part, max * sizeof(*grown));
	if (grown == NULL)
		return false;
	texts->part = grown;
	texts->max = max;
	return true;
}

// Splits a list in place, blanks around its parts removed. False when memory is out.
static bool split(struct texts *texts, char *list, uint32_t *n)
{
	char *next;

	for (*n = 0; list != NULL && *list != '\0'; list = next) {
		next = strchr(list, ';');
		if (next != NULL)
			*next++ = '\0';
		list += strspn(list, " ");
		for (size_t end = strlen(list); end > 0 && list[end - 1] == ' ';)
			list[--end] = '\0';
		if (!grow_texts(texts, *n))
			return false;
		if (*list != '\0')
			texts->part[(*n)++] = list;
	}
	return true;
}

// 1 to 2^32-1 in decimal; 0 where the field is empty, -1 where it is anything else.
static int64_t parse_number(const char *field)
{
	uint64_t value = 0;
	size_t n = strlen(field);

	if (n == 0)
		return 0;
	if (n > 10)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (field[i] < '0' || field[i] > '9')
			return -1;
		value = value * 10 + (uint64_t)(field[i] - '0');
	}
	return value >= 1 && value <= UINT32_MAX ? (int64_t)value : -1;
}

static int64_t read_number(struct reader *reader, const struct tenant_text *text,
			   struct csv_record *row, enum column column)
{
	int64_t value = parse_number(row->field[column]);
	char what[200];

	if (value >= 0)
		return value;
	snprintf(what, sizeof(what),
		 "tenant \"%.64s\": %s \"%.40s\" is not a number of 1 to 4294967295",
		 row->field[NAME], columns[column], row->field[column]);
	report(reader, text, NULL, what);
	return 0;
}

// Warns of a code once a file, not once a tenant.
static void warn_home(struct reader *reader, const struct tenant_text *text, const char *name,
		      int country)
{
	char code[3], hint[32];

	if (reader->warned[country] == text->file + 1)
		return;
	reader->warned[country] = text->file + 1;
	weir_country_format((unsigned)country, code);
	if (country == WEIR_COUNTRY_ZZ)
		diags_push(reader->diags, DIAG_WARNING, reader->source.files[text->file],
			   text->line, "leave the field empty",
			   "tenant \"%.64s\": home \"ZZ\" says nothing: it is the unknown country",
			   name);
	else
		diags_push(reader->diags, DIAG_WARNING, reader->source.files[text->file],
			   text->line, country_hint(code, hint),
			   "tenant \"%.64s\": ISO 3166-1 does not assign the country code \"%s\"",
			   name, code);
}

static int read_home(struct reader *reader, const struct tenant_text *text, struct csv_record *row)
{
	int country = row->length[HOME] == 2 ? weir_country_find(row->field[HOME]) : -1;
	char what[200];

	if (country < 0 && row->length[HOME] > 0) {
		snprintf(what, sizeof(what), "tenant \"%.64s\": \"%.40s\" is no country code",
			 row->field[NAME], row->field[HOME]);
		report(reader, text, "two capital letters of ISO 3166-1", what);
	}
	if (country >= 0 && !country_is_assigned((unsigned)country))
		warn_home(reader, text, row->field[NAME], country);
	return country != WEIR_COUNTRY_ZZ ? country : -1;
}

static void read_row(struct reader *reader, struct tenant_text *text, struct csv_record *row,
		     struct texts lists[2])
{
	text->line = text->id_line = text->name_line = text->domains_line = text->groups_line =
		text->burst_line = row->line;
	text->id = read_number(reader, text, row, ID);
	if (row->length[ID] == 0)
		report(reader, text, NULL, "the row has no id");
	if (row->length[NAME] == 0)
		report(reader, text, NULL, "the row has no name");
	text->name = row->length[NAME] > 0 ? row->field[NAME] : NULL;
	text->rate = read_number(reader, text, row, RATE);
	text->burst = row->length[RATE] > 0 && text->rate == 0
			      ? 0
			      : read_number(reader, text, row, BURST);
	text->home = read_home(reader, text, row);
	if (!split(&lists[0], row->field[DOMAINS], &text->n_domains) ||
	    !split(&lists[1], row->field[GROUPS], &text->n_groups)) {
		reader_out_of_memory(reader);
		return;
	}
	text->domains = lists[0].part;
	text->groups = lists[1].part;
	reader_add_tenant(reader, text);
}

static bool is_header(const struct csv_record *row)
{
	for (unsigned i = 0; i < N_COLUMNS; i++)
		if (row->n != N_COLUMNS || strcmp(row->field[i], columns[i]) != 0)
			return false;
	return true;
}

static void read_rows(struct reader *reader, struct csv *csv, struct tenant_text *text,
		      struct texts lists[2])
{
	struct csv_record row;
	const char *why = NULL;
	char what[96];
	int got;

	while ((got = csv_next(csv, &row, &why)) != 0 && !reader->out_of_memory) {
		text->line = row.line;
		if (got < 0) {
			report(reader, text, NULL, why);
		} else if (row.n != N_COLUMNS) {
			snprintf(what, sizeof(what), "the row has %u fields, not %d", row.n,
				 N_COLUMNS);
			report(reader, text, "the columns are " HEADER, what);
		} else {
			read_row(reader, text, &row, lists);
		}
	}
}

// Makes room for the rows at once: growing the indices while a million rows are put costs more.
static void reserve(struct reader *reader, const char *data, size_t length)
{
	uint32_t rows = reader->rules->n_tenants;

	for (const char *p = data;
	     rows < MAX_RESERVE && (p = memchr(p, '\n', length - (size_t)(p - data))) != NULL; p++)
		rows++;
	if (name_index_reserve(&reader->tenant_names, rows) != 0 ||
	    id_index_reserve(&reader->tenant_ids, rows) != 0)
		reader_out_of_memory(reader);
}

// `data` is writable and has a byte behind it.
static void read_csv(struct reader *reader, uint32_t file, char *data, size_t length)
{
	struct tenant_text text = { .home = -1, .file = file, .line = 1 };
	struct texts lists[2] = { 0 };
	struct csv_record row;
	const char *why = NULL;
	struct csv csv;
	int got;

	reserve(reader, data, length);
	csv_init(&csv, data, length);
	got = csv_next(&csv, &row, &why);
	if (got <= 0 || !is_header(&row)) {
		text.line = row.line;
		report(reader, &text, "the first line must be " HEADER,
		       got == 0  ? "the tenant file is empty"
		       : got < 0 ? why
				 : "the header is missing or another one");
		reader->tenants_incomplete = true;
		return;
	}
	read_rows(reader, &csv, &text, lists);
	free(lists[0].part);
	free(lists[1].part);
}

void read_tenant_rows(struct reader *reader, uint32_t file, const char *text, size_t length)
{
	char *copy = malloc(length + 1);

	if (copy == NULL) {
		reader_out_of_memory(reader);
		return;
	}
	memcpy(copy, text, length);
	copy[length] = '\0';
	read_csv(reader, file, copy, length);
	free(copy);
}

void read_tenant_file(struct reader *reader, const config_setting_t *at, const char *name)
{
	int file = reader_add_file(reader, at, name);
	char *data, why[128];
	size_t length = 0;

	if (file < 0)
		return;
	if (file_read(reader->source.files[file], FILE_MAX_CSV, &data, &length, why, sizeof(why)) != 0) {
		conf_error(&reader->conf, at, "paths are relative to the file they stand in",
			   "the tenant file %s cannot be read: %s", reader->source.files[file], why);
		reader->tenants_incomplete = true;
		return;
	}
	read_csv(reader, (uint32_t)file, data, length);
	free(data);
}
