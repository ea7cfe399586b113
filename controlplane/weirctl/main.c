// SPDX-License-Identifier: BSD-3-Clause
//
// weirctl, the operators' command line (DESIGN 1.1, 1.5, 1.6): finds the command by its one or two words,
// takes the shared options out, and runs it. `--help` and `--version` work for everything.
#include <stdio.h>
#include <string.h>

#include "controlplane/weirctl/weirctl.h"
#include "dataplane/decode/number.h"

static int command_version(const struct command *command, const struct options *options, int n, char **words);

static const struct command commands[] = {
	{"rules check", "FILE", "check a rule file and prove its residency",
	 "Prints the table's size, or every error of the file and of the files that it names.\n"
	 "Warnings go to stderr and refuse nothing.\n", command_check},
	{"rules explain", "FILE --tenant T --country C --priority P [--channel X] [--protocol X] [--size N]",
	 "say which rule decides a message, and why",
	 "Prints the deciding rule, its verdict, and for each earlier rule the first key that did not hold.\n"
	 "  --tenant    name or id; \"unknown\" or an id that is not in the file is an unknown tenant\n"
	 "  --country   two letters, ZZ where unknown\n"
	 "  --priority  emergency, urgent, normal or non-urgent\n"
	 "  --channel   name or number (unspecified)\n"
	 "  --protocol  native, sip or coap (native)\n"
	 "  --size      payload bytes (0)\n", command_explain},
	{"rules compile", "RULES -o IMAGE", "compile a rule file to a table image",
	 "The image is what a dataplane takes with --table. It takes the place of IMAGE at once or not at all.\n",
	 command_compile},
	{"classify", "--rules FILE --pcap IN.pcap [--udp-checksum verify|trust]",
	 "judge the frames of a capture as the dataplane would",
	 "With --json one object a frame, in order; without, a line a frame and the sums.\n"
	 "  --pcap          pcap or pcapng of link type Ethernet, \"-\" for standard input\n"
	 "  --udp-checksum  trust: skip that check, as for senders that offload it (verify)\n"
	 "  --config        gateway.conf whose listeners to use (5700 native, 5060 sip, 5683 coap)\n",
	 command_classify},
	{"battery", "FILE", "run messages with expected outcomes through a rule file",
	 "Prints the outcomes by tenant, country, priority, queue and reply, and each expectation that failed.\n",
	 command_battery},
	{"country", "NUMBER|ADDRESS [--rules TABLE]", "say which country a number or an address is of, and why",
	 "NUMBER is international: \"+\" and the calling code first. ZZ where it does not tell.\n"
	 "ADDRESS is looked up in a table: a rule file, an image, or a generation of the running gateway, by\n"
	 "default the present one.\n",
	 command_country},
	{"version", "", "print the version, and of when the number plan is", "", command_version},
	{"stats", "", "show what the running gateway has counted",
	 "Tables for people; with --json the object that other programs read.\n", command_stats},
	{"status", "", "show whether dataplane, rules and spool are well", "", command_status},
	{"rules load", "FILE", "check, compile and publish a rule file",
	 "Returns when every worker uses the new table, and prints its generation. An error leaves the\n"
	 "running table as it is. The control plane must be able to read FILE.\n", command_load},
	{"rules rollback", "[GENERATION]", "publish an earlier table again",
	 "Without GENERATION the last one that differs from the newest. It becomes a generation of its own.\n"
	 "The last tables are kept as they were published; the rule file on disk is not touched.\n"
	 "Route switches that are in force are so no more; those that were when it was made are in it.\n",
	 command_rollback},
	{"rules diff", "OLD NEW", "say what changes, and which messages are decided otherwise",
	 "OLD and NEW: a rule file, a table image, or the number of a generation that was published.\n"
	 "Every key of a rule file is live: a load makes it effective.\n", command_diff},
	{"rules history", "", "list what was loaded and changed when, by whom", "", command_history},
	{"pool list", "", "show the pools and how many of their members carry",
	 "With --json every member with its state, since when, last error, share and next hop.\n", command_pool_list},
	{"pool show", "POOL", "show the members of a pool", "", command_pool_show},
	{"member drain", "POOL/MEMBER", "give a member no new messages",
	 "Kept over loads and restarts, until `member enable`.\n", command_drain},
	{"member enable", "POOL/MEMBER", "take `member drain`, or weight 0, back", "", command_enable},
	{"member weight", "POOL/MEMBER N|file", "give a member another share",
	 "N is 0 (as drained) to 1000 and holds over loads and restarts; `file` goes back to the rule file's.\n",
	 command_weight},
	{"route switch", "POOL --to POOL [--tenant T] [--for 1h]", "send a pool's messages to another pool",
	 "Published as a generation: residency is proven anew. Holds over loads and restarts until it is taken back.\n"
	 "  --tenant  of this tenant alone\n"
	 "  --for     seconds, or with m, h or d behind: then it is taken back by itself\n", command_route_switch},
	{"route undo", "POOL [--tenant T]", "take `route switch` back", "", command_route_undo},
	{"route list", "", "show the route switches in force", "", command_route_list},
	{"queues", "", "show what waits for agents", "With --json by priority, and what ever came.\n", command_queues},
	{"queue", "NAME", "show one queue by priority, and its webhooks", "", command_queue},
	{"tail", "QUEUE [--bodies] [--max N]", "show messages as they come to a queue",
	 "A line a message, with --json an object; until it is interrupted. What is settled within a third of a\n"
	 "second of its coming is counted alone.\n"
	 "  --bodies  the content too\n"
	 "  --max     end after N messages\n", command_tail},
	{"spool stats", "[FOLDER]", "show what a spool holds",
	 "Reads the spool of the gateway, or the one in FOLDER; no control plane is needed.\n", command_spool_stats},
	{"spool export", "[QUEUE] [--state waiting|leased|dead] [--bodies] [--folder FOLDER]",
	 "print the messages of a spool, a JSON object a line",
	 "No control plane is needed. Of a spool in use, a message that is moved meanwhile may be missing, or there\n"
	 "twice, in another state.\n"
	 "  --state   these alone\n"
	 "  --bodies  the content too\n"
	 "  --folder  the spool there, not the gateway's\n", command_spool_export},
	{"spool purge", "QUEUE --dead|--all --yes", "remove messages of a queue for ever",
	 "--dead removes dead letters, --all those and all that wait; what is leased stays. By the running control\n"
	 "plane; who did it is in `rules history`.\n", command_spool_purge},
	{"steer show", "", "show who takes which share of the messages", "", command_steer_show},
	{"steer move", "--percent N --to SIBLING|here", "move a part of the messages to a sibling gateway, or back",
	 "N is of all messages, beside what was moved before. Kept over restarts until it is moved back.\n",
	 command_steer_move},
	{"steer weight", "WORKER N", "give a worker another share of what is dispatched",
	 "N is 0 (none) to 100 (as all have that were not changed).\n", command_steer_weight},
	{"agent add", "NAME --queue Q [--queue Q ...] [--operator]", "let an agent work on messages of queues",
	 "Prints the agent's token, which is kept nowhere else: whoever has it is the agent.\n"
	 "  --queue     the agent may see it; \"*\" is all. As often as needed\n"
	 "  --operator  may see everything, statistics too, and take what is offered to others\n", command_agent_add},
	{"agent list", "", "show who may work on messages", "", command_agent_list},
	{"agent revoke", "NAME", "let an agent in no more",
	 "Its token opens nothing from then on, and what it has in hand goes back to the queues.\n",
	 command_agent_revoke},
};
enum { N_COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static int command_version(const struct command *command, const struct options *options, int n, char **words)
{
	if (n > 0)
		return usage_error(command, "\"%s\" is too much", words[0]);
	if (options->json)
		printf("{\"version\":\"%s\",\"numbers\":{\"source\":\"%s\",\"date\":\"%s\"}}\n", WEIR_VERSION,
		       number_source, number_date);
	else
		printf("weirctl %s\nnumber plan: %s, %s\n", WEIR_VERSION, number_source, number_date);
	return STATUS_DONE;
}

static void print_overview(FILE *to)
{
	fputs("usage: weirctl [--json] [--config FILE] COMMAND ...\n\n", to);
	for (unsigned i = 0; i < N_COMMANDS; i++)
		fprintf(to, "  %-15s %s\n", commands[i].name, commands[i].summary);
	fputs("\n  --json         machine-readable output\n"
	      "  --config FILE  the gateway's gateway.conf\n"
	      "  --help         this, or with a command: about it\n"
	      "  --version      the version\n\n"
	      "Exit status: 0 done, 1 refused or a check failed, 2 wrong usage, 3 the environment failed.\n", to);
}

static void print_help(const struct command *command)
{
	printf("usage: weirctl [--json] [--config FILE] %s%s%s\n\n%s\n", command->name, *command->usage ? " " : "",
	       command->usage, command->help);
}

// How many of `words` the command's name takes, 0 where it is another command.
static int name_length(const char *name, int n, char **words)
{
	const char *space = strchr(name, ' ');
	size_t first = space ? (size_t)(space - name) : strlen(name);

	if (n < 1 || strlen(words[0]) != first || strncmp(name, words[0], first) != 0)
		return 0;
	if (!space)
		return 1;
	return n > 1 && strcmp(space + 1, words[1]) == 0 ? 2 : 0;
}

// The commands that start with the first word, for "rules what?".
static int no_command(int n, char **words)
{
	const char *separator = " (";

	fprintf(stderr, "weirctl: no command \"%s%s%s\"", words[0], n > 1 ? " " : "", n > 1 ? words[1] : "");
	for (unsigned i = 0; i < N_COMMANDS; i++) {
		const char *rest = strchr(commands[i].name, ' ');

		if (!rest || strncmp(commands[i].name, words[0], strlen(words[0])) != 0)
			continue;
		fprintf(stderr, "%s%s", separator, commands[i].name);
		separator = ", ";
	}
	fputs(*separator == ',' ? ")\n" : " (weirctl --help lists them)\n", stderr);
	return STATUS_USAGE;
}

// Takes the shared options out of `words`. Returns the words left, or -1 for --config without a file.
static int take_shared(int n, char **words, struct options *options, bool *help, bool *version)
{
	int left = 0;

	for (int i = 0; i < n; i++) {
		if (strcmp(words[i], "--json") == 0)
			options->json = true;
		else if (strcmp(words[i], "--help") == 0 || strcmp(words[i], "-h") == 0)
			*help = true;
		else if (strcmp(words[i], "--version") == 0)
			*version = true;
		else if (strncmp(words[i], "--config=", 9) == 0)
			options->config = words[i] + 9;
		else if (strcmp(words[i], "--config") != 0)
			words[left++] = words[i];
		else if (++i < n)
			options->config = words[i];
		else
			return -1;
	}
	return options->config && !*options->config ? -1 : left;
}

int main(int argc, char **argv)
{
	struct options options = {0};
	bool help = false, version = false;
	char **words = argv + 1;
	int n = take_shared(argc - 1, words, &options, &help, &version);

	if (n < 0)
		return failure(STATUS_USAGE, "--config needs a file");
	if (version)
		return output_close(command_version(NULL, &options, 0, NULL));
	if (n == 0) {
		print_overview(help ? stdout : stderr);
		return help ? output_close(STATUS_DONE) : STATUS_USAGE;
	}
	for (unsigned i = 0; i < N_COMMANDS; i++) {
		int skip = name_length(commands[i].name, n, words);

		if (!skip)
			continue;
		if (!help)
			return output_close(commands[i].run(&commands[i], &options, n - skip, words + skip));
		print_help(&commands[i]);
		return output_close(STATUS_DONE);
	}
	return no_command(n, words);
}
