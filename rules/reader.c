// SPDX-License-Identifier: BSD-3-Clause
//
// What every part of the reader does: names, references, countries.
#include "rules/reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/country.h"
#include "rules/file.h"

enum { NEAREST_WORK = 20000000 }; // about a second of comparing names

bool reader_out_of_memory(struct reader *reader)
{
	if (!reader->out_of_memory)
		diags_push(reader->diags, DIAG_ERROR, reader->source.files[0], 0, NULL,
			   "out of memory");
	reader->out_of_memory = true;
	return false;
}

struct where reader_where(const struct reader *reader, const config_setting_t *at)
{
	uint32_t file, line;

	conf_place(&reader->conf, at, &file, &line);
	return (struct where){ .file = (uint16_t)file, .line = line };
}

static int add_path(struct reader *reader, const config_setting_t *at, const char *path)
{
	int file;

	for (uint32_t i = 0; i < reader->source.n_files; i++) {
		if (strcmp(reader->source.files[i], path) != 0)
			continue;
		conf_error(&reader->conf, at, "leave one out", "the file %s is read already", path);
		return -1;
	}
	if (reader->source.n_files >= SOURCE_MAX_FILES) {
		conf_error(&reader->conf, at, NULL, "more than %d files", SOURCE_MAX_FILES);
		return -1;
	}
	file = source_add_file(&reader->source, path);
	if (file < 0)
		reader_out_of_memory(reader);
	return file;
}

int reader_add_file(struct reader *reader, const config_setting_t *at, const char *name)
{
	struct where where = reader_where(reader, at);
	char *path = file_join(reader->source.files[where.file], name);
	int file = -1;

	if (path == NULL)
		reader_out_of_memory(reader);
	else
		file = add_path(reader, at, path);
	free(path);
	return file;
}

static void report_duplicate(struct reader *reader, config_setting_t *group,
			     const struct reader_name *name, uint32_t first)
{
	struct where where;

	memcpy(&where, (const char *)name->first + first * name->step, sizeof(where));
	conf_error(&reader->conf, config_setting_get_member(group, "name"),
		   "give each its own name", "this name is taken, first at %s:%u",
		   reader->source.files[where.file], where.line);
}

static const char *take_name(struct reader *reader, config_setting_t *group,
			     const struct reader_name *name)
{
	struct conf *conf = &reader->conf;
	const char *text = NULL, *fault, *copy;
	uint32_t first;
	int got = conf_string(conf, group, "name", &text);

	if (got == 0)
		conf_error(conf, group, NULL, "it has no name");
	if (got <= 0)
		return "";
	fault = name->fault(text, strlen(text));
	if (fault != NULL) {
		conf_error(conf, config_setting_get_member(group, "name"), NULL,
			   "the name \"%.80s\" %s", text, fault);
		return "";
	}
	snprintf(conf->what, sizeof(conf->what), "%s \"%s\"", name->kind, text);
	copy = arena_string(reader->arena, text, strlen(text));
	got = copy != NULL ? name_index_put(name->index, copy, name->value, &first) : -ENOMEM;
	if (got == 1)
		report_duplicate(reader, group, name, first);
	if (got < 0)
		reader_out_of_memory(reader);
	return got < 0 ? NULL : copy;
}

const char *reader_open(struct reader *reader, config_setting_t *group,
			const struct reader_name *name, const char *const *keys)
{
	struct conf *conf = &reader->conf;
	const char *copy = NULL;

	snprintf(conf->what, sizeof(conf->what), "%s number %u", name->kind, name->value + 1);
	if (config_setting_is_group(group))
		copy = take_name(reader, group, name);
	conf_group(conf, group, keys);
	return copy;
}

const char *reader_nearest(struct reader *reader, const char *name, const struct name_index *index,
			   char out[128])
{
	const char *near;

	if (reader->nearest_work > NEAREST_WORK)
		return NULL;
	reader->nearest_work += index->mask + 1;
	near = name_index_nearest(index, name);
	if (near == NULL)
		return NULL;
	snprintf(out, 128, "did you mean \"%s\"?", near);
	return out;
}

uint16_t reader_resolve(struct reader *reader, const config_setting_t *at, const char *kind,
			const char *name, const struct name_index *index)
{
	char hint[128];
	uint32_t value;

	if (name_index_find(index, name, &value))
		return (uint16_t)value;
	conf_error(&reader->conf, at, reader_nearest(reader, name, index, hint),
		   "there is no %s \"%.80s\"", kind, name);
	return RULES_NO_INDEX;
}

int reader_reference(struct reader *reader, config_setting_t *group, const char *key,
		     const char *kind, const struct name_index *index, uint16_t *value)
{
	const char *name = NULL;
	int got = conf_string(&reader->conf, group, key, &name);

	if (got <= 0)
		return got;
	*value = reader_resolve(reader, config_setting_get_member(group, key), kind, name, index);
	return *value != RULES_NO_INDEX ? 1 : -1;
}

static int report_code(struct reader *reader, const config_setting_t *at, const char *code)
{
	char hint[64] = "two capital letters of ISO 3166-1, ZZ for unknown", upper[2];

	if (strlen(code) == 2) {
		upper[0] = (char)(code[0] & ~0x20);
		upper[1] = (char)(code[1] & ~0x20);
		if (weir_country_find(upper) >= 0)
			snprintf(hint, sizeof(hint), "write \"%.2s\"", upper);
	}
	conf_error(&reader->conf, at, hint, "\"%.80s\" is no country code", code);
	return -1;
}

int reader_country(struct reader *reader, const config_setting_t *at, const char *code)
{
	int country = strlen(code) == 2 ? weir_country_find(code) : -1;
	char hint[32];

	if (country < 0)
		return report_code(reader, at, code);
	if (country != WEIR_COUNTRY_ZZ && !country_is_assigned((unsigned)country))
		conf_warn(&reader->conf, at, country_hint(code, hint),
			  "ISO 3166-1 does not assign the country code \"%s\"", code);
	return country;
}
