// SPDX-License-Identifier: BSD-3-Clause
//
// Zones, residency, blocked sources.
#include <stdio.h>
#include <string.h>

#include "rules/address.h"
#include "rules/names.h"
#include "rules/reader.h"

static const char *const zone_keys[] = { "name", "countries", NULL };
static const char *const residency_keys[] = { "enforce", "exceptions", NULL };
static const char *const exception_keys[] = { "country", "zone", "reason", NULL };

static void read_countries(struct reader *reader, config_setting_t *group,
			   struct country_set *countries)
{
	struct conf *conf = &reader->conf;
	struct conf_list list;
	int got = conf_list(conf, group, "countries", &list);

	if (got == 0 || (got > 0 && list.n == 0))
		conf_error(conf, got > 0 ? list.setting : group, "countries = [ \"DE\", ... ]",
			   "it holds no country");
	for (unsigned i = 0; i < list.n; i++) {
		config_setting_t *element = conf_list_get(&list, i);
		const char *code = conf_element(conf, element, "countries");
		int country = code != NULL ? reader_country(reader, element, code) : -1;

		if (country >= 0)
			country_set_put(countries, (unsigned)country);
	}
}

static void read_zone(struct reader *reader, config_setting_t *group, uint16_t i)
{
	struct zone_def *zones = reader->rules->zones, *zone = &zones[i];
	const struct reader_name name = { "zone",          &reader->zones,   referable_fault,
					  &zones[0].where, sizeof(zones[0]), i };

	zone->where = reader_where(reader, group);
	zone->name = reader_open(reader, group, &name, zone_keys);
	if (zone->name == NULL)
		return;
	read_countries(reader, group, &zone->countries);
}

void read_zones(struct reader *reader, config_setting_t *root)
{
	struct conf_list list;

	conf_groups(&reader->conf, root, "zones", RULES_MAX_ZONES, &list);
	reader->rules->zones = arena_get(reader->arena, list.n * sizeof(struct zone_def));
	if (reader->rules->zones == NULL) {
		reader_out_of_memory(reader);
		return;
	}
	for (unsigned i = 0; i < list.n; i++) {
		reader->rules->n_zones++;
		read_zone(reader, conf_list_get(&list, i), (uint16_t)i);
	}
	reader->conf.what[0] = '\0';
}

static void read_exception(struct reader *reader, config_setting_t *group,
			   struct residency_exception *exception)
{
	struct conf *conf = &reader->conf;
	const char *code = NULL, *reason = NULL;
	int got, country;

	exception->where = reader_where(reader, group);
	if (!conf_group(conf, group, exception_keys))
		return;
	got = conf_string(conf, group, "country", &code);
	if (got == 0)
		conf_error(conf, group, NULL, "it has no country");
	country =
		got > 0 ? reader_country(reader, config_setting_get_member(group, "country"), code)
			: -1;
	exception->country = country >= 0 ? (uint16_t)country : 0;
	if (reader_reference(reader, group, "zone", "zone", &reader->zones, &exception->zone) == 0)
		conf_error(conf, group, NULL, "it has no zone");
	got = conf_string(conf, group, "reason", &reason);
	if (got == 0 || (got > 0 && reason[0] == '\0'))
		conf_error(conf, group, "reason = \"who approved it and when\"",
			   "it has no reason");
	else if (got > 0 && text_fault(reason, strlen(reason)) != NULL)
		conf_error(conf, config_setting_get_member(group, "reason"), NULL,
			   "reason is not valid UTF-8");
}

void read_residency(struct reader *reader, config_setting_t *root)
{
	config_setting_t *group = config_setting_get_member(root, "residency");
	struct rule_set *rules = reader->rules;
	struct conf *conf = &reader->conf;
	struct conf_list list;

	if (group == NULL)
		return;
	snprintf(conf->what, sizeof(conf->what), "residency");
	if (!conf_group(conf, group, residency_keys)) {
		conf->what[0] = '\0';
		return;
	}
	conf_bool(conf, group, "enforce", &rules->enforce_residency);
	conf_groups(conf, group, "exceptions", WEIR_N_COUNTRIES * RULES_MAX_ZONES, &list);
	rules->exceptions = arena_get(reader->arena, list.n * sizeof(*rules->exceptions));
	if (rules->exceptions == NULL) {
		reader_out_of_memory(reader);
		return;
	}
	rules->n_exceptions = list.n;
	for (unsigned i = 0; i < list.n; i++) {
		snprintf(conf->what, sizeof(conf->what), "residency exception number %u", i + 1);
		read_exception(reader, conf_list_get(&list, i), &rules->exceptions[i]);
	}
	conf->what[0] = '\0';
}

static void read_prefix(struct reader *reader, config_setting_t *element,
			struct blocked_def *blocked)
{
	const char *text = conf_element(&reader->conf, element, "blocked_sources");
	char mended[PREFIX_TEXT], hint[PREFIX_TEXT + 16];
	int family;

	blocked->where = reader_where(reader, element);
	if (text == NULL)
		return;
	family = prefix_parse(text, blocked->address, &blocked->length);
	blocked->family = (uint8_t)(family > 0 ? family : 0);
	if (family == 0)
		conf_error(&reader->conf, element, "as in 192.0.2.0/24 or 2001:db8::/32",
			   "\"%.80s\" is no address or prefix", text);
	if (family < 0) {
		prefix_format(blocked->address, strchr(text, ':') != NULL ? 6 : 4, blocked->length,
			      mended);
		snprintf(hint, sizeof(hint), "write \"%s\"", mended);
		conf_error(&reader->conf, element, hint,
			   "the prefix \"%.80s\" has bits set behind its length", text);
	}
}

void read_blocked(struct reader *reader, config_setting_t *root)
{
	struct rule_set *rules = reader->rules;
	struct conf_list list;

	conf_list(&reader->conf, root, "blocked_sources", &list);
	rules->blocked = arena_get(reader->arena, list.n * sizeof(*rules->blocked));
	if (rules->blocked == NULL) {
		reader_out_of_memory(reader);
		return;
	}
	rules->n_blocked = list.n;
	snprintf(reader->conf.what, sizeof(reader->conf.what), "blocked_sources");
	for (unsigned i = 0; i < list.n; i++)
		read_prefix(reader, conf_list_get(&list, i), &rules->blocked[i]);
	reader->conf.what[0] = '\0';
}
