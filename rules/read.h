// SPDX-License-Identifier: BSD-3-Clause
//
// Reads a rule file (libconfig) and the tenant files that it names into a rule_set.
#pragma once

#include "rules/diag.h"
#include "rules/model.h"

// Reads and checks `path`. Relative file names inside are relative to the file they stand in. Every
// error and warning of all files goes to `diags`; returns NULL exactly when there is at least one
// error (also for a file that cannot be opened and when memory is out). Not thread safe with itself
// for the same `diags`; otherwise any thread. The caller owns the result.
struct rule_set *rules_read(const char *path, struct diags *diags);

// Frees a rule_set; NULL is fine.
void rules_destroy(struct rule_set *rules);
