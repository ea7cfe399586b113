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

static bool is_end_of_field(const struct csv *csv, const char *at)
{
	return at == csv->end || *at == ',' || *at == '\n' ||
	       (*at == '\r' && at + 1 < csv->end && at[1] == '\n');
}

// The quote that closes a field, or NULL. Nothing is changed before it is known to be there.
static const char *find_closing(const struct csv *csv)
{
	const char *at = csv->at + 1, *end = csv->end;

	if (end - at > CSV_MAX_RECORD)
		end = at + CSV_MAX_RECORD;
	while ((at = memchr(at, '"', (size_t)(end - at))) != NULL) {
		if (at + 1 == end || at[1] != '"')
			return at;
		at += 2;
	}
	return NULL;
}

// A field in quotes; `""` within stands for one.
static const char *take_quoted(struct csv *csv, struct csv_record *record)
{
	const char *closing = find_closing(csv);
	char *to = csv->at + 1;

	if (closing == NULL)
		return "a quote is opened and never closed";
	if (closing + 1 < csv->end && !is_end_of_field(csv, closing + 1))
		return "text behind a closing quote";
	record->field[record->n] = to;
	for (csv->at++; csv->at < closing; csv->at++) {
		csv->line += *csv->at == '\n';
		if (*csv->at == '"')
			csv->at++;
		*to++ = *csv->at;
	}
	record->length[record->n] = (size_t)(to - record->field[record->n]);
	*to = '\0';
	csv->at++;
	return NULL;
}

static const char *take_plain(struct csv *csv, struct csv_record *record)
{
	char *start = csv->at;

	while (!is_end_of_field(csv, csv->at)) {
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
