// SPDX-License-Identifier: BSD-3-Clause
//
// Log lines, see log.h. Main thread. A line is one write, so that lines of several processes do not
// mix.
#include "dataplane/log.h"

#include <stdarg.h>
#include <stdio.h>

void log_line(const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	fprintf(stderr, "weir-dataplane: %s\n", text);
}
