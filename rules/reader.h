// SPDX-License-Identifier: BSD-3-Clause
//
// What the parts of the reader share: the rule_set being made and the indices over its names.
// Internal to rules_read. One reader is used by one thread.
#pragma once

#include <libconfig.h>
#include <stdbool.h>
#include <stdint.h>

#include "rules/arena.h"
#include "rules/conf.h"
#include "rules/index.h"
#include "rules/model.h"
#include "rules/source.h"

struct reader {
	struct rule_set *rules;
	struct arena *arena; // rules->arena
	struct source source;
	struct conf conf;
	struct diags *diags;
	struct name_index tenant_names, domains, groups, zones, pools, queues, replies, reasons,
		rule_names;
	struct id_index tenant_ids;
	struct group_sets *group_sets; // groups.c
	uint32_t max_tenants; // places in rules->tenants, grown by tenants.c, not the arena's yet
	uint32_t *warned;     // by country: file + 1 of the last warning about its code (tenants.c)
	uint64_t nearest_work;   // names compared for hints so far
	bool tenants_incomplete; // a whole list of tenants was not read: references are not judged
	bool out_of_memory;
};

// Notes that memory is out; always false.
bool reader_out_of_memory(struct reader *reader);

struct where reader_where(const struct reader *reader, const config_setting_t *at);

// Adds a file that the rule file names at `at` to the source's, once; `name` is relative to the file that `at` stands
// in. Returns its index, or -1 reported.
int reader_add_file(struct reader *reader, const config_setting_t *at, const char *name);

// Opens a group that has a name: checks that it is a group, that its name is there, good and not yet
// in `index` (which gets it with `value`; duplicates are reported with the place of the one before),
// and that its keys are known. Sets conf.what to `KIND "NAME"`, or `KIND number N` where there is no good name.
struct reader_name {
	const char *kind;
	struct name_index *index;
	const char *(*fault)(const char *name, size_t length); // name_fault or referable_fault
	const void *first; // struct where of entry 0 within an array of `step` bytes each
	size_t step;
	uint32_t value;
};
// Returns the arena's copy of the name, "" where it was wrong, NULL when it is no group or memory is
// out: there is nothing to read on then. All is reported.
const char *reader_open(struct reader *reader, config_setting_t *group,
			const struct reader_name *name, const char *const *keys);

// Resolves a reference at `at` to a name of `kind` in `index`; reports a dangling one with the
// nearest name. RULES_NO_INDEX when it dangles.
uint16_t reader_resolve(struct reader *reader, const config_setting_t *at, const char *kind,
			const char *name, const struct name_index *index);

// The same for the string setting `key` of a group. 1, 0 absent, -1 wrong.
int reader_reference(struct reader *reader, config_setting_t *group, const char *key,
		     const char *kind, const struct name_index *index, uint16_t *value);

// `did you mean "..."?` into `out`, or NULL. Counts the work: past a limit there are no more hints.
const char *reader_nearest(struct reader *reader, const char *name, const struct name_index *index,
			   char out[128]);

// A country code at `at`: its index, or -1 reported. Warns of codes that are not assigned.
int reader_country(struct reader *reader, const config_setting_t *at, const char *code);

// The parts. Each reads its keys of the file's top group.
void read_tenants(struct reader *reader, config_setting_t *root);
void read_zones(struct reader *reader, config_setting_t *root);
void read_residency(struct reader *reader, config_setting_t *root);
void read_pools(struct reader *reader, config_setting_t *root);
// Parts of read_pools; all leave conf.what at the pool. read_eject comes after the mode.
void read_members(struct reader *reader, config_setting_t *group, struct pool_def *pool);
void read_health(struct reader *reader, config_setting_t *group, struct pool_def *pool);
void read_eject(struct reader *reader, config_setting_t *group, struct pool_def *pool);
void read_queues(struct reader *reader, config_setting_t *root);
void read_replies(struct reader *reader, config_setting_t *root);
void read_blocked(struct reader *reader, config_setting_t *root);
void read_country_by_address(struct reader *reader, config_setting_t *root);
void read_rules(struct reader *reader, config_setting_t *root);
void read_match(struct reader *reader, config_setting_t *rule, struct match_def *match);
void read_action(struct reader *reader, config_setting_t *action, struct action_def *out);
void match_any(struct match_def *match);

// Parts of read_match. The list of a key: false when it is absent or wrong; an empty one is an error.
bool match_list(struct reader *reader, config_setting_t *match, const char *key,
		struct conf_list *list);
void match_read_tenants(struct reader *reader, config_setting_t *group, struct match_def *match);
void match_read_words(struct reader *reader, config_setting_t *group, struct match_def *match);

// Tenants, from the rule file or a tenant file.
struct tenant_text { // one tenant as written; absent: NULL or 0
	const char *name;
	const char *const *domains, *const *groups;
	uint32_t n_domains, n_groups;
	int64_t id, rate, burst;
	int home; // country index, -1: none
	const uint8_t *key;
	uint32_t file, line;
	uint32_t id_line, name_line, domains_line, groups_line, burst_line;
};
// Adds one; what is wrong with names, domains, groups and duplicates is reported at its place.
void reader_add_tenant(struct reader *reader, const struct tenant_text *text);
void tenant_report(struct reader *reader, const struct tenant_text *text, const char *hint,
		   const char *what, const char *value);
// Gives a tenant its interned set of groups; false when memory is out.
bool tenant_add_groups(struct reader *reader, const struct tenant_text *text,
		       struct tenant_def *tenant);
void groups_fini(struct reader *reader);

// Reads a tenant file (CSV). `at` is the setting that names it.
void read_tenant_file(struct reader *reader, const config_setting_t *at, const char *name);

// Tenant rows from memory: what a tenant file `file` (index) holds.
void read_tenant_rows(struct reader *reader, uint32_t file, const char *text, size_t length);

// rules_read for text in memory: `path` is what messages call it; includes are refused.
struct rule_set *rules_read_text(const char *path, const char *text, size_t length,
				 struct diags *diags);

// Makes a rule_set ready to be filled, and frees what is not the rule_set's own.
bool reader_init(struct reader *reader, struct diags *diags);
void reader_fini(struct reader *reader);
