// SPDX-License-Identifier: BSD-3-Clause
//
// Configuration diagnostics as data: what reading and checking a rule file or gateway.conf found.
// All of them are kept and reported in one run; who asked decides what to print.
// Used by: read, check, csv, gateway, compile, residency; printed by weirctl, both daemons.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum diag_kind { DIAG_ERROR, DIAG_WARNING };

struct diag {
	enum diag_kind kind;
	uint32_t line; // 1-based; 0: the file as a whole
	char *file;
	char *text; // what is wrong and where: `rule "orders": size.min 700 above size.max 512`
	char *hint; // how to mend it, or NULL
};

struct diags {
	struct diag *list;
	uint32_t n, n_errors, n_warnings;
	uint32_t suppressed; // past DIAGS_MAX: counted, not kept
	uint32_t n_kept_warnings; // warnings in the list
};

enum { DIAGS_MAX = 1000 };

void diags_init(struct diags *diags);
void diags_fini(struct diags *diags);

// Adds one; `hint` may be NULL; `format` is printf's. Copies all strings. When memory is out the
// diagnostic is counted and not kept, so an error is never mistaken for none.
void diags_push(struct diags *diags, enum diag_kind kind, const char *file, uint32_t line, const char *hint,
		const char *format, ...) __attribute__((format(printf, 6, 7)));

// Writes `file:line: error: text (hint)` without a newline, cut to `size`; returns `out`.
const char *diag_format(const struct diag *diag, char *out, size_t size);

// Prints every diagnostic, one a line, in order of file and line.
void diags_print(const struct diags *diags, FILE *to);
