// SPDX-License-Identifier: BSD-3-Clause
//
// What a change of rules changes: two opened tables compared, thing by thing by name, and message by
// message by what is decided. Works on tables alone, so that a table that was published last month
// can be compared without the file that it came from. Any thread.
#pragma once

#include "rules/table.h"

enum diff_change { DIFF_ADDED, DIFF_REMOVED, DIFF_CHANGED, DIFF_MOVED };

// One thing that is not the same. Strings are borrowed until the call returns.
struct diff_item {
	enum diff_change change;
	const char *kind; // "tenant", "rule", "pool", "member", "queue", "reply", "blocked source"
	const char *name;
	const char *before,
		*after; // what it is, for people; NULL where it is not there; of a DIFF_MOVED: equal
};

// Messages that one rule decided and another one decides now, or the same one otherwise: how many
// tenants have such messages, and one as an example.
struct diff_decision {
	uint32_t n_tenants;      // without the unknown tenant
	uint32_t tenant;         // id of one of them, 0: the unknown tenant
	const char *tenant_name; // "unknown" for that
	uint16_t country, size;
	uint8_t priority, channel, protocol;
	const char *rule_before, *rule_after;
	const char *verdict_before, *verdict_after;
};

struct diff_events {
	void (*item)(void *argument, const struct diff_item *item);
	void (*decision)(void *argument, const struct diff_decision *decision);
	void *argument;
};

// Reports every difference, things first, in the order of their kinds above. 0, or -ENOMEM.
int table_diff(const struct table *before, const struct table *after,
	       const struct diff_events *events);

// The verdict as people read it: `forward "eu-intake", at most 10000 a second (burst 1000), beyond: drop`.
void table_verdict_format(const struct table *table, uint32_t verdict, char *out, size_t size);

enum { DIFF_TEXT = 1024 };
