// SPDX-License-Identifier: BSD-3-Clause
//
// Random rule sets made in memory, random keys for them, and the oracle: a linear scan over the rules.
#pragma once

#include <stdint.h>

#include "rules/model.h"

struct kit_rules_shape {
	uint32_t n_rules, n_tenants; // exactly
	uint16_t n_groups, n_zones, n_pools, n_queues;
	unsigned named_percent, grouped_percent; // rules that name tenants, or groups
	unsigned any_country_percent, sized_percent;
	unsigned wide_percent; // each small key (priority, channel, protocol) left out
	uint16_t n_bounds;     // distinct size bounds, 0: any size up to 1500
	uint32_t names_a_rule; // at most so many tenants in a rule
	unsigned rare_percent; // countries outside the ten common ones
	unsigned zone_percent; // rules that name a zone
	bool assigned;         // only countries that ISO 3166-1 assigns, and ZZ
};

struct kit_key {
	uint32_t tenant; // id
	uint16_t country, size;
	uint8_t priority, channel, protocol;
};

// A shape of up to 60 rules for the seed: every kind of match, from few to many tenants.
struct kit_rules_shape kit_rules_shape_random(uint64_t seed);

// Makes a rule set of that shape; the same seed gives the same. NULL when memory is out.
struct rule_set *kit_rules_random(const struct kit_rules_shape *shape, uint64_t seed);
void kit_rules_destroy(struct rule_set *rules);

// A key for the rule set: mostly tenants, sizes and countries that the rules speak of, or next to them.
struct kit_key kit_rules_key(const struct rule_set *rules, uint64_t *state);

// Any country, or any assigned one or ZZ.
uint16_t kit_rules_country(uint64_t *state, bool assigned);

// Position of the first rule that holds, n_rules for the default. `tenant` is the position of the key's
// tenant, or UINT32_MAX.
uint32_t kit_rules_scan(const struct rule_set *rules, const struct kit_key *key, uint32_t tenant);

// Position of the tenant with this id, UINT32_MAX where there is none. Linear.
uint32_t kit_rules_tenant(const struct rule_set *rules, uint32_t id);

// Every message that can come up to what rules and zones tell apart: calls `visit` for each (tenant
// position or UINT32_MAX, country, verdict), where countries that no rule, zone or exception tells apart are
// represented by their first. At most 40 rules and 20 zones.
typedef void kit_visit(void *context, uint32_t tenant, uint16_t country, uint32_t verdict);
void kit_rules_visit(const struct rule_set *rules, kit_visit *visit, void *context);

// Next number of a small generator (splitmix64).
uint64_t kit_random(uint64_t *state);
static inline uint32_t kit_random_below(uint64_t *state, uint32_t n)
{
	return (uint32_t)(((kit_random(state) >> 32) * n) >> 32);
}
