// SPDX-License-Identifier: BSD-3-Clause
//
// Lines on stderr. A line is one write, so that lines of several threads do not mix. Any thread.
#include "controlplane/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1200 };

static const char *program;
static bool under_systemd;

void log_open(const char *name)
{
	program = name;
	under_systemd = getenv("JOURNAL_STREAM") != NULL;
}

static void put(int level, const char *word, const char *format, va_list list) __attribute__((format(printf, 3, 0)));

static void put(int level, const char *word, const char *format, va_list list)
{
	char line[LINE_MAX_BYTES];
	int n = 0, text;
	ssize_t written;

	if (under_systemd)
		n += snprintf(line, sizeof(line), "<%d>", level);
	if (program)
		n += snprintf(line + n, sizeof(line) - (size_t)n, "%s: ", program);
	n += snprintf(line + n, sizeof(line) - (size_t)n, "%s", word);
	text = vsnprintf(line + n, sizeof(line) - (size_t)n - 1, format, list);
	n += text < 0 ? 0 : text;
	if (n > LINE_MAX_BYTES - 2)
		n = LINE_MAX_BYTES - 2;
	for (int i = 0; i < n; i++) // what came from outside must not forge a second line
		if ((unsigned char)line[i] < ' ')
			line[i] = ' ';
	line[n++] = '\n';
	written = write(STDERR_FILENO, line, (size_t)n);
	(void)written; // nobody is left to tell
}

#define LEVEL(name, level, word)                        \
	void name(const char *format, ...)              \
	{                                               \
		va_list list;                           \
		va_start(list, format);                 \
		put(level, word, format, list);         \
		va_end(list);                           \
	}

LEVEL(log_info, 6, "")
LEVEL(log_warning, 4, "warning: ")
LEVEL(log_error, 3, "error: ")
