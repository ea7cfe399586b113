// SPDX-License-Identifier: BSD-3-Clause
//
// Lexemes of libconfig text, as its own scanner cuts them (libconfig 1.5, lib/scanner.l). Refuses
// what it cannot cut: NUL bytes, open strings and comments, characters that begin nothing. Pure but
// for the cursor and the diagnostics.
#include <errno.h>
#include <string.h>

#include "rules/scan.h"

static int fault(const struct cursor *cursor, struct source *source, uint32_t line,
		 const char *hint, const char *text)
{
	diags_push(source->diags, DIAG_ERROR, source->files[cursor->file], line, hint, "%s", text);
	return -EINVAL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_name(char c)
{
	return is_letter(c) || is_digit(c) || c == '_' || c == '-' || c == '*';
}

static char peek(const struct cursor *cursor, size_t ahead)
{
	return (size_t)(cursor->end - cursor->at) > ahead ? cursor->at[ahead] : '\0';
}

static int skip_comment(struct cursor *cursor, struct source *source)
{
	uint32_t line = cursor->line;

	for (cursor->at += 2; cursor->at < cursor->end; cursor->at++) {
		if (peek(cursor, 0) == '*' && peek(cursor, 1) == '/') {
			cursor->at += 2;
			return 0;
		}
		if (*cursor->at == '\n')
			cursor->line++;
	}
	return fault(cursor, source, line, "end it with */",
		     "a comment is opened here and never closed");
}

// Passes over white space and comments.
static int skip_blank(struct cursor *cursor, struct source *source)
{
	while (cursor->at < cursor->end) {
		char c = *cursor->at;

		if (c == '\n') {
			cursor->line++;
			cursor->line_start = true;
			cursor->at++;
		} else if (strchr(" \t\r\f\v", c) != NULL && c != '\0') {
			cursor->at++;
		} else if (c == '#' || (c == '/' && peek(cursor, 1) == '/')) {
			const char *end =
				memchr(cursor->at, '\n', (size_t)(cursor->end - cursor->at));

			cursor->at = end != NULL ? end : cursor->end;
		} else if (c == '/' && peek(cursor, 1) == '*') {
			if (skip_comment(cursor, source) != 0)
				return -EINVAL;
		} else {
			break;
		}
	}
	return 0;
}

// libconfig drops \x00 from a string instead of keeping or refusing it.
static void check_escape(const struct cursor *cursor, struct source *source)
{
	if (peek(cursor, 1) == 'x' && peek(cursor, 2) == '0' && peek(cursor, 3) == '0')
		fault(cursor, source, cursor->line, "leave it out", "\\x00 in a string");
}

static int take_string(struct cursor *cursor, struct source *source)
{
	uint32_t line = cursor->line;

	for (cursor->at++; cursor->at < cursor->end; cursor->at++) {
		switch (*cursor->at) {
		case '"':
			cursor->at++;
			return 0;
		case '\0':
			return fault(cursor, source, cursor->line, NULL, "a NUL byte in a string");
		case '\n':
			cursor->line++;
			break;
		case '\\':
			check_escape(cursor, source);
			if (peek(cursor, 1) == '"' || peek(cursor, 1) == '\\')
				cursor->at++;
			break;
		default:
			break;
		}
	}
	return fault(cursor, source, line, "end it with \", unless one is missing before",
		     "a string is opened here and never closed");
}

static void skip_digits(struct cursor *cursor)
{
	while (is_digit(peek(cursor, 0)))
		cursor->at++;
}

static enum token take_suffix(struct cursor *cursor)
{
	for (int i = 0; i < 2 && peek(cursor, 0) == 'L'; i++)
		cursor->at++;
	return cursor->at[-1] == 'L' ? TOKEN_INT64 : TOKEN_INT;
}

static enum token take_number(struct cursor *cursor)
{
	bool sign = peek(cursor, 0) == '-' || peek(cursor, 0) == '+', real = false;

	if (peek(cursor, 0) == '0' && (peek(cursor, 1) | 0x20) == 'x' && is_hex(peek(cursor, 2))) {
		for (cursor->at += 2; is_hex(peek(cursor, 0));)
			cursor->at++;
		return take_suffix(cursor);
	}
	cursor->at += sign;
	skip_digits(cursor);
	if (peek(cursor, 0) == '.') {
		real = true;
		cursor->at++;
		skip_digits(cursor);
	}
	if ((peek(cursor, 0) | 0x20) == 'e' &&
	    (is_digit(peek(cursor, 1)) ||
	     ((peek(cursor, 1) == '-' || peek(cursor, 1) == '+') && is_digit(peek(cursor, 2))))) {
		real = true;
		cursor->at += 2;
		skip_digits(cursor);
	}
	return real ? TOKEN_FLOAT : take_suffix(cursor);
}

static bool is_number_start(const struct cursor *cursor)
{
	char c = peek(cursor, 0), next = peek(cursor, 1);

	if (c == '-' || c == '+')
		return is_digit(next) || (next == '.' && is_digit(peek(cursor, 2)));
	return is_digit(c) || (c == '.' && is_digit(next));
}

static const char include_word[] = "@include";

static bool is_include(const struct cursor *cursor)
{
	size_t n = sizeof(include_word) - 1;

	return cursor->line_start && (size_t)(cursor->end - cursor->at) >= n &&
	       memcmp(cursor->at, include_word, n) == 0;
}

static int take_include(struct cursor *cursor, struct source *source, struct lexeme *lexeme)
{
	const char *end;

	for (cursor->at += sizeof(include_word) - 1;
	     strchr(" \t", peek(cursor, 0)) != NULL && peek(cursor, 0) != '\0';)
		cursor->at++;
	end = peek(cursor, 0) == '"'
		      ? memchr(cursor->at + 1, '"', (size_t)(cursor->end - cursor->at - 1))
		      : NULL;
	if (end == NULL || memchr(cursor->at, '\n', (size_t)(end - cursor->at)) != NULL)
		return fault(cursor, source, cursor->line, "write @include \"FILE\"",
			     "@include without a file name");
	lexeme->kind = TOKEN_INCLUDE;
	lexeme->text = cursor->at + 1;
	lexeme->length = (size_t)(end - cursor->at - 1);
	cursor->at = end + 1;
	cursor->line_start = false;
	return 0;
}

// A '/' that begins no comment.
static bool is_slash(const struct cursor *cursor)
{
	return peek(cursor, 0) == '/' && peek(cursor, 1) != '/' && peek(cursor, 1) != '*';
}

static bool is_word(const struct lexeme *lexeme, const char *word)
{
	return lexeme->length == strlen(word) &&
	       strncasecmp(lexeme->text, word, lexeme->length) == 0;
}

// A name, true or false; or a text whose quotes were forgotten, which goes on through what stands in
// domains, addresses and references, so that it is told as a whole.
static void take_word(struct cursor *cursor, struct lexeme *lexeme)
{
	bool number = is_digit(lexeme->text[0]);

	while (is_name(peek(cursor, 0)) || peek(cursor, 0) == '.' || peek(cursor, 0) == '@' ||
	       (number && (peek(cursor, 0) == ':' || is_slash(cursor))))
		cursor->at++;
	lexeme->length = (size_t)(cursor->at - lexeme->text);
	lexeme->kind =
		is_word(lexeme, "true") || is_word(lexeme, "false") ? TOKEN_BOOL : TOKEN_NAME;
}

static int fault_character(const struct cursor *cursor, struct source *source)
{
	unsigned char c = (unsigned char)*cursor->at;
	char text[80];

	if (c == '\0')
		return fault(cursor, source, cursor->line, "save the file as UTF-8 text",
			     "a NUL byte: this is not a text file");
	if (c > 0x20 && c < 0x7f)
		snprintf(text, sizeof(text), "unexpected character '%c'", c);
	else
		snprintf(text, sizeof(text), "unexpected byte 0x%02x outside a string", c);
	return fault(cursor, source, cursor->line,
		     c == '\'' ? "strings stand in double quotes" : NULL, text);
}

int cursor_next(struct cursor *cursor, struct source *source, struct lexeme *lexeme)
{
	char c;

	*lexeme = (struct lexeme){ .kind = TOKEN_END };
	if (skip_blank(cursor, source) != 0)
		return -EINVAL;
	lexeme->text = cursor->at;
	lexeme->line = cursor->line;
	if (cursor->at == cursor->end)
		return 0;
	c = *cursor->at;
	if (is_include(cursor))
		return take_include(cursor, source, lexeme);
	cursor->line_start = false;
	if (c == '"') {
		lexeme->kind = TOKEN_STRING;
		if (take_string(cursor, source) != 0)
			return -EINVAL;
	} else if (is_letter(c) || c == '*' || c == '@') {
		take_word(cursor, lexeme);
	} else if (is_number_start(cursor)) {
		lexeme->kind = take_number(cursor);
		if (is_name(peek(cursor, 0)) ||
		    strchr(".:", peek(cursor, 0) ? peek(cursor, 0) : 'x') || is_slash(cursor))
			take_word(cursor, lexeme);
	} else if (c != '\0' && strchr("=:,;()[]{}", c) != NULL) {
		lexeme->kind = TOKEN_MARK;
		lexeme->mark = c;
		cursor->at++;
	} else {
		return fault_character(cursor, source);
	}
	lexeme->length = (size_t)(cursor->at - lexeme->text);
	return 0;
}
