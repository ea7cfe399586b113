// SPDX-License-Identifier: BSD-3-Clause
//
// Command line of weir-dataplane, see args.h.
#include "dataplane/args.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char usage[] =
	"usage: weir-dataplane --config FILE [--table IMAGE] [--exit-when-idle SECONDS] [--stage-cycles]\n"
	"\n"
	"  --config FILE             gateway.conf of this appliance\n"
	"  --table IMAGE             start with this table (weirctl rules compile) instead of the last good one\n"
	"  --exit-when-idle SECONDS  end when no frame has come for so long, and print the statistics as JSON\n"
	"  --stage-cycles            count the cycles of each stage, of a verdict and of the longest turn,\n"
	"                            and print them at the end\n"
	"  --help, --version\n";

static int refuse(const char *argument, const char *what)
{
	fprintf(stderr, "weir-dataplane: %s %s (see --help)\n", argument, what);
	return -EINVAL;
}

static int parse_seconds(struct args *args, const char *text)
{
	char *end;

	errno = 0;
	args->idle_seconds = strtod(text, &end);
	if (end == text || *end || errno ||
	    !(args->idle_seconds >= 0 && args->idle_seconds <= 1e6)) {
		fprintf(stderr, "weir-dataplane: --exit-when-idle %s: not a number of seconds\n",
			text);
		return -EINVAL;
	}
	return 0;
}

int args_parse(struct args *args, int argc, char **argv)
{
	enum { CONFIG = 1, TABLE, IDLE, CYCLES, HELP, VERSION };
	static const struct option options[] = {
		{ "config", required_argument, NULL, CONFIG },
		{ "table", required_argument, NULL, TABLE },
		{ "exit-when-idle", required_argument, NULL, IDLE },
		{ "stage-cycles", no_argument, NULL, CYCLES },
		{ "help", no_argument, NULL, HELP },
		{ "version", no_argument, NULL, VERSION },
		{ 0 },
	};
	int option;

	*args = (struct args){ .idle_seconds = -1 };
	opterr = 0; // one line, and it is ours
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case CONFIG:
			args->config = optarg;
			break;
		case TABLE:
			args->table = optarg;
			break;
		case IDLE:
			if (parse_seconds(args, optarg) < 0)
				return -EINVAL;
			break;
		case CYCLES:
			args->time_stages = true;
			break;
		case HELP:
			fputs(usage, stdout);
			return 1;
		case VERSION:
			puts("weir-dataplane " WEIR_VERSION);
			return 1;
		default:
			return refuse(argv[optind - 1], "is not known, or lacks its value");
		}
	}
	if (optind < argc)
		return refuse(argv[optind], "has no meaning here");
	return args->config ? 0 : refuse("--config FILE", "must be given");
}
