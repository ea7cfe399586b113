// SPDX-License-Identifier: BSD-3-Clause
//
// Keys for random rule sets, the linear scan that is the oracle, and every message there is.

#include "tests/kit/rules.h"

static uint16_t key_size(const struct rule_set *rules, uint64_t *state)
{
	const struct match_def *match;
	uint16_t bound;

	if (rules->n_rules == 0 || kit_random_below(state, 5) == 0)
		return (uint16_t)kit_random_below(state, 1600);
	match = &rules->rules[kit_random_below(state, rules->n_rules)].match;
	bound = kit_random_below(state, 2) == 0 ? match->size_min : match->size_max;
	return (uint16_t)(bound + kit_random_below(state, 3) - 1);
}

static uint16_t key_country(const struct rule_set *rules, uint64_t *state)
{
	uint16_t country = (uint16_t)kit_random_below(state, WEIR_N_COUNTRIES);
	const struct country_set *set;

	if (rules->n_rules == 0)
		return country;
	set = &rules->rules[kit_random_below(state, rules->n_rules)].match.countries;
	for (unsigned tries = 0; tries < WEIR_N_COUNTRIES && !country_set_has(set, country); tries++)
		country = (uint16_t)((country + 1) % WEIR_N_COUNTRIES);
	return country;
}

struct kit_key kit_rules_key(const struct rule_set *rules, uint64_t *state)
{
	struct kit_key key = {
		.tenant = (uint32_t)kit_random(state) | 1,
		.country = key_country(rules, state),
		.size = key_size(rules, state),
		.priority = (uint8_t)kit_random_below(state, WEIR_N_PRIORITIES),
		.channel = (uint8_t)kit_random_below(state, WEIR_N_CHANNELS),
		.protocol = (uint8_t)kit_random_below(state, WEIR_N_PROTOCOLS),
	};

	if (rules->n_tenants > 0 && kit_random_below(state, 8) != 0)
		key.tenant = rules->tenants[kit_random_below(state, rules->n_tenants)].id;
	return key;
}

uint32_t kit_rules_tenant(const struct rule_set *rules, uint32_t id)
{
	for (uint32_t i = 0; i < rules->n_tenants; i++)
		if (rules->tenants[i].id == id)
			return i;
	return UINT32_MAX;
}

static bool tenant_holds(const struct rule_set *rules, const struct match_def *match, uint32_t tenant)
{
	const struct group_set *set;

	if (match->any_tenant)
		return true;
	if (tenant == UINT32_MAX)
		return match->unknown_tenant;
	for (uint32_t i = 0; i < match->n_tenants; i++)
		if (match->tenants[i] == tenant)
			return true;
	set = rules->tenants[tenant].groups;
	for (unsigned i = 0; i < match->n_groups; i++)
		for (uint32_t g = 0; g < set->n; g++)
			if (match->groups[i] == set->group[g])
				return true;
	return false;
}

uint32_t kit_rules_scan(const struct rule_set *rules, const struct kit_key *key, uint32_t tenant)
{
	for (uint32_t i = 0; i < rules->n_rules; i++) {
		const struct match_def *match = &rules->rules[i].match;

		if (country_set_has(&match->countries, key->country) && (match->priorities >> key->priority & 1) &&
		    (match->channels >> key->channel & 1) && (match->protocols >> key->protocol & 1) &&
		    match->size_min <= key->size && key->size <= match->size_max && tenant_holds(rules, match, tenant))
			return i;
	}
	return rules->n_rules;
}

// What tells a country apart: the rules and zones that hold it; exceptions name countries one by one.
static uint64_t country_mark(const struct rule_set *rules, uint16_t country)
{
	uint64_t mark = 0;

	for (uint32_t i = 0; i < rules->n_rules; i++)
		mark = mark << 1 | country_set_has(&rules->rules[i].match.countries, country);
	for (unsigned i = 0; i < rules->n_zones; i++)
		mark = mark << 1 | country_set_has(&rules->zones[i].countries, country);
	for (uint32_t i = 0; i < rules->n_exceptions; i++)
		if (rules->exceptions[i].country == country)
			mark |= UINT64_C(1) << 63;
	return country == WEIR_COUNTRY_ZZ ? ~mark : mark;
}

static unsigned represent_countries(const struct rule_set *rules, uint16_t country[WEIR_N_COUNTRIES])
{
	uint64_t mark[WEIR_N_COUNTRIES];
	unsigned n = 0;

	for (uint16_t c = 0; c < WEIR_N_COUNTRIES; c++) {
		uint64_t own = country_mark(rules, c);
		unsigned i = 0;

		while (i < n && (mark[i] != own || own >> 63 != 0))
			i++;
		if (i < n)
			continue;
		mark[n] = own;
		country[n++] = c;
	}
	return n;
}

static void visit_sizes(const struct rule_set *rules, struct kit_key key, uint32_t tenant, kit_visit *visit,
			void *context)
{
	key.size = 0;
	visit(context, tenant, key.country, kit_rules_scan(rules, &key, tenant));
	for (uint32_t i = 0; i < rules->n_rules; i++) {
		key.size = rules->rules[i].match.size_min;
		visit(context, tenant, key.country, kit_rules_scan(rules, &key, tenant));
		key.size = (uint16_t)(rules->rules[i].match.size_max + 1);
		visit(context, tenant, key.country, kit_rules_scan(rules, &key, tenant));
	}
}

void kit_rules_visit(const struct rule_set *rules, kit_visit *visit, void *context)
{
	uint16_t country[WEIR_N_COUNTRIES];
	unsigned n = represent_countries(rules, country);

	for (uint32_t t = 0; t <= rules->n_tenants; t++)
		for (unsigned c = 0; c < n; c++)
			for (unsigned small = 0; small < WEIR_N_PROTOCOLS * 64; small++) {
				struct kit_key key = {.country = country[c], .protocol = (uint8_t)(small >> 6),
						      .priority = small >> 4 & 3, .channel = small & 15};

				visit_sizes(rules, key, t == rules->n_tenants ? UINT32_MAX : t, visit, context);
			}
}
