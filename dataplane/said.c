// SPDX-License-Identifier: BSD-3-Clause
//
// What DPDK says at the start, see said.h. Main thread. DPDK writes to a stream in memory; the text is
// complete after each of its lines, since it flushes them.
#include "dataplane/said.h"

#include <rte_log.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/log.h"

static struct {
	FILE *stream;
	char *text;
	size_t size;
	size_t passed; // bytes of it logged already
} said;

void said_begin(void)
{
	said.passed = 0;
	said.stream = open_memstream(&said.text, &said.size);
	if (said.stream)
		rte_openlog_stream(said.stream);
}

// The line at `from`, without "EAL: " or "some_function(): " before it; its length.
static size_t line_trim(const char **from)
{
	size_t n = strcspn(*from, "\n");
	const char *call = strstr(*from, "(): ");
	size_t skip = strncmp(*from, "EAL: ", 5) == 0                     ? 5
		      : call && (size_t)(call - *from) + 4 <= n ? (size_t)(call - *from) + 4
								: 0;

	*from += skip;
	return n - skip;
}

const char *said_format(char *out, size_t size, const char *otherwise)
{
	const char *line = otherwise;
	size_t n = strlen(otherwise);

	if (said.stream && said.size > said.passed) {
		line = said.text + said.passed;
		n = line_trim(&line);
	}
	snprintf(out, size, "%.*s", (int)n, line);
	return out;
}

void said_pass_on(void)
{
	while (said.stream && said.size > said.passed) {
		const char *line = said.text + said.passed;
		size_t n = strcspn(line, "\n");

		log_line("DPDK: %.*s", (int)n, line);
		said.passed += n + (line[n] == '\n');
	}
}

void said_end(void)
{
	if (!said.stream)
		return;
	rte_openlog_stream(NULL);
	fclose(said.stream);
	free(said.text);
	said.stream = NULL;
	said.text = NULL;
}
