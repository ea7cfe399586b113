// SPDX-License-Identifier: BSD-3-Clause
//
// The match of a rule. What holds of the result: lists are sorted, without repeats and never empty.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/reader.h"

static const char *const match_keys[] = { "tenant",   "country", "priority", "channel",
					  "protocol", "size",	 NULL };
static const char *const size_keys[] = { "min", "max", NULL };

void match_any(struct match_def *match)
{
	*match = (struct match_def){ .any_tenant = true,
				     .any_country = true,
				     .size_max = UINT16_MAX };
	memset(&match->countries, 0xff, sizeof(match->countries));
	match->priorities = (1 << WEIR_N_PRIORITIES) - 1;
	match->protocols = (1 << WEIR_N_PROTOCOLS) - 1;
	match->channels = UINT16_MAX;
}

bool match_list(struct reader *reader, config_setting_t *match, const char *key,
		struct conf_list *list)
{
	if (conf_list(&reader->conf, match, key, list) <= 0)
		return false;
	if (list->n == 0)
		conf_error(&reader->conf, list->setting, "leave the key out to match all",
			   "the list of match.%s is empty", key);
	return list->n > 0;
}

static void add_zone(struct reader *reader, const config_setting_t *at, const char *name,
		     struct match_def *match)
{
	uint16_t zone = reader_resolve(reader, at, "zone", name, &reader->zones);

	for (unsigned i = 0; zone != RULES_NO_INDEX &&
			     i < sizeof(match->countries) / sizeof(match->countries.word[0]);
	     i++)
		match->countries.word[i] |= reader->rules->zones[zone].countries.word[i];
}

static void read_country_key(struct reader *reader, config_setting_t *group,
			     struct match_def *match)
{
	struct conf_list list;

	if (!match_list(reader, group, "country", &list))
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
		conf_warn(&reader->conf, size, "leave it out",
			  "size has neither min nor max and holds always");
	if (got_min < 0 || got_max < 0)
		return;
	if (min > max)
		conf_error(&reader->conf, config_setting_get_member(size, "min"), "swap them?",
			   "size.min %lld above size.max %lld", (long long)min, (long long)max);
	match->size_min = (uint16_t)min;
	match->size_max = max < UINT16_MAX ? (uint16_t)max : UINT16_MAX;
}

void read_match(struct reader *reader, config_setting_t *rule, struct match_def *match)
{
	config_setting_t *group = config_setting_get_member(rule, "match");

	match_any(match);
	if (group == NULL || !conf_group(&reader->conf, group, match_keys))
		return;
	match_read_tenants(reader, group, match);
	read_country_key(reader, group, match);
	match_read_words(reader, group, match);
	read_size(reader, group, match);
}
