// SPDX-License-Identifier: BSD-3-Clause
//
// Compiles a checked rule_set into a table image (table.h), and proves its residency.
#pragma once

#include <stddef.h>

#include "rules/diag.h"
#include "rules/model.h"
#include "rules/table.h"

struct table_image {
	void *data; // malloc'ed, 64-byte aligned; owned by the caller: table_image_fini
	size_t size;
};

// Largest image that is made; beyond it the file is refused with what made it large.
#define TABLE_IMAGE_MAX ((size_t)768 << 20)

// Compiles `rules`; the same rule_set content gives the same bytes. Adds a warning for each rule that
// can never decide, and, where residency is enforced, an error for each violation (at most 100, then
// a count). Returns 0, -EINVAL when `diags` got an error (table too large, residency), -ENOMEM. On
// failure `image` is empty. Any thread.
int rules_compile(const struct rule_set *rules, struct table_image *image, struct diags *diags);

// rules_read and rules_compile in one: what the control plane, weirctl and tests call. `rules_out` may be
// NULL; otherwise the caller owns it (NULL on failure of reading).
int rules_load(const char *path, struct table_image *image, struct rule_set **rules_out, struct diags *diags);

void table_image_fini(struct table_image *image);
