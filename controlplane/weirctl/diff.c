// SPDX-License-Identifier: BSD-3-Clause
//
// weirctl rules diff: what changes between two rule files or table images, thing by thing, and which
// messages are decided otherwise.
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/weirctl/load.h"
#include "controlplane/weirctl/weirctl.h"
#include "rules/diff.h"

enum { SHOWN = 20 }; // of each kind, for people

struct output {
	json_t *items, *decisions; // NULL: for people
	unsigned n_items, n_decisions;
	unsigned of_kind; // items in a row of one kind
	const char *kind;
};

static const char *const changes[] = { "added", "removed", "changed", "moved" };

static void item_print(struct output *out, const struct diff_item *item)
{
	out->of_kind = out->kind == item->kind ? out->of_kind + 1 : 1;
	out->kind = item->kind;
	if (out->of_kind > SHOWN)
		return;
	printf("%s \"%s\" %s", item->kind, item->name, changes[item->change]);
	if (item->change == DIFF_CHANGED)
		printf(": %s\n    now: %s\n", item->before, item->after);
	else if (item->change == DIFF_MOVED)
		puts("");
	else
		printf("%s%s\n", *(item->before ? item->before : item->after) ? ": " : "",
		       item->before ? item->before : item->after);
	if (out->of_kind == SHOWN)
		printf("  (more of them: --json lists all)\n");
}

static void on_item(void *argument, const struct diff_item *item)
{
	struct output *out = argument;

	out->n_items++;
	if (!out->items) {
		item_print(out, item);
		return;
	}
	json_array_append_new(out->items, json_pack("{s:s, s:s, s:s, s:s?, s:s?}", "change", changes[item->change],
						    "kind", item->kind, "name", item->name, "before", item->before,
						    "after", item->after));
}

static void decision_print(const struct output *out, const struct diff_decision *d)
{
	char country[3];

	if (out->n_decisions == 1)
		puts("messages that are decided otherwise, by the rule that decided and the one that decides now:");
	if (out->n_decisions > SHOWN)
		return;
	weir_country_format(d->country, country);
	printf("  rule \"%s\": %s\n    now rule \"%s\": %s\n    for %" PRIu32 " tenant%s; such as %s, %s, %s, %s, %s, "
	       "%u bytes\n",
	       d->rule_before, d->verdict_before, d->rule_after, d->verdict_after, d->n_tenants,
	       d->n_tenants == 1 ? "" : "s", d->tenant_name, country, weir_priority_name(d->priority),
	       weir_channel_name(d->channel), weir_protocol_name(d->protocol), d->size);
	if (out->n_decisions == SHOWN)
		puts("  (more of them: --json lists all)");
}

static void on_decision(void *argument, const struct diff_decision *d)
{
	struct output *out = argument;
	char country[3];

	out->n_decisions++;
	if (!out->decisions) {
		decision_print(out, d);
		return;
	}
	weir_country_format(d->country, country);
	json_array_append_new(
		out->decisions,
		json_pack("{s:I, s:s, s:I, s:s, s:s, s:s, s:s, s:i, s:{s:s, s:s}, s:{s:s, s:s}}", "tenants",
			  (json_int_t)d->n_tenants, "tenant", d->tenant_name, "tenant_id", (json_int_t)d->tenant,
			  "country", country, "priority", weir_priority_name(d->priority), "channel",
			  weir_channel_name(d->channel), "protocol", weir_protocol_name(d->protocol), "size", d->size,
			  "before", "rule", d->rule_before, "verdict", d->verdict_before, "after", "rule",
			  d->rule_after, "verdict", d->verdict_after));
}

static int print_json(struct output *out)
{
	json_t *object = json_pack("{s:o, s:o, s:s}", "items", out->items, "decisions", out->decisions, "takes_effect",
				   "live");
	int error = object ? json_dumpf(object, stdout, JSON_COMPACT) : -1;

	json_decref(object);
	if (error < 0)
		return failure(STATUS_ENVIRONMENT, "cannot print the result: out of memory");
	putchar('\n');
	return STATUS_DONE;
}

static void print_end(const struct output *out)
{
	if (out->n_items == 0 && out->n_decisions == 0) {
		puts("no difference");
		return;
	}
	printf("%u things differ, %u pairs of verdicts\n", out->n_items, out->n_decisions);
	puts("every key of a rule file is live: weirctl rules load makes it effective");
}

static int compare(const struct loaded *before, const struct loaded *after, bool json)
{
	struct output out = { .items = json ? json_array() : NULL, .decisions = json ? json_array() : NULL };
	const struct diff_events events = { on_item, on_decision, &out };

	if (table_diff(&before->table, &after->table, &events) < 0) {
		json_decref(out.items);
		json_decref(out.decisions);
		return failure(STATUS_ENVIRONMENT, "out of memory while comparing");
	}
	if (json)
		return print_json(&out);
	print_end(&out);
	return STATUS_DONE;
}

int command_diff(const struct command *command, const struct options *options, int n, char **words)
{
	const char *old = NULL, *new = NULL;
	const struct argument arguments[] = { { "OLD", &old, true }, { "NEW", &new, true }, { 0 } };
	struct loaded before = { 0 }, after = { 0 };
	int status = arguments_parse(command, n, words, arguments);

	if (status == STATUS_DONE)
		status = table_load(&before, options, old);
	if (status == STATUS_DONE)
		status = table_load(&after, options, new);
	if (status == STATUS_DONE)
		status = compare(&before, &after, options->json);
	loaded_close(&before);
	loaded_close(&after);
	return status;
}
