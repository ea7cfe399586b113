// SPDX-License-Identifier: BSD-3-Clause
//
// weirctl route: which pool's messages go to another pool, until that is taken back.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "controlplane/weirctl/ask.h"
#include "controlplane/weirctl/weirctl.h"

enum { FOR_MAX_S = 366 * 86400 };

// "90", "30m", "1h", "2d" in seconds, up to a year; 0: none of these.
static long parse_time(const char *text)
{
	static const struct {
		const char *unit;
		long seconds;
	} units[] = { { "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 } };
	char *end;
	long n = strtol(text, &end, 10);

	for (size_t i = 0; end != text && i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(end, units[i].unit) == 0)
			return n > 0 && n <= FOR_MAX_S / units[i].seconds ? n * units[i].seconds : 0;
	return 0;
}

static void print_time(long long at)
{
	time_t wall = (time_t)at;
	char text[32] = "";
	struct tm utc;

	if (gmtime_r(&wall, &utc))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	printf("%s", text);
}

static void print_switches(const json_t *result)
{
	json_t *entry;
	size_t i;

	if (json_array_size(result) == 0)
		puts("no route is switched");
	json_array_foreach(result, i, entry) {
		const json_t *tenant = json_object_get(entry, "tenant"), *until = json_object_get(entry, "until");

		printf("%s to %s", answer_text(entry, "from"), answer_text(entry, "to"));
		if (json_is_string(tenant))
			printf(" of tenant %s", json_string_value(tenant));
		printf(", since ");
		print_time(answer_number(entry, "since"));
		if (json_is_integer(until)) {
			printf(" until ");
			print_time(json_integer_value(until));
		}
		printf(", by %s\n", answer_text(entry, "who"));
	}
}

int command_route_list(const struct command *command, const struct options *options, int n, char **words)
{
	static const struct argument none[] = {{0}};
	int status = arguments_parse(command, n, words, none);

	return status ? status : ask_and_print(options, json_pack("{s:s}", "command", "switches"), print_switches);
}

static void print_switched(const json_t *result)
{
	if (json_is_true(json_object_get(result, "pending")))
		puts("taken back; no rule file is loaded: the next load is made without it");
	else
		print_loaded(result);
}

static int ask_switch(const struct options *options, const char *from, const char *to, const char *tenant, long for_s)
{
	json_t *request = json_pack("{s:s, s:s, s:s, s:I}", "command", "switch", "from", from, "to", to, "for_s",
				    (json_int_t)for_s);

	if (tenant)
		json_object_set_new(request, "tenant", json_string(tenant));
	return ask_and_print(options, request, print_switched);
}

int command_route_switch(const struct command *command, const struct options *options, int n, char **words)
{
	const char *from = NULL, *to = NULL, *tenant = NULL, *duration = NULL;
	const struct argument arguments[] = {{"POOL", &from, true}, {"--to", &to, true}, {"--tenant", &tenant, false},
					     {"--for", &duration, false}, {0}};
	int status = arguments_parse(command, n, words, arguments);
	long for_s = duration ? parse_time(duration) : 0;

	if (status)
		return status;
	if (duration && !for_s)
		return usage_error(command, "\"%s\" is no time: seconds, or 30m, 1h, 2d, up to a year", duration);
	return ask_switch(options, from, to, tenant, for_s);
}

int command_route_undo(const struct command *command, const struct options *options, int n, char **words)
{
	const char *from = NULL, *tenant = NULL;
	const struct argument arguments[] = {{"POOL", &from, true}, {"--tenant", &tenant, false}, {0}};
	int status = arguments_parse(command, n, words, arguments);

	return status ? status : ask_switch(options, from, from, tenant, 0);
}
