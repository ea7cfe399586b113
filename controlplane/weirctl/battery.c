// SPDX-License-Identifier: BSD-3-Clause
//
// weirctl battery: builds each message, judges it as the dataplane would, compares and reports.
#include "controlplane/weirctl/battery.h"

#include "controlplane/weirctl/weirctl.h"

static uint8_t frame[BATTERY_FRAME_MAX];
static struct listeners listeners;

static int battery_run(const struct battery *battery, const struct options *options)
{
	json_t *report = report_create();
	int status = STATUS_DONE;

	if (!report)
		return failure(STATUS_ENVIRONMENT, "out of memory");
	for (uint32_t i = 0; i < battery->n; i++) {
		struct triage triage;
		uint32_t length = battery_build(&battery->messages[i], &battery_ends, frame);

		triage_frame(&battery->loaded.table, &listeners, false, frame, length, &triage);
		report_push(report, battery, &battery->messages[i], &triage);
	}
	if (!options->json)
		report_print(report);
	else if (json_dumpf(report, stdout, JSON_COMPACT) < 0 || putchar('\n') < 0)
		status = failure(STATUS_ENVIRONMENT, "cannot print the report: %m");
	if (status == STATUS_DONE && json_integer_value(json_object_get(report, "failed")) > 0)
		status = STATUS_REFUSED;
	json_decref(report);
	return status;
}

int command_battery(const struct command *command, const struct options *options, int n, char **words)
{
	const char *path = NULL;
	const struct argument arguments[] = {{"FILE", &path, true}, {0}};
	struct battery battery;
	int status = arguments_parse(command, n, words, arguments);

	if (status != STATUS_DONE)
		return status;
	status = listeners_load(&listeners, NULL, NULL);
	if (status != STATUS_DONE)
		return status;
	status = battery_open(&battery, path);
	if (status == STATUS_DONE)
		status = battery_run(&battery, options);
	battery_close(&battery);
	return status;
}
