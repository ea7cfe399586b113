// SPDX-License-Identifier: BSD-3-Clause
//
// What the offline commands start with: a rule file read, compiled and opened for look-ups, and the
// listeners of a gateway.conf. Diagnostics go to stderr.
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "dataplane/parse.h"
#include "rules/compile.h"
#include "rules/table.h"

struct gateway_fragments;
struct options;

struct loaded {
	struct rule_set *rules; // NULL where it came as an image
	struct table_image image;
	struct table table; // points into image
};

// Loads rule file `path`; STATUS_DONE, STATUS_REFUSED or STATUS_ENVIRONMENT, with every error and
// warning printed. `diags` may be NULL; otherwise the caller has called diags_init and keeps them.
int loaded_open(struct loaded *loaded, const char *path, struct diags *diags);

// A table by what an operator calls it: a rule file, a table image, or the number of a published generation
// (the gateway of `options` knows where that is kept). Status as above.
int table_load(struct loaded *loaded, const struct options *options, const char *what);

// The number of a generation, 1 or more; false for anything else.
bool generation_parse(const char *text, json_int_t *generation);

void loaded_close(struct loaded *loaded);

// The listeners of gateway.conf `path`, and its limits of fragments (where that is not NULL); the default ones where
// it is NULL. Status as above.
int listeners_load(struct listeners *listeners, struct gateway_fragments *fragments, const char *path);
