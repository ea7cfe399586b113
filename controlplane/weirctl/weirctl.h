// SPDX-License-Identifier: BSD-3-Clause
//
// weirctl: one table of commands (main.c), one file a command. A command gets the words after its
// name; the options that all share (--json, --config) are taken out before, wherever they stood.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// Exit status of every program of weir (DESIGN 1.1).
enum { STATUS_DONE, STATUS_REFUSED, STATUS_USAGE, STATUS_ENVIRONMENT };

struct options {
	bool json;
	const char *config; // gateway.conf, NULL where not given
};

struct command {
	const char *name;    // one or two words: "rules check"
	const char *usage;   // what follows the name, "" for nothing
	const char *summary; // one line
	const char *help;    // lines that --help adds, each ending in a newline
	// `words`[0..n) follow the name. Returns an exit status, everything printed.
	int (*run)(const struct command *command, const struct options *options, int n, char **words);
};

// One thing that a command takes: an option with a value where `name` starts with '-', or without one where it has a
// `flag`; else a word in its place. `value` (or `flag`) is set where it was given, and stays as it was otherwise.
struct argument {
	const char *name;
	const char **value;
	bool required;
	bool *flag;
};

// Sorts `words` into `arguments`, which ends with one without a name. Returns STATUS_DONE, or
// STATUS_USAGE with one line on stderr that says what is wrong and how the command is called.
int arguments_parse(const struct command *command, int n, char **words, const struct argument *arguments);

// Prints `weirctl NAME: text (usage: …)` on stderr and returns STATUS_USAGE.
int usage_error(const struct command *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Prints `weirctl: text` on stderr and returns `status`.
int failure(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Flushes stdout: `status`, or STATUS_ENVIRONMENT with a line on stderr where not all could be written.
int output_close(int status);

int command_check(const struct command *command, const struct options *options, int n, char **words);
int command_explain(const struct command *command, const struct options *options, int n, char **words);
int command_compile(const struct command *command, const struct options *options, int n, char **words);
int command_classify(const struct command *command, const struct options *options, int n, char **words);
int command_country(const struct command *command, const struct options *options, int n, char **words);
int command_battery(const struct command *command, const struct options *options, int n, char **words);
int command_stats(const struct command *command, const struct options *options, int n, char **words);
int command_status(const struct command *command, const struct options *options, int n, char **words);
int command_load(const struct command *command, const struct options *options, int n, char **words);
int command_rollback(const struct command *command, const struct options *options, int n, char **words);
int command_diff(const struct command *command, const struct options *options, int n, char **words);
int command_steer_show(const struct command *command, const struct options *options, int n, char **words);
int command_steer_move(const struct command *command, const struct options *options, int n, char **words);
int command_steer_weight(const struct command *command, const struct options *options, int n, char **words);
int command_agent_add(const struct command *command, const struct options *options, int n, char **words);
int command_agent_list(const struct command *command, const struct options *options, int n, char **words);
int command_agent_revoke(const struct command *command, const struct options *options, int n, char **words);
int command_history(const struct command *command, const struct options *options, int n, char **words);
int command_pool_list(const struct command *command, const struct options *options, int n, char **words);
int command_pool_show(const struct command *command, const struct options *options, int n, char **words);
int command_drain(const struct command *command, const struct options *options, int n, char **words);
int command_enable(const struct command *command, const struct options *options, int n, char **words);
int command_weight(const struct command *command, const struct options *options, int n, char **words);
int command_queue(const struct command *command, const struct options *options, int n, char **words);
int command_queues(const struct command *command, const struct options *options, int n, char **words);
int command_tail(const struct command *command, const struct options *options, int n, char **words);
int command_spool_export(const struct command *command, const struct options *options, int n, char **words);
int command_spool_purge(const struct command *command, const struct options *options, int n, char **words);
int command_spool_stats(const struct command *command, const struct options *options, int n, char **words);
int command_route_switch(const struct command *command, const struct options *options, int n, char **words);
int command_route_undo(const struct command *command, const struct options *options, int n, char **words);
int command_route_list(const struct command *command, const struct options *options, int n, char **words);
