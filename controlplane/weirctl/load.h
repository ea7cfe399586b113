// SPDX-License-Identifier: BSD-3-Clause
//
// What the offline commands start with: a rule file read, compiled and opened for look-ups, and the
// listeners of a gateway.conf. Diagnostics go to stderr.
#pragma once

#include "dataplane/parse.h"
#include "rules/compile.h"
#include "rules/table.h"

struct loaded {
	struct rule_set *rules;
	struct table_image image;
	struct table table; // points into image
};

// Loads rule file `path`; STATUS_DONE, STATUS_REFUSED or STATUS_ENVIRONMENT, with every error and
// warning printed. `diags` may be NULL; otherwise the caller has called diags_init and keeps them.
int loaded_open(struct loaded *loaded, const char *path, struct diags *diags);
void loaded_close(struct loaded *loaded);

// The listeners of gateway.conf `path`, or the default ones where it is NULL. Status as above.
int listeners_load(struct listeners *listeners, const char *path);
