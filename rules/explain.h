// SPDX-License-Identifier: BSD-3-Clause
//
// Why a message gets its verdict: the rule that decides, and for each rule before it the first key
// that did not hold (`weirctl rules explain`).
#pragma once

#include "rules/model.h"
#include "rules/table.h"

// Keys of a match in the order in which they are looked at.
#define EXPLAIN_KEYS(X) X(TENANT, "tenant") X(COUNTRY, "country") X(PRIORITY, "priority") X(CHANNEL, "channel") \
	X(PROTOCOL, "protocol") X(SIZE, "size")

enum explain_missed {
#define X(name, text) EXPLAIN_##name,
	EXPLAIN_KEYS(X)
#undef X
	EXPLAIN_HOLDS // every key holds
};

struct explain_key {
	uint32_t tenant;  // id; one that no tenant has is the unknown tenant
	uint16_t country; // index
	uint16_t size;    // payload bytes
	uint8_t priority, channel, protocol;
};

struct explain_result {
	uint32_t rule;       // position of the rule that decides, n_rules for the default
	uint32_t tenant;     // position of the tenant, or UINT32_MAX for the unknown tenant
	uint32_t table_rule; // what the compiled table says; equal to `rule` unless weir is at fault
	uint8_t *missed;     // enum explain_missed of each of the `rule` rules before; explain_fini frees it
};

// Id of the tenant that `text` means: a tenant's name, else a number from 1 to 2^32-1, else "unknown", which gives
// an id that no tenant has. Returns 0, or -ENOENT.
int explain_find_tenant(const struct rule_set *rules, const char *text, uint32_t *id);

// Explains one key by a scan over `rules`, and asks `table`, compiled from them, as well. Returns 0,
// -EINVAL for a key out of range, -ENOMEM, or -EBADMSG when table and scan differ (a fault of weir; `result` is
// whole then). Any thread.
int rules_explain(const struct rule_set *rules, const struct table *table, const struct explain_key *key,
		  struct explain_result *result);
void explain_fini(struct explain_result *result);

// Name of a key, "?" for anything else. Static.
const char *explain_missed_name(unsigned missed);
