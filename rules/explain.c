// SPDX-License-Identifier: BSD-3-Clause
//
// Explains a verdict by reading the rules one after the other, which is slow, plain, and a second
// opinion on the compiled table.

#include "rules/explain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/lookup.h"

const char *explain_missed_name(unsigned missed)
{
	static const char *const names[] = {
#define X(name, text) text,
		EXPLAIN_KEYS(X)
#undef X
	};

	return missed < EXPLAIN_HOLDS ? names[missed] : "?";
}

static uint32_t find_id(const struct rule_set *rules, uint32_t id)
{
	for (uint32_t i = 0; i < rules->n_tenants; i++)
		if (rules->tenants[i].id == id)
			return i;
	return UINT32_MAX;
}

int explain_find_tenant(const struct rule_set *rules, const char *text, uint32_t *id)
{
	unsigned long long number;
	char *end;

	for (uint32_t i = 0; i < rules->n_tenants; i++)
		if (strcmp(rules->tenants[i].name, text) == 0) {
			*id = rules->tenants[i].id;
			return 0;
		}
	if (strcmp(text, "unknown") == 0) {
		for (*id = UINT32_MAX; find_id(rules, *id) != UINT32_MAX;)
			--*id;
		return 0;
	}
	if (*text < '0' || *text > '9')
		return -ENOENT;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (*end != '\0' || errno != 0 || number == 0 || number > UINT32_MAX)
		return -ENOENT;
	*id = (uint32_t)number;
	return 0;
}

static bool groups_meet(const struct match_def *match, const struct group_set *set)
{
	for (uint32_t i = 0, j = 0; i < match->n_groups && j < set->n;) {
		if (match->groups[i] == set->group[j])
			return true;
		if (match->groups[i] < set->group[j])
			i++;
		else
			j++;
	}
	return false;
}

static bool tenant_holds(const struct rule_set *rules, const struct match_def *match, uint32_t tenant)
{
	if (match->any_tenant)
		return true;
	if (tenant == UINT32_MAX)
		return match->unknown_tenant;
	for (uint32_t i = 0; i < match->n_tenants; i++)
		if (match->tenants[i] == tenant)
			return true;
	return groups_meet(match, rules->tenants[tenant].groups);
}

static enum explain_missed first_missed(const struct rule_set *rules, const struct match_def *match,
					const struct explain_key *key, uint32_t tenant)
{
	if (!tenant_holds(rules, match, tenant))
		return EXPLAIN_TENANT;
	if (!country_set_has(&match->countries, key->country))
		return EXPLAIN_COUNTRY;
	if (!(match->priorities >> key->priority & 1))
		return EXPLAIN_PRIORITY;
	if (!(match->channels >> key->channel & 1))
		return EXPLAIN_CHANNEL;
	if (!(match->protocols >> key->protocol & 1))
		return EXPLAIN_PROTOCOL;
	if (key->size < match->size_min || key->size > match->size_max)
		return EXPLAIN_SIZE;
	return EXPLAIN_HOLDS;
}

static uint32_t ask_table(const struct table *table, const struct explain_key *key)
{
	struct triage_key triage = {.country = key->country, .size = key->size,
				    .small = triage_small(key->protocol, key->priority, key->channel)};

	table_find_tenant(table, key->tenant, &triage.class);
	return table_find_verdict(table, &triage);
}

int rules_explain(const struct rule_set *rules, const struct table *table, const struct explain_key *key,
		  struct explain_result *result)
{
	*result = (struct explain_result){0};
	if (key->country >= WEIR_N_COUNTRIES || key->priority >= WEIR_N_PRIORITIES ||
	    key->channel >= WEIR_N_CHANNELS || key->protocol >= WEIR_N_PROTOCOLS || key->tenant == 0)
		return -EINVAL;
	result->missed = malloc((size_t)rules->n_rules + 1);
	if (result->missed == NULL)
		return -ENOMEM;
	result->tenant = find_id(rules, key->tenant);
	for (; result->rule < rules->n_rules; result->rule++) {
		const struct match_def *match = &rules->rules[result->rule].match;

		result->missed[result->rule] = (uint8_t)first_missed(rules, match, key, result->tenant);
		if (result->missed[result->rule] == EXPLAIN_HOLDS)
			break;
	}
	result->table_rule = ask_table(table, key);
	return result->table_rule == result->rule ? 0 : -EBADMSG;
}

void explain_fini(struct explain_result *result)
{
	free(result->missed);
	*result = (struct explain_result){0};
}
