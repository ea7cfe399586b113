// SPDX-License-Identifier: BSD-3-Clause
//
// What became of a battery's messages: one JSON object, which is printed as it is or as tables.
//   { messages, failed, tenants: { NAME: { forward: n, … } }, countries, priorities, pools: { NAME: n },
//     queues, replies, failures: [ { file, line, name, expected, got, … } ] }
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "controlplane/weirctl/battery.h"

static const char *const tables[] = {"tenants", "countries", "priorities"};
static const char *const lists[] = {"pools", "queues", "replies"};

json_t *report_create(void)
{
	return json_pack("{s:i, s:i, s:{}, s:{}, s:{}, s:{}, s:{}, s:{}, s:[]}", "messages", 0, "failed", 0, "tenants",
			 "countries", "priorities", "pools", "queues", "replies", "failures");
}

static void increment(json_t *object, const char *key)
{
	json_object_set_new(object, key, json_integer(json_integer_value(json_object_get(object, key)) + 1));
}

// One more `outcome` for `row` of a table.
static void increment_row(json_t *report, const char *table, const char *row, const char *outcome)
{
	json_t *rows = json_object_get(report, table);

	if (!json_object_get(rows, row))
		json_object_set_new(rows, row, json_object());
	increment(json_object_get(rows, row), outcome);
}

bool battery_holds(const struct battery_message *message, const struct triage *triage)
{
	const struct battery_expect *expect = &message->expect;
	const char *what = triage->target ? triage->target : triage->reason;

	return triage->disposition == expect->disposition && what && strcmp(what, expect->what) == 0 &&
	       (!expect->rule || (triage->rule && strcmp(triage->rule, expect->rule) == 0));
}

static void push_failure(json_t *report, const struct battery *battery, const struct battery_message *message,
			 const struct triage *triage)
{
	const struct rule_set *rules = battery->loaded.rules;
	const struct where *where = triage->verdict == TABLE_NONE ? NULL : &rules->rules[triage->verdict].where;
	json_t *expected = json_pack("{s:s, s:s, s:s?}", "disposition",
				     weir_disposition_name(message->expect.disposition), "what", message->expect.what,
				     "rule", message->expect.rule);
	json_t *got =
		json_pack("{s:s, s:s?, s:s?, s:s?, s:I}", "disposition", weir_disposition_name(triage->disposition),
			  "what", triage->target ? triage->target : triage->reason, "rule", triage->rule, "file",
			  where ? rules->files[where->file] : NULL, "line", (json_int_t)(where ? where->line : 0));

	increment(report, "failed");
	json_array_append_new(json_object_get(report, "failures"),
			      json_pack("{s:s, s:I, s:s, s:o, s:o}", "file", message->file, "line",
					(json_int_t)message->line, "name", message->name, "expected", expected,
					"got", got));
}

void report_push(json_t *report, const struct battery *battery, const struct battery_message *message,
		 const struct triage *triage)
{
	const char *outcome = weir_disposition_name(triage->disposition);
	char country[3];

	weir_country_format(message->country, country);
	increment(report, "messages");
	increment_row(report, "tenants", message->tenant, outcome);
	increment_row(report, "countries", country, outcome);
	increment_row(report, "priorities", weir_priority_name(message->priority), outcome);
	if (triage->disposition <= WEIR_REPLY)
		increment(json_object_get(report, lists[triage->disposition]), triage->target);
	if (!battery_holds(message, triage))
		push_failure(report, battery, message, triage);
}

static json_int_t cell(const json_t *row, enum weir_disposition disposition)
{
	return json_integer_value(json_object_get(row, weir_disposition_name(disposition)));
}

static void print_table(const char *name, json_t *rows)
{
	const char *key;
	json_t *row;

	printf("\n%-24s %8s %8s %8s %8s %8s\n", name, "forward", "agents", "reply", "drop", "other");
	json_object_foreach(rows, key, row)
		printf("  %-22s %8" JSON_INTEGER_FORMAT " %8" JSON_INTEGER_FORMAT " %8" JSON_INTEGER_FORMAT
		       " %8" JSON_INTEGER_FORMAT " %8" JSON_INTEGER_FORMAT "\n", key, cell(row, WEIR_FORWARD),
		       cell(row, WEIR_AGENTS), cell(row, WEIR_REPLY), cell(row, WEIR_DROP),
		       cell(row, WEIR_MALFORMED) + cell(row, WEIR_EXCEPTION));
}

static void print_list(const char *name, json_t *rows)
{
	const char *key;
	json_t *count;

	printf("\n%s\n", name);
	json_object_foreach(rows, key, count)
		printf("  %-22s %8" JSON_INTEGER_FORMAT "\n", key, json_integer_value(count));
}

// `agents "fraud-desk" by rule "fraud"`
static void print_outcome(const json_t *outcome)
{
	const char *what = json_string_value(json_object_get(outcome, "what"));
	const char *rule = json_string_value(json_object_get(outcome, "rule"));
	const char *file = json_string_value(json_object_get(outcome, "file"));

	printf("%s \"%s\"", json_string_value(json_object_get(outcome, "disposition")), what ? what : "");
	if (rule)
		printf(" by rule \"%s\"", rule);
	if (file)
		printf(" (%s:%" JSON_INTEGER_FORMAT ")", file, json_integer_value(json_object_get(outcome, "line")));
}

static void print_failure(const json_t *failure)
{
	printf("%s:%" JSON_INTEGER_FORMAT ": message \"%s\": expected ",
	       json_string_value(json_object_get(failure, "file")),
	       json_integer_value(json_object_get(failure, "line")),
	       json_string_value(json_object_get(failure, "name")));
	print_outcome(json_object_get(failure, "expected"));
	fputs(", got ", stdout);
	print_outcome(json_object_get(failure, "got"));
	putchar('\n');
}

void report_print(const json_t *report)
{
	json_int_t failed = json_integer_value(json_object_get(report, "failed"));
	json_t *failure;
	size_t i;

	printf("%" JSON_INTEGER_FORMAT " messages\n", json_integer_value(json_object_get(report, "messages")));
	for (unsigned t = 0; t < 3; t++)
		print_table(tables[t], json_object_get(report, tables[t]));
	for (unsigned l = 0; l < 3; l++)
		print_list(lists[l], json_object_get(report, lists[l]));
	putchar('\n');
	json_array_foreach(json_object_get(report, "failures"), i, failure)
		print_failure(failure);
	if (failed == 0)
		puts("all expectations held");
	else
		printf("%" JSON_INTEGER_FORMAT " expectation%s failed\n", failed, failed == 1 ? "" : "s");
}
