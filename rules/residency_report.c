// SPDX-License-Identifier: BSD-3-Clause
//
// Words for what the proof of residency found: rule, tenant, country and pool, and how to mend it.

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rules/lookup.h"
#include "rules/residency.h"

enum { LISTED_COUNTRIES = 8 };

// Name of the first tenant of a class.
static const char *tenant_of_class(const struct rule_set *rules, const struct table *table, uint32_t number)
{
	for (uint32_t t = 0; number != 0 && t < rules->n_tenants; t++) {
		uint32_t class;

		table_find_tenant(table, rules->tenants[t].id, &class);
		if (class == number)
			return rules->tenants[t].name;
	}
	return NULL;
}

static void list_countries(const struct country_set *countries, char *out, size_t size)
{
	unsigned n = 0, at = 0;
	char code[3];

	for (unsigned c = 0; c < WEIR_N_COUNTRIES; c++) {
		if (!country_set_has(countries, c) || ++n > LISTED_COUNTRIES)
			continue;
		weir_country_format(c, code);
		at += (unsigned)snprintf(out + at, size - at, "%s%s", n > 1 ? ", " : "", code);
	}
	if (n > LISTED_COUNTRIES)
		snprintf(out + at, size - at, " and %u more", n - LISTED_COUNTRIES);
}

struct wording {
	const char *doing, *kind, *name;
};

static struct wording word_effect(const struct rule_set *rules, const struct table *table,
				  const struct residency_violation *violation)
{
	const struct verdict *verdict = &table->verdicts[violation->rule];

	if (violation->effect == RESIDENCY_COPY)
		return (struct wording){"copied", "queue", rules->queues[verdict->copy].name};
	if (violation->effect == RESIDENCY_EXCEED)
		return (struct wording){verdict->meter != TABLE_NONE ? "handed (over the rate)" :
								       "handed (no member lives)", "queue",
					rules->queues[verdict->exceed_target].name};
	if (verdict->action == WEIR_ACT_AGENTS)
		return (struct wording){"handed", "queue", rules->queues[verdict->target].name};
	return (struct wording){"forwarded", "pool", rules->pools[verdict->target].name};
}

// Writes whose message it is, and what its ZZ counts as.
static void word_tenant(const struct rule_set *rules, const struct table *table,
			const struct residency_violation *violation, char *out, size_t size)
{
	const char *tenant = tenant_of_class(rules, table, violation->class);
	uint16_t home = table->tenant_classes[violation->class].home;
	bool at_home = country_set_has(&violation->countries, WEIR_COUNTRY_ZZ) && home != WEIR_COUNTRY_NONE;
	char code[3] = "";

	if (at_home)
		weir_country_format(home, code);
	snprintf(out, size, "%s%s%s%s%s%s", tenant == NULL ? "the unknown tenant" : "tenant \"",
		 tenant == NULL ? "" : tenant, tenant == NULL ? "" : "\"", at_home ? " (home " : "", code,
		 at_home ? ")" : "");
}

static void report(const struct rule_set *rules, const struct table *table,
		   const struct residency_violation *violation, struct diags *diags)
{
	const struct rule_def *rule = &rules->rules[violation->rule];
	const char *file = rules->files[rule->where.file];
	struct wording wording = word_effect(rules, table, violation);
	int zone = residency_zone(table, violation->rule, violation->effect);
	char countries[80], of[120], hint[200];

	list_countries(&violation->countries, countries, sizeof(countries));
	word_tenant(rules, table, violation, of, sizeof(of));
	if (zone == RESIDENCY_NO_ZONE) {
		diags_push(diags, DIAG_ERROR, file, rule->where.line, "give the pool a zone that holds them",
			   "rule \"%s\": a message of %s from %s could be %s to %s \"%s\", which stands in no zone",
			   rule->name, of, countries, wording.doing, wording.kind, wording.name);
		return;
	}
	snprintf(hint, sizeof(hint), "narrow the rule, add the country to zone \"%s\", or an exception for both",
		 rules->zones[zone].name);
	diags_push(diags, DIAG_ERROR, file, rule->where.line, hint,
		   "rule \"%s\": a message of %s from %s could be %s to %s \"%s\", "
		   "whose zone \"%s\" does not hold it",
		   rule->name, of, countries, wording.doing, wording.kind, wording.name, rules->zones[zone].name);
}

int64_t residency_check(const struct rule_set *rules, const struct table *table, struct diags *diags)
{
	struct residency_report found;
	int64_t n = residency_find(rules, table, &found);

	for (uint32_t i = 0; n == 0 && i < found.n && i < RESIDENCY_MAX_ERRORS; i++)
		report(rules, table, &found.list[i], diags);
	if (n == 0 && found.n > RESIDENCY_MAX_ERRORS)
		diags_push(diags, DIAG_ERROR, rules->files[0], 0, NULL,
			   "residency: %u more violations beside the %d shown", found.n - RESIDENCY_MAX_ERRORS,
			   RESIDENCY_MAX_ERRORS);
	n = n == 0 ? found.n : n;
	residency_report_fini(&found);
	return n;
}
