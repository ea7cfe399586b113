// SPDX-License-Identifier: BSD-3-Clause
//
// weirctl agent: who may work on messages. Asks the control plane and prints what it answers; a token is printed
// once, when it is made.
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "controlplane/weirctl/ask.h"
#include "controlplane/weirctl/weirctl.h"

static void print_time(const json_t *object, const char *key)
{
	time_t at = (time_t)answer_number(object, key);
	struct tm parts;
	char text[32] = "-";

	if (at > 0 && gmtime_r(&at, &parts))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
	printf("  %-20s", text);
}

static void print_agents(const json_t *result)
{
	json_t *agent, *queue;
	size_t i, k;

	if (json_array_size(result) == 0)
		puts("there are no agents (weirctl agent add)");
	else
		printf("%-32s %-8s  %-20s  %-20s  %s\n", "agent", "role", "since", "revoked", "queues");
	json_array_foreach(result, i, agent) {
		printf("%-32s %-8s", answer_text(agent, "name"), answer_text(agent, "role"));
		print_time(agent, "created");
		print_time(agent, "revoked");
		fputs("  ", stdout);
		json_array_foreach(json_object_get(agent, "queues"), k, queue)
			printf("%s%s", k ? ", " : "", json_string_value(queue) ? json_string_value(queue) : "-");
		putchar('\n');
	}
}

int command_agent_list(const struct command *command, const struct options *options, int n, char **words)
{
	static const struct argument none[] = {{0}};
	int status = arguments_parse(command, n, words, none);

	return status ? status : ask_and_print(options, json_pack("{s:s}", "command", "agents"), print_agents);
}

// Takes --queue Q (again and again) and --operator out of the words; the rest is left in place. The number of
// words left, or -1 after saying what is wrong.
static int take_queues(const struct command *command, int n, char **words, json_t *queues, bool *is_operator)
{
	int left = 0;

	for (int i = 0; i < n; i++) {
		const char *queue = strncmp(words[i], "--queue=", 8) == 0 ? words[i] + 8 : NULL;

		if (strcmp(words[i], "--queue") == 0)
			queue = i + 1 < n ? words[++i] : "";
		if (strcmp(words[i], "--operator") == 0) {
			*is_operator = true;
		} else if (!queue) {
			words[left++] = words[i];
		} else if (!*queue) {
			usage_error(command, "--queue needs a value");
			return -1;
		} else {
			json_array_append_new(queues, json_string(queue));
		}
	}
	return left;
}

static void print_added(const json_t *result)
{
	puts(answer_text(result, "token"));
}

// What a slip of the pen looks like.
static void note_unknown(const json_t *result)
{
	json_t *queue;
	size_t i;

	json_array_foreach(json_object_get(result, "unknown_queues"), i, queue)
		if (json_string_value(queue))
			fprintf(stderr, "weirctl: note: the rules in use have no queue \"%s\"\n",
				json_string_value(queue));
}

static int add(const struct options *options, const char *name, json_t *queues, bool is_operator)
{
	json_t *answer, *result;
	json_t *request = json_pack("{s:s, s:s, s:O, s:b}", "command", "agent-add", "name", name, "queues", queues,
				    "operator", (int)is_operator);
	int status = ask(options, request, NULL, &answer);

	if (status)
		return status;
	result = json_object_get(answer, "result");
	if (options->json)
		status = answer_print(result);
	else
		print_added(result);
	note_unknown(result);
	json_decref(answer);
	return status;
}

int command_agent_add(const struct command *command, const struct options *options, int n, char **words)
{
	const char *name = NULL;
	const struct argument arguments[] = {{"NAME", &name, true}, {0}};
	json_t *queues = json_array();
	bool is_operator = false;
	int left = take_queues(command, n, words, queues, &is_operator);
	int status = left < 0 ? STATUS_USAGE : arguments_parse(command, left, words, arguments);

	if (!status && json_array_size(queues) == 0 && !is_operator)
		status = usage_error(command, "--queue is missing");
	if (!status)
		status = add(options, name, queues, is_operator);
	json_decref(queues);
	return status;
}

static void print_revoked(const json_t *result)
{
	printf("%s is revoked: its leases end, and its token opens nothing\n", answer_text(result, "name"));
}

int command_agent_revoke(const struct command *command, const struct options *options, int n, char **words)
{
	const char *name = NULL;
	const struct argument arguments[] = {{"NAME", &name, true}, {0}};
	int status = arguments_parse(command, n, words, arguments);

	if (status)
		return status;
	return ask_and_print(options, json_pack("{s:s, s:s}", "command", "agent-revoke", "name", name), print_revoked);
}
