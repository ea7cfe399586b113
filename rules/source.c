// SPDX-License-Identifier: BSD-3-Clause
//
// The cleaned text and its map back to files and lines. What holds always: pieces are in order, and
// the first one starts at line 1.
#include "rules/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/file.h"
#include "rules/scan.h"

int source_emit(struct source *source, const char *text, size_t length)
{
	size_t need = source->length + length + 1, capacity = source->capacity;
	char *grown;

	if (need > FILE_MAX_TEXT)
		return -EFBIG;
	if (need > capacity) {
		capacity = need + need / 2 < 4096 ? 4096 : need + need / 2;
		grown = realloc(source->text, capacity);
		if (grown == NULL)
			return -ENOMEM;
		source->text = grown;
		source->capacity = capacity;
	}
	memcpy(source->text + source->length, text, length);
	source->length += length;
	source->text[source->length] = '\0';
	for (const char *p = text; (p = memchr(p, '\n', length - (size_t)(p - text))) != NULL; p++)
		source->lines++;
	return 0;
}

int source_start_piece(struct source *source, uint32_t file, uint32_t line)
{
	struct source_piece *grown;
	uint32_t n = source->n_pieces;

	if (n > 0 && source->length > 0 && source->text[source->length - 1] != '\n') {
		int err = source_emit(source, "\n", 1);

		if (err != 0)
			return err;
	}
	if ((n & (n - 1)) == 0) {
		grown = realloc(source->pieces, (n ? 2 * (size_t)n : 1) * sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		source->pieces = grown;
	}
	source->pieces[n] =
		(struct source_piece){ .start = source->lines + 1, .line = line, .file = file };
	source->n_pieces++;
	return 0;
}

void source_place(const struct source *source, uint32_t at, uint32_t *file, uint32_t *line)
{
	uint32_t low = 0, high = source->n_pieces;
	const struct source_piece *piece;

	while (high - low > 1) {
		uint32_t middle = (low + high) / 2;

		if (source->pieces[middle].start <= at)
			low = middle;
		else
			high = middle;
	}
	piece = &source->pieces[low];
	*file = piece->file;
	*line = at > piece->start ? piece->line + (at - piece->start) : piece->line;
}

int source_add_file(struct source *source, const char *path)
{
	uint32_t n = source->n_files;
	char **grown;

	if ((n & (n - 1)) == 0) {
		grown = realloc(source->files, (n ? 2 * (size_t)n : 1) * sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		source->files = grown;
	}
	source->files[n] = strdup(path);
	if (source->files[n] == NULL)
		return -ENOMEM;
	source->n_files++;
	return (int)n;
}

// Says what scan_text could not say itself.
static int finish(struct source *source, int err)
{
	const char *path = source->n_files > 0 ? source->files[0] : "?";

	if (err == -ENOMEM)
		diags_push(source->diags, DIAG_ERROR, path, 0, NULL, "out of memory");
	if (err == -EFBIG)
		diags_push(source->diags, DIAG_ERROR, path, 0, "tenants may be in tenant_files",
			   "with what it includes it is larger than %zu bytes", FILE_MAX_TEXT);
	return err == 0 || err == -ENOMEM ? err : -EINVAL;
}

int source_read_text(struct source *source, const char *path, const char *text, size_t length,
		     struct diags *diags)
{
	int err;

	memset(source, 0, sizeof(*source));
	source->diags = diags;
	err = source_add_file(source, path);
	return finish(source, err < 0 ? err : scan_text(source, text, length, false));
}

int source_read(struct source *source, const char *path, struct diags *diags)
{
	size_t length = 0;
	char *text, why[128];
	int err;

	memset(source, 0, sizeof(*source));
	source->diags = diags;
	err = file_read(path, FILE_MAX_TEXT - 1, &text, &length, why, sizeof(why));
	if (err != 0) {
		diags_push(diags, DIAG_ERROR, path, 0, NULL, "cannot be read: %s", why);
		return -EINVAL;
	}
	err = source_add_file(source, path);
	err = finish(source, err < 0 ? err : scan_text(source, text, length, true));
	free(text);
	return err;
}

void source_fini(struct source *source)
{
	for (uint32_t i = 0; i < source->n_files; i++)
		free(source->files[i]);
	free(source->files);
	free(source->pieces);
	free(source->text);
	memset(source, 0, sizeof(*source));
}
