// SPDX-License-Identifier: BSD-3-Clause
//
// Actions, and the rules that carry them.
#include <stdio.h>
#include <string.h>

#include "rules/names.h"
#include "rules/reader.h"

static const char *const rule_keys[] = { "name", "match", "action", NULL };
static const char *const action_keys[] = { "forward", "agents", "reply",  "drop", "set_priority",
					   "rate",    "burst",  "exceed", "copy", NULL };
static const char *const kinds[] = { "forward", "agents", "reply", "drop", NULL };
static const char *const priorities[] = { "emergency", "urgent", "normal", "non-urgent", NULL };

static uint16_t get_reason(struct reader *reader, const config_setting_t *at, const char *name)
{
	struct rule_set *rules = reader->rules;
	const char *fault = name_fault(name, strlen(name));
	uint32_t reason;
	char *copy;

	if (fault != NULL)
		conf_error(&reader->conf, at, "drop = \"spam\"", "the reason of drop %s", fault);
	if (fault != NULL)
		return RULES_NO_INDEX;
	if (name_index_find(&reader->reasons, name, &reason))
		return (uint16_t)reason;
	if (rules->n_reasons == RULES_MAX_TARGETS) {
		conf_error(&reader->conf, at, NULL, "more than %d reasons of drop",
			   RULES_MAX_TARGETS);
		return RULES_NO_INDEX;
	}
	if (rules->reasons == NULL)
		rules->reasons =
			arena_get(reader->arena, RULES_MAX_TARGETS * sizeof(*rules->reasons));
	copy = rules->reasons != NULL ? arena_string(reader->arena, name, strlen(name)) : NULL;
	if (copy == NULL || name_index_put(&reader->reasons, copy, rules->n_reasons, &reason) < 0) {
		reader_out_of_memory(reader);
		return RULES_NO_INDEX;
	}
	rules->reasons[rules->n_reasons] = copy;
	return rules->n_reasons++;
}

static void read_target(struct reader *reader, config_setting_t *action, int kind,
			struct action_def *out)
{
	const char *reason = NULL;

	out->kind = (enum weir_action)kind;
	switch (out->kind) {
	case WEIR_ACT_FORWARD:
		reader_reference(reader, action, "forward", "pool", &reader->pools, &out->target);
		break;
	case WEIR_ACT_AGENTS:
		reader_reference(reader, action, "agents", "queue", &reader->queues, &out->target);
		break;
	case WEIR_ACT_REPLY:
		reader_reference(reader, action, "reply", "reply", &reader->replies, &out->target);
		break;
	default:
		if (conf_string(&reader->conf, action, "drop", &reason) > 0)
			out->target = get_reason(reader, config_setting_get_member(action, "drop"),
						 reason);
		break;
	}
}

// Exactly one of forward, agents, reply, drop; each that is there is looked at.
static void read_kind(struct reader *reader, config_setting_t *action, struct action_def *out)
{
	int found = -1;

	for (int kind = 0; kinds[kind] != NULL; kind++) {
		config_setting_t *setting = config_setting_get_member(action, kinds[kind]);

		if (setting == NULL)
			continue;
		if (found >= 0)
			conf_error(&reader->conf, setting, "leave one out",
				   "the action has both %s and %s", kinds[found], kinds[kind]);
		read_target(reader, action, kind, out);
		found = kind;
	}
	if (found < 0)
		conf_error(&reader->conf, action,
			   "it must name one of forward, agents, reply and drop",
			   "the action names no target");
}

static void read_exceed(struct reader *reader, config_setting_t *action, struct action_def *out)
{
	config_setting_t *at = config_setting_get_member(action, "exceed");
	const char *text = NULL;

	if (conf_string(&reader->conf, action, "exceed", &text) <= 0)
		return;
	out->exceed_named = true;
	if (strncmp(text, "reply:", 6) == 0) {
		out->exceed = WEIR_ACT_REPLY;
		out->exceed_target =
			reader_resolve(reader, at, "reply", text + 6, &reader->replies);
	} else if (strncmp(text, "agents:", 7) == 0) {
		out->exceed = WEIR_ACT_AGENTS;
		out->exceed_target = reader_resolve(reader, at, "queue", text + 7, &reader->queues);
	} else if (strcmp(text, "drop") != 0) {
		conf_error(&reader->conf, at, "it is \"drop\", \"reply:NAME\" or \"agents:NAME\"",
			   "unknown exceed \"%.80s\"", text);
	}
}

static void read_rate(struct reader *reader, config_setting_t *action, struct action_def *out)
{
	const struct conf_range positive = { 1, UINT32_MAX, "leave it out for no limit" };
	int64_t rate = 0, burst = 0;
	int got = conf_int(&reader->conf, action, "rate", positive, &rate);

	conf_int(&reader->conf, action, "burst", positive, &burst);
	if (got == 0 && config_setting_get_member(action, "burst") != NULL)
		conf_error(&reader->conf, config_setting_get_member(action, "burst"),
			   "add rate, or leave burst out", "burst without rate");
	if (got == 0 && out->kind != WEIR_ACT_FORWARD && config_setting_get_member(action, "exceed") != NULL)
		conf_error(&reader->conf, config_setting_get_member(action, "exceed"),
			   "add rate, or leave exceed out", "exceed without rate");
	out->rate = (uint32_t)rate;
	out->burst = (uint32_t)burst;
	if (rate > 0 && burst == 0)
		out->burst = rate >= 200 ? (uint32_t)(rate / 100) : 1; // 10 ms of it
	read_exceed(reader, action, out);
}

void read_action(struct reader *reader, config_setting_t *action, struct action_def *out)
{
	int priority = 0;

	*out = (struct action_def){ .set_priority = 0xff,
				    .exceed = WEIR_ACT_DROP,
				    .copy = RULES_NO_INDEX };
	if (!conf_group(&reader->conf, action, action_keys))
		return;
	read_kind(reader, action, out);
	if (conf_word(&reader->conf, action, "set_priority", priorities, &priority) > 0)
		out->set_priority = (uint8_t)priority;
	read_rate(reader, action, out);
	reader_reference(reader, action, "copy", "queue", &reader->queues, &out->copy);
}

static void read_rule(struct reader *reader, config_setting_t *group, uint32_t i)
{
	struct rule_def *rules = reader->rules->rules, *rule = &rules[i];
	const struct reader_name name = { "rule",          &reader->rule_names, name_fault,
					  &rules[0].where, sizeof(rules[0]),    i };
	config_setting_t *action;

	rule->where = reader_where(reader, group);
	rule->name = reader_open(reader, group, &name, rule_keys);
	if (rule->name == NULL)
		return;
	if (strcmp(rule->name, "default") == 0)
		conf_error(&reader->conf, config_setting_get_member(group, "name"),
			   "give it another name", "\"default\" is the name of the default");
	read_match(reader, group, &rule->match);
	action = config_setting_get_member(group, "action");
	if (action != NULL)
		read_action(reader, action, &rule->action);
	else
		conf_error(&reader->conf, group, "action = { forward = \"POOL\"; }",
			   "it has no action");
}

static void read_default(struct reader *reader, config_setting_t *root)
{
	struct rule_def *rule = &reader->rules->rules[reader->rules->n_rules];
	config_setting_t *action = config_setting_get_member(root, "default");

	rule->name = "default";
	match_any(&rule->match);
	if (action == NULL) {
		conf_error(&reader->conf, NULL,
			   "default = { agents = \"QUEUE\"; }; decides where no rule does",
			   "default is missing");
		return;
	}
	snprintf(reader->conf.what, sizeof(reader->conf.what), "default");
	rule->where = reader_where(reader, action);
	read_action(reader, action, &rule->action);
	reader->conf.what[0] = '\0';
}

void read_rules(struct reader *reader, config_setting_t *root)
{
	struct conf_list list;

	conf_groups(&reader->conf, root, "rules", RULES_MAX_RULES, &list);
	reader->rules->rules = arena_get(reader->arena, (list.n + 1) * sizeof(struct rule_def));
	if (reader->rules->rules == NULL) {
		reader_out_of_memory(reader);
		return;
	}
	for (uint32_t i = 0; i < list.n; i++)
		read_rule(reader, conf_list_get(&list, i), i);
	reader->conf.what[0] = '\0';
	reader->rules->n_rules = list.n;
	read_default(reader, root);
}
