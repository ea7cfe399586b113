// SPDX-License-Identifier: BSD-3-Clause
//
// Scanner and grammar check of libconfig text, see source.h.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rules/source.h"

enum token { TOKEN_END, TOKEN_NAME, TOKEN_STRING, TOKEN_INT, TOKEN_INT64, TOKEN_FLOAT, TOKEN_BOOL, TOKEN_INCLUDE,
	     TOKEN_MARK }; // MARK: one of = : , ; ( ) [ ] { }, as `mark`

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

// Checks the grammar of a text and emits its cleaned copy. Returns as source_read.
int scan_text(struct source *source, const char *text, size_t length, bool includes);

// The value of an integer literal. Returns 0 with its value, -ERANGE
// when libconfig would read another number: `*value` is right for what fits in 64 bits, else 1.
int integer_parse(const struct lexeme *lexeme, long long *value);
