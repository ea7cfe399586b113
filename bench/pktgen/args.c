// SPDX-License-Identifier: BSD-3-Clause
//
// See args.h.
#include "bench/pktgen/args.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: weir-pktgen [OPTION]... SCENARIO\n"
	"Sends the message traffic of a scenario to a gateway by DPDK ports, and measures what comes back.\n"
	"SCENARIO is the name of a bundled one (bench/scenarios) or a file.\n"
	"\n"
	"  --port DEVICE      a DPDK device (net_memif0,role=client, net_af_packet0,iface=veth0, 0000:03:00.0);\n"
	"                     the first is sent to, what comes back is taken from all\n"
	"  --rate N|max       messages a second, in place of the scenario's\n"
	"  --seconds S        how long to send\n"
	"  --count N          how many messages to send at most\n"
	"  --seed N           in place of the scenario's\n"
	"  --search           find the highest rate at which no more than --loss is lost (RFC 2544, 26.1)\n"
	"  --loss SHARE       accepted loss of a search, 0 (default) to 1\n"
	"  --resolution SHARE of the rate, at which a search ends; default 0.01\n"
	"  --settle S         a run is over when nothing has come back for so long; default 0.3\n"
	"  --json FILE        figures and their course over time; - for standard output\n"
	"  --html FILE        the same as a page with plots that needs no network\n"
	"  --pcap FILE        write the messages as a capture; no port is needed\n"
	"  --tenants FILE     write the scenario's tenants as a tenant file; no port is needed\n"
	"  --replay FILE      send the frames of a capture, in place of a scenario's\n"
	"  --cpu N            CPU that sends and receives; --main-cpu N: the one of everything else\n"
	"  --memory-mb N      for mbufs, default 256\n"
	"  --no-huge          ordinary pages\n"
	"  --hold             keep the ports open until standard input ends\n"
	"  --quiet            no progress, no table\n";

enum {
	PORT = 256,
	RATE,
	SECONDS,
	COUNT,
	SEED,
	SEARCH,
	LOSS,
	RESOLUTION,
	SETTLE,
	JSON,
	HTML,
	PCAP,
	TENANTS,
	REPLAY,
	CPU,
	MAIN_CPU,
	MEMORY,
	NO_HUGE,
	HOLD,
	QUIET,
	HELP,
	VERSION
};

static const struct option options[] = {
	{ "port", required_argument, NULL, PORT },	   { "rate", required_argument, NULL, RATE },
	{ "seconds", required_argument, NULL, SECONDS },   { "count", required_argument, NULL, COUNT },
	{ "seed", required_argument, NULL, SEED },	   { "search", no_argument, NULL, SEARCH },
	{ "loss", required_argument, NULL, LOSS },	   { "resolution", required_argument, NULL, RESOLUTION },
	{ "settle", required_argument, NULL, SETTLE },	   { "json", required_argument, NULL, JSON },
	{ "html", required_argument, NULL, HTML },	   { "pcap", required_argument, NULL, PCAP },
	{ "tenants", required_argument, NULL, TENANTS },   { "replay", required_argument, NULL, REPLAY },
	{ "cpu", required_argument, NULL, CPU },	   { "main-cpu", required_argument, NULL, MAIN_CPU },
	{ "memory-mb", required_argument, NULL, MEMORY },  { "no-huge", no_argument, NULL, NO_HUGE },
	{ "hold", no_argument, NULL, HOLD },		   { "quiet", no_argument, NULL, QUIET },
	{ "help", no_argument, NULL, HELP },		   { "version", no_argument, NULL, VERSION },
	{ 0 },
};

static const char *option_name(int value)
{
	for (const struct option *option = options; option->name; option++)
		if (option->val == value)
			return option->name;
	return "?";
}

// A number from `min` to `max`; says what is wrong.
static int read_number(int option, double min, double max, double *value)
{
	char *end;
	double number = strtod(optarg, &end);

	if (end == optarg || *end || !(number >= min && number <= max)) {
		fprintf(stderr, "weir-pktgen: --%s \"%s\" is no number from %g to %g\n", option_name(option), optarg,
			min, max);
		return 2;
	}
	*value = number;
	return 0;
}

static int read_whole(int option, double max, int64_t *value)
{
	double number = 0;
	int err = read_number(option, 0, max, &number);

	if (err == 0 && number != floor(number)) {
		fprintf(stderr, "weir-pktgen: --%s \"%s\" is no whole number\n", option_name(option), optarg);
		return 2;
	}
	*value = (int64_t)number;
	return err;
}

static int read_port(struct args *args)
{
	if (args->n_devices == RUN_PORTS_MAX) {
		fprintf(stderr, "weir-pktgen: more than %d ports\n", RUN_PORTS_MAX);
		return 2;
	}
	args->devices[args->n_devices++] = optarg;
	return 0;
}

static int read_count(int option, struct args *args)
{
	int64_t number = 0;
	int err = 0;

	switch (option) {
	case COUNT:
		err = read_whole(option, 1e15, &number);
		args->count = (uint64_t)number;
		return err;
	case SEED:
		return read_whole(option, 9e15, &args->seed);
	case CPU:
		err = read_whole(option, 1023, &number);
		args->cpu = (int)number;
		return err;
	case MAIN_CPU:
		err = read_whole(option, 1023, &number);
		args->main_cpu = (int)number;
		return err;
	default:
		err = read_whole(option, 1 << 20, &number);
		args->memory_mb = (unsigned)number;
		return err;
	}
}

static int read_one(int option, struct args *args)
{
	switch (option) {
	case PORT:
		return read_port(args);
	case RATE:
		if (strcmp(optarg, "max") == 0) {
			args->rate = 0;
			return 0;
		}
		return read_number(option, 1, 1e9, &args->rate);
	case SECONDS:
		return read_number(option, 0.001, 1e6, &args->seconds);
	case LOSS:
		return read_number(option, 0, 1, &args->loss);
	case RESOLUTION:
		return read_number(option, 1e-4, 0.5, &args->resolution);
	case SETTLE:
		return read_number(option, 0.001, 60, &args->settle_s);
	case COUNT:
	case SEED:
	case CPU:
	case MAIN_CPU:
	case MEMORY:
		return read_count(option, args);
	case SEARCH:
		args->search = true;
		return 0;
	case NO_HUGE:
		args->huge_never = true;
		return 0;
	case HOLD:
		args->hold = true;
		return 0;
	case QUIET:
		args->quiet = true;
		return 0;
	case HELP:
		fputs(usage, stdout);
		return -1;
	case VERSION:
		puts("weir-pktgen " WEIR_VERSION);
		return -1;
	default:
		fputs("try weir-pktgen --help\n", stderr);
		return 2;
	}
}

static int read_file(int option, struct args *args)
{
	const char **file = option == JSON ? &args->json : option == HTML ? &args->html : option == PCAP ? &args->pcap
			    : option == TENANTS ? &args->tenants : &args->replay;

	*file = optarg;
	return 0;
}

static int check(const struct args *args)
{
	bool offline = args->pcap || args->tenants;

	if (!args->scenario == !args->replay) {
		fputs("weir-pktgen: a scenario or --replay is needed, not both (weir-pktgen --help)\n", stderr);
		return 2;
	}
	if (args->replay && offline) {
		fputs("weir-pktgen: --replay sends a capture; --pcap and --tenants are of a scenario\n", stderr);
		return 2;
	}
	if (!args->n_devices && !offline) {
		fputs("weir-pktgen: --port, --pcap or --tenants is needed (weir-pktgen --help)\n", stderr);
		return 2;
	}
	return 0;
}

int args_read(struct args *args, int n, char **list)
{
	int option, status = 0;

	*args = (struct args){ .rate = -1, .seed = -1, .resolution = 0.01, .settle_s = 0.3, .cpu = -1, .main_cpu = -1,
			       .memory_mb = 256 };
	while (status == 0 && (option = getopt_long(n, list, "", options, NULL)) != -1)
		status = option >= JSON && option <= REPLAY ? read_file(option, args) : read_one(option, args);
	if (status)
		return status;
	if (optind < n - 1) {
		fprintf(stderr, "weir-pktgen: one scenario at a time: what is \"%s\"?\n", list[optind + 1]);
		return 2;
	}
	args->scenario = list[optind]; // NULL where there is none
	return check(args);
}
