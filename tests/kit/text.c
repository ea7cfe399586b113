// SPDX-License-Identifier: BSD-3-Clause
//
// Rule text to an open table, through a file in memory: the reader takes paths.
#include "tests/kit/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rules/read.h"

static int text_file(const char *text, char path[64])
{
	int file = memfd_create("rules.conf", MFD_CLOEXEC);

	if (file < 0 || write(file, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	snprintf(path, 64, "/proc/self/fd/%d", file);
	return file;
}

void kit_text_open(struct kit_text *kit, const char *text)
{
	char path[64], why[200] = "";
	struct diags diags;
	int file = text_file(text, path);

	memset(kit, 0, sizeof(*kit));
	diags_init(&diags);
	if (rules_load(path, &kit->image, &kit->rules, &diags) < 0 ||
	    table_open(&kit->table, kit->image.data, kit->image.size, why, sizeof(why)) < 0) {
		diags_print(&diags, stderr);
		fprintf(stderr, "%s\n", why);
		abort();
	}
	diags_fini(&diags);
	close(file);
}

void kit_text_close(struct kit_text *kit)
{
	table_image_fini(&kit->image);
	rules_destroy(kit->rules);
}
