// SPDX-License-Identifier: BSD-3-Clause
//
// Route switches as an edit of rules. For all tenants, and for each tenant that a switch names, the pool that each
// pool's messages end in is found first; then the rules are gone through once. Any thread.
#include "rules/switch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { EVERYBODY = 0 }; // the first view

#define HINT "name one of the rule file, or take the switch back: weirctl route undo"

// The pools as one tenant's messages see them, or everybody's.
struct view {
	uint32_t tenant;  // position; unused for everybody
	const char *name; // NULL: everybody
	uint16_t *end;    // by pool: where its messages go
};

struct work {
	const struct rule_set *base;
	const struct rule_switch *list;
	unsigned n;
	struct diags *diags;
	struct view *view; // everybody's first
	unsigned n_views;
	uint16_t *step; // by pool: the next one, of the view that is being made
	uint32_t *tenant; // of the copies' matches, one a view
};

static int find_pool(const struct work *work, const struct rule_switch *of, const char *name)
{
	for (unsigned i = 0; i < work->base->n_pools; i++)
		if (strcmp(work->base->pools[i].name, name) == 0)
			return (int)i;
	diags_push(work->diags, DIAG_ERROR, work->base->files[0], 0, HINT,
		   "route switch of \"%s\" to \"%s\": there is no pool \"%s\"", of->from, of->to, name);
	return -1;
}

static int find_tenant(const struct work *work, const struct rule_switch *of, uint32_t *tenant)
{
	for (uint32_t i = 0; i < work->base->n_tenants; i++)
		if (strcmp(work->base->tenants[i].name, of->tenant) == 0) {
			*tenant = i;
			return 0;
		}
	diags_push(work->diags, DIAG_ERROR, work->base->files[0], 0, HINT,
		   "route switch of \"%s\" to \"%s\": there is no tenant \"%s\"", of->from, of->to, of->tenant);
	return -EINVAL;
}

// Where each pool's messages go next, in a view: the switches for all first, a tenant's own over them.
static int make_steps(struct work *work, const struct view *view)
{
	for (unsigned i = 0; i < work->base->n_pools; i++)
		work->step[i] = (uint16_t)i;
	for (unsigned own = 0; own < 2; own++)
		for (unsigned i = 0; i < work->n; i++) {
			const struct rule_switch *of = &work->list[i];
			int from, to;

			if ((of->tenant != NULL) != own ||
			    (own && (view->name == NULL || strcmp(of->tenant, view->name) != 0)))
				continue;
			from = find_pool(work, of, of->from);
			to = find_pool(work, of, of->to);
			if (from < 0 || to < 0)
				return -EINVAL;
			work->step[from] = (uint16_t)to;
		}
	return 0;
}

static int follow(struct work *work, struct view *view)
{
	for (unsigned i = 0; i < work->base->n_pools; i++) {
		uint16_t at = (uint16_t)i;

		for (unsigned steps = 0; work->step[at] != at; steps++) {
			if (steps == work->n) {
				diags_push(work->diags, DIAG_ERROR, work->base->files[0], 0, "take one of them back",
					   "the route switches of pool \"%s\" go round in a circle",
					   work->base->pools[i].name);
				return -EINVAL;
			}
			at = work->step[at];
		}
		view->end[i] = at;
	}
	return 0;
}

static int make_view(struct work *work, const struct rule_switch *of)
{
	struct view *view = &work->view[work->n_views];
	int err = 0;

	for (unsigned i = 1; of != NULL && i < work->n_views; i++)
		if (strcmp(work->view[i].name, of->tenant) == 0)
			return 0;
	view->end = calloc(work->base->n_pools + 1u, sizeof(*view->end));
	if (view->end == NULL)
		return -ENOMEM;
	work->n_views++;
	view->name = of != NULL ? of->tenant : NULL;
	if (of != NULL)
		err = find_tenant(work, of, &view->tenant);
	if (err == 0)
		err = make_steps(work, view);
	return err != 0 ? err : follow(work, view);
}

static int make_views(struct work *work)
{
	int err;

	work->view = calloc(work->n + 1u, sizeof(*work->view));
	work->step = calloc(work->base->n_pools + 1u, sizeof(*work->step));
	if (work->view == NULL || work->step == NULL)
		return -ENOMEM;
	err = make_view(work, NULL);
	for (unsigned i = 0; i < work->n && err == 0; i++)
		if (work->list[i].tenant != NULL)
			err = make_view(work, &work->list[i]);
	return err;
}

static bool has_group(const struct match_def *match, const struct group_set *groups)
{
	for (uint32_t i = 0; i < groups->n; i++)
		for (unsigned m = 0; m < match->n_groups; m++)
			if (match->groups[m] == groups->group[i])
				return true;
	return false;
}

static bool meets_tenant(const struct rule_set *rules, const struct match_def *match, uint32_t tenant)
{
	for (uint32_t i = 0; i < match->n_tenants; i++)
		if (match->tenants[i] == tenant)
			return true;
	return match->any_tenant || has_group(match, rules->tenants[tenant].groups);
}

// Whether a rule needs a copy for the tenant of a view.
static bool needs_copy(const struct work *work, const struct rule_def *rule, const struct view *view)
{
	return rule->action.kind == WEIR_ACT_FORWARD &&
	       view->end[rule->action.target] != work->view[EVERYBODY].end[rule->action.target] &&
	       meets_tenant(work->base, &rule->match, view->tenant);
}

static uint64_t count_rules(const struct work *work)
{
	uint64_t n = work->base->n_rules;

	for (uint32_t r = 0; r <= work->base->n_rules; r++)
		for (unsigned v = 1; v < work->n_views; v++)
			n += needs_copy(work, &work->base->rules[r], &work->view[v]);
	return n;
}

static struct rule_def make_copy(const struct work *work, const struct rule_def *rule, unsigned v)
{
	struct rule_def copy = *rule;

	copy.match.any_tenant = copy.match.unknown_tenant = false;
	copy.match.tenants = &work->tenant[v];
	copy.match.n_tenants = 1;
	copy.match.n_groups = 0;
	copy.action.target = work->view[v].end[rule->action.target];
	return copy;
}

// The tenants of the copies stand behind the rules, so that one free() takes both.
static int fill(struct work *work, uint64_t n, struct rule_set *out)
{
	struct rule_def *rules = calloc(1, (n + 1) * sizeof(*rules) + work->n_views * sizeof(*work->tenant));
	uint32_t at = 0;

	if (rules == NULL)
		return -ENOMEM;
	work->tenant = (uint32_t *)(void *)(rules + n + 1);
	for (unsigned v = 1; v < work->n_views; v++)
		work->tenant[v] = work->view[v].tenant;
	for (uint32_t r = 0; r <= work->base->n_rules; r++) {
		const struct rule_def *rule = &work->base->rules[r];

		for (unsigned v = 1; v < work->n_views; v++)
			if (needs_copy(work, rule, &work->view[v]))
				rules[at++] = make_copy(work, rule, v);
		rules[at] = *rule;
		if (rule->action.kind == WEIR_ACT_FORWARD)
			rules[at].action.target = work->view[EVERYBODY].end[rule->action.target];
		at++;
	}
	*out = *work->base;
	out->rules = rules;
	out->n_rules = (uint32_t)n;
	return 0;
}

int rules_switch(const struct rule_set *base, const struct rule_switch *list, unsigned n, struct rule_set *out,
		 struct diags *diags)
{
	struct work work = {.base = base, .list = list, .n = n, .diags = diags};
	uint64_t n_rules;
	int err = make_views(&work);

	*out = (struct rule_set){0};
	if (err == 0) {
		n_rules = count_rules(&work);
		if (n_rules > RULES_MAX_RULES) {
			diags_push(diags, DIAG_ERROR, base->files[0], 0, "take a switch for one tenant back",
				   "with the route switches there would be more than %d rules", RULES_MAX_RULES);
			err = -EINVAL;
		} else {
			err = fill(&work, n_rules, out);
		}
	}
	for (unsigned i = 0; i < work.n_views; i++)
		free(work.view[i].end);
	free(work.view);
	free(work.step);
	return err;
}

void rules_switch_fini(struct rule_set *out)
{
	free(out->rules);
	*out = (struct rule_set){0};
}
