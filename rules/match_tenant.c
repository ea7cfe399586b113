// SPDX-License-Identifier: BSD-3-Clause
//
// The key `tenant` of a match: names, ids, @groups and "unknown".
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/reader.h"

static void add_group(struct reader *reader, const config_setting_t *at, const char *name,
		      struct match_def *match)
{
	char hint[128];
	uint32_t group;

	if (name_index_find(&reader->groups, name, &group))
		match->groups[match->n_groups++] = (uint16_t)group;
	else if (!reader->tenants_incomplete)
		conf_error(&reader->conf, at, reader_nearest(reader, name, &reader->groups, hint),
			   "no tenant is in a group \"%.80s\"", name);
}

static void add_tenant_name(struct reader *reader, const config_setting_t *at, const char *name,
			    struct match_def *match)
{
	char near[128];
	const char *hint;
	uint32_t tenant;

	if (name_index_find(&reader->tenant_names, name, &tenant)) {
		match->tenants[match->n_tenants++] = tenant;
	} else if (!reader->tenants_incomplete) {
		hint = strchr(name, ',') != NULL
			       ? "a list is written ( \"a\", \"b\" )"
			       : reader_nearest(reader, name, &reader->tenant_names, near);
		if (hint == NULL && name_index_find(&reader->groups, name, &tenant))
			hint = "a group is written with @ before it";
		if (hint == NULL && name[0] != '\0' && strspn(name, "0123456789") == strlen(name))
			hint = "an id is written without quotes";
		conf_error(&reader->conf, at, hint, "there is no tenant \"%.80s\"", name);
	}
}

static void add_tenant_id(struct reader *reader, config_setting_t *at, struct match_def *match)
{
	uint32_t tenant;
	int64_t id;

	if (conf_int_value(&reader->conf, at, "match.tenant", (struct conf_range){ 1, UINT32_MAX },
			   &id) <= 0)
		return;
	if (id_index_find(&reader->tenant_ids, (uint32_t)id, &tenant))
		match->tenants[match->n_tenants++] = tenant;
	else if (!reader->tenants_incomplete)
		conf_error(&reader->conf, at,
			   "\"unknown\" stands for all ids that are not in the table",
			   "there is no tenant with the id %lld", (long long)id);
}

static void add_tenant(struct reader *reader, config_setting_t *element, struct match_def *match)
{
	int type = config_setting_type(element);
	const char *text;

	if (type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64) {
		add_tenant_id(reader, element, match);
		return;
	}
	text = conf_element(&reader->conf, element, "match.tenant");
	if (text == NULL)
		return;
	if (strcmp(text, "unknown") == 0)
		match->unknown_tenant = true;
	else if (text[0] == '@')
		add_group(reader, element, text + 1, match);
	else
		add_tenant_name(reader, element, text, match);
}

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int compare_u16(const void *a, const void *b)
{
	return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

static void sort_tenants(struct match_def *match)
{
	uint32_t n = 0;

	qsort(match->tenants, match->n_tenants, sizeof(match->tenants[0]), compare_u32);
	for (uint32_t i = 0; i < match->n_tenants; i++)
		if (n == 0 || match->tenants[n - 1] != match->tenants[i])
			match->tenants[n++] = match->tenants[i];
	match->n_tenants = n;
}

static void sort_groups(struct match_def *match)
{
	uint16_t n = 0;

	qsort(match->groups, match->n_groups, sizeof(match->groups[0]), compare_u16);
	for (uint32_t i = 0; i < match->n_groups; i++)
		if (n == 0 || match->groups[n - 1] != match->groups[i])
			match->groups[n++] = match->groups[i];
	match->n_groups = n;
}

static void count_kinds(const struct conf_list *list, uint32_t *tenants, uint32_t *groups)
{
	*tenants = *groups = 0;
	for (unsigned i = 0; i < list->n; i++) {
		const config_setting_t *element = conf_list_get(list, i);
		bool text = config_setting_type(element) == CONFIG_TYPE_STRING;

		if (text && config_setting_get_string(element)[0] == '@')
			++*groups;
		else
			++*tenants;
	}
}

void match_read_tenants(struct reader *reader, config_setting_t *group, struct match_def *match)
{
	struct conf_list list;
	uint32_t tenants, groups;

	if (!match_list(reader, group, "tenant", &list))
		return;
	match->any_tenant = false;
	count_kinds(&list, &tenants, &groups);
	if (groups > UINT16_MAX) {
		conf_error(&reader->conf, list.setting, "list each group once",
			   "match.tenant names %u groups", groups);
		return;
	}
	match->tenants = arena_get(reader->arena, tenants * sizeof(match->tenants[0]));
	match->groups = arena_get(reader->arena, groups * sizeof(match->groups[0]));
	if (match->tenants == NULL || match->groups == NULL) {
		reader_out_of_memory(reader);
		return;
	}
	for (unsigned i = 0; i < list.n; i++)
		add_tenant(reader, conf_list_get(&list, i), match);
	sort_tenants(match);
	sort_groups(match);
}
