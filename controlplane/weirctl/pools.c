// SPDX-License-Identifier: BSD-3-Clause
//
// weirctl pool and weirctl member: what the control plane knows of pools, and what operators want of members.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/weirctl/ask.h"
#include "controlplane/weirctl/weirctl.h"

static bool is_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

static void print_pools(const json_t *result)
{
	json_t *pool;
	size_t i;

	if (json_array_size(result) == 0)
		puts("the table in use has no pools, or there is none yet");
	else
		printf("%-32s %8s %8s  %-15s %-8s %s\n", "pool", "members", "carry", "redundancy",
		       "probe", "mode");
	json_array_foreach (result, i, pool)
		printf("%-32s %8zu %8lld  %-15s %-8s %s%s\n", answer_text(pool, "name"),
		       json_array_size(json_object_get(pool, "members")),
		       answer_number(pool, "carrying"), answer_text(pool, "redundancy"),
		       answer_text(pool, "probe"), answer_text(pool, "mode"),
		       is_true(pool, "on_standby") ? ", on standby" : "");
}

static void print_member(const json_t *member)
{
	const json_t *health = json_object_get(member, "health");
	const json_t *ejected = json_object_get(member, "ejected");
	const char *error = answer_text(health, "error");

	printf("%-24s %-12s %6.2f %% %6lld  %-17s  %-24s %s", answer_text(member, "name"),
	       answer_text(member, "state"),
	       100 * json_real_value(json_object_get(member, "share")),
	       answer_number(member, "weight"), answer_text(member, "next_hop"),
	       answer_text(member, "address"),
	       json_is_object(health) ? answer_text(health, "since") : "-");
	if (json_is_object(health) && strcmp(error, "-") != 0)
		printf("  %s", error);
	if (json_is_object(ejected))
		printf("  ejected until %s: %s", answer_text(ejected, "until"),
		       answer_text(ejected, "why"));
	putchar('\n');
}

static void print_pool(const json_t *result)
{
	json_t *member;
	size_t i;

	printf("pool %s: %s, mode %s, probe %s, zone %s%s\n\n", answer_text(result, "name"),
	       answer_text(result, "redundancy"), answer_text(result, "mode"),
	       answer_text(result, "probe"), answer_text(result, "zone"),
	       is_true(result, "on_standby") ? ", on standby" : "");
	printf("%-24s %-12s %8s %6s  %-17s  %-24s %s\n", "member", "state", "share", "weight",
	       "next hop", "address", "since, last error");
	json_array_foreach (json_object_get(result, "members"), i, member)
		print_member(member);
}

int command_pool_list(const struct command *command, const struct options *options, int n,
		      char **words)
{
	static const struct argument none[] = { { 0 } };
	int status = arguments_parse(command, n, words, none);

	return status ? status
		      : ask_and_print(options, json_pack("{s:s}", "command", "pools"), print_pools);
}

int command_pool_show(const struct command *command, const struct options *options, int n,
		      char **words)
{
	const char *pool = NULL;
	const struct argument arguments[] = { { "POOL", &pool, true }, { 0 } };
	int status = arguments_parse(command, n, words, arguments);

	if (status)
		return status;
	return ask_and_print(options, json_pack("{s:s, s:s}", "command", "pool", "pool", pool),
			     print_pool);
}

static json_t *about_member(const char *request, const char *name)
{
	return json_pack("{s:s, s:s}", "command", request, "member", name);
}

static int change(const struct command *command, const struct options *options, int n, char **words,
		  const char *request)
{
	const char *name = NULL;
	const struct argument arguments[] = { { "POOL/MEMBER", &name, true }, { 0 } };
	int status = arguments_parse(command, n, words, arguments);

	return status ? status : ask_and_print(options, about_member(request, name), print_pool);
}

int command_drain(const struct command *command, const struct options *options, int n, char **words)
{
	return change(command, options, n, words, "drain");
}

int command_enable(const struct command *command, const struct options *options, int n,
		   char **words)
{
	return change(command, options, n, words, "enable");
}

int command_weight(const struct command *command, const struct options *options, int n,
		   char **words)
{
	const char *name = NULL, *weight = NULL;
	const struct argument arguments[] = { { "POOL/MEMBER", &name, true },
					      { "N", &weight, true },
					      { 0 } };
	int status = arguments_parse(command, n, words, arguments);
	json_t *about;
	char *end;
	long value;

	if (status)
		return status;
	value = strtol(weight, &end, 10);
	if (strcmp(weight, "file") != 0 && (*end || end == weight || value < 0 || value > 1000))
		return usage_error(command, "\"%s\" is no weight: 0 to 1000, or file", weight);
	about = about_member("weight", name);
	json_object_set_new(about, "weight",
			    strcmp(weight, "file") == 0 ? json_null() : json_integer(value));
	return ask_and_print(options, about, print_pool);
}
