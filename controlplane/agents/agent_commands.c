// SPDX-License-Identifier: BSD-3-Clause
//
// Agents for operators: who may work on messages. A change is durable when it is answered; the one answer to
// agent-add is the only place where a token ever stands. Loop's thread.
#include "controlplane/agents/agent_commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "controlplane/agents/desk.h"
#include "controlplane/agents/registry.h"
#include "controlplane/commands.h"
#include "controlplane/history.h"
#include "controlplane/spool_commands.h"

static const char *text(const json_t *request, const char *key)
{
	const char *value = json_string_value(json_object_get(request, key));

	return value ? value : "";
}

static void refuse(struct client *client, const char *name, int err)
{
	char why[240];

	switch (err) {
	case -EEXIST:
		snprintf(why, sizeof(why), "there is an agent \"%.40s\": revoke it first, or choose another "
			 "name", name);
		break;
	case -ENOENT:
		snprintf(why, sizeof(why), "there is no agent \"%.40s\" (weirctl agent list)", name);
		break;
	case -EALREADY:
		snprintf(why, sizeof(why), "agent \"%.40s\" is revoked already", name);
		break;
	case -EMFILE:
		snprintf(why, sizeof(why), "there are %d agents, revoked ones included: that is the most",
			 REGISTRY_AGENTS);
		break;
	case -EINVAL:
		snprintf(why, sizeof(why),
			 "an agent has a name of 1 to %d letters, digits, '_', '-' and '.', and 1 to %d queues",
			 REGISTRY_NAME, REGISTRY_QUEUES);
		break;
	case -EBADF:
		snprintf(why, sizeof(why), "agents.json in state_dir is damaged: mend it or move it away, and start "
			 "weir-controlplane again");
		break;
	default:
		snprintf(why, sizeof(why), "agents.json in state_dir cannot be written: %s", strerror(-err));
		commands_refuse(client, "environment", why);
		return;
	}
	commands_refuse(client, "refused", why);
}

void command_agents(struct commands *commands, struct client *client, const json_t *request)
{
	(void)request;
	commands_reply(client, registry_json(commands->registry));
}

// The queues among `names` that no rule file in use has: they may come later, or be slips of the pen.
static json_t *unknown_queues(const struct commands *commands, const char *const *names, unsigned n)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < n; i++)
		if (strcmp(names[i], "*") != 0 && !queue_is_ruled(commands, names[i]))
			json_array_append_new(list, json_string(names[i]));
	return list;
}

// The names of the request's queues; false for what is no list of names.
static bool read_queues(const json_t *request, const char *queues[REGISTRY_QUEUES], unsigned *n)
{
	json_t *list = json_object_get(request, "queues"), *queue;
	size_t i;

	*n = (unsigned)json_array_size(list);
	if (json_array_size(list) > REGISTRY_QUEUES)
		return false;
	json_array_foreach(list, i, queue) {
		queues[i] = json_string_value(queue);
		if (!queues[i] || !*queues[i] || strlen(queues[i]) > WEIR_NAME_MAX)
			return false;
	}
	return true;
}

void command_agent_add(struct commands *commands, struct client *client, const json_t *request)
{
	bool is_operator = json_is_true(json_object_get(request, "operator"));
	const char *name = text(request, "name"), *queues[REGISTRY_QUEUES];
	char token[REGISTRY_TOKEN + 1];
	unsigned n;
	int err = -EINVAL;

	if (read_queues(request, queues, &n))
		err = registry_add(commands->registry, name, queues, n, is_operator, token);
	if (err) {
		refuse(client, name, err);
		return;
	}
	history_note(commands->history, "agent add", name, client_who(client));
	commands_reply(client, json_pack("{s:s, s:s, s:s, s:O, s:o}", "name", name, "role",
					 is_operator ? "operator" : "agent", "token", token, "queues",
					 json_object_get(request, "queues"), "unknown_queues",
					 unknown_queues(commands, queues, n)));
}

void command_agent_revoke(struct commands *commands, struct client *client, const json_t *request)
{
	const char *name = text(request, "name");
	int err = registry_revoke(commands->registry, name);

	if (err) {
		refuse(client, name, err);
		return;
	}
	if (commands->desk)
		desk_revoked(commands->desk, name);
	history_note(commands->history, "agent revoke", name, client_who(client));
	commands_reply(client, json_pack("{s:s}", "name", name));
}
