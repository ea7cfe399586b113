// SPDX-License-Identifier: BSD-3-Clause
//
// rules_read: a rule file, in the order in which its parts refer to one another. Every part reports
// and goes on, so that one run shows all faults; the rule_set is handed out only where there is none.
#include "rules/read.h"

#include <stdlib.h>
#include <string.h>

#include "rules/reader.h"

static const char *const top_keys[] = { "version",	   "tenants", "tenant_files", "zones",
					"pools",	   "queues",  "replies",      "residency",
					"blocked_sources", "default", "rules",	      "country_by_address",
					NULL };

static void read_version(struct reader *reader, config_setting_t *root)
{
	int64_t version = 0;
	int got = conf_int(&reader->conf, root, "version",
			   (struct conf_range){ INT64_MIN, INT64_MAX }, &version);

	if (got == 0)
		conf_error(&reader->conf, NULL, "write version = 1;", "version is missing");
	else if (got > 0 && version != 1)
		conf_error(&reader->conf, config_setting_get_member(root, "version"),
			   "write version = 1;", "version %lld is not one that this weir reads",
			   (long long)version);
}

static void read_root(struct reader *reader, config_setting_t *root)
{
	conf_group(&reader->conf, root, top_keys);
	read_version(reader, root);
	read_tenants(reader, root);
	read_zones(reader, root);
	read_pools(reader, root);
	read_queues(reader, root);
	read_replies(reader, root);
	read_residency(reader, root);
	read_blocked(reader, root);
	read_country_by_address(reader, root);
	read_rules(reader, root);
}

static void read_parsed(struct reader *reader)
{
	config_t config;

	config_init(&config);
	if (config_read_string(&config, reader->source.text) == CONFIG_TRUE) {
		free(reader->source.text); // libconfig has its own copy of everything
		reader->source.text = NULL;
		read_root(reader, config_root_setting(&config));
	} else {
		uint32_t file, line;

		source_place(&reader->source, (uint32_t)config_error_line(&config), &file, &line);
		diags_push(reader->diags, DIAG_ERROR, reader->source.files[file], line, NULL, "%s",
			   config_error_text(&config));
	}
	config_destroy(&config);
}

bool reader_init(struct reader *reader, struct diags *diags)
{
	memset(reader, 0, sizeof(*reader));
	reader->diags = diags;
	reader->conf.diags = diags;
	reader->conf.source = &reader->source;
	reader->warned = calloc(WEIR_N_COUNTRIES, sizeof(*reader->warned));
	reader->rules = calloc(1, sizeof(*reader->rules));
	if (reader->rules != NULL)
		reader->arena = reader->rules->arena = arena_create();
	return reader->warned != NULL && reader->arena != NULL;
}

void reader_fini(struct reader *reader)
{
	struct name_index *indices[] = { &reader->tenant_names, &reader->domains,
					 &reader->groups,	&reader->zones,
					 &reader->pools,	&reader->queues,
					 &reader->replies,	&reader->reasons,
					 &reader->rule_names };

	for (unsigned i = 0; i < sizeof(indices) / sizeof(indices[0]); i++)
		name_index_fini(indices[i]);
	id_index_fini(&reader->tenant_ids);
	groups_fini(reader);
	source_fini(&reader->source);
	free(reader->warned);
}

// The rule_set keeps the names of its files.
static bool keep_files(struct reader *reader)
{
	struct rule_set *rules = reader->rules;

	rules->files = arena_get(reader->arena, reader->source.n_files * sizeof(*rules->files));
	for (uint32_t i = 0; rules->files != NULL && i < reader->source.n_files; i++) {
		const char *file = reader->source.files[i];

		rules->files[i] = arena_string(reader->arena, file, strlen(file));
		if (rules->files[i] == NULL)
			return reader_out_of_memory(reader);
	}
	rules->n_files = reader->source.n_files;
	return rules->files != NULL || reader_out_of_memory(reader);
}

// `text` NULL: what is in the file `path`.
static struct rule_set *read_any(const char *path, const char *text, size_t length,
				 struct diags *diags)
{
	uint32_t errors = diags->n_errors;
	struct reader reader;
	struct rule_set *rules;
	int err;

	if (!reader_init(&reader, diags)) {
		diags_push(diags, DIAG_ERROR, path, 0, NULL, "out of memory");
	} else {
		err = text != NULL ? source_read_text(&reader.source, path, text, length, diags)
				   : source_read(&reader.source, path, diags);
		if (err == 0)
			read_parsed(&reader);
		if (diags->n_errors == errors)
			keep_files(&reader);
	}
	rules = reader.rules;
	reader_fini(&reader);
	if (diags->n_errors == errors)
		return rules;
	rules_destroy(rules);
	return NULL;
}

struct rule_set *rules_read(const char *path, struct diags *diags)
{
	return read_any(path, NULL, 0, diags);
}

struct rule_set *rules_read_text(const char *path, const char *text, size_t length,
				 struct diags *diags)
{
	return read_any(path, text, length, diags);
}

void rules_destroy(struct rule_set *rules)
{
	if (rules == NULL)
		return;
	free(rules->tenants); // grown as they came, so not in the arena
	free(rules->geo4);
	free(rules->geo6);
	arena_destroy(rules->arena);
	free(rules);
}
