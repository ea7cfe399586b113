// SPDX-License-Identifier: BSD-3-Clause
//
// Names for people, of what messages have by number: from the table that the dataplane uses. Desk's thread.
#include "controlplane/agents/desk_inside.h"
#include "controlplane/table_map.h"
#include "rules/lookup.h"

// Null where the tenant has none.
static json_t *tenant_name(const struct desk *desk, uint64_t tenant)
{
	const struct table *table = desk->table ? &desk->table->table : NULL;
	uint32_t class, slot = TENANT_SLOT_NONE;
	json_t *name = NULL;

	if (table && tenant > 0 && tenant <= UINT32_MAX)
		slot = table_find_tenant(table, (uint32_t)tenant, &class);
	if (slot != TENANT_SLOT_NONE)
		name = json_string(table_string(table, table->tenant_names[slot]));
	return name ? name : json_null();
}

json_t *desk_put_tenant(const struct desk *desk, json_t *object, const char *number_key, const char *name_key)
{
	uint64_t tenant = (uint64_t)json_integer_value(json_object_get(object, number_key));

	if (object && json_object_set_new(object, name_key, tenant_name(desk, tenant)) == 0)
		return object;
	json_decref(object);
	return NULL;
}
