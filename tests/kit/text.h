// SPDX-License-Identifier: BSD-3-Clause
//
// A table compiled from rule text, for tests and fuzz targets that need a known one.
#pragma once

#include "rules/compile.h"

struct kit_text {
	struct rule_set *rules;
	struct table_image image;
	struct table table;
};

// Compiles and opens `text`. Prints the diagnostics and aborts where it is no good rule file.
void kit_text_open(struct kit_text *kit, const char *text);
void kit_text_close(struct kit_text *kit);
