// SPDX-License-Identifier: BSD-3-Clause
//
// weirctl spool stats|export read the spool's folder, with or without a control plane; spool purge asks it. A spool
// that is in use is read part by part, so that its writer is not held up.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/message_json.h"
#include "controlplane/weirctl/ask.h"
#include "controlplane/weirctl/weirctl.h"
#include "rules/gateway.h"

enum { PART = 500, PATH_ROOM = 4096 };

// Opens the spool in `folder`, or (NULL) that of the options' gateway. NULL after saying why, with the status.
static struct spool *open_spool(const struct options *options, const char *folder, int *status)
{
	char path[PATH_ROOM], why[PATH_ROOM + 200];
	struct gateway *gateway;
	struct spool *spool;

	*status = STATUS_ENVIRONMENT;
	if (!folder) {
		gateway = gateway_of(options);
		if (!gateway) {
			*status = STATUS_REFUSED;
			return NULL;
		}
		folder = gateway_state_path(gateway, "spool", path, sizeof(path)) == 0 ? path : NULL;
		gateway_destroy(gateway);
		if (!folder) {
			failure(STATUS_ENVIRONMENT, "state_dir is too long");
			return NULL;
		}
	}
	spool = spool_open(folder, 1, true, why, sizeof(why));
	if (spool)
		*status = STATUS_DONE;
	else
		failure(STATUS_ENVIRONMENT, "%s", why);
	return spool;
}

static int spool_failure(int err)
{
	if (err == -EBADMSG)
		return failure(STATUS_REFUSED, "the spool holds something that weir did not write");
	return failure(STATUS_ENVIRONMENT, "the spool cannot be read: %s", strerror(-err));
}

static void put_queue(const struct spool_queue *queue, void *argument)
{
	json_array_append_new(argument, json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "name", queue->name, "waiting",
						  (json_int_t)queue->waiting, "leased", (json_int_t)queue->leased,
						  "dead", (json_int_t)queue->dead, "stored", (json_int_t)queue->stored,
						  "acknowledged", (json_int_t)queue->acknowledged, "removed",
						  (json_int_t)queue->removed));
}

static void print_stats(const json_t *stats)
{
	json_t *queues = json_object_get(stats, "queues"), *queue;
	size_t i;

	printf("%lld messages wait, %lld are leased, %lld dead\n", answer_number(stats, "waiting"),
	       answer_number(stats, "leased"), answer_number(stats, "dead"));
	printf("%lld receipts of settled ones, %lld answers to be sent\n", answer_number(stats, "receipts"),
	       answer_number(stats, "outbox"));
	printf("%.1f MiB in use, file of %.1f MiB\n", (double)answer_number(stats, "used_bytes") / (1 << 20),
	       (double)answer_number(stats, "file_bytes") / (1 << 20));
	if (json_array_size(queues) > 0)
		printf("\n%-32s %10s %8s %8s %12s %12s %10s\n", "queue", "waiting", "leased", "dead", "acknowledged",
		       "ever", "removed");
	json_array_foreach(queues, i, queue)
		printf("%-32s %10lld %8lld %8lld %12lld %12lld %10lld\n", answer_text(queue, "name"),
		       answer_number(queue, "waiting"), answer_number(queue, "leased"), answer_number(queue, "dead"),
		       answer_number(queue, "acknowledged"), answer_number(queue, "stored"),
		       answer_number(queue, "removed"));
}

int command_spool_stats(const struct command *command, const struct options *options, int n, char **words)
{
	const char *folder = NULL;
	const struct argument arguments[] = {{"FOLDER", &folder, false}, {0}};
	json_t *queues, *stats;
	struct spool_sizes sizes;
	struct spool *spool;
	int status = arguments_parse(command, n, words, arguments), err;

	if (status)
		return status;
	spool = open_spool(options, folder, &status);
	if (!spool)
		return status;
	queues = json_array();
	err = spool_sizes(spool, &sizes);
	if (!err)
		err = spool_queues(spool, put_queue, queues);
	stats = json_pack("{s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "schema", (int)SPOOL_SCHEMA, "waiting",
			  (json_int_t)sizes.waiting, "leased", (json_int_t)sizes.leased, "dead", (json_int_t)sizes.dead,
			  "receipts", (json_int_t)sizes.receipts, "outbox", (json_int_t)sizes.outbox, "used_bytes",
			  (json_int_t)sizes.used_bytes, "file_bytes", (json_int_t)sizes.file_bytes, "queues", queues);
	if (err)
		status = spool_failure(err);
	else if (options->json)
		status = answer_print(stats);
	else
		print_stats(stats);
	json_decref(stats);
	spool_close(spool);
	return status;
}

// One pass of an export.
struct export {
	struct spool *spool;
	bool bodies;
	const char *queue;        // of leases: NULL for all
	struct spool_place place; // of the last message seen
	unsigned seen;            // in this part
	int status;
};

// Prints one line; takes over the object.
static int print_line(struct export *export, json_t *object)
{
	export->seen++;
	if (!object)
		export->status = failure(STATUS_ENVIRONMENT, "out of memory");
	else if (json_dumpf(object, stdout, JSON_COMPACT) < 0 || putchar('\n') == EOF)
		export->status = STATUS_ENVIRONMENT; // output_close says it
	json_decref(object);
	return export->status != STATUS_DONE;
}

static json_t *line_of(struct export *export, const struct spool_message *message, const char *state)
{
	json_t *object = message_json(message, export->bodies);

	export->place = (struct spool_place){ message->record.priority, message->arrival };
	json_object_set_new(object, "state", json_string(state));
	return object;
}

static int export_waiting(const struct spool_message *message, void *argument)
{
	return print_line(argument, line_of(argument, message, "waiting"));
}

static int export_dead(const struct spool_dead_letter *letter, void *argument)
{
	json_t *object = line_of(argument, &letter->message, "dead");

	json_object_set_new(object, "reason", json_string(spool_death_name(letter->reason)));
	json_object_set_new(object, "since", time_json(letter->since_ms));
	return print_line(argument, object);
}

static int export_lease(const struct spool_lease *lease, void *argument)
{
	struct export *export = argument;
	json_t *object;

	if (export->queue && strcmp(export->queue, lease->message.queue) != 0) {
		export->place.arrival = lease->message.arrival;
		export->seen++;
		return 0;
	}
	object = line_of(export, &lease->message, "leased");
	json_object_set_new(object, "agent", json_string(lease->agent));
	json_object_set_new(object, "since", time_json(lease->since_ms));
	json_object_set_new(object, "until", time_json(lease->until_ms));
	return print_line(export, object);
}

enum state { WAITING = 1, LEASED = 2, DEAD = 4, ANY = 7 };

// All of a state, part by part. 0, a status in `export`, or -errno.
static int export_state(struct export *export, const char *queue, enum state state)
{
	int err = 0;

	export->place = (struct spool_place){ 0 };
	do {
		export->seen = 0;
		if (state == WAITING)
			err = spool_peek(export->spool, queue, export->place, PART, export_waiting, export);
		else if (state == DEAD)
			err = spool_dead(export->spool, queue, export->place, PART, export_dead, export);
		else
			err = spool_leases(export->spool, export->place.arrival, PART, export_lease, export);
	} while (!err && export->seen == PART);
	return err < 0 ? err : 0;
}

static int export_queue(struct export *export, const char *queue, unsigned states)
{
	int err = states & WAITING ? export_state(export, queue, WAITING) : 0;

	if (!err && !export->status && states & DEAD)
		err = export_state(export, queue, DEAD);
	return err;
}

static void keep_name(const struct spool_queue *queue, void *argument)
{
	json_array_append_new(argument, json_string(queue->name));
}

static int export_all(struct export *export, const char *only, unsigned states)
{
	json_t *names = json_array(), *name;
	size_t i;
	int err = 0;

	if (only)
		json_array_append_new(names, json_string(only));
	else
		err = spool_queues(export->spool, keep_name, names);
	json_array_foreach(names, i, name)
		if (!err && !export->status)
			err = export_queue(export, json_string_value(name), states);
	export->queue = only;
	if (!err && !export->status && states & LEASED)
		err = export_state(export, only, LEASED);
	json_decref(names);
	return err;
}

static unsigned state_find(const char *name)
{
	if (!name)
		return ANY;
	if (strcmp(name, "waiting") == 0)
		return WAITING;
	if (strcmp(name, "leased") == 0)
		return LEASED;
	return strcmp(name, "dead") == 0 ? DEAD : 0;
}

int command_spool_export(const struct command *command, const struct options *options, int n, char **words)
{
	const char *queue = NULL, *state = NULL, *folder = NULL;
	struct export export = { .status = STATUS_DONE };
	const struct argument arguments[] = {{"QUEUE", &queue, false}, {"--state", &state, false},
					     {"--folder", &folder, false}, {"--bodies", .flag = &export.bodies}, {0}};
	struct spool_queue found;
	int status = arguments_parse(command, n, words, arguments), err = 0;

	if (!status && !state_find(state))
		return usage_error(command, "\"%s\" is no state: waiting, leased or dead", state);
	if (status)
		return status;
	export.spool = open_spool(options, folder, &status);
	if (!export.spool)
		return status;
	if (queue)
		err = spool_queue_get(export.spool, queue, &found);
	if (err == -ENOENT)
		export.status = failure(STATUS_REFUSED, "no message ever came for a queue \"%s\"", queue);
	else if (!err)
		err = export_all(&export, queue, state_find(state));
	if (err && err != -ENOENT)
		export.status = spool_failure(err);
	spool_close(export.spool);
	return export.status;
}

static void print_purged(const json_t *result)
{
	printf("%s: %lld removed\n", answer_text(result, "queue"), answer_number(result, "removed"));
}

int command_spool_purge(const struct command *command, const struct options *options, int n, char **words)
{
	const char *queue = NULL;
	bool dead = false, all = false, yes = false;
	const struct argument arguments[] = {{"QUEUE", &queue, true}, {"--dead", .flag = &dead},
					     {"--all", .flag = &all}, {"--yes", .flag = &yes}, {0}};
	int status = arguments_parse(command, n, words, arguments);

	if (status)
		return status;
	if (dead == all)
		return usage_error(command, "give one of --dead and --all");
	if (!yes)
		return usage_error(command, "what is removed is gone for ever: say --yes");
	return ask_and_print(options, json_pack("{s:s, s:s, s:b, s:b}", "command", "purge", "queue", queue, "dead",
						(int)dead, "all", (int)all), print_purged);
}
