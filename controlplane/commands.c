// SPDX-License-Identifier: BSD-3-Clause
//
// Requests of weirctl; those about pools and routes are pool_commands.c's and route_commands.c's. A load, rollback or
// switch answers when every worker uses the table, or when it has failed, a change of a member when every worker uses
// the routes; all others at once.
#include "controlplane/commands.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "controlplane/agents/agent_commands.h"
#include "controlplane/agents/nats.h"
#include "controlplane/answers.h"
#include "controlplane/clock.h"
#include "controlplane/depth.h"
#include "controlplane/history.h"
#include "controlplane/images.h"
#include "controlplane/link.h"
#include "controlplane/log.h"
#include "controlplane/pool_commands.h"
#include "controlplane/publisher.h"
#include "controlplane/route_commands.h"
#include "controlplane/spool_commands.h"
#include "controlplane/spool_look.h"
#include "controlplane/steer.h"
#include "dataplane/abi/stats.h"

enum { IMAGE_PATH = 512 };

void commands_reply(struct client *client, json_t *result)
{
	if (result)
		client_reply(client, json_pack("{s:b, s:o}", "ok", 1, "result", result));
	else
		commands_refuse(client, "environment", "out of memory");
}

void commands_refuse(struct client *client, const char *kind, const char *error)
{
	client_reply(client, json_pack("{s:b, s:s, s:s}", "ok", 0, "kind", kind, "error", error));
}

static void run_stats(struct commands *commands, struct client *client, const json_t *request)
{
	struct mapping *map = link_mapping(commands->link);

	(void)request;
	if (!map) {
		commands_refuse(client, "environment", "no dataplane is connected: start weir-dataplane");
		return;
	}
	commands_reply(client, stats_json(map->segment));
}

static void run_history(struct commands *commands, struct client *client, const json_t *request)
{
	(void)request;
	commands_reply(client, history_read(commands->history, HISTORY_SHOWN));
}

struct queue_list_json {
	const struct depth *depth;
	json_t *array;
};

static void put_queue(const struct spool_queue *queue, void *argument)
{
	struct queue_list_json *list = argument;

	json_array_append_new(list->array, json_pack("{s:s, s:I, s:I, s:b}", "name", queue->name, "depth",
		(json_int_t)queue->waiting, "stored", (json_int_t)queue->stored, "closed",
		(int)(list->depth && depth_is_closed(list->depth, queue->name))));
}

static json_t *answers_json(const struct commands *commands)
{
	struct answers_status status = { 0 };

	if (commands->answers)
		answers_status(commands->answers, &status);
	return json_pack("{s:I, s:I, s:I, s:i, s:i}", "sent", (json_int_t)status.sent, "lost",
			 (json_int_t)status.lost, "given_up", (json_int_t)status.given_up, "waiting",
			 (int)status.waiting, "aside", (int)status.aside);
}

static json_t *spool_json(struct commands *commands)
{
	struct queue_list_json queues = { commands->depth, json_array() };
	struct consumer_status status;
	int err = spool_queues(commands->spool, put_queue, &queues);
	json_t *object;

	consumer_status(commands->consumer, &status);
	object = json_pack("{s:o, s:I, s:i, s:i}", "queues", queues.array, "stored", (json_int_t)status.stored,
			   "orphans", (int)status.orphans, "stopped_channels", (int)status.stopped_channels);
	if (err || status.stalled)
		json_object_set_new(object, "error", json_string(strerror(err ? -err : -status.stalled)));
	else
		json_object_set_new(object, "error", json_null());
	return object;
}

static void run_status(struct commands *commands, struct client *client, const json_t *request)
{
	const struct load *running = publisher_running(commands->publisher);
	const char *file = publisher_file(commands->publisher);

	(void)request;
	commands_reply(client, json_pack("{s:s, s:i, s:I, s:b, s:I, s:b, s:s?, s:o, s:o, s:o*}", "gateway",
		commands->gateway->name, "pid", (int)getpid(),
		"uptime_s", (json_int_t)(clock_ms(CLOCK_MONOTONIC) / 1000 - commands->started_s), "connected",
		(int)link_is_up(commands->link), "generation", (json_int_t)link_generation(commands->link), "loading",
		(int)(running != NULL), "rules", file, "spool", spool_json(commands),
		"answers", answers_json(commands),
		"nats", commands->nats ? nats_status(commands->nats) : NULL));
}

static json_t *diagnostics_json(const struct diags *diags)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < diags->n; i++) {
		const struct diag *d = &diags->list[i];

		json_array_append_new(array, json_pack("{s:s, s:I, s:s, s:s, s:s?}", "file", d->file ? d->file : "",
						       "line", (json_int_t)d->line, "kind",
						       d->kind == DIAG_ERROR ? "error" : "warning", "text", d->text,
						       "hint", d->hint));
	}
	return array;
}

void commands_loaded(void *argument, const struct load_outcome *outcome)
{
	const struct load *load = outcome->load;
	json_t *diagnostics = diagnostics_json(&load->diags);

	if (outcome->result == LOAD_PUBLISHED)
		client_reply(argument, json_pack("{s:b, s:{s:I, s:s, s:I, s:I, s:I, s:f}, s:o}", "ok", 1, "result",
			"generation", (json_int_t)outcome->generation, "file", load->path, "rules",
			(json_int_t)load->n_rules, "tenants", (json_int_t)load->n_tenants, "bytes",
			(json_int_t)load->size, "seconds", load->seconds, "diagnostics", diagnostics));
	else
		client_reply(argument, json_pack("{s:b, s:s, s:s, s:o, s:I}", "ok", 0, "kind",
			outcome->result == LOAD_REFUSED ? "refused" : "environment", "error", outcome->why,
			"diagnostics", diagnostics, "suppressed", (json_int_t)load->diags.suppressed));
}

static void begin_load(struct commands *commands, struct client *client, enum load_kind kind, const char *path)
{
	int err = publisher_load(commands->publisher, kind, path, client_who(client));

	if (!err)
		publisher_tell(commands->publisher, commands_loaded, client);
	else if (err == -EBUSY)
		commands_refuse(client, "busy", "another load is running: try again when it is done");
	else if (err == -ENOTCONN)
		commands_refuse(client, "environment", "no dataplane is connected: start weir-dataplane");
	else
		commands_refuse(client, "environment", strerror(-err));
}

static void run_load(struct commands *commands, struct client *client, const json_t *request)
{
	const char *path = json_string_value(json_object_get(request, "path"));

	if (!path || path[0] != '/')
		commands_refuse(client, "usage", "load needs an absolute path");
	else
		begin_load(commands, client, LOAD_BY_OPERATOR, path);
}

// The image of the generation that the request names; without one the last that is not the newest. False after
// answering that there is none.
static bool find_image(struct commands *commands, struct client *client, const json_t *request, uint64_t *generation,
		       char path[IMAGE_PATH])
{
	json_int_t wanted = json_integer_value(json_object_get(request, "generation"));

	*generation = wanted > 0 ? (uint64_t)wanted : 0;
	if (images_find(commands->gateway, commands->history, generation, path, IMAGE_PATH) == 0)
		return true;
	commands_refuse(client, "refused", wanted > 0 ? "no table of that generation is kept (weirctl rules history)"
						  : "no earlier table is kept (weirctl rules history)");
	return false;
}

static void run_rollback(struct commands *commands, struct client *client, const json_t *request)
{
	char path[IMAGE_PATH];
	uint64_t generation;

	if (find_image(commands, client, request, &generation, path))
		begin_load(commands, client, LOAD_BACK, path);
}

static void run_table(struct commands *commands, struct client *client, const json_t *request)
{
	char path[IMAGE_PATH];
	uint64_t generation;

	if (find_image(commands, client, request, &generation, path))
		commands_reply(client, json_pack("{s:I, s:s}", "generation", (json_int_t)generation, "path", path));
}

void commands_request(void *argument, struct client *client, const json_t *request)
{
	static const struct {
		const char *name;
		void (*run)(struct commands *commands, struct client *client, const json_t *request);
		bool changes; // something: it is logged who asked
	} table[] = {
		{ "stats", run_stats, false },
		{ "status", run_status, false },
		{ "history", run_history, false },
		{ "load", run_load, true },
		{ "rollback", run_rollback, true },
		{ "table", run_table, false },
		{ "pools", command_pools, false },
		{ "pool", command_pool, false },
		{ "drain", command_drain, true },
		{ "enable", command_enable, true },
		{ "weight", command_weight, true },
		{ "switches", command_switches, false },
		{ "switch", command_switch, true },
		{ "steer", command_steer, false },
		{ "steer-move", command_steer_move, true },
		{ "steer-weight", command_steer_weight, true },
		{ "queues", command_queues, false },
		{ "tail", command_tail, false },
		{ "purge", command_purge, true },
		{ "agents", command_agents, false },
		{ "queue", command_queue, false },
		{ "agent-add", command_agent_add, true },
		{ "agent-revoke", command_agent_revoke, true },
	};
	const char *name = json_string_value(json_object_get(request, "command"));

	for (size_t i = 0; name && i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(name, table[i].name) == 0) {
			if (table[i].changes)
				log_info("%s asked by %s", name, client_who(client));
			table[i].run(argument, client, request);
			return;
		}
	commands_refuse(client, "usage", "no such command");
}

void commands_gone(void *argument, struct client *client)
{
	struct commands *commands = argument;

	publisher_forget(commands->publisher, client);
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		if (commands->waiting[i].client == client)
			commands->waiting[i].client = NULL;
	steer_forget(commands->steer, client);
	purges_forget(commands->purges, client);
}
