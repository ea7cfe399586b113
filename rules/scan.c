// SPDX-License-Identifier: BSD-3-Clause
//
// The grammar of libconfig text, checked one lexeme ahead of libconfig, which gets a cleaned copy.
//
//   group   = { name ( "=" | ":" ) value [ ";" | "," ] }        the file is one without braces
//   value   = scalar | "{" group "}" | "(" [ value { "," value } ] ")" | "[" [ scalar { "," scalar } ] "]"
//
// A fault that one can see past (an integer that would wrap, a key given twice, a comma too many, a
// text without quotes, an array of mixed kinds) is reported and mended in the copy, so that the faults
// behind it are found in the same run. Anything else ends the scan.
#include "rules/scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What was met, for "... where X was expected".
static const char *describe(const struct lexeme *lexeme, char out[64])
{
	if (lexeme->kind == TOKEN_END)
		snprintf(out, 64, "the end of the file");
	else if (lexeme->kind == TOKEN_MARK)
		snprintf(out, 64, "'%c'", lexeme->mark);
	else
		snprintf(out, 64, "%.*s", lexeme->length < 40 ? (int)lexeme->length : 40,
			 lexeme->text);
	return out;
}

static int unexpected(struct scan *scan, const struct lexeme *lexeme, const char *wanted,
		      const char *hint)
{
	char met[64], text[160], quote[64];

	snprintf(text, sizeof(text), "syntax: %s stands where %s was expected",
		 describe(lexeme, met), wanted);
	snprintf(quote, sizeof(quote), "a quote is missing in line %u?", scan->long_string);
	scan_report(scan, lexeme->line, scan->long_string != 0 ? quote : hint, text);
	return -EINVAL;
}

// The name of a setting as libconfig knows it; the lexeme may be a text without quotes. A '*' first
// would be legal, and is what second copies of a setting get.
static bool is_key(const struct lexeme *lexeme)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	if (lexeme->kind != TOKEN_NAME || strchr(letters, lexeme->text[0]) == NULL)
		return false;
	for (size_t i = 0; i < lexeme->length; i++)
		if (strchr(letters, lexeme->text[i]) == NULL &&
		    strchr("0123456789_-*", lexeme->text[i]) == NULL)
			return false;
	return true;
}

static int open_bracket(struct scan *scan, const struct lexeme *lexeme)
{
	struct frame *frame;

	if (scan->depth == SOURCE_MAX_NESTING) {
		scan_report(scan, lexeme->line, NULL, "brackets are nested more than 32 deep");
		return -EINVAL;
	}
	frame = &scan->stack[++scan->depth];
	*frame = (struct frame){ .open = lexeme->mark,
				 .file = scan->cursor->file,
				 .line = lexeme->line,
				 .first_key = scan->n_keys,
				 .element = TOKEN_END };
	frame->state = lexeme->mark == '{' ? WANT_KEY : FIRST_ELEMENT;
	// an array goes to libconfig as a list: its kinds were compared here
	return scan_emit(scan, lexeme, lexeme->mark == '[' ? "(" : &lexeme->mark, 1);
}

static int close_bracket(struct scan *scan, const struct lexeme *lexeme)
{
	struct frame *frame = &scan->stack[scan->depth];
	char fits = frame->open == '{' ? '}' : frame->open == '(' ? ')' : ']', text[256];

	if (scan->depth == 0 || lexeme->mark != fits) {
		if (scan->depth == 0)
			snprintf(text, sizeof(text), "syntax: '%c' closes nothing", lexeme->mark);
		else
			snprintf(text, sizeof(text),
				 "syntax: '%c' cannot close the '%c' of line %u", lexeme->mark,
				 frame->open, frame->line);
		scan_report(scan, lexeme->line,
			    scan->depth == 0 ? "one bracket too many here or before"
					     : "a bracket is missing before it",
			    text);
		return -EINVAL;
	}
	scan->n_keys = frame->first_key;
	scan->depth--;
	return scan_emit(scan, lexeme, fits == ']' ? ")" : &lexeme->mark, 1);
}

// libconfig takes arrays of one scalar kind only.
static void check_array(struct scan *scan, struct frame *frame, const struct lexeme *lexeme)
{
	enum token kind = lexeme->kind == TOKEN_NAME ? TOKEN_STRING : lexeme->kind;

	if (kind == TOKEN_MARK)
		scan_report(scan, lexeme->line, "write the list in ( )",
			    "an array [ ] holds only scalars");
	else if (frame->element != TOKEN_END && frame->element != kind)
		scan_report(scan, lexeme->line, "write the list in ( )",
			    "an array [ ] holds values of one kind only");
	if (frame->element == TOKEN_END && kind != TOKEN_MARK)
		frame->element = kind;
}

static int take_value(struct scan *scan, const struct lexeme *lexeme, enum state after)
{
	struct frame *frame = &scan->stack[scan->depth];
	bool open = lexeme->kind == TOKEN_MARK && strchr("({[", lexeme->mark) != NULL;

	if (lexeme->kind == TOKEN_END || (lexeme->kind == TOKEN_MARK && !open))
		return unexpected(scan, lexeme, "a value", NULL);
	if (frame->open == '[')
		check_array(scan, frame, lexeme);
	frame->state = after;
	if (open)
		return open_bracket(scan, lexeme);
	if (lexeme->kind == TOKEN_INT || lexeme->kind == TOKEN_INT64)
		return scan_emit_integer(scan, lexeme);
	return lexeme->kind == TOKEN_NAME ? scan_emit_bare_word(scan, lexeme)
					  : scan_emit_as_is(scan, lexeme);
}

static int take_key(struct scan *scan, const struct lexeme *lexeme)
{
	struct frame *frame = &scan->stack[scan->depth];

	if (lexeme->kind == TOKEN_MARK && strchr(")]}", lexeme->mark) != NULL)
		return close_bracket(scan, lexeme);
	if (lexeme->kind == TOKEN_MARK && lexeme->mark == ';') {
		scan_report(scan, lexeme->line, "leave it out", "syntax: one ';' too many");
		return 0;
	}
	if (!is_key(lexeme))
		return unexpected(scan, lexeme, "the name of a setting",
				  lexeme->kind == TOKEN_STRING
					  ? "names of settings stand without quotes"
					  : NULL);
	frame->state = WANT_ASSIGN;
	return scan_emit_key(scan, lexeme);
}

static int take_element(struct scan *scan, const struct lexeme *lexeme)
{
	struct lexeme comma = { .kind = TOKEN_MARK, .mark = ',', .line = lexeme->line };
	bool close = lexeme->kind == TOKEN_MARK && strchr(")]", lexeme->mark) != NULL;
	int err;

	if (close) {
		scan_report(scan, lexeme->line, "leave it out",
			    "syntax: a comma stands before the closing bracket");
		return close_bracket(scan, lexeme);
	}
	err = scan_emit(scan, &comma, ",", 1);
	return err == 0 ? take_value(scan, lexeme, AFTER_ELEMENT) : err;
}

// Between elements: a ';' for a ',' and a forgotten ',' are seen past.
static int take_after_element(struct scan *scan, const struct lexeme *lexeme)
{
	struct frame *frame = &scan->stack[scan->depth];
	const char *wanted = frame->open == '(' ? "',' or ')'" : "',' or ']'";
	bool mark = lexeme->kind == TOKEN_MARK;

	if (mark && (lexeme->mark == ',' || lexeme->mark == ';')) {
		if (lexeme->mark == ';')
			unexpected(scan, lexeme, wanted, NULL);
		frame->state = WANT_ELEMENT;
		return 0; // emitted with the element: a comma too many is left out
	}
	if (mark && strchr(")]}", lexeme->mark) != NULL)
		return close_bracket(scan, lexeme);
	unexpected(scan, lexeme, wanted,
		   mark && lexeme->mark == '=' ? "settings stand in a group { }"
					       : "a comma is missing before it?");
	return lexeme->kind == TOKEN_END || (mark && strchr("({[", lexeme->mark) == NULL)
		       ? -EINVAL
		       : take_element(scan, lexeme);
}

// A string over several lines is legal, and mostly one whose closing quote was forgotten.
static void note_string(struct scan *scan, const struct lexeme *lexeme)
{
	if (lexeme->kind == TOKEN_STRING && memchr(lexeme->text, '\n', lexeme->length) != NULL)
		scan->long_string = lexeme->line;
}

static int take_lexeme(struct scan *scan, const struct lexeme *lexeme)
{
	struct frame *frame = &scan->stack[scan->depth];
	bool mark = lexeme->kind == TOKEN_MARK;

	switch (frame->state) {
	case WANT_KEY:
		return take_key(scan, lexeme);
	case WANT_ASSIGN:
		if (!mark || (lexeme->mark != '=' && lexeme->mark != ':'))
			return unexpected(scan, lexeme, "'='", NULL);
		frame->state = WANT_VALUE;
		return scan_emit_as_is(scan, lexeme);
	case WANT_VALUE:
		return take_value(scan, lexeme, AFTER_VALUE);
	case AFTER_VALUE:
		if (lexeme->kind == TOKEN_STRING && scan->after_string)
			return scan_emit_as_is(scan, lexeme);
		frame->state = WANT_KEY;
		return mark && (lexeme->mark == ';' || lexeme->mark == ',')
			       ? scan_emit_as_is(scan, lexeme)
			       : take_key(scan, lexeme);
	case FIRST_ELEMENT:
		if (mark && strchr(")]}", lexeme->mark) != NULL)
			return close_bracket(scan, lexeme);
		return take_value(scan, lexeme, AFTER_ELEMENT);
	case WANT_ELEMENT:
		return take_element(scan, lexeme);
	case AFTER_ELEMENT:
		if (lexeme->kind == TOKEN_STRING && scan->after_string)
			return scan_emit_as_is(scan, lexeme);
		return take_after_element(scan, lexeme);
	}
	return -EINVAL;
}

// The end of the first file: nothing may be open.
static int take_end(struct scan *scan, const struct lexeme *lexeme)
{
	const struct frame *frame = &scan->stack[scan->depth];
	char text[64];

	if (scan->depth == 0 && (frame->state == WANT_KEY || frame->state == AFTER_VALUE))
		return source_emit(scan->source, "\n", 1);
	if (scan->depth == 0)
		return unexpected(scan, lexeme, frame->state == WANT_ASSIGN ? "'='" : "a value",
				  NULL);
	snprintf(text, sizeof(text), "syntax: this '%c' is never closed", frame->open);
	diags_push(scan->source->diags, DIAG_ERROR, scan->source->files[frame->file], frame->line,
		   NULL, "%s", text);
	return -EINVAL;
}

// Passes over the mark of UTF-8 at the start of a file; UTF-16 is refused.
static int skip_mark(struct scan *scan, struct cursor *cursor)
{
	size_t length = (size_t)(cursor->end - cursor->at);

	if (length >= 3 && memcmp(cursor->at, "\xef\xbb\xbf", 3) == 0) {
		cursor->at += 3;
	} else if (length >= 2 && (memcmp(cursor->at, "\xff\xfe", 2) == 0 ||
				   memcmp(cursor->at, "\xfe\xff", 2) == 0)) {
		scan_report(scan, 1, "save it as UTF-8", "this is UTF-16 text");
		return -EINVAL;
	}
	return 0;
}

int scan_cursor(struct scan *scan, struct cursor *cursor)
{
	struct lexeme lexeme;
	int err;

	scan->cursor = cursor;
	cursor->line_start = true;
	err = source_start_piece(scan->source, cursor->file, 1);
	if (err == 0)
		err = skip_mark(scan, cursor);
	while (err == 0) {
		err = cursor_next(cursor, scan->source, &lexeme);
		if (err != 0)
			break;
		note_string(scan, &lexeme);
		if (lexeme.kind == TOKEN_END)
			return cursor->parent == NULL ? take_end(scan, &lexeme) : 0;
		err = lexeme.kind == TOKEN_INCLUDE ? scan_include(scan, &lexeme)
						   : take_lexeme(scan, &lexeme);
	}
	return err;
}

int scan_text(struct source *source, const char *text, size_t length, bool includes)
{
	struct cursor cursor = { .at = text, .end = text + length, .line = 1 };
	struct scan scan = { .source = source, .includes = includes };
	int err = scan_cursor(&scan, &cursor);

	free(scan.keys);
	return err;
}
