// SPDX-License-Identifier: BSD-3-Clause
//
// Scanner and grammar check of libconfig text, see source.h.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rules/source.h"

enum token {
	TOKEN_END,
	TOKEN_NAME,
	TOKEN_STRING,
	TOKEN_INT,
	TOKEN_INT64,
	TOKEN_FLOAT,
	TOKEN_BOOL,
	TOKEN_INCLUDE,
	TOKEN_MARK
}; // MARK: one of = : , ; ( ) [ ] { }, as `mark`

// A place in one file's text.
struct cursor {
	const char *at, *end;
	const struct cursor *parent; // the file that includes this one, or NULL
	uint32_t file, line;
	bool line_start; // nothing but white space so far on this line
};

struct lexeme {
	enum token kind;
	char mark;
	const char *text; // as written, quotes included
	size_t length;
	uint32_t line; // on which it starts
};

// Takes the next lexeme. Returns 0, or -EINVAL when the text cannot be cut into lexemes here: the
// reason is in the source's diagnostics. Line ends passed over are added to `cursor->line`.
int cursor_next(struct cursor *cursor, struct source *source, struct lexeme *lexeme);

enum state {
	WANT_KEY,
	WANT_ASSIGN,
	WANT_VALUE,
	AFTER_VALUE,
	FIRST_ELEMENT,
	WANT_ELEMENT,
	AFTER_ELEMENT
};

struct frame { // one open bracket; frame 0 is the file
	char open;
	enum state state;
	enum token element; // kind of an array's elements, TOKEN_END before the first
	uint32_t file, line, first_key;
};

struct key { // a setting name: a slice of the cleaned text
	size_t at, length;
	uint32_t file, line;
};

struct scan {
	struct source *source;
	struct cursor *cursor;
	struct frame stack[SOURCE_MAX_NESTING + 1];
	struct key *keys; // of all open groups
	uint32_t depth, n_keys, max_keys, n_duplicates;
	uint32_t long_string; // line of the last string that goes over line ends, or 0
	bool includes, after_string;
};

// Reports a fault at a line of the file that is being scanned.
void scan_report(const struct scan *scan, uint32_t line, const char *hint, const char *text);

// Each appends to the cleaned text on the lexeme's line; -ENOMEM or -EFBIG. In order: `text` in the place
// of the lexeme; the lexeme as it is; an integer, mended and reported where libconfig would wrap it;
// a word that stands for a value without its quotes, reported.
int scan_emit(struct scan *scan, const struct lexeme *lexeme, const char *text, size_t length);
int scan_emit_as_is(struct scan *scan, const struct lexeme *lexeme);
int scan_emit_integer(struct scan *scan, const struct lexeme *lexeme);
int scan_emit_bare_word(struct scan *scan, const struct lexeme *lexeme);

// Emits the name of a setting. One that its group has already is reported and goes to libconfig under
// a name that begins with '*', which conf.c passes over. -EINVAL for too many in one group.
int scan_emit_key(struct scan *scan, const struct lexeme *lexeme);

// Scans the file that an include names in its place.
int scan_include(struct scan *scan, const struct lexeme *lexeme);

// Scans one file's text to its end.
int scan_cursor(struct scan *scan, struct cursor *cursor);

// Checks the grammar of a text and emits its cleaned copy. Returns as source_read.
int scan_text(struct source *source, const char *text, size_t length, bool includes);

// The value of an integer literal. Returns 0 with its value, -ERANGE
// when libconfig would read another number: `*value` is right for what fits in 64 bits, else 1.
int integer_parse(const struct lexeme *lexeme, long long *value);
