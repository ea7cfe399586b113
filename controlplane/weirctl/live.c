// SPDX-License-Identifier: BSD-3-Clause
//
// The live commands of weirctl: stats, status, rules load, rules rollback, rules history. Each asks the control
// plane of one gateway on its socket and prints the answer. What comes back is checked like any input.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/weirctl/ask.h"
#include "controlplane/weirctl/load.h"
#include "controlplane/weirctl/weirctl.h"
#include "dataplane/abi/stats.h"

const char *answer_text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "-";
}

long long answer_number(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

int answer_print(const json_t *value)
{
	if (json_dumpf(value, stdout, JSON_ENCODE_ANY | JSON_COMPACT) < 0)
		return failure(STATUS_ENVIRONMENT, "the answer cannot be printed");
	putchar('\n');
	return STATUS_DONE;
}

int ask_and_print(const struct options *options, json_t *request, void (*print)(const json_t *result))
{
	json_t *answer, *result;
	int status = ask(options, request, NULL, &answer);

	if (status)
		return status;
	result = json_object_get(answer, "result");
	if (options->json)
		status = answer_print(result);
	else
		print(result);
	json_decref(answer);
	return status;
}

static void print_stats(const json_t *result)
{
	stats_print(result, stdout);
}

int command_stats(const struct command *command, const struct options *options, int n, char **words)
{
	static const struct argument none[] = {{0}};
	int status = arguments_parse(command, n, words, none);

	return status ? status : ask_and_print(options, json_pack("{s:s}", "command", "stats"), print_stats);
}

static void print_nats(const json_t *nats)
{
	const json_t *answers = json_object_get(nats, "answers");
	const char *error = answer_text(nats, "error");

	if (!json_is_object(nats))
		return;
	printf("nats: %s%s, %lld messages forwarded since the start\n",
	       json_is_true(json_object_get(nats, "connected")) ? "connected to " : "NOT CONNECTED to ",
	       answer_text(nats, json_is_string(json_object_get(nats, "server")) ? "server" : "url"),
	       answer_number(nats, "forwarded"));
	if (strcmp(error, "-") != 0)
		printf("      STALLED: %s\n", error);
	printf("      %lld answers came, %lld were refused\n", answer_number(answers, "taken"),
	       answer_number(answers, "refused"));
	if (json_is_string(json_object_get(answers, "error")))
		printf("      NO ANSWERS COME: %s\n", answer_text(answers, "error"));
}

// Answers of agents, where there are any in hand or some that cannot be sent.
static void print_answers(const json_t *answers)
{
	long long waiting = answer_number(answers, "waiting"), aside = answer_number(answers, "aside");

	if (waiting || aside)
		printf("answers of agents: %lld to be sent, %lld cannot be and are put aside\n", waiting, aside);
}

static void print_status(const json_t *result)
{
	const json_t *spool = json_object_get(result, "spool");
	json_t *queues = json_object_get(spool, "queues"), *queue;
	size_t i;

	printf("gateway %s, control plane pid %lld, up %lld s\n", answer_text(result, "gateway"),
	       answer_number(result, "pid"), answer_number(result, "uptime_s"));
	printf("dataplane %s, generation %lld%s\n",
	       json_is_true(json_object_get(result, "connected")) ? "connected" : "NOT CONNECTED",
	       answer_number(result, "generation"),
	       json_is_true(json_object_get(result, "loading")) ? ", loading" : "");
	printf("rules %s\n", answer_text(result, "rules"));
	printf("spool: %lld messages stored since the start%s%s\n", answer_number(spool, "stored"),
	       json_is_string(json_object_get(spool, "error")) ? ", STALLED: " : "",
	       json_is_string(json_object_get(spool, "error")) ? answer_text(spool, "error") : "");
	if (answer_number(spool, "stopped_channels") || answer_number(spool, "orphans"))
		printf("       %lld agent channels stopped, %lld segments of dead dataplanes in hand\n",
		       answer_number(spool, "stopped_channels"), answer_number(spool, "orphans"));
	print_answers(json_object_get(result, "answers"));
	print_nats(json_object_get(result, "nats"));
	if (json_array_size(queues) > 0)
		printf("\n%-32s %12s %12s\n", "queue", "waiting", "ever");
	json_array_foreach(queues, i, queue)
		printf("%-32s %12lld %12lld%s\n", answer_text(queue, "name"), answer_number(queue, "depth"),
		       answer_number(queue, "stored"),
		       json_is_true(json_object_get(queue, "closed")) ? "  CLOSED: has reached its depth" : "");
}

int command_status(const struct command *command, const struct options *options, int n, char **words)
{
	static const struct argument none[] = {{0}};
	int status = arguments_parse(command, n, words, none);

	return status ? status : ask_and_print(options, json_pack("{s:s}", "command", "status"), print_status);
}

static void print_history(const json_t *result)
{
	json_t *entry;
	size_t i;

	if (json_array_size(result) == 0)
		puts("nothing was loaded yet");
	json_array_foreach(result, i, entry) {
		const char *change = answer_text(entry, "change"), *why = answer_text(entry, "why");

		if (json_is_integer(json_object_get(entry, "generation")))
			printf("%-20s %6lld", answer_text(entry, "time"), answer_number(entry, "generation"));
		else
			printf("%-20s %6s", answer_text(entry, "time"), "-");
		printf("  %-13s %-9s %s%s%s  %s", answer_text(entry, "event"), answer_text(entry, "result"),
		       answer_text(entry, "file"), *change == '-' ? "" : "  ", *change == '-' ? "" : change,
		       answer_text(entry, "who"));
		printf("%s%s\n", *why == '-' || !*why ? "" : "  ", *why == '-' ? "" : why);
	}
}

int command_history(const struct command *command, const struct options *options, int n, char **words)
{
	static const struct argument none[] = {{0}};
	int status = arguments_parse(command, n, words, none);

	return status ? status : ask_and_print(options, json_pack("{s:s}", "command", "history"), print_history);
}

// The path as the control plane must hear it, which works in another folder. NULL when memory is out.
static char *absolute(const char *path)
{
	char *here, *joined = NULL;

	if (path[0] == '/')
		return strdup(path);
	here = getcwd(NULL, 0);
	if (here && asprintf(&joined, "%s/%s", here, path) < 0)
		joined = NULL;
	free(here);
	return joined;
}

// After a restart the control plane loads the file of gateway.conf: say so where it is another one.
static void note_other_file(const char *path, const char *own)
{
	struct stat a, b;

	if (stat(path, &a) == 0 && stat(own, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
		return;
	fprintf(stderr, "weirctl: note: when weir-controlplane starts again, it loads %s\n", own);
}

void print_loaded(const json_t *result)
{
	printf("generation %lld: %s, %lld rules, %lld tenants, %.1f KiB, compiled in %.2f s\n",
	       answer_number(result, "generation"), answer_text(result, "file"), answer_number(result, "rules"),
	       answer_number(result, "tenants"), (double)answer_number(result, "bytes") / 1024,
	       json_real_value(json_object_get(result, "seconds")));
}

int command_rollback(const struct command *command, const struct options *options, int n, char **words)
{
	const char *generation = NULL;
	const struct argument arguments[] = {{"GENERATION", &generation, false}, {0}};
	json_t *answer;
	int status = arguments_parse(command, n, words, arguments);
	json_int_t number = 0;

	if (!status && generation && !generation_parse(generation, &number))
		return usage_error(command, "\"%s\" is no generation", generation);
	if (!status)
		status = ask(options, json_pack("{s:s, s:I}", "command", "rollback", "generation", number), NULL,
			     &answer);
	if (status)
		return status;
	if (options->json)
		status = answer_print(json_object_get(answer, "result"));
	else
		print_loaded(json_object_get(answer, "result"));
	json_decref(answer);
	return status;
}

int command_load(const struct command *command, const struct options *options, int n, char **words)
{
	const char *file = NULL;
	const struct argument arguments[] = {{"FILE", &file, true}, {0}};
	char *own = NULL, *path;
	json_t *answer;
	int status = arguments_parse(command, n, words, arguments);

	if (status)
		return status;
	path = absolute(file);
	if (!path)
		return failure(STATUS_ENVIRONMENT, "%s: cannot be named from here", file);
	status = ask(options, json_pack("{s:s, s:s}", "command", "load", "path", path), &own, &answer);
	if (!status) {
		if (options->json)
			status = answer_print(json_object_get(answer, "result"));
		else
			print_loaded(json_object_get(answer, "result"));
		note_other_file(path, own);
		json_decref(answer);
	}
	free(own);
	free(path);
	return status;
}
