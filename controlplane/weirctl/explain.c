// SPDX-License-Identifier: BSD-3-Clause
//
// weirctl rules explain: which rule decides a message, and for each rule before it the first key that
// did not hold. The answer is a scan of the rule file, checked against the compiled table.
#include "rules/explain.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/weirctl/load.h"
#include "controlplane/weirctl/weirctl.h"

struct words {
	const char *file, *tenant, *country, *priority, *channel, *protocol, *size;
};

struct explained {
	const struct rule_set *rules;
	struct explain_key key;
	struct explain_result result;
};

static const char *target_name(const struct rule_set *rules, unsigned kind, uint16_t target)
{
	switch (kind) {
	case WEIR_ACT_FORWARD: return rules->pools[target].name;
	case WEIR_ACT_AGENTS: return rules->queues[target].name;
	case WEIR_ACT_REPLY: return rules->replies[target].name;
	default: return rules->reasons[target];
	}
}

// Whether exceed decides what finds no live member too.
static bool is_for_dead(const struct action_def *action)
{
	return action->kind == WEIR_ACT_FORWARD && action->exceed_named;
}

static json_t *exceed_json(const struct rule_set *rules, const struct action_def *action)
{
	if (action->rate == 0 && !is_for_dead(action))
		return json_null();
	if (action->exceed == WEIR_ACT_DROP)
		return json_string("drop");
	return json_sprintf("%s:%s", weir_action_name(action->exceed),
			    target_name(rules, action->exceed, action->exceed_target));
}

static json_t *verdict_json(const struct rule_set *rules, const struct action_def *action)
{
	return json_pack("{s:s, s:s, s:s?, s:I, s:I, s:o, s:s?}", "action", weir_action_name(action->kind), "target",
			 target_name(rules, action->kind, action->target), "set_priority",
			 action->set_priority == 0xff ? NULL : weir_priority_name(action->set_priority), "rate",
			 (json_int_t)action->rate, "burst", (json_int_t)action->burst, "exceed",
			 exceed_json(rules, action), "copy",
			 action->copy == RULES_NO_INDEX ? NULL : rules->queues[action->copy].name);
}

static json_t *earlier_json(const struct explained *explained)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < explained->result.rule; i++) {
		const struct rule_def *rule = &explained->rules->rules[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:s}", "rule", rule->name, "file",
						      explained->rules->files[rule->where.file], "line",
						      (json_int_t)rule->where.line, "missed",
						      explain_missed_name(explained->result.missed[i])));
	}
	return list;
}

static int print_json(const struct explained *explained)
{
	const struct rule_def *rule = &explained->rules->rules[explained->result.rule];
	json_t *object = json_pack("{s:s, s:s, s:I, s:o, s:o}", "rule", rule->name, "file",
				   explained->rules->files[rule->where.file], "line", (json_int_t)rule->where.line,
				   "verdict", verdict_json(explained->rules, &rule->action), "earlier",
				   earlier_json(explained));
	int error = object ? json_dumpf(object, stdout, JSON_COMPACT) : -1;

	json_decref(object);
	if (error < 0)
		return failure(STATUS_ENVIRONMENT, "cannot print the result: out of memory");
	putchar('\n');
	return STATUS_DONE;
}

static void print_verdict(const struct rule_set *rules, const struct action_def *action)
{
	printf("%s \"%s\"", weir_action_name(action->kind), target_name(rules, action->kind, action->target));
	if (action->set_priority != 0xff)
		printf(", set_priority %s", weir_priority_name(action->set_priority));
	if (action->rate)
		printf(", at most %" PRIu32 " a second (burst %" PRIu32 "), beyond", action->rate, action->burst);
	if (is_for_dead(action))
		printf("%swithout a live member", action->rate ? " and " : ", ");
	if (action->rate || is_for_dead(action))
		printf(": %s", weir_action_name(action->exceed));
	if (action->exceed != WEIR_ACT_DROP)
		printf(" \"%s\"", target_name(rules, action->exceed, action->exceed_target));
	if (action->copy != RULES_NO_INDEX)
		printf(", copy to \"%s\"", rules->queues[action->copy].name);
	putchar('\n');
}

static void print_text(const struct explained *explained)
{
	const struct rule_set *rules = explained->rules;
	const struct rule_def *rule = &rules->rules[explained->result.rule];

	printf("%s:%" PRIu32 ": rule \"%s\" decides: ", rules->files[rule->where.file], rule->where.line, rule->name);
	print_verdict(rules, &rule->action);
	for (uint32_t i = 0; i < explained->result.rule; i++) {
		const struct rule_def *earlier = &rules->rules[i];

		printf("  %s:%" PRIu32 ": rule \"%s\": %s does not hold\n", rules->files[earlier->where.file],
		       earlier->where.line, earlier->name, explain_missed_name(explained->result.missed[i]));
	}
}

// One of the words of names.h; `words` NULL leaves `value` as it is.
static int take_name(const char *what, const char *word, int (*find)(const char *), uint8_t *value)
{
	int found = word ? find(word) : *value;

	if (found < 0)
		return failure(STATUS_REFUSED, "no such %s: \"%s\"", what, word);
	*value = (uint8_t)found;
	return STATUS_DONE;
}

static int take_country(const char *word, uint16_t *country)
{
	int found = strlen(word) == 2 ? weir_country_find(word) : -1;

	if (found < 0)
		return failure(STATUS_REFUSED, "no country code: \"%s\" (two upper-case letters, ZZ for unknown)",
			       word);
	*country = (uint16_t)found;
	return STATUS_DONE;
}

static int take_size(const char *word, uint16_t *size)
{
	char *end;
	long value = word ? strtol(word, &end, 10) : 0;

	if (word && (*end || end == word || value < 0 || value > UINT16_MAX))
		return failure(STATUS_REFUSED, "no size: \"%s\" (0 to 65535 bytes)", word);
	*size = (uint16_t)value;
	return STATUS_DONE;
}

static int take_key(const struct rule_set *rules, const struct words *words, struct explain_key *key)
{
	int status = take_country(words->country, &key->country);

	if (status == STATUS_DONE)
		status = take_name("priority", words->priority, weir_priority_find, &key->priority);
	if (status == STATUS_DONE)
		status = take_name("channel", words->channel, weir_channel_find, &key->channel);
	if (status == STATUS_DONE)
		status = take_name("protocol", words->protocol, weir_protocol_find, &key->protocol);
	if (status == STATUS_DONE)
		status = take_size(words->size, &key->size);
	if (status == STATUS_DONE && explain_find_tenant(rules, words->tenant, &key->tenant) < 0)
		status = failure(STATUS_REFUSED, "no tenant \"%s\" in %s (a name, an id, or \"unknown\")",
				 words->tenant, rules->files[0]);
	return status;
}

static int explain(const struct loaded *loaded, const struct words *words, bool json)
{
	struct explained explained = {.rules = loaded->rules};
	int status = take_key(loaded->rules, words, &explained.key), error;

	if (status != STATUS_DONE)
		return status;
	error = rules_explain(loaded->rules, &loaded->table, &explained.key, &explained.result);
	if (error < 0 && error != -EBADMSG)
		return failure(STATUS_ENVIRONMENT, "cannot explain: %s", strerror(-error));
	if (json)
		status = print_json(&explained);
	else
		print_text(&explained);
	if (error == -EBADMSG)
		status = failure(STATUS_REFUSED,
				 "the compiled table says rule \"%s\": a fault of weir, please report it",
				 loaded->rules->rules[explained.result.table_rule].name);
	explain_fini(&explained.result);
	return status;
}

int command_explain(const struct command *command, const struct options *options, int n, char **words)
{
	struct words w = {0};
	const struct argument arguments[] = {
		{"FILE", &w.file, true},          {"--tenant", &w.tenant, true},    {"--country", &w.country, true},
		{"--priority", &w.priority, true}, {"--channel", &w.channel, false}, {"--protocol", &w.protocol, false},
		{"--size", &w.size, false},       {0}};
	int status = arguments_parse(command, n, words, arguments);
	struct loaded loaded;

	if (status == STATUS_DONE)
		status = loaded_open(&loaded, w.file, NULL);
	if (status != STATUS_DONE)
		return status;
	status = explain(&loaded, &w, options->json);
	loaded_close(&loaded);
	return status;
}
