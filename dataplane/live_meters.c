// SPDX-License-Identifier: BSD-3-Clause
//
// The rate limiters of a table: made for its tenants and rules, matched with those of the table
// before. Main thread.
#include "dataplane/live_parts.h"

#include <errno.h>
#include <rte_cycles.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/abi/segment.h"
#include "rules/lookup.h"

static bool any_tenant_metered(const struct table *table)
{
	for (uint64_t i = 0; i < table_count(table, TABLE_TENANT_CLASSES); i++)
		if (table->tenant_classes[i].meter != TABLE_NONE)
			return true;
	return false;
}

static bool any_rule_metered(const struct table *table)
{
	for (uint32_t i = 0; i <= table->header->n_rules; i++)
		if (table->verdicts[i].meter != TABLE_NONE)
			return true;
	return false;
}

int live_meters_build(struct live_build *build)
{
	struct live *live = build->live;
	const struct table *table = &live->table;
	struct meter_rates rates = { table->meters, (uint32_t)table_count(table, TABLE_METERS),
				     rte_get_tsc_hz() << METER_TICK_SHIFT };
	uint32_t workers = build->context->n_workers;
	uint32_t slots = any_tenant_metered(table) ? (table->bucket_mask + 1) * TABLE_WAYS : 0;
	uint32_t rules = any_rule_metered(table) ? table->header->n_rules + 1 : 0;
	int err = meters_init(&live->tenant_meters, slots, workers, &rates);

	if (err == 0)
		err = meters_init(&live->rule_meters, rules, workers, &rates);
	return err ? live_fail(build, ENOMEM, "no memory for the table's rate limiters") : 0;
}

void live_meters_match(struct live *live, const struct live *previous,
		       void (*each)(struct meters *to, uint32_t i, const struct meters *from,
				    uint32_t j, uint64_t now))
{
	uint64_t now = rte_rdtsc() << METER_TICK_SHIFT;
	uint32_t class, n_old = previous->table.header->n_rules + 1;

	for (uint32_t slot = 0; previous->tenant_meters.n && slot < live->tenant_meters.n; slot++) {
		uint32_t id = live->table.buckets[slot / TABLE_WAYS].id[slot % TABLE_WAYS];
		uint32_t old =
			id ? table_find_tenant(&previous->table, id, &class) : TENANT_SLOT_NONE;

		if (old != TENANT_SLOT_NONE)
			each(&live->tenant_meters, slot, &previous->tenant_meters, old, now);
	}
	if (previous->rule_meters.n == 0 || live->rule_meters.n == 0)
		return;
	uint32_t *by_name = malloc(WEIR_MAX_NAMES * sizeof(*by_name));

	if (!by_name)
		return; // limiters start afresh: one burst more, nothing else
	memset(by_name, 0xff, WEIR_MAX_NAMES * sizeof(*by_name));
	for (uint32_t i = 0; i < n_old; i++)
		by_name[previous->rule_names[i]] = i;
	for (uint32_t i = 0; i < live->rule_meters.n; i++)
		if (by_name[live->rule_names[i]] != UINT32_MAX)
			each(&live->rule_meters, i, &previous->rule_meters,
			     by_name[live->rule_names[i]], now);
	free(by_name);
}
