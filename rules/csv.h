// SPDX-License-Identifier: BSD-3-Clause
//
// CSV as in RFC 4180: records of fields, one after the other. libc only; not thread safe for one csv.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { CSV_MAX_FIELDS = 16, CSV_MAX_RECORD = 1 << 20 };

struct csv {
	char *at, *end; // what is left; fields are unquoted and ended by NUL in place
	uint32_t line;	// of what is left
};

struct csv_record {
	char *field[CSV_MAX_FIELDS];
	size_t length[CSV_MAX_FIELDS];
	unsigned n;    // fields
	uint32_t line; // on which it starts
};

// Starts on `text`, which must be writable and have one byte more at text[length]. A UTF-8 mark
// at its start is passed over.
void csv_init(struct csv *csv, char *text, size_t length);

// Takes the next record that is not an empty line. Returns 1, 0 at the end, -EINVAL with one line of
// reason in `*why` (a static text) for a malformed record: one may go on with the line behind the
// one on which the fault begins. `record->line` is right in every case.
int csv_next(struct csv *csv, struct csv_record *record, const char **why);
