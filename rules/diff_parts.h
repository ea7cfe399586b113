// SPDX-License-Identifier: BSD-3-Clause
//
// What the files diff*.c share, and nobody else uses.
#pragma once

#include "rules/diff.h"
#include "rules/lookup.h"

struct diff_work {
	const struct table *table[2]; // before, after
	const struct diff_events *events;
};

// What there is of a kind in a table, and how thing `i` of it is put into words.
typedef void diff_format(const struct table *table, uint32_t i, char name[DIFF_TEXT],
			 char text[DIFF_TEXT]);
struct diff_kind {
	const char *name;
	enum table_section_id section;
	diff_format *format;
};
enum { DIFF_N_KINDS = 7 };
extern const struct diff_kind diff_kinds[DIFF_N_KINDS];

// Things of all kinds but tenants, by name (diff_things.c). 0 or -ENOMEM.
int diff_things(const struct diff_work *work);

// A tenant in either table, or the unknown one (id 0).
struct diff_tenant {
	uint32_t id;
	uint32_t slot[2]; // TENANT_SLOT_NONE where it is not there
};

// Every tenant of both tables, by id, behind the unknown one; `n` of them. free() it; NULL: out of memory.
struct diff_tenant *diff_tenants_list(const struct diff_work *work, size_t *n);

// Reports tenants that came, went, or have another name, rate, home or key.
void diff_tenants(const struct diff_work *work, const struct diff_tenant *list, size_t n);

// Reports what is decided otherwise (diff_decisions.c). 0 or -ENOMEM.
int diff_decisions(const struct diff_work *work, const struct diff_tenant *list, size_t n);

static inline uint32_t diff_class(const struct table *table, uint32_t slot)
{
	return slot == TENANT_SLOT_NONE
		       ? 0
		       : table->buckets[slot / TABLE_WAYS].class[slot % TABLE_WAYS];
}
