// SPDX-License-Identifier: BSD-3-Clause
//
// weir-pktgen: message traffic for a gateway, and what became of it (bench/pktgen/README.md).
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/pktgen/report.h"

static bool stop;

static void on_signal(int number)
{
	(void)number;
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
}

// A name is looked for among the bundled scenarios, beside the sources and where they are installed.
static void scenario_path(const char *given, char *out, size_t size)
{
	static const char *const folders[] = { "bench/scenarios", WEIR_SCENARIOS };

	snprintf(out, size, "%s", given);
	if (strchr(given, '/') || strchr(given, '.'))
		return;
	for (unsigned i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(out, size, "%s/%s.conf", folders[i], given);
		if (access(out, R_OK) == 0)
			return;
	}
	snprintf(out, size, "%s/%s.conf", folders[0], given);
}

static int load(const struct args *args, struct scenario *scenario, struct deck *deck)
{
	char path[4096], why[256] = "";
	struct diags diags;
	int err;

	diags_init(&diags);
	scenario_path(args->scenario ? args->scenario : "", path, sizeof(path));
	err = args->scenario ? scenario_read(scenario, path, &diags)
			     : scenario_read_text(scenario, args->replay, "about = \"a capture\";", &diags);
	diags_print(&diags, stderr);
	diags_fini(&diags);
	if (err)
		return err;
	if (args->seed >= 0)
		scenario->seed = (uint64_t)args->seed;
	if (args->search) // or an acknowledgement could stand for a lost message
		scenario->acknowledged_share = 0;
	err = args->replay ? deck_read(deck, args->replay, why, sizeof(why)) : deck_make(deck, scenario);
	if (err)
		fprintf(stderr, "weir-pktgen: %s: %s\n", args->replay ? args->replay : path,
			why[0] ? why : strerror(-err));
	return err;
}

static int write_files(const struct args *args, const struct scenario *scenario, const struct deck *deck)
{
	int err = args->tenants ? scenario_write_tenants(scenario, args->tenants) : 0;
	const char *path = args->tenants;

	if (!err && args->pcap) {
		path = args->pcap;
		err = deck_write(deck, scenario, path, args->count ? args->count : deck->n);
	}
	if (err)
		fprintf(stderr, "weir-pktgen: %s: %s\n", path, strerror(-err));
	return err;
}

static int report(const struct session *session)
{
	const struct args *args = session->args;
	json_t *json = report_json(session);
	const char *path = args->json;
	int err = json ? 0 : -ENOMEM;

	if (!args->quiet)
		report_print(session);
	if (!err && args->json)
		err = report_write_json(json, args->json);
	if (!err && args->html) {
		path = args->html;
		err = report_write_html(json, path);
	}
	if (err)
		fprintf(stderr, "weir-pktgen: %s: %s\n", path ? path : "report", strerror(-err));
	json_decref(json);
	return err;
}

// Until standard input ends. Nothing polls the ports any more.
static void hold(void)
{
	char line[256];

	fflush(stdout);
	while (read(STDIN_FILENO, line, sizeof(line)) > 0)
		;
}

static int send_and_measure(const struct args *args, const struct scenario *scenario, const struct deck *deck)
{
	struct wire wire;
	struct session session = { .args = args, .scenario = scenario, .deck = deck, .wire = &wire, .stop = &stop };
	char why[256] = "";
	int err = wire_start(&wire, args, deck->longest, why, sizeof(why));

	if (!err && !wire_wait_link(&wire, 30, &stop)) {
		snprintf(why, sizeof(why), "device %s has had no link for 30 s", args->devices[0]);
		err = -ENOLINK;
	}
	if (!err)
		err = args->search ? session_search(&session) : session_run(&session);
	if (!err)
		err = report(&session);
	if (err && why[0])
		fprintf(stderr, "weir-pktgen: %s\n", why);
	if (!err && args->hold)
		hold();
	session_fini(&session);
	wire_stop(&wire);
	return err;
}

int main(int n, char **list)
{
	struct scenario scenario;
	struct deck deck = { 0 };
	struct args args;
	int status = args_read(&args, n, list), err;

	if (status)
		return status < 0 ? 0 : status;
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	err = load(&args, &scenario, &deck);
	if (!err && (args.pcap || args.tenants))
		err = write_files(&args, &scenario, &deck);
	if (!err && args.n_devices)
		err = send_and_measure(&args, &scenario, &deck);
	deck_fini(&deck);
	return err ? 1 : 0;
}
