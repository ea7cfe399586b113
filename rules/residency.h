// SPDX-License-Identifier: BSD-3-Clause
//
// Proof of residency over a compiled table (DESIGN 1.4).
#pragma once

#include "rules/diag.h"
#include "rules/model.h"
#include "rules/table.h"

enum { RESIDENCY_MAX_ERRORS = 100 };

enum residency_effect { RESIDENCY_TARGET, RESIDENCY_COPY, RESIDENCY_EXCEED, RESIDENCY_N_EFFECTS };

// What a rule could do with messages of a tenant class from some countries, and may not.
struct residency_violation {
	uint32_t rule;                // position
	uint32_t class;               // tenant class, the first that it was found for
	enum residency_effect effect; // by its target, its copy, or what it does over the rate
	struct country_set countries; // those not yet named with the same rule and effect
};

struct residency_report {
	struct residency_violation *list;
	uint32_t n, capacity;
};

// Goes through what every cell of `table`, compiled from `rules`, could do with a message of every
// tenant class and country. Each (rule, effect, country) that is forbidden comes once. Does so whether or
// not the file enforces residency. Returns 0 or -ENOMEM; residency_report_fini frees the report in any case.
int residency_find(const struct rule_set *rules, const struct table *table, struct residency_report *report);
void residency_report_fini(struct residency_report *report);

// Zone that an effect of a verdict needs; RESIDENCY_NO_ZONE for a pool without one, -1 where it needs none.
#define RESIDENCY_NO_ZONE 255
int residency_zone(const struct table *table, uint32_t verdict, enum residency_effect effect);

// Adds an error for each violation, at most RESIDENCY_MAX_ERRORS and then their count.
// Returns how many there are, or -ENOMEM.
int64_t residency_check(const struct rule_set *rules, const struct table *table, struct diags *diags);
