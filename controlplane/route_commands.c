// SPDX-License-Identifier: BSD-3-Clause
//
// Route switches for operators: a switch is published as a generation, and answered as a load is. Refuses what is no
// switch; what the rules say of it comes from the compilation.
#include "controlplane/route_commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "controlplane/commands.h"
#include "controlplane/history.h"
#include "controlplane/link.h"
#include "controlplane/log.h"
#include "controlplane/publisher.h"
#include "controlplane/switches.h"

enum { BUSY_S = 1, FAILED_S = 60, FOR_MAX_S = 366 * 86400, CHANGE = 320 };

void command_switches(struct commands *commands, struct client *client, const json_t *request)
{
	struct switch_set *set = switches_get(commands->switches);

	(void)request;
	commands_reply(client, switch_set_json(set));
	switch_set_put(set);
}

static bool read_name(const json_t *request, const char *key, char out[WEIR_NAME_MAX + 1])
{
	const char *text = json_string_value(json_object_get(request, key));

	if (!text || strlen(text) > WEIR_NAME_MAX)
		return false;
	memcpy(out, text, strlen(text) + 1);
	return true;
}

static bool read_entry(const json_t *request, const char *who, struct switch_entry *entry)
{
	json_int_t seconds = json_integer_value(json_object_get(request, "for_s"));

	entry->since_s = time(NULL);
	entry->until_s = seconds ? entry->since_s + seconds : 0;
	snprintf(entry->who, sizeof(entry->who), "%s", who);
	return read_name(request, "from", entry->from) && read_name(request, "to", entry->to) &&
	       *entry->from && *entry->to && seconds >= 0 && seconds <= FOR_MAX_S &&
	       (!json_object_get(request, "tenant") ||
		(read_name(request, "tenant", entry->tenant) && *entry->tenant));
}

static void describe(const struct switch_entry *entry, char out[CHANGE])
{
	bool back = strcmp(entry->from, entry->to) == 0;
	char until[40] = "";

	if (entry->until_s)
		snprintf(until, sizeof(until), " for %lld s",
			 (long long)(entry->until_s - entry->since_s));
	snprintf(out, CHANGE, "route %s %s%s%s%s%s%s", back ? "undo" : "switch", entry->from,
		 back ? "" : " to ", back ? "" : entry->to, *entry->tenant ? " of tenant " : "",
		 entry->tenant, until);
}

// Nothing is published that a switch would have to be taken out of (the rule file was refused at the start, perhaps for
// that very switch): it is out of force at once, for the next load.
static void undo_unpublished(struct commands *commands, struct client *client, struct switch_set *set,
			     const struct switch_entry *entry, const char *change)
{
	switches_adopt(commands->switches, set);
	history_note(commands->history, "switch", change, entry->who);
	commands_reply(client, json_pack("{s:b}", "pending", 1));
}

// Begins to publish; answers where it cannot.
static void begin(struct commands *commands, struct client *client, struct switch_set *set,
		  const struct switch_entry *entry)
{
	char change[CHANGE];
	int err;

	describe(entry, change);
	err = link_is_up(commands->link)
		      ? publisher_switch(commands->publisher, set, change, entry->who)
		      : -ENOTCONN;
	if (!err)
		publisher_tell(commands->publisher, commands_loaded, client);
	else if (err == -EBUSY)
		commands_refuse(client, "busy", "a load is running: try again when it is done");
	else if (err == -ENOENT && strcmp(entry->from, entry->to) == 0)
		undo_unpublished(commands, client, set, entry, change);
	else if (err == -ENOENT)
		commands_refuse(
			client, "refused",
			"the table in use was not made from a rule file: weirctl rules load FILE");
	else if (err == -ENOTCONN)
		commands_refuse(client, "environment",
				"no dataplane is connected: start weir-dataplane");
	else
		commands_refuse(client, "environment", strerror(-err));
}

void command_switch(struct commands *commands, struct client *client, const json_t *request)
{
	struct switch_entry entry = { 0 };
	struct switch_set *set;

	if (!read_entry(request, client_who(client), &entry)) {
		commands_refuse(
			client, "usage",
			"a switch has from, to, and may have tenant and for_s (up to a year)");
		return;
	}
	set = switches_with(commands->switches, &entry);
	if (set)
		begin(commands, client, set, &entry);
	else if (errno == ENOENT)
		commands_refuse(client, "refused",
				"that pool is not switched (weirctl route list shows what is)");
	else
		commands_refuse(client, "refused",
				errno == E2BIG ? "there are too many switches" : strerror(errno));
	switch_set_put(set);
}

void commands_expired(void *argument)
{
	struct commands *commands = argument;
	struct switch_set *set = switches_without_old(commands->switches);
	int err;

	if (!set)
		return;
	err = publisher_switch(commands->publisher, set, "route undo: the time is over", "timer");
	if (err == -ENOENT) // nothing is published that it would have to be taken out of
		switches_adopt(commands->switches, set);
	else
		switches_retry(commands->switches, err == -EBUSY ? BUSY_S : FAILED_S);
	if (err && err != -ENOENT && err != -EBUSY)
		log_error("a route switch whose time is over cannot be taken back: %s: tried again",
			  strerror(-err));
	switch_set_put(set);
}
