// SPDX-License-Identifier: BSD-3-Clause
//
// Compiles a rule_set: classes, then blocks and tenant classes, then the image, then what is to be said
// about it (rules that never decide, residency). The image is opened as the dataplane will open it, so
// that no image leaves here that would be refused there.

#include "rules/compile.h"

#include <errno.h>
#include <stdlib.h>

#include "rules/build.h"
#include "rules/idle.h"
#include "rules/residency.h"

void table_image_fini(struct table_image *image)
{
	free(image->data);
	*image = (struct table_image){0};
}

static void build_init(struct build *build, const struct rule_set *rules, struct diags *diags)
{
	*build = (struct build){.rules = rules, .diags = diags};
	intern_init(&build->country_masks, COUNTRY_WORDS * sizeof(uint64_t));
	intern_init(&build->leaves, sizeof(struct table_leaf));
	intern_init(&build->blocks, sizeof(struct class_block));
	intern_init(&build->lists, sizeof(struct list_link));
	intern_init(&build->row_memo, sizeof(struct list_link));
	intern_init(&build->tenant_classes, sizeof(struct tenant_class));
	intern_init(&build->keys, sizeof(struct table_key));
	intern_init(&build->meters, sizeof(struct table_meter));
}

static void build_fini(struct build *build)
{
	struct intern *const sets[] = {&build->country_masks, &build->rows, &build->leaves, &build->dirs,
				      &build->blocks, &build->lists, &build->row_memo, &build->tenant_classes,
				      &build->keys, &build->meters};

	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++)
		intern_fini(sets[i]);
	for (unsigned i = 0; build->base != NULL && i < build->n_country_classes; i++)
		free(build->base[i].rule);
	free(build->base);
	free(build->mask);
	free(build->row_of_memo);
	free(build->class_of_tenant);
}

static int build_all(struct build *build, struct table_image *image)
{
	int err = build_classes(build);

	if (err != 0)
		return err;
	intern_init(&build->rows, build->n_small_classes * sizeof(uint32_t));
	intern_init(&build->dirs, build->n_country_classes * sizeof(uint16_t));
	err = build_base(build);
	if (err == 0)
		err = build_tenants(build);
	return err != 0 ? err : build_image(build, image);
}

// Opens the image, and says what is to be said about the rules by it.
static int check_image(const struct rule_set *rules, const struct table_image *image, struct diags *diags)
{
	struct table table;
	int64_t n_violations = 0;
	char why[160];
	int err = table_open(&table, image->data, image->size, why, sizeof(why));

	if (err == -EINVAL)
		diags_push(diags, DIAG_ERROR, rules->files[0], 0, "this is a fault of weir: please report it",
			   "the compiled table is wrong: %s", why);
	if (err == 0)
		err = idle_check(rules, &table, diags);
	if (err == 0 && rules->enforce_residency)
		n_violations = residency_check(rules, &table, diags);
	if (n_violations != 0)
		err = n_violations < 0 ? (int)n_violations : -EINVAL;
	return err;
}

int rules_compile(const struct rule_set *rules, struct table_image *image, struct diags *diags)
{
	struct build build;
	int err;

	*image = (struct table_image){0};
	build_init(&build, rules, diags);
	err = build_all(&build, image);
	build_fini(&build);
	if (err == 0)
		err = check_image(rules, image, diags);
	if (err != 0)
		table_image_fini(image);
	return err;
}
