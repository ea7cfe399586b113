// SPDX-License-Identifier: BSD-3-Clause
//
// Rule files from any bytes: a rule_set or at least one error, and of a rule_set what model.h promises.
#include <stdlib.h>
#include <string.h>

#include "rules/read.h"
#include "rules/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition)
		abort();
}

static void check_match(const struct rule_set *rules, const struct match_def *match)
{
	for (uint32_t i = 0; i < match->n_tenants; i++)
		must(match->tenants[i] < rules->n_tenants &&
		     (i == 0 || match->tenants[i - 1] < match->tenants[i]));
	for (uint32_t i = 0; i < match->n_groups; i++)
		must(match->groups[i] < rules->n_groups &&
		     (i == 0 || match->groups[i - 1] < match->groups[i]));
	must(match->any_tenant || match->unknown_tenant || match->n_tenants + match->n_groups > 0);
	must(match->priorities != 0 && match->protocols != 0 && match->channels != 0);
	must(match->size_min <= match->size_max);
}

static uint32_t count_targets(const struct rule_set *rules, unsigned kind)
{
	switch (kind) {
	case WEIR_ACT_FORWARD:
		return rules->n_pools;
	case WEIR_ACT_AGENTS:
		return rules->n_queues;
	case WEIR_ACT_REPLY:
		return rules->n_replies;
	default:
		return rules->n_reasons;
	}
}

static void check_action(const struct rule_set *rules, const struct action_def *action)
{
	must(action->kind < WEIR_N_ACTIONS && action->target < count_targets(rules, action->kind));
	must(action->exceed == WEIR_ACT_DROP ||
	     action->exceed_target < count_targets(rules, action->exceed));
	must(action->copy == RULES_NO_INDEX || action->copy < rules->n_queues);
	must(action->set_priority == 0xff || action->set_priority < WEIR_N_PRIORITIES);
	must((action->rate == 0) == (action->burst == 0));
}

static void check_tenant(const struct rule_set *rules, const struct tenant_def *tenant)
{
	must(tenant->id != 0 && tenant->name[0] != '\0' && tenant->groups != NULL);
	must((tenant->rate == 0) == (tenant->burst == 0));
	must(tenant->home < WEIR_N_COUNTRIES || tenant->home == WEIR_COUNTRY_NONE);
	must(tenant->where.file < rules->n_files && tenant->where.line > 0);
	for (uint32_t i = 0; i < tenant->groups->n; i++)
		must(tenant->groups->group[i] < rules->n_groups);
	for (uint32_t i = 0; i < tenant->n_domains; i++)
		must(strlen(tenant->domains[i]) <= 253);
}

static void check_targets(const struct rule_set *rules)
{
	for (uint32_t i = 0; i < rules->n_pools; i++) {
		must(rules->pools[i].n_members > 0);
		must(rules->pools[i].zone < rules->n_zones ||
		     rules->pools[i].zone == RULES_NO_INDEX);
		for (uint32_t k = 0; k < rules->pools[i].n_members; k++)
			must(rules->pools[i].members[k].family != 0 &&
			     rules->pools[i].members[k].weight > 0);
	}
	for (uint32_t i = 0; i < rules->n_queues; i++)
		must(rules->queues[i].zone < rules->n_zones ||
		     rules->queues[i].zone == RULES_NO_INDEX);
	for (uint32_t i = 0; i < rules->n_replies; i++)
		must(strlen(rules->replies[i].text) <= REPLY_TEXT_MAX);
	for (uint32_t i = 0; i < rules->n_exceptions; i++)
		must(rules->exceptions[i].zone < rules->n_zones &&
		     rules->exceptions[i].country < WEIR_N_COUNTRIES);
	for (uint32_t i = 0; i < rules->n_blocked; i++)
		must(rules->blocked[i].family == 4 || rules->blocked[i].family == 6);
}

// What the scanner lets through, libconfig takes: its own words are never needed.
static void check_scanner(const struct diags *diags)
{
	static const char *const words[] = { "syntax error", "duplicate setting name",
					     "memory exhausted",
					     "mismatched element type in array" };

	for (uint32_t i = 0; i < diags->n; i++)
		for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++)
			must(strcmp(diags->list[i].text, words[k]) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rule_set *rules;
	struct diags diags;

	diags_init(&diags);
	rules = rules_read_text("fuzz.conf", (const char *)data, size, &diags);
	must((rules == NULL) == (diags.n_errors > 0));
	check_scanner(&diags);
	if (rules != NULL) {
		for (uint32_t i = 0; i < rules->n_tenants; i++)
			check_tenant(rules, &rules->tenants[i]);
		for (uint32_t i = 0; i <= rules->n_rules; i++) {
			check_match(rules, &rules->rules[i].match);
			check_action(rules, &rules->rules[i].action);
		}
		check_targets(rules);
	}
	rules_destroy(rules);
	diags_fini(&diags);
	return 0;
}
