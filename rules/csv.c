// SPDX-License-Identifier: BSD-3-Clause
//
// RFC 4180 records, parsed in place: an unquoted field is never longer than it was. Line ends are LF
// or CRLF, and may stand in quoted fields.
#include "rules/csv.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

void csv_init(struct csv *csv, char *text, size_t length)
{
	*csv = (struct csv){ .at = text, .end = text + length, .line = 1 };
	if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		csv->at += 3;
}

// What ends a field: ',' or a line end (as '\n') or the end of the text (as '\0'), and passes over it.
static char take_end(struct csv *csv)
{
	char end;

	if (csv->at < csv->end && *csv->at == '\r' && csv->at + 1 < csv->end && csv->at[1] == '\n')
		*csv->at++ = '\0';
	if (csv->at == csv->end)
		return '\0';
	end = *csv->at;
	*csv->at++ = '\0';
	if (end == '\n')
		csv->line++;
	return end;
}

static bool at_end_of_field(const struct csv *csv)
{
	return csv->at == csv->end || *csv->at == ',' || *csv->at == '\n' ||
	       (*csv->at == '\r' && csv->at + 1 < csv->end && csv->at[1] == '\n');
}

// A field in quotes; `""` within stands for one.
static const char *take_quoted(struct csv *csv, struct csv_record *record)
{
	char *to = ++csv->at;

	record->field[record->n] = to;
	while (csv->at < csv->end) {
		char c = *csv->at++;

		if (c == '"' && csv->at < csv->end && *csv->at == '"') {
			csv->at++;
		} else if (c == '"') {
			record->length[record->n] = (size_t)(to - record->field[record->n]);
			if (!at_end_of_field(csv))
				return "text behind a closing quote";
			if (to != csv->at) // else the field's NUL comes with the end behind it
				*to = '\0';
			return NULL;
		}
		if (c == '\n')
			csv->line++;
		*to++ = c;
	}
	return "a quote is opened and never closed";
}

static const char *take_plain(struct csv *csv, struct csv_record *record)
{
	char *start = csv->at;

	while (!at_end_of_field(csv)) {
		if (*csv->at == '"')
			return "a quote within a field that is not in quotes";
		csv->at++;
	}
	record->field[record->n] = start;
	record->length[record->n] = (size_t)(csv->at - start);
	return NULL;
}

static void skip_line(struct csv *csv)
{
	char *end = memchr(csv->at, '\n', (size_t)(csv->end - csv->at));

	csv->at = end != NULL ? end + 1 : csv->end;
	csv->line += end != NULL;
}

static const char *take_record(struct csv *csv, struct csv_record *record)
{
	char *start = csv->at, end;

	do {
		const char *why = NULL;

		if (record->n == CSV_MAX_FIELDS)
			why = "more fields than any header has";
		else if (csv->at < csv->end && *csv->at == '"')
			why = take_quoted(csv, record);
		else
			why = take_plain(csv, record);
		if (why == NULL && csv->at - start > CSV_MAX_RECORD)
			why = "longer than 1 MiB (a quote that is never closed?)";
		if (why == NULL &&
		    memchr(record->field[record->n], '\0', record->length[record->n]) != NULL)
			why = "a NUL byte";
		if (why != NULL) {
			skip_line(csv);
			return why;
		}
		record->n++;
		end = take_end(csv);
	} while (end == ',');
	return NULL;
}

int csv_next(struct csv *csv, struct csv_record *record, const char **why)
{
	while (csv->at < csv->end &&
	       (*csv->at == '\n' ||
		(*csv->at == '\r' && csv->at + 1 < csv->end && csv->at[1] == '\n')))
		take_end(csv);
	record->n = 0;
	record->line = csv->line;
	if (csv->at == csv->end)
		return 0;
	*why = take_record(csv, record);
	return *why == NULL ? 1 : -EINVAL;
}
