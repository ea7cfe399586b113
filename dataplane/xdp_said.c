// SPDX-License-Identifier: BSD-3-Clause
//
// What libbpf and libxdp say while a program is loaded and attached. They print lines and whole logs of
// the verifier to stderr; here they are kept, and the one line that tells the cause is found in them.
#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <xdp/libxdp.h>

#include "dataplane/xdp_parts.h"

static struct {
	char text[1 << 16];
	size_t length;
	char line[200];
} said;

static __attribute__((format(printf, 1, 0))) void keep(const char *format, va_list arguments)
{
	size_t room = sizeof(said.text) - said.length;
	int n = vsnprintf(said.text + said.length, room, format, arguments);

	if (n > 0)
		said.length += (size_t)n < room ? (size_t)n : room - 1;
}

static __attribute__((format(printf, 2, 0))) int keep_libbpf(enum libbpf_print_level level,
							     const char *format, va_list arguments)
{
	if (level == LIBBPF_WARN)
		keep(format, arguments);
	return 0;
}

static __attribute__((format(printf, 2, 0))) int keep_libxdp(enum libxdp_print_level level,
							     const char *format, va_list arguments)
{
	if (level == LIBXDP_WARN)
		keep(format, arguments);
	return 0;
}

void xdp_said_begin(void)
{
	said.length = 0;
	said.text[0] = '\0';
	libbpf_set_print(keep_libbpf);
	libxdp_set_print(keep_libxdp);
}

// The line that ends before `end`.
static const char *line_before(const char *end)
{
	const char *begin;

	while (end > said.text && end[-1] == '\n')
		end--;
	for (begin = end; begin > said.text && begin[-1] != '\n';)
		begin--;
	snprintf(said.line, sizeof(said.line), "%.*s", (int)(end - begin), begin);
	return said.line;
}

// The verifier's log ends with its statistics ("processed N insns …"); what it stumbled over is the
// line before.
const char *xdp_said(void)
{
	const char *log = strstr(said.text, "BEGIN PROG LOAD LOG");
	const char *end = log ? strstr(log, "\nprocessed ") : NULL;
	const char *first = said.text;

	if (end)
		return line_before(end);
	while (strncmp(first, "libbpf: elf: skipping", 21) == 0 && strchr(first, '\n'))
		first = strchr(first, '\n') + 1;
	snprintf(said.line, sizeof(said.line), "%.*s", (int)strcspn(first, "\n"), first);
	return said.line;
}
