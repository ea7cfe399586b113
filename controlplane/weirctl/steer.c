// SPDX-License-Identifier: BSD-3-Clause
//
// weirctl steer: who takes which share of the messages. Asks the control plane and prints what it answers.
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/weirctl/ask.h"
#include "controlplane/weirctl/weirctl.h"

static void print_steer(const json_t *result)
{
	json_t *workers = json_object_get(result, "workers"),
	       *siblings = json_object_get(result, "siblings"), *row;
	size_t i;

	if (!json_is_true(json_object_get(result, "steers")))
		puts("nothing is steered: no dataplane.dispatch_cpu in gateway.conf, no port of type xdp");
	else if (!json_is_true(json_object_get(result, "in_use")))
		puts("wanted, but not in use yet: no dataplane has acknowledged it");
	printf("%-24s %8s %8s %9s\n", "messages go to", "percent", "weight", "buckets");
	printf("%-24s %8lld\n", "here", answer_number(result, "here_percent"));
	json_array_foreach (workers, i, row)
		printf("  worker %-15lld %8s %8lld %9lld%s\n", answer_number(row, "index"), "",
		       answer_number(row, "weight"), answer_number(row, "buckets"),
		       json_is_true(json_object_get(row, "stalled")) ? "  STALLED" : "");
	json_array_foreach (siblings, i, row) {
		printf("%-24s %8lld %8s %9lld\n", answer_text(row, "name"),
		       answer_number(row, "percent"), "", answer_number(row, "buckets"));
	}
}

int command_steer_show(const struct command *command, const struct options *options, int n,
		       char **words)
{
	static const struct argument none[] = { { 0 } };
	int status = arguments_parse(command, n, words, none);

	return status ? status
		      : ask_and_print(options, json_pack("{s:s}", "command", "steer"), print_steer);
}

// A whole number from 0 to `max`; -1 for anything else.
static int whole(const char *text, int max)
{
	char *end;
	long value = strtol(text, &end, 10);

	return *text >= '0' && *text <= '9' && !*end && value <= max ? (int)value : -1;
}

int command_steer_move(const struct command *command, const struct options *options, int n,
		       char **words)
{
	const char *percent = NULL, *to = NULL;
	const struct argument arguments[] = { { "--percent", &percent, true },
					      { "--to", &to, true },
					      { 0 } };
	int status = arguments_parse(command, n, words, arguments);

	if (status)
		return status;
	if (whole(percent, 100) < 1)
		return usage_error(command, "--percent \"%s\" is not 1 to 100", percent);
	return ask_and_print(options,
			     json_pack("{s:s, s:s, s:i}", "command", "steer-move", "to", to,
				       "percent", whole(percent, 100)),
			     print_steer);
}

int command_steer_weight(const struct command *command, const struct options *options, int n,
			 char **words)
{
	const char *worker = NULL, *weight = NULL;
	const struct argument arguments[] = { { "WORKER", &worker, true },
					      { "N", &weight, true },
					      { 0 } };
	int status = arguments_parse(command, n, words, arguments);

	if (status)
		return status;
	if (whole(worker, 1023) < 0)
		return usage_error(command, "\"%s\" is not the number of a worker", worker);
	if (whole(weight, 100) < 0)
		return usage_error(command, "\"%s\" is not 0 to 100", weight);
	return ask_and_print(options,
			     json_pack("{s:s, s:i, s:i}", "command", "steer-weight", "worker",
				       whole(worker, 1023), "weight", whole(weight, 100)),
			     print_steer);
}
