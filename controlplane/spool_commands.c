// SPDX-License-Identifier: BSD-3-Clause
//
// Requests of weirctl about the spool. What they read is a snapshot of the moment, in parts of bounded size. A purge is
// an operation of the consumer's thread, which hands it back over a list and an eventfd.
#include "controlplane/spool_commands.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "controlplane/agents/desk.h"
#include "controlplane/clock.h"
#include "controlplane/commands.h"
#include "controlplane/consumer.h"
#include "controlplane/events.h"
#include "controlplane/history.h"
#include "controlplane/message_json.h"
#include "controlplane/pools.h"
#include "controlplane/table_map.h"
#include "rules/table.h"

enum { TAIL_MAX = 200 };

static void refuse_error(struct client *client, const char *queue, int err)
{
	char text[SPOOL_NAME_MAX + 100];

	if (err == -ENOENT)
		snprintf(text, sizeof(text), "no message ever came for a queue \"%.*s\" (weirctl queues lists them)",
			 SPOOL_NAME_MAX, queue);
	else
		snprintf(text, sizeof(text), "the spool: %s", strerror(-err));
	commands_refuse(client, err == -ENOENT ? "refused" : "environment", text);
}

// The object of a queue, with the age of what waits in it. NULL with *err.
static json_t *look_at(struct spool *spool, const struct spool_queue *queue, int *err)
{
	uint64_t oldest_ns[WEIR_N_PRIORITIES];

	*err = spool_oldest_by(spool, queue->name, oldest_ns);
	return *err ? NULL : queue_json(queue, oldest_ns, clock_ns(CLOCK_REALTIME));
}

struct look {
	struct spool *spool;
	json_t *array;
	int err;
};

static void put_queue(const struct spool_queue *queue, void *argument)
{
	struct look *look = argument;

	if (!look->err)
		json_array_append_new(look->array, look_at(look->spool, queue, &look->err));
}

bool queue_is_ruled(const struct commands *commands, const char *name)
{
	const struct table_map *map = pools_table(commands->pools);

	for (uint64_t i = 0; map && i < table_count(&map->table, TABLE_QUEUES); i++)
		if (strcmp(table_string(&map->table, map->table.queues[i].name), name) == 0)
			return true;
	return false;
}

// What gateway.conf sets for queues that the rules in use do not have: slips of the pen, or for a file to come.
static json_t *warnings(const struct commands *commands)
{
	const struct gateway *gateway = commands->gateway;
	json_t *list = json_array();

	for (unsigned i = 0; i < gateway->n_queues && pools_table(commands->pools); i++) {
		const struct gateway_queue *queue = &gateway->queues[i];

		if (!queue_is_ruled(commands, queue->name))
			json_array_append_new(list, json_pack("{s:s, s:I, s:s, s:o}", "file", gateway->file, "line",
							      (json_int_t)queue->line, "kind", "warning", "text",
							      json_sprintf("the rules have no queue \"%s\"",
									   queue->name)));
	}
	return list;
}

void command_queues(struct commands *commands, struct client *client, const json_t *request)
{
	struct look look = { commands->spool, json_array(), 0 };
	int err = spool_queues(commands->spool, put_queue, &look);

	(void)request;
	if (!err)
		err = look.err;
	if (!err) {
		client_reply(client, json_pack("{s:b, s:o, s:o}", "ok", 1, "result", look.array, "diagnostics",
					       warnings(commands)));
		return;
	}
	json_decref(look.array);
	refuse_error(client, "", err);
}

// The queue that a request names, or NULL after refusing.
static const char *queue_of(struct client *client, const json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "queue"));

	if (!name || !*name || strlen(name) > SPOOL_NAME_MAX) {
		commands_refuse(client, "usage", "the request names no queue");
		return NULL;
	}
	return name;
}

void command_queue(struct commands *commands, struct client *client, const json_t *request)
{
	const char *name = queue_of(client, request);
	struct spool_queue queue;
	json_t *object = NULL;
	int err;

	if (!name)
		return;
	err = spool_queue_get(commands->spool, name, &queue);
	if (!err)
		object = look_at(commands->spool, &queue, &err);
	if (object)
		json_object_set_new(object, "webhooks", desk_webhooks(commands->desk, name));
	if (err)
		refuse_error(client, name, err);
	else
		commands_reply(client, object);
}

struct tail {
	bool body;
	unsigned n;
	struct tail_message {
		uint64_t id;
		json_t *object;
	} messages[9 * TAIL_MAX]; // of four priorities that wait, four that are dead, and leases
};

static int put_message(const struct spool_message *message, void *argument)
{
	struct tail *tail = argument;

	tail->messages[tail->n].id = message->arrival;
	tail->messages[tail->n++].object = message_json(message, tail->body);
	return 0;
}

static int by_id(const void *left, const void *right)
{
	const struct tail_message *a = left, *b = right;

	return a->id < b->id ? -1 : a->id > b->id;
}

// Answers with the first messages by id; `last` is where to go on.
static void reply_tail(struct client *client, struct tail *tail, const struct spool_since *since)
{
	json_t *array = json_array();
	uint64_t last = since->last;

	qsort(tail->messages, tail->n, sizeof(tail->messages[0]), by_id);
	for (unsigned i = 0; i < tail->n; i++)
		if (i < TAIL_MAX)
			json_array_append_new(array, tail->messages[i].object);
		else
			json_decref(tail->messages[i].object);
	if (tail->n >= TAIL_MAX)
		last = tail->messages[TAIL_MAX - 1].id;
	commands_reply(client, json_pack("{s:o, s:I, s:I, s:b}", "messages", array, "last", (json_int_t)last, "stored",
					 (json_int_t)since->stored, "more", (int)(tail->n >= TAIL_MAX)));
}

void command_tail(struct commands *commands, struct client *client, const json_t *request)
{
	const char *name = queue_of(client, request);
	const json_t *after = json_object_get(request, "after");
	struct spool_since since = { .after = (uint64_t)json_integer_value(after) };
	struct tail *tail;
	int err;

	if (!name)
		return;
	tail = calloc(1, sizeof(*tail));
	if (!tail) {
		commands_refuse(client, "environment", "out of memory");
		return;
	}
	tail->body = json_is_true(json_object_get(request, "bodies"));
	err = spool_since(commands->spool, name, &since, json_is_integer(after) ? TAIL_MAX : 0, put_message, tail);
	if (!err || err == -ENOENT) {
		reply_tail(client, tail, &since);
	} else {
		for (unsigned i = 0; i < tail->n; i++)
			json_decref(tail->messages[i].object);
		refuse_error(client, name, err);
	}
	free(tail);
}

struct purge {
	struct spool_op op; // its owner is this
	struct purges *purges;
	struct purge *next; // of those under way
	struct client *client; // NULL: gone
	char queue[SPOOL_NAME_MAX + 1], who[96];
};

struct purges {
	const char *history;
	struct event *on_done;
	int wake;
	struct purge *list;
	pthread_mutex_t mutex;
	struct spool_op *done; // under the mutex
};

// On the consumer's thread.
static void purge_done(struct spool_op *op)
{
	struct purges *purges = ((struct purge *)op->owner)->purges;

	pthread_mutex_lock(&purges->mutex);
	op->next = purges->done;
	purges->done = op;
	pthread_mutex_unlock(&purges->mutex);
	eventfd_write(purges->wake, 1);
}

static void end_purge(struct purges *purges, struct purge *purge)
{
	const struct spool_op *op = &purge->op;
	char what[SPOOL_NAME_MAX + 80];

	for (struct purge **at = &purges->list; *at; at = &(*at)->next)
		if (*at == purge) {
			*at = purge->next;
			break;
		}
	snprintf(what, sizeof(what), "%s: %llu %s", purge->queue, (unsigned long long)op->n_removed,
		 op->dead_only ? "dead letters" : "messages");
	if (op->n_removed > 0)
		history_note(purges->history, "purge", what, purge->who);
	if (purge->client && op->result)
		refuse_error(purge->client, purge->queue, op->result);
	else if (purge->client)
		commands_reply(purge->client, json_pack("{s:s, s:I}", "queue", purge->queue, "removed",
							(json_int_t)op->n_removed));
	free(purge);
}

static void take_done(struct purges *purges)
{
	struct spool_op *op;

	pthread_mutex_lock(&purges->mutex);
	op = purges->done;
	purges->done = NULL;
	pthread_mutex_unlock(&purges->mutex);
	while (op) {
		struct spool_op *next = op->next;

		end_purge(purges, op->owner);
		op = next;
	}
}

static void on_done(evutil_socket_t fd, short what, void *argument)
{
	eventfd_t n;

	(void)what;
	if (eventfd_read(fd, &n) == 0)
		take_done(argument);
}

void command_purge(struct commands *commands, struct client *client, const json_t *request)
{
	bool dead = json_is_true(json_object_get(request, "dead")), all = json_is_true(json_object_get(request, "all"));
	const char *name = queue_of(client, request);
	struct purge *purge;

	if (!name)
		return;
	if (dead == all) {
		commands_refuse(client, "usage", "purge needs one of dead and all");
		return;
	}
	purge = calloc(1, sizeof(*purge));
	if (!purge) {
		commands_refuse(client, "environment", "out of memory");
		return;
	}
	memcpy(purge->queue, name, strlen(name) + 1);
	snprintf(purge->who, sizeof(purge->who), "%s", client_who(client));
	purge->purges = commands->purges;
	purge->client = client;
	purge->next = commands->purges->list;
	commands->purges->list = purge;
	purge->op = (struct spool_op){ .kind = OP_PURGE, .done = purge_done, .owner = purge, .queue = purge->queue,
				       .dead_only = dead };
	consumer_submit(commands->consumer, &purge->op);
}

struct purges *purges_create(struct event_base *base, const char *history)
{
	struct purges *purges = calloc(1, sizeof(*purges));

	if (!purges)
		return NULL;
	purges->history = history;
	pthread_mutex_init(&purges->mutex, NULL);
	purges->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (purges->wake >= 0)
		purges->on_done = event_new(base, purges->wake, EV_READ | EV_PERSIST, on_done, purges);
	if (purges->on_done && event_add(purges->on_done, NULL) == 0)
		return purges;
	purges_destroy(purges);
	return NULL;
}

void purges_destroy(struct purges *purges)
{
	if (!purges)
		return;
	take_done(purges);
	event_destroy(purges->on_done);
	if (purges->wake >= 0)
		close(purges->wake);
	pthread_mutex_destroy(&purges->mutex);
	free(purges);
}

void purges_forget(struct purges *purges, const struct client *client)
{
	for (struct purge *purge = purges->list; purge; purge = purge->next)
		if (purge->client == client)
			purge->client = NULL;
}
