// SPDX-License-Identifier: BSD-3-Clause
//
// Typed readers of libconfig settings. Settings whose name begins with '*' are second copies of a key
// that the scanner has reported (scan.c); they are passed over.
#include "rules/conf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "rules/index.h"

void conf_place(const struct conf *conf, const config_setting_t *at, uint32_t *file, uint32_t *line)
{
	source_place(conf->source, at != NULL ? config_setting_source_line(at) : 1, file, line);
}

void conf_report(const struct conf *conf, enum diag_kind kind, const config_setting_t *at,
		 const char *hint, const char *format, ...)
{
	uint32_t file, line;
	char text[512];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	conf_place(conf, at, &file, &line);
	diags_push(conf->diags, kind, conf->source->files[file], line, hint, "%s%s%s", conf->what,
		   conf->what[0] != '\0' ? ": " : "", text);
}

const char *conf_type_name(const config_setting_t *setting)
{
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_GROUP:
		return "a group { }";
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return "a whole number";
	case CONFIG_TYPE_FLOAT:
		return "a number with a point";
	case CONFIG_TYPE_STRING:
		return "a text";
	case CONFIG_TYPE_BOOL:
		return "true or false";
	default:
		return "a list";
	}
}

static void report_type(const struct conf *conf, const config_setting_t *setting, const char *key,
			const char *wanted)
{
	conf_error(conf, setting, NULL, "%s must be %s, not %s", key, wanted,
		   conf_type_name(setting));
}

const char *conf_nearest_word(const char *word, const char *const *words, char out[128])
{
	const char *best = NULL;
	int best_distance = 0;

	for (; *words != NULL; words++) {
		int distance = name_distance(word, *words);

		if (distance >= 0 && (best == NULL || distance < best_distance)) {
			best = *words;
			best_distance = distance;
		}
	}
	if (best == NULL)
		return NULL;
	snprintf(out, 128, "did you mean \"%s\"?", best);
	return out;
}

static bool is_word(const char *word, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

// "a, b or c"
static const char *list_words(const char *const *words, char *out, size_t size)
{
	size_t at = 0;

	out[0] = '\0';
	for (; *words != NULL && at < size; words++)
		at += (size_t)snprintf(out + at, size - at, "%s%s",
				       at == 0		  ? ""
				       : words[1] == NULL ? " or "
							  : ", ",
				       *words);
	return out;
}

static void report_unknown_key(const struct conf *conf, const config_setting_t *setting,
			       const char *const *keys)
{
	char near[128], known[256], hint[300];
	const char *found = conf_nearest_word(setting->name, keys, near);

	snprintf(hint, sizeof(hint), "known here: %s", list_words(keys, known, sizeof(known)));
	conf_error(conf, setting, found != NULL ? found : hint, "unknown setting \"%s\"",
		   setting->name);
}

bool conf_group(const struct conf *conf, config_setting_t *setting, const char *const *keys)
{
	if (!config_setting_is_group(setting)) {
		report_type(conf, setting, setting->name != NULL ? setting->name : "it",
			    "a group { }");
		return false;
	}
	for (int i = 0; i < config_setting_length(setting); i++) {
		const config_setting_t *key = config_setting_get_elem(setting, (unsigned)i);

		if (key->name[0] != '*' && !is_word(key->name, keys))
			report_unknown_key(conf, key, keys);
	}
	return true;
}

int conf_string(const struct conf *conf, config_setting_t *group, const char *key,
		const char **value)
{
	config_setting_t *setting = config_setting_get_member(group, key);

	if (setting == NULL)
		return 0;
	if (config_setting_type(setting) != CONFIG_TYPE_STRING) {
		report_type(conf, setting, key, "a text in double quotes");
		return -1;
	}
	*value = config_setting_get_string(setting);
	return 1;
}

int conf_bool(const struct conf *conf, config_setting_t *group, const char *key, bool *value)
{
	config_setting_t *setting = config_setting_get_member(group, key);

	if (setting == NULL)
		return 0;
	if (config_setting_type(setting) != CONFIG_TYPE_BOOL) {
		report_type(conf, setting, key, "true or false");
		return -1;
	}
	*value = config_setting_get_bool(setting) != 0;
	return 1;
}

int conf_int_value(const struct conf *conf, config_setting_t *setting, const char *name,
		   struct conf_range range, int64_t *value)
{
	int type = config_setting_type(setting);
	int64_t read;

	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) {
		report_type(conf, setting, name, "a whole number");
		return -1;
	}
	read = type == CONFIG_TYPE_INT ? config_setting_get_int(setting)
				       : config_setting_get_int64(setting);
	if (read < range.min || read > range.max) {
		conf_error(conf, setting, read == 0 ? range.zero : NULL,
			   "%s %lld is outside %lld to %lld", name, (long long)read,
			   (long long)range.min, (long long)range.max);
		return -1;
	}
	*value = read;
	return 1;
}

int conf_int(const struct conf *conf, config_setting_t *group, const char *key,
	     struct conf_range range, int64_t *value)
{
	config_setting_t *setting = config_setting_get_member(group, key);

	return setting == NULL ? 0 : conf_int_value(conf, setting, key, range, value);
}

int conf_word(const struct conf *conf, config_setting_t *group, const char *key,
	      const char *const *words, int *value)
{
	char near[128], known[160], hint[200];
	const char *text = NULL, *found;
	int got = conf_string(conf, group, key, &text);

	if (got <= 0)
		return got;
	for (int i = 0; words[i] != NULL; i++) {
		if (strcmp(words[i], text) == 0) {
			*value = i;
			return 1;
		}
	}
	found = conf_nearest_word(text, words, near);
	snprintf(hint, sizeof(hint), "it is %s", list_words(words, known, sizeof(known)));
	conf_error(conf, config_setting_get_member(group, key), found != NULL ? found : hint,
		   "unknown %s \"%s\"", key, text);
	return -1;
}

int conf_list(const struct conf *conf, config_setting_t *group, const char *key,
	      struct conf_list *list)
{
	config_setting_t *setting = config_setting_get_member(group, key);

	*list = (struct conf_list){ 0 };
	if (setting == NULL)
		return 0;
	if (config_setting_is_group(setting)) {
		report_type(conf, setting, key, "a list");
		return -1;
	}
	list->setting = setting;
	list->scalar = config_setting_is_scalar(setting);
	list->n = list->scalar ? 1 : (unsigned)config_setting_length(setting);
	return 1;
}

int conf_groups(const struct conf *conf, config_setting_t *group, const char *key, unsigned max,
		struct conf_list *list)
{
	config_setting_t *setting = config_setting_get_member(group, key);

	*list = (struct conf_list){ 0 };
	if (setting == NULL)
		return 0;
	if (!config_setting_is_list(setting)) {
		conf_error(conf, setting, "write ( { ... }, { ... } )",
			   "%s must be a list of groups, not %s", key, conf_type_name(setting));
		return -1;
	}
	if ((unsigned)config_setting_length(setting) > max) {
		conf_error(conf, setting, NULL, "%s has %d entries, more than %u", key,
			   config_setting_length(setting), max);
		return -1;
	}
	list->setting = setting;
	list->n = (unsigned)config_setting_length(setting);
	return 1;
}

config_setting_t *conf_list_get(const struct conf_list *list, unsigned i)
{
	return list->scalar ? list->setting : config_setting_get_elem(list->setting, i);
}

const char *conf_element(const struct conf *conf, config_setting_t *element, const char *key)
{
	if (config_setting_type(element) == CONFIG_TYPE_STRING)
		return config_setting_get_string(element);
	conf_error(conf, element, NULL, "%s holds %s where a text in double quotes belongs", key,
		   conf_type_name(element));
	return NULL;
}
