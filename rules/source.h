// SPDX-License-Identifier: BSD-3-Clause
//
// The text of a libconfig file with everything that it includes, scanned and made safe for libconfig.
//
// libconfig 1.5 has faults that a rule file must not meet: an integer beyond 32 bits without `L`
// wraps, `\x00` is dropped from a string, a string at the end of a list gets the line of what comes
// after it, deep nesting overflows its stack, a syntax error ends the run without a word on what was
// expected. So the text is scanned here first, by the same grammar; faults are reported with their
// place, and libconfig gets a cleaned copy of the text without comments and with the includes in it.
// Used by: read, gateway. Not thread safe for one source.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "rules/diag.h"

enum {
	SOURCE_MAX_FILES = 1000,
	SOURCE_MAX_DEPTH = 10,
	SOURCE_MAX_NESTING = 32,
	SOURCE_MAX_KEYS = 200
};

// From line `start` of the cleaned text on: line `line` of `file` and what follows it.
struct source_piece {
	uint32_t start, line, file;
};

struct source {
	char *text; // cleaned, ends in NUL
	size_t length, capacity;
	uint32_t lines; // newlines in it
	struct source_piece *pieces;
	uint32_t n_pieces;
	char **files; // paths as they are shown; [0] is the first file
	uint32_t n_files;
	struct diags *diags;
};

// Reads `path` and what it includes. Returns 0 when `text` may be given to libconfig (there may be
// errors in `diags` even so), -EINVAL or -ENOMEM when not; the reason is in `diags` then.
// source_fini in every case.
int source_read(struct source *source, const char *path, struct diags *diags);

// As source_read, for text in memory; `path` is what diagnostics call it. Includes are refused.
int source_read_text(struct source *source, const char *path, const char *text, size_t length,
		     struct diags *diags);

void source_fini(struct source *source);

// File (index into `files`) and line of a line of the cleaned text.
void source_place(const struct source *source, uint32_t at, uint32_t *file, uint32_t *line);

// Adds a file that was read beside the source (a tenant file); its index, or -ENOMEM.
int source_add_file(struct source *source, const char *path);

// For the scanner: appends to the cleaned text; a piece starts at its present end. -ENOMEM, -EFBIG.
int source_emit(struct source *source, const char *text, size_t length);
int source_start_piece(struct source *source, uint32_t file, uint32_t line);
