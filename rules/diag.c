// SPDX-License-Identifier: BSD-3-Clause
//
// The list of diagnostics. What holds always: every error is counted, kept or not; no control
// character or broken UTF-8 of an input file reaches the terminal by way of a text.
#include "rules/diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "rules/utf8.h"

enum { TEXT_MAX = 1024 };

void diags_init(struct diags *diags)
{
	memset(diags, 0, sizeof(*diags));
}

static void diag_fini(struct diag *diag)
{
	free(diag->file);
	free(diag->text);
	free(diag->hint);
}

void diags_fini(struct diags *diags)
{
	for (uint32_t i = 0; i < diags->n; i++)
		diag_fini(&diags->list[i]);
	free(diags->list);
	diags_init(diags);
}

// Names in a text come from the input: what could steer a terminal becomes '?'.
static void make_printable(char *text)
{
	size_t length = strlen(text), step;

	for (size_t i = 0; i < length; i += step) {
		unsigned char byte = (unsigned char)text[i];

		step = utf8_size(text + i, length - i);
		if (step <= 1) {
			if (step == 0 || byte < 0x20 || byte == 0x7f)
				text[i] = '?';
			step = 1;
		} else if (step == 2 && byte == 0xc2 && (unsigned char)text[i + 1] < 0xa0) {
			text[i] = text[i + 1] = '?'; // U+0080 to U+009F: control characters too
		}
	}
}

static bool make_room(struct diags *diags)
{
	struct diag *grown;

	if ((diags->n & (diags->n - 1)) != 0)
		return true;
	grown = realloc(diags->list, (diags->n ? 2 * (size_t)diags->n : 1) * sizeof(*grown));
	if (grown == NULL)
		return false;
	diags->list = grown;
	return true;
}

// A list full of warnings gives up its last one for an error.
static bool give_up_warning(struct diags *diags)
{
	struct diag *last = diags->list + diags->n;

	if (diags->n_kept_warnings == 0)
		return false;
	do
		last--;
	while (last->kind != DIAG_WARNING);
	diag_fini(last);
	memmove(last, last + 1, (size_t)(diags->list + diags->n - last - 1) * sizeof(*last));
	diags->n--;
	diags->n_kept_warnings--;
	diags->suppressed++;
	return true;
}

// The place for one more, or NULL.
static struct diag *take_place(struct diags *diags, enum diag_kind kind)
{
	if (diags->n == DIAGS_MAX && (kind != DIAG_ERROR || !give_up_warning(diags)))
		return NULL;
	return make_room(diags) ? &diags->list[diags->n] : NULL;
}

static void count(struct diags *diags, enum diag_kind kind)
{
	if (kind == DIAG_ERROR)
		diags->n_errors++;
	else
		diags->n_warnings++;
}

void diags_push(struct diags *diags, enum diag_kind kind, const char *file, uint32_t line,
		const char *hint, const char *format, ...)
{
	struct diag diag = { .kind = kind, .line = line }, *place = take_place(diags, kind);
	char text[TEXT_MAX];
	va_list list;

	count(diags, kind);
	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	make_printable(text);
	if (place != NULL) {
		diag.file = strdup(file);
		diag.text = strdup(text);
		diag.hint = hint != NULL ? strdup(hint) : NULL;
	}
	if (diag.file == NULL || diag.text == NULL) {
		diag_fini(&diag);
		diags->suppressed++;
		return;
	}
	make_printable(diag.file);
	if (diag.hint != NULL)
		make_printable(diag.hint);
	*place = diag;
	diags->n++;
	diags->n_kept_warnings += kind == DIAG_WARNING;
}

const char *diag_format(const struct diag *diag, char *out, size_t size)
{
	const char *kind = diag->kind == DIAG_ERROR ? "error" : "warning";
	const char *hint = diag->hint != NULL ? diag->hint : "";
	const char *open = diag->hint != NULL ? " (" : "", *close = diag->hint != NULL ? ")" : "";

	if (diag->line == 0)
		snprintf(out, size, "%s: %s: %s%s%s%s", diag->file, kind, diag->text, open, hint,
			 close);
	else
		snprintf(out, size, "%s:%u: %s: %s%s%s%s", diag->file, diag->line, kind, diag->text,
			 open, hint, close);
	return out;
}

struct place { // what is sorted: a diagnostic, its file's rank by first appearance, its own order
	const struct diag *diag;
	uint32_t rank, order;
};

static int compare(const void *left, const void *right)
{
	const struct place *a = left, *b = right;

	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	if (a->diag->line != b->diag->line)
		return a->diag->line < b->diag->line ? -1 : 1;
	return a->order < b->order ? -1 : 1;
}

static uint32_t rank_of(const struct place *places, uint32_t n, const struct diag *diag)
{
	for (uint32_t i = 0; i < n; i++)
		if (strcmp(places[i].diag->file, diag->file) == 0)
			return places[i].rank;
	return n;
}

void diags_print(const struct diags *diags, FILE *to)
{
	struct place *places = calloc(diags->n ? diags->n : 1, sizeof(*places));
	char line[2 * TEXT_MAX + 512];

	for (uint32_t i = 0; places != NULL && i < diags->n; i++) {
		places[i].diag = &diags->list[i];
		places[i].order = i;
		places[i].rank = rank_of(places, i, &diags->list[i]);
	}
	if (places != NULL)
		qsort(places, diags->n, sizeof(*places), compare);
	for (uint32_t i = 0; i < diags->n;
	     i++) // out of memory: in the order in which they were found
		fprintf(to, "%s\n",
			diag_format(places != NULL ? places[i].diag : &diags->list[i], line,
				    sizeof(line)));
	if (diags->suppressed > 0)
		fprintf(to, "and %u more like these, not shown\n", diags->suppressed);
	free(places);
}
