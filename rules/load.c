// SPDX-License-Identifier: BSD-3-Clause
//
// Reads and compiles a rule file in one.

#include <errno.h>

#include "rules/compile.h"
#include "rules/read.h"

int rules_load(const char *path, struct table_image *image, struct rule_set **rules_out, struct diags *diags)
{
	struct rule_set *rules = rules_read(path, diags);
	int err = rules == NULL ? -EINVAL : rules_compile(rules, image, diags);

	if (rules == NULL)
		*image = (struct table_image){0};
	if (rules_out != NULL)
		*rules_out = rules;
	else
		rules_destroy(rules);
	return err;
}
