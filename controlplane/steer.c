// SPDX-License-Identifier: BSD-3-Clause
//
// Steering as operators want it, see steer.h. One change at a time: it is written to disk, sent, and answered when the
// dataplane has acknowledged it. A change that the dataplane refuses is taken back.
#include "controlplane/steer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/commands.h"
#include "controlplane/control.h"
#include "controlplane/file_put.h"
#include "controlplane/history.h"
#include "controlplane/link.h"
#include "controlplane/log.h"
#include "controlplane/mapping.h"

struct steer {
	const struct gateway *gateway;
	const char *path, *history;
	struct link *link;
	struct steer_wish wish, before; // `before` the change that waits
	bool waits;                     // for the dataplane's acknowledgement
	uint64_t sequence;              // of the last table sent
	struct client *client;          // who asked for the change, NULL: gone, or nobody did
	char what[120], who[96];        // the change, for the history; "" : none
};

// Whether the dataplane has somebody who steers: a dispatcher, or an XDP program (which knows siblings alone).
static bool steers(const struct gateway *gateway)
{
	bool some = gateway_has_dispatcher(gateway);

	for (unsigned i = 0; i < gateway->n_ports; i++)
		some |= gateway->ports[i].type == GATEWAY_PORT_XDP;
	return some;
}

static void read_file(struct steer *steer)
{
	json_error_t error;
	json_t *state = json_load_file(steer->path, JSON_REJECT_DUPLICATES, &error);

	if (!state && json_error_code(&error) == json_error_cannot_open_file)
		return; // nothing was wanted yet
	if (!state)
		log_warning("%s:%d: %s: nothing is moved", steer->path, error.line, error.text);
	else if (!steer_wish_read(&steer->wish, steer->gateway, state))
		log_warning("%s: what gateway.conf does not have is left out", steer->path);
	json_decref(state);
}

static int write_file(const struct steer *steer)
{
	json_t *state = steer_wish_json(&steer->wish, steer->gateway);
	char *text = json_dumps(state, JSON_COMPACT);
	int err = text ? file_put(steer->path, text, strlen(text)) : -ENOMEM;

	free(text);
	json_decref(state);
	return err;
}

struct steer *steer_create(const struct gateway *gateway, const char *path, const char *history)
{
	struct steer *steer = calloc(1, sizeof(*steer));

	if (!steer)
		return NULL;
	steer->gateway = gateway;
	steer->path = path;
	steer->history = history;
	steer_wish_init(&steer->wish, gateway);
	read_file(steer);
	return steer;
}

void steer_destroy(struct steer *steer)
{
	free(steer);
}

void steer_serve(struct steer *steer, struct link *link)
{
	steer->link = link;
}

static int offer(struct steer *steer)
{
	uint8_t bucket[WEIR_STEER_BUCKETS];
	int err;

	steer_deal(&steer->wish, bucket);
	err = link_steer(steer->link, ++steer->sequence, bucket);
	steer->waits = err == 0;
	return err;
}

void steer_up(struct steer *steer)
{
	int err = steers(steer->gateway) ? offer(steer) : 0;

	if (err)
		log_warning("steering is not sent: %s", strerror(-err));
}

static unsigned count(const uint8_t *bucket, uint8_t to)
{
	unsigned n = 0;

	for (unsigned b = 0; b < WEIR_STEER_BUCKETS; b++)
		n += bucket[b] == to;
	return n;
}

static json_t *worker_json(const struct steer *steer, unsigned w, unsigned buckets)
{
	const struct mapping *map = link_mapping(steer->link);
	bool stalled = false;

	if (map && w < map->segment->n_workers)
		stalled = atomic_load_explicit(&segment_worker(map->segment, w)->out,
					       memory_order_relaxed) != 0;
	return json_pack("{s:i, s:i, s:i, s:b}", "index", (int)w, "weight",
			 (int)steer->wish.weight[w], "buckets", (int)buckets, "stalled",
			 (int)stalled);
}

static json_t *steer_json(const struct steer *steer)
{
	json_t *workers = json_array(), *siblings = json_array();
	uint8_t bucket[WEIR_STEER_BUCKETS];
	unsigned here = 100;

	steer_deal(&steer->wish, bucket);
	for (unsigned w = 0; w < steer->wish.n_workers; w++)
		json_array_append_new(workers, worker_json(steer, w, count(bucket, (uint8_t)w)));
	for (unsigned s = 0; s < steer->wish.n_siblings; s++) {
		here -= steer->wish.percent[s];
		json_array_append_new(
			siblings,
			json_pack("{s:s, s:i, s:i}", "name", steer->gateway->siblings[s].name,
				  "percent", (int)steer->wish.percent[s], "buckets",
				  (int)count(bucket, (uint8_t)(WEIR_STEER_SIBLING | s))));
	}
	return json_pack("{s:b, s:b, s:i, s:o, s:o}", "steers", (int)steers(steer->gateway),
			 "in_use", (int)(link_is_up(steer->link) && !steer->waits), "here_percent",
			 (int)here, "workers", workers, "siblings", siblings);
}

void steer_down(struct steer *steer)
{
	steer->waits = false;
	if (steer->client)
		commands_refuse(steer->client, "environment",
				"the dataplane is gone: it holds when there is one again");
	steer->client = NULL;
	steer->what[0] = '\0';
}

// The change did not happen.
static void take_back(struct steer *steer)
{
	steer->wish = steer->before;
	if (write_file(steer) < 0)
		log_warning("%s: cannot be written: a restart would want what was refused",
			    steer->path);
}

void steer_ack(struct steer *steer, const struct weir_steer_ack *ack)
{
	struct client *client = steer->client;

	if (!steer->waits || ack->sequence != steer->sequence || ack->status < 0) {
		link_break(steer->link, "it acknowledged steering that was not sent");
		return;
	}
	steer->waits = false;
	steer->client = NULL;
	if (ack->status)
		log_warning("the dataplane refuses to steer so: %s", ack->why);
	if (ack->status && steer->what[0])
		take_back(steer);
	else if (steer->what[0])
		history_note(steer->history, "steer", steer->what, steer->who);
	steer->what[0] = '\0';
	if (client && ack->status)
		commands_refuse(client, "refused", ack->why);
	else if (client)
		commands_reply(client, steer_json(steer));
}

void steer_forget(struct steer *steer, const struct client *client)
{
	if (steer->client == client)
		steer->client = NULL;
}

// Whether a change may begin; else the client hears why not.
static bool may_change(struct steer *steer, struct client *client)
{
	if (!steers(steer->gateway))
		commands_refuse(
			client, "refused",
			"nothing is steered here: set dataplane.dispatch_cpu in gateway.conf");
	else if (!link_is_up(steer->link))
		commands_refuse(client, "environment",
				"no dataplane is connected: start weir-dataplane");
	else if (steer->waits)
		commands_refuse(
			client, "busy",
			"another change of steering is under way: try again when it is done");
	else
		return true;
	return false;
}

// Makes `wish` what is wanted: on disk, then in the dataplane. The client is answered by steer_ack.
static void change(struct steer *steer, struct client *client, const struct steer_wish *wish)
{
	int err;

	snprintf(steer->who, sizeof(steer->who), "%s", client_who(client));
	steer->before = steer->wish;
	steer->wish = *wish;
	err = write_file(steer);
	if (!err) {
		err = offer(steer);
		if (!err) {
			steer->client = client;
			return;
		}
		take_back(steer);
	} else {
		steer->wish = steer->before;
	}
	steer->what[0] = '\0';
	commands_refuse(client, "environment", strerror(-err));
}

void command_steer(struct commands *commands, struct client *client, const json_t *request)
{
	(void)request;
	commands_reply(client, steer_json(commands->steer));
}

// Takes `percent` back from siblings, the first first. False: they do not have so much.
static bool move_here(struct steer_wish *wish, unsigned percent)
{
	for (unsigned s = 0; s < wish->n_siblings && percent > 0; s++) {
		unsigned some = wish->percent[s] < percent ? wish->percent[s] : percent;

		wish->percent[s] = (uint8_t)(wish->percent[s] - some);
		percent -= some;
	}
	return percent == 0;
}

static unsigned moved(const struct steer_wish *wish)
{
	unsigned sum = 0;

	for (unsigned s = 0; s < wish->n_siblings; s++)
		sum += wish->percent[s];
	return sum;
}

static int sibling_find(const struct gateway *gateway, const char *name)
{
	for (int s = 0; s < gateway->n_siblings; s++)
		if (strcmp(gateway->siblings[s].name, name) == 0)
			return s;
	return -1;
}

// Moves in `wish`; false after the client was told why not.
static bool move(const struct steer *steer, struct client *client, struct steer_wish *wish,
		 const char *to, unsigned percent)
{
	unsigned away = moved(wish);
	char why[160];
	int s;

	if (strcmp(to, "here") == 0) {
		if (move_here(wish, percent))
			return true;
		snprintf(why, sizeof(why), "siblings have %u %%, not %u (weirctl steer show)", away,
			 percent);
		commands_refuse(client, "refused", why);
		return false;
	}
	s = sibling_find(steer->gateway, to);
	if (s < 0)
		snprintf(why, sizeof(why), "there is no sibling \"%.60s\" in gateway.conf", to);
	else if (percent > 100 - away)
		snprintf(why, sizeof(why), "only %u %% are here, not %u (weirctl steer show)",
			 100 - away, percent);
	else {
		wish->percent[s] = (uint8_t)(wish->percent[s] + percent);
		return true;
	}
	commands_refuse(client, "refused", why);
	return false;
}

void command_steer_move(struct commands *commands, struct client *client, const json_t *request)
{
	struct steer *steer = commands->steer;
	const char *to = json_string_value(json_object_get(request, "to"));
	json_int_t percent = json_integer_value(json_object_get(request, "percent"));
	struct steer_wish wish = steer->wish;

	if (!to || percent < 1 || percent > 100) {
		commands_refuse(client, "usage",
				"a move needs a sibling, or \"here\", and 1 to 100 per cent");
		return;
	}
	if (!may_change(steer, client) || !move(steer, client, &wish, to, (unsigned)percent))
		return;
	snprintf(steer->what, sizeof(steer->what), "move %d %% to %.60s", (int)percent, to);
	change(steer, client, &wish);
}

void command_steer_weight(struct commands *commands, struct client *client, const json_t *request)
{
	struct steer *steer = commands->steer;
	const json_t *worker = json_object_get(request, "worker"),
		     *weight = json_object_get(request, "weight");
	json_int_t w = json_integer_value(worker), n = json_integer_value(weight);
	struct steer_wish wish = steer->wish;
	unsigned sum = 0;

	if (!json_is_integer(worker) || !json_is_integer(weight) || n < 0 || n > STEER_WEIGHT_MAX) {
		commands_refuse(client, "usage",
				"a weight needs a worker and a number from 0 to 100");
		return;
	}
	if (!gateway_has_dispatcher(steer->gateway)) {
		commands_refuse(client, "refused",
				"no port is dispatched here, each worker takes what its queues give it: set "
				"dataplane.dispatch_cpu in gateway.conf");
		return;
	}
	if (w < 0 || w >= wish.n_workers) {
		commands_refuse(client, "refused", "there is no such worker (weirctl steer show)");
		return;
	}
	if (!may_change(steer, client))
		return;
	wish.weight[w] = (uint8_t)n;
	for (unsigned i = 0; i < wish.n_workers; i++)
		sum += wish.weight[i];
	if (sum == 0) {
		commands_refuse(client, "refused", "some worker must have a weight above 0");
		return;
	}
	snprintf(steer->what, sizeof(steer->what), "weight %d for worker %d", (int)n, (int)w);
	change(steer, client, &wish);
}
