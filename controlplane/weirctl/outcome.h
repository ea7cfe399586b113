// SPDX-License-Identifier: BSD-3-Clause
//
// How a judged frame is shown: the JSON object of DESIGN 1.5, or a line for people.
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "dataplane/triage.h"

// Prints one JSON object and a newline. `n` is the number of the frame, from 1.
void outcome_json(uint64_t n, const struct triage *triage, FILE *to);

// Prints one line of columns.
void outcome_line(uint64_t n, const struct triage *triage, FILE *to);

// The protocol of a judged frame by name, NULL where the contract says null.
const char *outcome_protocol(const struct triage *triage);
