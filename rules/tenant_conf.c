// SPDX-License-Identifier: BSD-3-Clause
//
// The tenants that stand in the rule file itself.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/names.h"
#include "rules/reader.h"

static const char *const tenant_keys[] = { "id",   "name",  "domains", "groups", "home",
					   "rate", "burst", "key",     NULL };
static const struct conf_range positive = { 1, UINT32_MAX, NULL };
static const struct conf_range rates = { 1, UINT32_MAX, "leave it out for no limit" };

// A list of texts as an array of pointers into libconfig's tree; the caller frees it.
static const char **read_texts(struct reader *reader, config_setting_t *group, const char *key,
			       uint32_t *n)
{
	const char **texts, *text;
	struct conf_list list;

	*n = 0;
	if (conf_list(&reader->conf, group, key, &list) <= 0 || list.n == 0)
		return NULL;
	texts = calloc(list.n, sizeof(*texts));
	if (texts == NULL)
		reader_out_of_memory(reader);
	for (unsigned i = 0; texts != NULL && i < list.n; i++) {
		text = conf_element(&reader->conf, conf_list_get(&list, i), key);
		if (text != NULL)
			texts[(*n)++] = text;
	}
	return texts;
}

// "ZZ" is no home: its messages of unknown country stay of unknown country.
static int read_home(struct reader *reader, config_setting_t *group)
{
	config_setting_t *at = config_setting_get_member(group, "home");
	const char *code = NULL;
	int country;

	if (conf_string(&reader->conf, group, "home", &code) <= 0)
		return -1;
	country = reader_country(reader, at, code);
	if (country != WEIR_COUNTRY_ZZ)
		return country;
	conf_warn(&reader->conf, at, "leave it out",
		  "home \"ZZ\" says nothing: it is the unknown country");
	return -1;
}

static const uint8_t *read_key(struct reader *reader, config_setting_t *group, uint8_t key[16])
{
	const char *text = NULL;

	if (conf_string(&reader->conf, group, "key", &text) <= 0)
		return NULL;
	if (key_parse(text, key))
		return key;
	conf_error(&reader->conf, config_setting_get_member(group, "key"), NULL,
		   "key is not 32 hexadecimal digits (it has %zu characters)", strlen(text));
	return NULL;
}

// Sets conf.what by what there is of the tenant: its name, else its id, else its number.
static void name_tenant(struct reader *reader, config_setting_t *group, unsigned i)
{
	char *what = reader->conf.what;
	const char *name;
	long long id = 0;
	int small;

	if (config_setting_lookup_int(group, "id", &small) == CONFIG_TRUE)
		id = small;
	if (config_setting_lookup_string(group, "name", &name) == CONFIG_TRUE)
		snprintf(what, sizeof(reader->conf.what), "tenant \"%s\"", name);
	else if (id != 0 || config_setting_lookup_int64(group, "id", &id) == CONFIG_TRUE)
		snprintf(what, sizeof(reader->conf.what), "tenant %lld", id);
	else
		snprintf(what, sizeof(reader->conf.what), "tenant number %u", i + 1);
}

static void read_required(struct reader *reader, config_setting_t *group, struct tenant_text *text)
{
	if (conf_int(&reader->conf, group, "id", positive, &text->id) == 0)
		conf_error(&reader->conf, group, NULL, "it has no id");
	if (conf_string(&reader->conf, group, "name", &text->name) == 0)
		conf_error(&reader->conf, group, NULL, "it has no name");
}

// The line of a setting, that of its group where it is absent.
static uint32_t line_of(struct reader *reader, config_setting_t *group, const char *key)
{
	const config_setting_t *setting = config_setting_get_member(group, key);

	return reader_where(reader, setting != NULL ? setting : group).line;
}

static void place(struct reader *reader, config_setting_t *group, struct tenant_text *text)
{
	conf_place(&reader->conf, group, &text->file, &text->line);
	text->id_line = line_of(reader, group, "id");
	text->name_line = line_of(reader, group, "name");
	text->domains_line = line_of(reader, group, "domains");
	text->groups_line = line_of(reader, group, "groups");
	text->burst_line = line_of(reader, group, "burst");
}

static void read_tenant(struct reader *reader, config_setting_t *group, unsigned i)
{
	struct conf *conf = &reader->conf;
	struct tenant_text text = { .home = -1 };
	const char **domains, **groups;
	uint8_t key[16];

	snprintf(conf->what, sizeof(conf->what), "tenant number %u", i + 1);
	if (!config_setting_is_group(group)) {
		conf_group(conf, group, tenant_keys);
		return;
	}
	name_tenant(reader, group, i);
	read_required(reader, group, &text);
	conf_group(conf, group, tenant_keys);
	place(reader, group, &text);
	conf_int(conf, group, "rate", rates, &text.rate);
	conf_int(conf, group, "burst", rates, &text.burst);
	if (text.burst > 0 && config_setting_get_member(group, "rate") != NULL && text.rate == 0)
		text.burst = 0; // the rate was reported: not "burst without rate" as well
	text.home = read_home(reader, group);
	text.key = read_key(reader, group, key);
	domains = read_texts(reader, group, "domains", &text.n_domains);
	groups = read_texts(reader, group, "groups", &text.n_groups);
	text.domains = domains;
	text.groups = groups;
	reader_add_tenant(reader, &text);
	free(domains);
	free(groups);
}

static void read_files(struct reader *reader, config_setting_t *root)
{
	struct conf_list list;

	if (conf_list(&reader->conf, root, "tenant_files", &list) < 0)
		reader->tenants_incomplete = true;
	for (unsigned i = 0; i < list.n; i++) {
		config_setting_t *element = conf_list_get(&list, i);
		const char *name = conf_element(&reader->conf, element, "tenant_files");

		if (name != NULL)
			read_tenant_file(reader, element, name);
	}
}

void read_tenants(struct reader *reader, config_setting_t *root)
{
	struct conf_list list;

	if (conf_groups(&reader->conf, root, "tenants", INT32_MAX, &list) < 0)
		reader->tenants_incomplete = true;
	for (unsigned i = 0; i < list.n; i++)
		read_tenant(reader, conf_list_get(&list, i), i);
	reader->conf.what[0] = '\0';
	read_files(reader, root);
}
