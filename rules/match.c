// SPDX-License-Identifier: BSD-3-Clause
//
// The match of a rule. What holds of the result: lists are sorted, without repeats and never empty.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/reader.h"

static const char *const match_keys[] = { "tenant", "country", "priority", "channel", "protocol", "size", NULL };
static const char *const size_keys[] = { "min", "max", NULL };

void match_any(struct match_def *match)
{
	*match = (struct match_def){ .any_tenant = true, .any_country = true, .size_max = UINT16_MAX };
	memset(&match->countries, 0xff, sizeof(match->countries));
	match->priorities = (1 << WEIR_N_PRIORITIES) - 1;
	match->protocols = (1 << WEIR_N_PROTOCOLS) - 1;
	match->channels = UINT16_MAX;
}

// A key's list. False when it is absent or wrong; an empty one is an error.
static bool get_list(struct reader *reader, config_setting_t *match, const char *key, struct conf_list *list)
{
	if (conf_list(&reader->conf, match, key, list) <= 0)
		return false;
	if (list->n == 0)
		conf_error(&reader->conf, list->setting, "leave the key out to match all", "the list of match.%s is empty", key);
	return list->n > 0;
}

static void add_group(struct reader *reader, const config_setting_t *at, const char *name, struct match_def *match)
{
	char hint[128];
	uint32_t group;

	if (name_index_find(&reader->groups, name, &group))
		match->groups[match->n_groups++] = (uint16_t)group;
	else if (!reader->tenants_incomplete)
		conf_error(&reader->conf, at, reader_nearest(reader, name, &reader->groups, hint),
			   "no tenant is in a group \"%.80s\"", name);
}

static void add_tenant_name(struct reader *reader, const config_setting_t *at, const char *name, struct match_def *match)
{
	char near[128];
	const char *hint;
	uint32_t tenant;

	if (name_index_find(&reader->tenant_names, name, &tenant)) {
		match->tenants[match->n_tenants++] = tenant;
	} else if (!reader->tenants_incomplete) {
		hint = reader_nearest(reader, name, &reader->tenant_names, near);
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

	if (conf_int_value(&reader->conf, at, "match.tenant", (struct conf_range){ 1, UINT32_MAX }, &id) <= 0)
		return;
	if (id_index_find(&reader->tenant_ids, (uint32_t)id, &tenant))
		match->tenants[match->n_tenants++] = tenant;
	else if (!reader->tenants_incomplete)
		conf_error(&reader->conf, at, "\"unknown\" stands for all ids that are not in the table",
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

static void read_tenant_key(struct reader *reader, config_setting_t *group, struct match_def *match)
{
	struct conf_list list;
	uint32_t tenants, groups;

	if (!get_list(reader, group, "tenant", &list))
		return;
	match->any_tenant = false;
	count_kinds(&list, &tenants, &groups);
	if (groups > UINT16_MAX) {
		conf_error(&reader->conf, list.setting, "list each group once", "match.tenant names %u groups", groups);
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

static void add_zone(struct reader *reader, const config_setting_t *at, const char *name, struct match_def *match)
{
	uint16_t zone = reader_resolve(reader, at, "zone", name, &reader->zones);

	for (unsigned i = 0; zone != RULES_NO_INDEX && i < sizeof(match->countries) / sizeof(match->countries.word[0]); i++)
		match->countries.word[i] |= reader->rules->zones[zone].countries.word[i];
}

static void read_country_key(struct reader *reader, config_setting_t *group, struct match_def *match)
{
	struct conf_list list;

	if (!get_list(reader, group, "country", &list))
		return;
	match->any_country = false;
	match->countries = (struct country_set){ 0 };
	for (unsigned i = 0; i < list.n; i++) {
		config_setting_t *element = conf_list_get(&list, i);
		const char *text = conf_element(&reader->conf, element, "match.country");
		int country;

		if (text == NULL)
			continue;
		if (text[0] == '@') {
			add_zone(reader, element, text + 1, match);
			continue;
		}
		country = reader_country(reader, element, text);
		if (country >= 0)
			country_set_put(&match->countries, (unsigned)country);
	}
}

struct small_key { // a key whose values are a few words
	const char *name, *path;
	int (*find)(const char *name);
	const char *(*name_of)(unsigned value);
	unsigned n;
	bool numbers; // an integer of 8 and more stands for itself (channels)
};

static void report_word(struct reader *reader, const config_setting_t *at, const struct small_key *key, const char *word)
{
	const char *words[WEIR_N_CHANNELS + 1] = { NULL }, *near;
	char hint[128], known[160] = "it is ";

	for (unsigned i = 0; i < key->n; i++)
		words[i] = key->name_of(i);
	near = conf_nearest_word(word, words, hint);
	for (unsigned i = 0; i < key->n && (i < 9 || i == 15); i++) {
		size_t at_end = strlen(known);

		snprintf(known + at_end, sizeof(known) - at_end, "%s%s", i == 0 ? "" : i == 15 ? " to " : ", ", words[i]);
	}
	conf_error(&reader->conf, at, near != NULL ? near : known, "unknown %s \"%.80s\"", key->name, word);
}

static unsigned read_small_key(struct reader *reader, config_setting_t *group, const struct small_key *key, unsigned all)
{
	struct conf_list list;
	unsigned bits = 0;

	if (!get_list(reader, group, key->name, &list))
		return all;
	for (unsigned i = 0; i < list.n; i++) {
		config_setting_t *element = conf_list_get(&list, i);
		const char *text;
		int64_t number;
		int value;

		if (key->numbers && config_setting_type(element) == CONFIG_TYPE_INT) {
			if (conf_int_value(&reader->conf, element, key->path,
					   (struct conf_range){ WEIR_N_NAMED_CHANNELS, WEIR_N_CHANNELS - 1 }, &number) > 0)
				bits |= 1u << number;
			continue;
		}
		text = conf_element(&reader->conf, element, key->path);
		value = text != NULL ? key->find(text) : -1;
		if (value >= 0)
			bits |= 1u << value;
		else if (text != NULL)
			report_word(reader, element, key, text);
	}
	return bits;
}

static void read_size(struct reader *reader, config_setting_t *group, struct match_def *match)
{
	config_setting_t *size = config_setting_get_member(group, "size");
	int64_t min = 0, max = UINT16_MAX;
	int got_min, got_max;

	if (size == NULL || !conf_group(&reader->conf, size, size_keys))
		return;
	got_min = conf_int(&reader->conf, size, "min", (struct conf_range){ 0, UINT16_MAX }, &min);
	got_max = conf_int(&reader->conf, size, "max", (struct conf_range){ 0, UINT32_MAX }, &max);
	if (got_min == 0 && got_max == 0)
		conf_warn(&reader->conf, size, "leave it out", "size has neither min nor max and holds always");
	if (got_min < 0 || got_max < 0)
		return;
	if (min > max)
		conf_error(&reader->conf, config_setting_get_member(size, "min"), "swap them?", "size.min %lld above size.max %lld",
			   (long long)min, (long long)max);
	match->size_min = (uint16_t)min;
	match->size_max = max < UINT16_MAX ? (uint16_t)max : UINT16_MAX;
}

void read_match(struct reader *reader, config_setting_t *rule, struct match_def *match)
{
	static const struct small_key priority = { "priority", "match.priority", weir_priority_find, weir_priority_name,
						   WEIR_N_PRIORITIES, false };
	static const struct small_key channel = { "channel", "match.channel", weir_channel_find, weir_channel_name,
						  WEIR_N_CHANNELS, true };
	static const struct small_key protocol = { "protocol", "match.protocol", weir_protocol_find, weir_protocol_name,
						   WEIR_N_PROTOCOLS, false };
	config_setting_t *group = config_setting_get_member(rule, "match");

	match_any(match);
	if (group == NULL || !conf_group(&reader->conf, group, match_keys))
		return;
	read_tenant_key(reader, group, match);
	read_country_key(reader, group, match);
	match->priorities = (uint8_t)read_small_key(reader, group, &priority, match->priorities);
	match->channels = (uint16_t)read_small_key(reader, group, &channel, match->channels);
	match->protocols = (uint8_t)read_small_key(reader, group, &protocol, match->protocols);
	read_size(reader, group, match);
}
