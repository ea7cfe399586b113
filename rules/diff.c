// SPDX-License-Identifier: BSD-3-Clause
//
// Two tables compared, see diff.h: the whole, and tenants one by one.
#include "rules/diff.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/diff_parts.h"
#include "rules/lookup.h"

static int by_id(const void *left, const void *right)
{
	const struct diff_tenant *a = left, *b = right;

	return a->id < b->id ? -1 : a->id > b->id;
}

// Appends the tenants of one table.
static size_t tenants_add(const struct diff_work *work, unsigned side, struct diff_tenant *list,
			  size_t n)
{
	const struct table *table = work->table[side];

	for (uint32_t slot = 0; slot < (table->bucket_mask + 1) * TABLE_WAYS; slot++) {
		uint32_t id = table->buckets[slot / TABLE_WAYS].id[slot % TABLE_WAYS];

		if (id == 0)
			continue;
		list[n] = (struct diff_tenant){ id, { TENANT_SLOT_NONE, TENANT_SLOT_NONE } };
		list[n++].slot[side] = slot;
	}
	return n;
}

// Makes one of each two with the same id.
static size_t tenants_join(struct diff_tenant *list, size_t n)
{
	size_t kept = 0;

	qsort(list, n, sizeof(*list), by_id);
	for (size_t i = 0; i < n; i++) {
		if (kept == 0 || list[kept - 1].id != list[i].id) {
			list[kept++] = list[i];
			continue;
		}
		for (unsigned side = 0; side < 2; side++)
			if (list[i].slot[side] != TENANT_SLOT_NONE)
				list[kept - 1].slot[side] = list[i].slot[side];
	}
	return kept;
}

struct diff_tenant *diff_tenants_list(const struct diff_work *work, size_t *n)
{
	size_t most =
		1 + (size_t)work->table[0]->header->n_tenants + work->table[1]->header->n_tenants;
	struct diff_tenant *list = calloc(most, sizeof(*list));

	if (list == NULL)
		return NULL;
	list[0] = (struct diff_tenant){ 0, { TENANT_SLOT_NONE, TENANT_SLOT_NONE } };
	*n = tenants_add(work, 0, list, 1);
	*n = tenants_add(work, 1, list, *n);
	*n = tenants_join(list, *n);
	return list;
}

static const char *tenant_name(const struct table *table, uint32_t slot)
{
	return table_string(table, table->tenant_names[slot]);
}

static bool meters_same(const struct table *a, uint32_t i, const struct table *b, uint32_t j)
{
	if (i == TABLE_NONE || j == TABLE_NONE)
		return i == j;
	return memcmp(&a->meters[i], &b->meters[j], sizeof(a->meters[i])) == 0;
}

static bool keys_same(const struct table *a, uint32_t i, const struct table *b, uint32_t j)
{
	if (i == TABLE_NONE || j == TABLE_NONE)
		return i == j;
	return memcmp(&a->keys[i], &b->keys[j], sizeof(a->keys[i])) == 0;
}

// Whether a tenant that is in both tables is the same in both, but for its groups.
static bool tenant_same(const struct diff_work *work, const struct diff_tenant *tenant,
			bool *other_key)
{
	const struct table *a = work->table[0], *b = work->table[1];
	const struct tenant_class *x = &a->tenant_classes[diff_class(a, tenant->slot[0])];
	const struct tenant_class *y = &b->tenant_classes[diff_class(b, tenant->slot[1])];

	*other_key = !keys_same(a, x->key, b, y->key);
	return !*other_key && x->home == y->home && meters_same(a, x->meter, b, y->meter) &&
	       strcmp(tenant_name(a, tenant->slot[0]), tenant_name(b, tenant->slot[1])) == 0;
}

// A key is a secret: only that there is one is said.
static void tenant_format(const struct table *table, uint32_t slot, const char *key, char *out)
{
	const struct tenant_class *class = &table->tenant_classes[diff_class(table, slot)];
	char home[3] = "-", rate[64] = "none";

	if (class->home != WEIR_COUNTRY_NONE)
		weir_country_format(class->home, home);
	if (class->meter != TABLE_NONE)
		snprintf(rate, sizeof(rate), "%" PRIu32 " a second (burst %" PRIu32 ")",
			 table->meters[class->meter].rate, table->meters[class->meter].burst);
	snprintf(out, DIFF_TEXT, "\"%s\", home %s, rate %s, key %s", tenant_name(table, slot), home,
		 rate, class->key == TABLE_NONE ? "none" : key);
}

static void tenant_report(const struct diff_work *work, const struct diff_tenant *tenant,
			  bool other_key)
{
	char name[16], text[2][DIFF_TEXT];
	struct diff_item item = { .change = DIFF_CHANGED, .kind = "tenant", .name = name };

	snprintf(name, sizeof(name), "%" PRIu32, tenant->id);
	if (tenant->slot[0] != TENANT_SLOT_NONE) {
		tenant_format(work->table[0], tenant->slot[0], "set", text[0]);
		item.before = text[0];
	}
	if (tenant->slot[1] != TENANT_SLOT_NONE) {
		tenant_format(work->table[1], tenant->slot[1], other_key ? "another" : "set",
			      text[1]);
		item.after = text[1];
	}
	if (item.before == NULL || item.after == NULL)
		item.change = item.before == NULL ? DIFF_ADDED : DIFF_REMOVED;
	work->events->item(work->events->argument, &item);
}

void diff_tenants(const struct diff_work *work, const struct diff_tenant *list, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		bool both =
			list[i].slot[0] != TENANT_SLOT_NONE && list[i].slot[1] != TENANT_SLOT_NONE;
		bool other_key = false;

		if (!both || !tenant_same(work, &list[i], &other_key))
			tenant_report(work, &list[i], other_key);
	}
}

int table_diff(const struct table *before, const struct table *after,
	       const struct diff_events *events)
{
	const struct diff_work work = { { before, after }, events };
	size_t n;
	struct diff_tenant *tenants = diff_tenants_list(&work, &n);
	int err = tenants == NULL ? -ENOMEM : 0;

	if (err == 0) {
		diff_tenants(&work, tenants, n);
		err = diff_things(&work);
	}
	if (err == 0)
		err = diff_decisions(&work, tenants, n);
	free(tenants);
	return err;
}
