// SPDX-License-Identifier: BSD-3-Clause
//
// The grammar of libconfig text, checked one lexeme ahead of libconfig, which gets a cleaned copy.
//
//   group   = { name ( "=" | ":" ) value [ ";" | "," ] }        the file is one without braces
//   value   = scalar | "{" group "}" | "(" [ value { "," value } ] ")" | "[" [ scalar { "," scalar } ] "]"
//
// A fault that one can see past (an integer that would wrap, a key given twice, a comma too many, a
// text without quotes, an array of mixed kinds) is reported and mended in the copy, so that the faults
// behind it are found in the same run. Anything else ends the scan. Lines of the copy follow the
// original's but for one thing: the mark after a string comes directly behind it, because libconfig
// gives a string the line of the lexeme that follows.
#include "rules/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/file.h"

enum state { WANT_KEY, WANT_ASSIGN, WANT_VALUE, AFTER_VALUE, FIRST_ELEMENT, WANT_ELEMENT, AFTER_ELEMENT };

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
	bool includes, after_string;
};

static int scan_cursor(struct scan *scan, struct cursor *cursor);

static void report(struct scan *scan, uint32_t line, const char *hint, const char *text)
{
	diags_push(scan->source->diags, DIAG_ERROR, scan->source->files[scan->cursor->file], line, hint, "%s", text);
}

// What was met, for "... where X was expected".
static const char *describe(const struct lexeme *lexeme, char out[64])
{
	if (lexeme->kind == TOKEN_END)
		snprintf(out, 64, "the end of the file");
	else if (lexeme->kind == TOKEN_MARK)
		snprintf(out, 64, "'%c'", lexeme->mark);
	else
		snprintf(out, 64, "%.*s", lexeme->length < 40 ? (int)lexeme->length : 40, lexeme->text);
	return out;
}

static int unexpected(struct scan *scan, const struct lexeme *lexeme, const char *wanted, const char *hint)
{
	char met[64], text[160];

	snprintf(text, sizeof(text), "syntax: %s stands where %s was expected", describe(lexeme, met), wanted);
	report(scan, lexeme->line, hint, text);
	return -EINVAL;
}

static uint32_t copy_line(const struct source *source)
{
	const struct source_piece *piece = &source->pieces[source->n_pieces - 1];

	return piece->line + (source->lines + 1 - piece->start);
}

// Appends to the copy, on the lexeme's line.
static int emit(struct scan *scan, const struct lexeme *lexeme, const char *text, size_t length)
{
	static const char newlines[] = "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n";
	bool stick = scan->after_string && (lexeme->kind == TOKEN_MARK || lexeme->kind == TOKEN_STRING);
	uint32_t line = copy_line(scan->source), n = line < lexeme->line && !stick ? lexeme->line - line : 0;
	int err = n == 0 ? source_emit(scan->source, " ", 1) : 0;

	for (; n > 0 && err == 0; n -= n < 16 ? n : 16)
		err = source_emit(scan->source, newlines, n < 16 ? n : 16);
	scan->after_string = lexeme->kind == TOKEN_STRING;
	return err == 0 ? source_emit(scan->source, text, length) : err;
}

static int emit_as_is(struct scan *scan, const struct lexeme *lexeme)
{
	return emit(scan, lexeme, lexeme->text, lexeme->length);
}

static int emit_integer(struct scan *scan, const struct lexeme *lexeme)
{
	char text[160], hint[64];
	long long value;
	int n = (int)(lexeme->length < 40 ? lexeme->length : 40), err = integer_parse(lexeme, &value);

	if (err != 0 && (value == 1 || lexeme->kind == TOKEN_INT64)) {
		snprintf(text, sizeof(text), "the number %.*s does not fit in 64 bits", n, lexeme->text);
		report(scan, lexeme->line, NULL, text);
	} else if (err != 0) {
		snprintf(text, sizeof(text), "the number %.*s does not fit in 32 bits and would be misread", n, lexeme->text);
		snprintf(hint, sizeof(hint), "write %.*sL", n, lexeme->text);
		report(scan, lexeme->line, hint, text);
	}
	n = snprintf(text, sizeof(text), lexeme->kind == TOKEN_INT64 || err != 0 ? "%lldL" : "%lld", value);
	return emit(scan, lexeme, text, (size_t)n);
}

// A word in the place of a value: a text whose quotes were forgotten.
static int emit_bare_word(struct scan *scan, const struct lexeme *lexeme)
{
	char text[96], hint[96];
	int n = (int)(lexeme->length < 70 ? lexeme->length : 70);
	struct lexeme string = { .kind = TOKEN_STRING, .line = lexeme->line };

	snprintf(text, sizeof(text), "%.*s stands without quotes", n, lexeme->text);
	snprintf(hint, sizeof(hint), "write \"%.*s\"", n, lexeme->text);
	report(scan, lexeme->line, hint, text);
	n = snprintf(hint, sizeof(hint), "\"%.*s\"", n, lexeme->text);
	return emit(scan, &string, hint, (size_t)n);
}

static int open_bracket(struct scan *scan, const struct lexeme *lexeme)
{
	struct frame *frame;

	if (scan->depth == SOURCE_MAX_NESTING) {
		report(scan, lexeme->line, NULL, "brackets are nested more than 32 deep");
		return -EINVAL;
	}
	frame = &scan->stack[++scan->depth];
	*frame = (struct frame){ .open = lexeme->mark, .file = scan->cursor->file, .line = lexeme->line,
				 .first_key = scan->n_keys, .element = TOKEN_END };
	frame->state = lexeme->mark == '{' ? WANT_KEY : FIRST_ELEMENT;
	// an array goes to libconfig as a list: its kinds were compared here
	return emit(scan, lexeme, lexeme->mark == '[' ? "(" : &lexeme->mark, 1);
}

static int close_bracket(struct scan *scan, const struct lexeme *lexeme)
{
	struct frame *frame = &scan->stack[scan->depth];
	char fits = frame->open == '{' ? '}' : frame->open == '(' ? ')' : ']', text[256];

	if (scan->depth == 0 || lexeme->mark != fits) {
		if (scan->depth == 0)
			snprintf(text, sizeof(text), "syntax: '%c' closes nothing", lexeme->mark);
		else
			snprintf(text, sizeof(text), "syntax: '%c' cannot close the '%c' of line %u", lexeme->mark,
				 frame->open, frame->line);
		report(scan, lexeme->line, scan->depth == 0 ? "one bracket too many here or before" : "a bracket is missing before it",
		       text);
		return -EINVAL;
	}
	scan->n_keys = frame->first_key;
	scan->depth--;
	return emit(scan, lexeme, fits == ']' ? ")" : &lexeme->mark, 1);
}

// libconfig takes arrays of one scalar kind only.
static void check_array(struct scan *scan, struct frame *frame, const struct lexeme *lexeme)
{
	enum token kind = lexeme->kind == TOKEN_NAME ? TOKEN_STRING : lexeme->kind;

	if (kind == TOKEN_MARK)
		report(scan, lexeme->line, "write the list in ( )", "an array [ ] holds only scalars");
	else if (frame->element != TOKEN_END && frame->element != kind)
		report(scan, lexeme->line, "write the list in ( )", "an array [ ] holds values of one kind only");
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
		return emit_integer(scan, lexeme);
	return lexeme->kind == TOKEN_NAME ? emit_bare_word(scan, lexeme) : emit_as_is(scan, lexeme);
}

static const struct key *find_key(const struct scan *scan, const struct frame *frame, const struct lexeme *lexeme)
{
	for (uint32_t i = frame->first_key; i < scan->n_keys; i++) {
		const struct key *key = &scan->keys[i];

		if (key->length == lexeme->length && memcmp(scan->source->text + key->at, lexeme->text, key->length) == 0)
			return key;
	}
	return NULL;
}

static int add_key(struct scan *scan, const struct lexeme *lexeme)
{
	struct key *grown;

	if (scan->n_keys == scan->max_keys) {
		uint32_t max = scan->max_keys ? 2 * scan->max_keys : 64;

		grown = realloc(scan->keys, max * sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		scan->keys = grown;
		scan->max_keys = max;
	}
	scan->keys[scan->n_keys++] = (struct key){ .at = scan->source->length - lexeme->length, .length = lexeme->length,
						   .file = scan->cursor->file, .line = lexeme->line };
	return 0;
}

// A key given twice goes to libconfig under a name that conf.c passes over.
static int take_duplicate(struct scan *scan, const struct lexeme *lexeme, const struct key *first)
{
	char text[256], name[32];
	int n = snprintf(name, sizeof(name), "*%u", ++scan->n_duplicates);

	snprintf(text, sizeof(text), "%.*s is given twice in one group, first at %s:%u",
		 lexeme->length < 64 ? (int)lexeme->length : 64, lexeme->text, scan->source->files[first->file], first->line);
	report(scan, lexeme->line, "leave one out", text);
	return emit(scan, lexeme, name, (size_t)n);
}

static int take_key(struct scan *scan, const struct lexeme *lexeme)
{
	struct frame *frame = &scan->stack[scan->depth];
	const struct key *first;
	int err;

	if (lexeme->kind == TOKEN_MARK && lexeme->mark == '}' && scan->depth > 0)
		return close_bracket(scan, lexeme);
	if (lexeme->kind == TOKEN_MARK && strchr(")]}", lexeme->mark) != NULL)
		return close_bracket(scan, lexeme);
	if (lexeme->kind != TOKEN_NAME || lexeme->text[0] == '*')
		return unexpected(scan, lexeme, "the name of a setting",
				  lexeme->kind == TOKEN_STRING ? "names of settings stand without quotes" : NULL);
	if (scan->n_keys - frame->first_key >= SOURCE_MAX_KEYS) {
		report(scan, lexeme->line, NULL, "more than 200 settings in one group");
		return -EINVAL;
	}
	frame->state = WANT_ASSIGN;
	first = find_key(scan, frame, lexeme);
	if (first != NULL)
		return take_duplicate(scan, lexeme, first);
	err = emit_as_is(scan, lexeme);
	return err == 0 ? add_key(scan, lexeme) : err;
}

static int take_after_element(struct scan *scan, const struct lexeme *lexeme)
{
	struct frame *frame = &scan->stack[scan->depth];

	if (lexeme->kind == TOKEN_MARK && lexeme->mark == ',') {
		frame->state = WANT_ELEMENT;
		return 0; // emitted with the element: a comma too many is left out
	}
	if (lexeme->kind == TOKEN_MARK && strchr(")]}", lexeme->mark) != NULL)
		return close_bracket(scan, lexeme);
	return unexpected(scan, lexeme, frame->open == '(' ? "',' or ')'" : "',' or ']'", "a comma is missing before it?");
}

static int take_element(struct scan *scan, const struct lexeme *lexeme)
{
	struct lexeme comma = { .kind = TOKEN_MARK, .mark = ',', .line = lexeme->line };
	bool close = lexeme->kind == TOKEN_MARK && strchr(")]", lexeme->mark) != NULL;
	int err;

	if (close) {
		report(scan, lexeme->line, "leave it out", "syntax: a comma stands before the closing bracket");
		return close_bracket(scan, lexeme);
	}
	err = emit(scan, &comma, ",", 1);
	return err == 0 ? take_value(scan, lexeme, AFTER_ELEMENT) : err;
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
		return emit_as_is(scan, lexeme);
	case WANT_VALUE:
		return take_value(scan, lexeme, AFTER_VALUE);
	case AFTER_VALUE:
		if (lexeme->kind == TOKEN_STRING && scan->after_string)
			return emit_as_is(scan, lexeme);
		frame->state = WANT_KEY;
		return mark && (lexeme->mark == ';' || lexeme->mark == ',') ? emit_as_is(scan, lexeme) : take_key(scan, lexeme);
	case FIRST_ELEMENT:
		if (mark && strchr(")]}", lexeme->mark) != NULL)
			return close_bracket(scan, lexeme);
		return take_value(scan, lexeme, AFTER_ELEMENT);
	case WANT_ELEMENT:
		return take_element(scan, lexeme);
	case AFTER_ELEMENT:
		if (lexeme->kind == TOKEN_STRING && scan->after_string)
			return emit_as_is(scan, lexeme);
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
		return unexpected(scan, lexeme, frame->state == WANT_ASSIGN ? "'='" : "a value", NULL);
	snprintf(text, sizeof(text), "syntax: this '%c' is never closed", frame->open);
	diags_push(scan->source->diags, DIAG_ERROR, scan->source->files[frame->file], frame->line, NULL, "%s", text);
	return -EINVAL;
}

static int check_include(struct scan *scan, const char *path, uint32_t line)
{
	uint32_t depth = 0;

	for (const struct cursor *up = scan->cursor; up != NULL; up = up->parent, depth++) {
		if (strcmp(scan->source->files[up->file], path) == 0) {
			report(scan, line, NULL, "@include goes round in a circle");
			return -EINVAL;
		}
	}
	if (depth >= SOURCE_MAX_DEPTH || scan->source->n_files >= SOURCE_MAX_FILES) {
		report(scan, line, NULL, depth >= SOURCE_MAX_DEPTH ? "@include is nested more than 10 deep" : "more than 1000 files");
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
		report(scan, line, "paths are relative to the folder of the first file", text);
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

static int take_include(struct scan *scan, const struct lexeme *lexeme)
{
	struct cursor *outer = scan->cursor;
	char *name, *path;
	int err;

	if (!scan->includes || memchr(lexeme->text, '\0', lexeme->length) != NULL) {
		report(scan, lexeme->line, NULL, "@include is not possible here");
		return -EINVAL;
	}
	name = strndup(lexeme->text, lexeme->length);
	path = name != NULL ? file_join(scan->source->files[0], name) : NULL;
	err = path != NULL ? include_file(scan, path, lexeme->line) : -ENOMEM;
	free(name);
	free(path);
	scan->cursor = outer;
	return err == 0 ? source_start_piece(scan->source, outer->file, outer->line) : err;
}

static int skip_mark(struct scan *scan, struct cursor *cursor)
{
	size_t length = (size_t)(cursor->end - cursor->at);

	if (length >= 3 && memcmp(cursor->at, "\xef\xbb\xbf", 3) == 0)
		cursor->at += 3;
	if (length < 2 || (memcmp(cursor->at, "\xff\xfe", 2) != 0 && memcmp(cursor->at, "\xfe\xff", 2) != 0))
		return 0;
	report(scan, 1, "save it as UTF-8", "this is UTF-16 text");
	return -EINVAL;
}

static int scan_cursor(struct scan *scan, struct cursor *cursor)
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
		if (lexeme.kind == TOKEN_END)
			return cursor->parent == NULL ? take_end(scan, &lexeme) : 0;
		err = lexeme.kind == TOKEN_INCLUDE ? take_include(scan, &lexeme) : take_lexeme(scan, &lexeme);
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
