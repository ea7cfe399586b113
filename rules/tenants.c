// SPDX-License-Identifier: BSD-3-Clause
//
// Tenants: those of the rule file, and what is common to them and the tenant files. A tenant with
// faults is kept all the same, so that references to it are not reported as dangling; the rule_set
// is thrown away in the end.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/names.h"
#include "rules/reader.h"

void tenant_report(struct reader *reader, const struct tenant_text *text, const char *hint,
		   const char *what, const char *value)
{
	if (text->name != NULL)
		diags_push(reader->diags, DIAG_ERROR, reader->source.files[text->file], text->line,
			   hint, "tenant \"%.80s\": %s%.80s", text->name, what, value);
	else
		diags_push(reader->diags, DIAG_ERROR, reader->source.files[text->file], text->line,
			   hint, "tenant %lld: %s%.80s", (long long)text->id, what, value);
}

static void report_taken(struct reader *reader, const struct tenant_text *text, const char *what,
			 uint32_t tenant)
{
	const struct tenant_def *first = &reader->rules->tenants[tenant];

	diags_push(reader->diags, DIAG_ERROR, reader->source.files[text->file], text->line, NULL,
		   "tenant \"%.80s\": %s is taken by tenant \"%.80s\" at %s:%u",
		   text->name != NULL ? text->name : "?", what, first->name,
		   reader->source.files[first->where.file], first->where.line);
}

static void report_domain(struct reader *reader, const struct tenant_text *text, const char *domain,
			  uint32_t tenant)
{
	char what[300];

	snprintf(what, sizeof(what), "the domain \"%s\"", domain);
	if (tenant == reader->rules->n_tenants)
		tenant_report(reader, text, "leave one out", what, " is listed twice");
	else
		report_taken(reader, text, what, tenant);
}

static bool add_domains(struct reader *reader, const struct tenant_text *text,
			struct tenant_def *tenant)
{
	const char **list = text->n_domains > 0
				    ? arena_get(reader->arena, text->n_domains * sizeof(*list))
				    : NULL;
	char lower[254], what[400];
	uint32_t other;
	int err;

	for (uint32_t i = 0; list != NULL && i < text->n_domains; i++) {
		const char *fault = domain_parse(text->domains[i], strlen(text->domains[i]), lower);

		if (fault != NULL) {
			snprintf(what, sizeof(what), "the domain \"%.100s\" %s", text->domains[i],
				 fault);
			tenant_report(reader, text, "as in mail.example; other scripts as xn--...",
				      what, "");
			continue;
		}
		list[tenant->n_domains] = arena_string(reader->arena, lower, strlen(lower));
		if (list[tenant->n_domains] == NULL)
			return false;
		err = name_index_put(&reader->domains, list[tenant->n_domains],
				     reader->rules->n_tenants, &other);
		if (err < 0)
			return false;
		if (err == 1)
			report_domain(reader, text, lower, other);
		tenant->n_domains++;
	}
	tenant->domains = list;
	return list != NULL || text->n_domains == 0;
}

static bool add_name(struct reader *reader, const struct tenant_text *text,
		     struct tenant_def *tenant)
{
	size_t length = text->name != NULL ? strlen(text->name) : 0;
	const char *fault = text->name != NULL ? referable_fault(text->name, length) : NULL;
	uint32_t other;
	int err;

	tenant->name = text->name != NULL ? arena_string(reader->arena, text->name, length) : "";
	if (tenant->name == NULL)
		return false;
	if (fault != NULL)
		tenant_report(reader, text, NULL, "the name ", fault);
	if (fault != NULL || text->name == NULL)
		return true;
	err = name_index_put(&reader->tenant_names, tenant->name, reader->rules->n_tenants, &other);
	if (err == 1)
		report_taken(reader, text, "the name", other);
	return err >= 0;
}

static bool add_id(struct reader *reader, const struct tenant_text *text, struct tenant_def *tenant)
{
	char what[32];
	uint32_t other;
	int err;

	tenant->id = (uint32_t)text->id;
	if (tenant->id == 0)
		return true;
	err = id_index_put(&reader->tenant_ids, tenant->id, reader->rules->n_tenants, &other);
	if (err == 1) {
		snprintf(what, sizeof(what), "the id %u", tenant->id);
		report_taken(reader, text, what, other);
	}
	return err >= 0;
}

static bool grow_tenants(struct reader *reader)
{
	uint32_t max = reader->max_tenants ? 2 * reader->max_tenants : 256;
	struct tenant_def *grown;

	if (reader->rules->n_tenants < reader->max_tenants)
		return true;
	grown = realloc(reader->rules->tenants, max * sizeof(*grown));
	if (grown == NULL)
		return false;
	reader->rules->tenants = grown;
	reader->max_tenants = max;
	return true;
}

static bool add_key(struct reader *reader, const struct tenant_text *text,
		    struct tenant_def *tenant)
{
	uint8_t *copy;

	if (text->key == NULL)
		return true;
	copy = arena_get(reader->arena, 16);
	if (copy != NULL)
		memcpy(copy, text->key, 16);
	tenant->key = copy;
	return copy != NULL;
}

// Everything that can be wrong with it is reported on its own line.
static bool fill(struct reader *reader, const struct tenant_text *text, struct tenant_def *tenant)
{
	struct tenant_text at = *text;

	at.line = text->burst_line;
	if (text->burst > 0 && text->rate == 0)
		tenant_report(reader, &at, "add rate, or leave burst out", "burst without rate",
			      "");
	at.line = text->name_line;
	if (!add_name(reader, &at, tenant))
		return false;
	at.line = text->id_line;
	if (!add_id(reader, &at, tenant))
		return false;
	at.line = text->domains_line;
	if (!add_domains(reader, &at, tenant))
		return false;
	at.line = text->groups_line;
	return tenant_add_groups(reader, &at, tenant) && add_key(reader, text, tenant);
}

void reader_add_tenant(struct reader *reader, const struct tenant_text *text)
{
	struct tenant_def *tenant;

	if (reader->out_of_memory || !grow_tenants(reader)) {
		reader_out_of_memory(reader);
		return;
	}
	tenant = &reader->rules->tenants[reader->rules->n_tenants];
	*tenant = (struct tenant_def){
		.rate = (uint32_t)text->rate,
		.burst = (uint32_t)text->burst,
		.home = text->home >= 0 ? (uint16_t)text->home : WEIR_COUNTRY_NONE,
		.where = { .file = (uint16_t)text->file, .line = text->line }
	};
	if (tenant->rate > 0 && tenant->burst == 0)
		tenant->burst = tenant->rate >= 200 ? tenant->rate / 100 : 1; // 10 ms of it
	if (fill(reader, text, tenant))
		reader->rules->n_tenants++;
	else
		reader_out_of_memory(reader);
}
