// SPDX-License-Identifier: BSD-3-Clause
//
// Typed reading of libconfig settings: each read checks the type (libconfig itself gives 0 for a
// string read as a number) and reports what is wrong with its place. Not thread safe for one conf.
#pragma once

#include <libconfig.h>
#include <stdbool.h>
#include <stdint.h>

#include "rules/diag.h"
#include "rules/source.h"

struct conf {
	const struct source *source;
	struct diags *diags;
	char what[224]; // what is being read, for messages: `pool "eu": member "a"`, or ""
};

// A list, or the scalar that stands for a list of one.
struct conf_list {
	config_setting_t *setting; // NULL: absent or wrong
	unsigned n;
	bool scalar;
};

// Reports `text` at the setting `at` (NULL: at the top of the file), with conf->what before it.
void conf_report(const struct conf *conf, enum diag_kind kind, const config_setting_t *at,
		 const char *hint, const char *format, ...) __attribute__((format(printf, 5, 6)));
#define conf_error(conf, at, hint, ...) conf_report(conf, DIAG_ERROR, at, hint, __VA_ARGS__)
#define conf_warn(conf, at, hint, ...)	conf_report(conf, DIAG_WARNING, at, hint, __VA_ARGS__)

// File index and line of a setting.
void conf_place(const struct conf *conf, const config_setting_t *at, uint32_t *file,
		uint32_t *line);

// Checks that `setting` is a group whose keys are all in `keys` (ends in NULL). Unknown keys are
// reported and passed over; false only when it is no group.
bool conf_group(const struct conf *conf, config_setting_t *setting, const char *const *keys);

// The readers below take the setting `key` of `group`. They return 1 with the value, 0 when it is
// absent (value untouched), -1 when it was wrong and reported.
int conf_string(const struct conf *conf, config_setting_t *group, const char *key,
		const char **value);
int conf_bool(const struct conf *conf, config_setting_t *group, const char *key, bool *value);

struct conf_range {
	int64_t min, max;
	const char *zero; // hint for a 0 that is refused, or NULL
};
int conf_int(const struct conf *conf, config_setting_t *group, const char *key,
	     struct conf_range range, int64_t *value);

// conf_int of a setting itself, whose name in messages is `name`.
int conf_int_value(const struct conf *conf, config_setting_t *setting, const char *name,
		   struct conf_range range, int64_t *value);

// One of `n` words; the value is its number.
int conf_word(const struct conf *conf, config_setting_t *group, const char *key,
	      const char *const *words, int *value);

// A list or array, or a scalar in its place. 0 also leaves the list empty.
int conf_list(const struct conf *conf, config_setting_t *group, const char *key,
	      struct conf_list *list);

// A list of groups, at most `max` of them.
int conf_groups(const struct conf *conf, config_setting_t *group, const char *key, unsigned max,
		struct conf_list *list);

config_setting_t *conf_list_get(const struct conf_list *list, unsigned i);

// The text of a list element that must be a string; reports and returns NULL otherwise.
const char *conf_element(const struct conf *conf, config_setting_t *element, const char *key);

// Name of a setting's type for messages: "a text", "a number", ...
const char *conf_type_name(const config_setting_t *setting);

// Writes `did you mean "NEAREST"?` into `out` and returns it; NULL where nothing is near.
const char *conf_nearest_word(const char *word, const char *const *words, char out[128]);
