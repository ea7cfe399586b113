// SPDX-License-Identifier: BSD-3-Clause
//
// Pools and members for operators. A change is kept on disk and under way to the dataplane when it is
// answered. Refuses pools and members that the table in use does not have.
#include "controlplane/pool_commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "controlplane/commands.h"
#include "controlplane/history.h"
#include "controlplane/pools.h"

void command_pools(struct commands *commands, struct client *client, const json_t *request)
{
	(void)request;
	commands_reply(client, pools_list_json(commands->pools));
}

// How a change of a member went, and its pool.
struct change {
	int err;
	const char *pool;
};

static const char *text(const json_t *request, const char *key)
{
	const char *value = json_string_value(json_object_get(request, key));

	return value ? value : "";
}

static void refuse_missing(struct client *client, const char *what, const char *name)
{
	char why[240];

	snprintf(why, sizeof(why),
		 "the table in use has no %s \"%.130s\" (weirctl pool list shows them)", what,
		 name);
	commands_refuse(client, "refused", why);
}

void command_pool(struct commands *commands, struct client *client, const json_t *request)
{
	json_t *pool = pools_show_json(commands->pools, text(request, "pool"));

	if (pool)
		commands_reply(client, pool);
	else
		refuse_missing(client, "pool", text(request, "pool"));
}

// There are as many places as clients, each of which has one request at a time.
static void wait_for_use(struct commands *commands, struct client *client, const char *pool)
{
	unsigned i = 0;

	while (commands->waiting[i].client)
		i++;
	commands->waiting[i] = (struct waiting){ client, pool };
}

void commands_settled(void *argument)
{
	struct commands *commands = argument;

	for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
		struct waiting waiting = commands->waiting[i];
		json_t *pool =
			waiting.client ? pools_show_json(commands->pools, waiting.pool) : NULL;

		commands->waiting[i].client = NULL;
		if (pool)
			commands_reply(waiting.client, pool);
		else if (waiting.client)
			refuse_missing(waiting.client, "pool any more:", waiting.pool);
	}
}

// Ends a change of a member: history, log, answer.
static void settle(struct commands *commands, struct client *client, const json_t *request,
		   const char *what, struct change change)
{
	const char *member = text(request, "member");

	if (change.err == -ENOENT) {
		refuse_missing(client, "member", member);
		return;
	}
	history_note(commands->history, what, member, client_who(client));
	if (change.err)
		commands_refuse(
			client, "environment",
			"done, but state_dir cannot be written: a restart of the control plane forgets it");
	else
		wait_for_use(commands, client, change.pool);
}

static void drain(struct commands *commands, struct client *client, const json_t *request,
		  bool drained)
{
	struct change change = { 0 };

	change.err = pools_drain(commands->pools, text(request, "member"), drained, &change.pool);
	settle(commands, client, request, drained ? "member drain" : "member enable", change);
}

void command_drain(struct commands *commands, struct client *client, const json_t *request)
{
	drain(commands, client, request, true);
}

void command_enable(struct commands *commands, struct client *client, const json_t *request)
{
	drain(commands, client, request, false);
}

void command_weight(struct commands *commands, struct client *client, const json_t *request)
{
	const json_t *weight = json_object_get(request, "weight");
	json_int_t n = json_is_null(weight) ? POOLS_WEIGHT_OF_FILE : json_integer_value(weight);
	struct change change = { 0 };
	char what[40];

	if (!json_is_null(weight) && (!json_is_integer(weight) || n < 0 || n > POOLS_WEIGHT_MAX)) {
		commands_refuse(client, "usage",
				"a weight is 0 to 1000, or null for that of the rule file");
		return;
	}
	if (n < 0)
		snprintf(what, sizeof(what), "member weight file");
	else
		snprintf(what, sizeof(what), "member weight %d", (int)n);
	change.err = pools_weigh(commands->pools, text(request, "member"), (int)n, &change.pool);
	settle(commands, client, request, what, change);
}
