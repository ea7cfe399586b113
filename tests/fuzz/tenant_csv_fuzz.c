// SPDX-License-Identifier: BSD-3-Clause
//
// Tenant files from any bytes: every tenant that is read has a name and an id of its own, or there is
// an error.
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

static void check_tenants(const struct reader *reader)
{
	const struct rule_set *rules = reader->rules;
	uint32_t tenant;

	for (uint32_t i = 0; i < rules->n_tenants; i++) {
		must(id_index_find(&reader->tenant_ids, rules->tenants[i].id, &tenant) &&
		     tenant == i);
		must(name_index_find(&reader->tenant_names, rules->tenants[i].name, &tenant) &&
		     tenant == i);
		must(rules->tenants[i].groups != NULL && rules->tenants[i].where.line > 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader reader;
	struct diags diags;

	diags_init(&diags);
	must(reader_init(&reader, &diags));
	reader.source.diags = &diags;
	must(source_add_file(&reader.source, "fuzz.csv") == 0);
	read_tenant_rows(&reader, 0, (const char *)data, size);
	if (diags.n_errors == 0)
		check_tenants(&reader);
	rules_destroy(reader.rules);
	reader_fini(&reader);
	diags_fini(&diags);
	return 0;
}
