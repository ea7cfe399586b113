// SPDX-License-Identifier: BSD-3-Clause
//
// The cleaned copy that libconfig gets. Lines follow the original's but for one thing: the mark after a
// string comes directly behind it, because libconfig gives a string the line of the lexeme that follows.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/scan.h"

void scan_report(const struct scan *scan, uint32_t line, const char *hint, const char *text)
{
	diags_push(scan->source->diags, DIAG_ERROR, scan->source->files[scan->cursor->file], line,
		   hint, "%s", text);
}

static uint32_t copy_line(const struct source *source)
{
	const struct source_piece *piece = &source->pieces[source->n_pieces - 1];

	return piece->line + (source->lines + 1 - piece->start);
}

// Appends to the copy, on the lexeme's line.
int scan_emit(struct scan *scan, const struct lexeme *lexeme, const char *text, size_t length)
{
	static const char newlines[] = "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n";
	bool stick =
		scan->after_string && (lexeme->kind == TOKEN_MARK || lexeme->kind == TOKEN_STRING);
	uint32_t line = copy_line(scan->source),
		 n = line < lexeme->line && !stick ? lexeme->line - line : 0;
	int err = n == 0 ? source_emit(scan->source, " ", 1) : 0;

	for (; n > 0 && err == 0; n -= n < 16 ? n : 16)
		err = source_emit(scan->source, newlines, n < 16 ? n : 16);
	scan->after_string = lexeme->kind == TOKEN_STRING;
	return err == 0 ? source_emit(scan->source, text, length) : err;
}

int scan_emit_as_is(struct scan *scan, const struct lexeme *lexeme)
{
	return scan_emit(scan, lexeme, lexeme->text, lexeme->length);
}

int scan_emit_integer(struct scan *scan, const struct lexeme *lexeme)
{
	char text[160], hint[64];
	long long value;
	int n = (int)(lexeme->length < 40 ? lexeme->length : 40),
	    err = integer_parse(lexeme, &value);

	if (err != 0 && (value == 1 || lexeme->kind == TOKEN_INT64)) {
		snprintf(text, sizeof(text), "the number %.*s does not fit in 64 bits", n,
			 lexeme->text);
		scan_report(scan, lexeme->line, NULL, text);
	} else if (err != 0) {
		snprintf(text, sizeof(text),
			 "the number %.*s does not fit in 32 bits and would be misread", n,
			 lexeme->text);
		snprintf(hint, sizeof(hint), "write %.*sL", n, lexeme->text);
		scan_report(scan, lexeme->line, hint, text);
	}
	n = snprintf(text, sizeof(text), lexeme->kind == TOKEN_INT64 || err != 0 ? "%lldL" : "%lld",
		     value);
	return scan_emit(scan, lexeme, text, (size_t)n);
}

int scan_emit_bare_word(struct scan *scan, const struct lexeme *lexeme)
{
	char text[96], hint[96];
	int n = (int)(lexeme->length < 70 ? lexeme->length : 70);
	struct lexeme string = { .kind = TOKEN_STRING, .line = lexeme->line };

	snprintf(text, sizeof(text), "%.*s stands without quotes", n, lexeme->text);
	snprintf(hint, sizeof(hint), "write \"%.*s\"", n, lexeme->text);
	scan_report(scan, lexeme->line, hint, text);
	n = snprintf(hint, sizeof(hint), "\"%.*s\"", n, lexeme->text);
	return scan_emit(scan, &string, hint, (size_t)n);
}

static const struct key *find_key(const struct scan *scan, const struct frame *frame,
				  const struct lexeme *lexeme)
{
	for (uint32_t i = frame->first_key; i < scan->n_keys; i++) {
		const struct key *key = &scan->keys[i];

		if (key->length == lexeme->length &&
		    memcmp(scan->source->text + key->at, lexeme->text, key->length) == 0)
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
	scan->keys[scan->n_keys++] = (struct key){ .at = scan->source->length - lexeme->length,
						   .length = lexeme->length,
						   .file = scan->cursor->file,
						   .line = lexeme->line };
	return 0;
}

static int take_duplicate(struct scan *scan, const struct lexeme *lexeme, const struct key *first)
{
	char text[256], name[32];
	int n = snprintf(name, sizeof(name), "*%u", ++scan->n_duplicates);

	snprintf(text, sizeof(text), "%.*s is given twice in one group, first at %s:%u",
		 lexeme->length < 64 ? (int)lexeme->length : 64, lexeme->text,
		 scan->source->files[first->file], first->line);
	scan_report(scan, lexeme->line, "leave one out", text);
	return scan_emit(scan, lexeme, name, (size_t)n);
}

int scan_emit_key(struct scan *scan, const struct lexeme *lexeme)
{
	const struct frame *frame = &scan->stack[scan->depth];
	const struct key *first = find_key(scan, frame, lexeme);
	int err;

	if (scan->n_keys - frame->first_key >= SOURCE_MAX_KEYS) {
		scan_report(scan, lexeme->line, NULL, "more than 200 settings in one group");
		return -EINVAL;
	}
	if (first != NULL)
		return take_duplicate(scan, lexeme, first);
	err = scan_emit_as_is(scan, lexeme);
	return err == 0 ? add_key(scan, lexeme) : err;
}
