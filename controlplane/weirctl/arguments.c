// SPDX-License-Identifier: BSD-3-Clause
//
// Words of a command line into the arguments of a command, and the one-line errors of weirctl.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "controlplane/weirctl/weirctl.h"

int usage_error(const struct command *command, const char *format, ...)
{
	va_list list;

	fprintf(stderr, "weirctl %s: ", command->name);
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fprintf(stderr, " (usage: weirctl %s%s%s)\n", command->name, *command->usage ? " " : "", command->usage);
	return STATUS_USAGE;
}

int failure(int status, const char *format, ...)
{
	va_list list;

	fputs("weirctl: ", stderr);
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fputc('\n', stderr);
	return status;
}

int output_close(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	return failure(STATUS_ENVIRONMENT, "standard output: cannot write all of it: %m");
}

// The value of option `name` in words[*i]: the rest after '=', or the next word. NULL: another option.
static const char *option_value(const char *name, int n, char **words, int *i)
{
	size_t length = strlen(name);

	if (strncmp(words[*i], name, length) != 0)
		return NULL;
	if (words[*i][length] == '=')
		return words[*i] + length + 1;
	if (words[*i][length] != 0)
		return NULL;
	return *i + 1 < n ? words[++*i] : "";
}

static int take_option(const struct command *command, int n, char **words, const struct argument *arguments, int *i)
{
	const char *word = words[*i];

	for (const struct argument *a = arguments; a->name; a++) {
		const char *value = NULL;

		if (a->flag && strcmp(a->name, word) == 0) {
			*a->flag = true;
			return STATUS_DONE;
		}
		if (a->name[0] == '-' && !a->flag)
			value = option_value(a->name, n, words, i);
		if (!value)
			continue;
		if (!*value)
			return usage_error(command, "%s needs a value", a->name);
		*a->value = value;
		return STATUS_DONE;
	}
	return usage_error(command, "no option %s", word);
}

static int take_word(const struct command *command, const char *word, const struct argument *arguments)
{
	for (const struct argument *a = arguments; a->name; a++) {
		if (a->name[0] != '-' && !*a->value) {
			*a->value = word;
			return STATUS_DONE;
		}
	}
	return usage_error(command, "\"%s\" is one word too many", word);
}

int arguments_parse(const struct command *command, int n, char **words, const struct argument *arguments)
{
	int status = STATUS_DONE;

	for (int i = 0; i < n && status == STATUS_DONE; i++) {
		if (words[i][0] == '-' && words[i][1])
			status = take_option(command, n, words, arguments, &i);
		else
			status = take_word(command, words[i], arguments);
	}
	for (const struct argument *a = arguments; a->name && status == STATUS_DONE; a++)
		if (a->required && !*a->value)
			status = usage_error(command, "%s is missing", a->name);
	return status;
}
