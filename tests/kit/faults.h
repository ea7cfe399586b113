// SPDX-License-Identifier: BSD-3-Clause
//
// For tests of the reader: texts that are good, and texts with the fault that is expected of them.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "rules/diag.h"
#include "rules/model.h"

// What makes a whole rule file of a snippet: version, a queue "desk" and a default, all on line 1.
#define RULES_HEAD                                                                                 \
	"version = 1; queues = ( { name = \"desk\"; } ); default = { agents = \"desk\"; };\n"

// A snippet that stands behind RULES_HEAD (so it begins on line 2), and what is reported of it.
struct fault {
	const char *text;
	uint32_t line;    // of the diagnostic
	const char *part; // of its text and hint, as printed
};

// Snippets: a member; a pool of that member, with what else it has on line 3; a pool whose members stand on line 3.
#define MEMBER        "{ name = \"m\"; address = \"10.0.0.1\"; mac = \"02:00:00:00:00:01\"; }"
#define POOL(text)    "pools = ( { name = \"p\"; members = ( " MEMBER " );\n" text " } );"
#define MEMBERS(text) "pools = ( { name = \"p\"; members = (\n" text " ); } );"

// rules_kit_refuse of the faults that stand in the brackets.
#define REFUSE(...)                                                                                \
	do {                                                                                       \
		static const struct fault faults[] = { __VA_ARGS__ };                              \
		rules_kit_refuse(faults, sizeof(faults) / sizeof(faults[0]));                      \
	} while (0)

// Reads a whole rule file that must be good.
struct rule_set *rules_kit_read(const char *text);

// Checks that each snippet gives exactly one error, and that it is the expected one.
void rules_kit_refuse(const struct fault *faults, size_t n);

// Whether `diags` has an error or warning on `line` whose printed form has `part` in it.
int rules_kit_has(const struct diags *diags, enum diag_kind kind, uint32_t line, const char *part);

// Writes a file into the test's folder (made at the first call, removed at the end of the program)
// and returns its path, valid until the next call.
const char *rules_kit_write(const char *name, const char *text, size_t length);
