// SPDX-License-Identifier: BSD-3-Clause
//
// Includes: another file's text in the place of an @include line.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/file.h"
#include "rules/scan.h"

static int check_include(struct scan *scan, const char *path, uint32_t line)
{
	uint32_t depth = 0;

	for (const struct cursor *up = scan->cursor; up != NULL; up = up->parent, depth++) {
		if (strcmp(scan->source->files[up->file], path) == 0) {
			scan_report(scan, line, NULL, "@include goes round in a circle");
			return -EINVAL;
		}
	}
	if (depth >= SOURCE_MAX_DEPTH || scan->source->n_files >= SOURCE_MAX_FILES) {
		scan_report(scan, line, NULL,
			    depth >= SOURCE_MAX_DEPTH ? "@include is nested more than 10 deep"
						      : "more than 1000 files");
		return -EINVAL;
	}
	return 0;
}

static int include_file(struct scan *scan, const char *path, uint32_t line)
{
	struct cursor inner = { .parent = scan->cursor, .line = 1 };
	char *data, why[128], text[512];
	size_t length = 0;
	int file, err;

	if (check_include(scan, path, line) != 0)
		return -EINVAL;
	err = file_read(path, FILE_MAX_TEXT - 1, &data, &length, why, sizeof(why));
	if (err != 0) {
		snprintf(text, sizeof(text), "@include: %s cannot be read: %s", path, why);
		scan_report(scan, line, "paths are relative to the file they stand in", text);
		return -EINVAL;
	}
	file = source_add_file(scan->source, path);
	inner.file = (uint32_t)file;
	inner.at = data;
	inner.end = data + length;
	err = file < 0 ? file : scan_cursor(scan, &inner);
	free(data);
	return err;
}

int scan_include(struct scan *scan, const struct lexeme *lexeme)
{
	struct cursor *outer = scan->cursor;
	char *name, *path;
	int err;

	if (!scan->includes || memchr(lexeme->text, '\0', lexeme->length) != NULL) {
		scan_report(scan, lexeme->line, NULL, "@include is not possible here");
		return -EINVAL;
	}
	name = strndup(lexeme->text, lexeme->length);
	path = name != NULL ? file_join(scan->source->files[outer->file], name) : NULL;
	err = path != NULL ? include_file(scan, path, lexeme->line) : -ENOMEM;
	free(name);
	free(path);
	scan->cursor = outer;
	return err == 0 ? source_start_piece(scan->source, outer->file, outer->line) : err;
}
