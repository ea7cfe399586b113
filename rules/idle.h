// SPDX-License-Identifier: BSD-3-Clause
//
// Rules that can never decide.
#pragma once

#include "rules/diag.h"
#include "rules/model.h"
#include "rules/table.h"

// Adds a warning for each rule of `rules` that no message can meet, whatever its tenant, country, small
// keys and size, by the table compiled from them. Returns 0 or -ENOMEM.
int idle_check(const struct rule_set *rules, const struct table *table, struct diags *diags);

// Sets decides[i] for each rule i that some message can meet, the default included; decides has
// n_rules + 1 entries, false at first. Returns 0 or -ENOMEM.
int idle_find(const struct table *table, bool *decides);
