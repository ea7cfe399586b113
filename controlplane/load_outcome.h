// SPDX-License-Identifier: BSD-3-Clause
//
// How loads of rule files end, for people: in the log and in the history. Loop's thread only.
#pragma once

#include <stdint.h>

struct load;

enum load_result { LOAD_PUBLISHED, LOAD_REFUSED, LOAD_FAILED };

// How a load ended. `why` is one line for a person; diagnostics are the load's.
struct load_outcome {
	enum load_result result;
	const struct load *load;
	uint64_t generation; // published
	const char *why;     // "" when published
};

// Logs it, and appends it to the history at this path.
void load_outcome_note(const struct load_outcome *outcome, const char *history);

// Logs what was found in the file, a line each.
void load_diagnostics_log(const struct load *load);
