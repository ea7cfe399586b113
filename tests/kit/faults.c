// SPDX-License-Identifier: BSD-3-Clause
//
// Rule texts for tests.
#include "tests/kit/faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "rules/read.h"
#include "rules/reader.h"

static char folder[] = "/tmp/weir-rules-XXXXXX";

struct rule_set *rules_kit_read(const char *text)
{
	struct diags diags;
	struct rule_set *rules;

	diags_init(&diags);
	rules = rules_read_text("t.conf", text, strlen(text), &diags);
	diags_print(&diags, stderr);
	assert_int_equal(diags.n_errors, 0);
	assert_non_null(rules);
	diags_fini(&diags);
	return rules;
}

int rules_kit_has(const struct diags *diags, enum diag_kind kind, uint32_t line, const char *part)
{
	char out[2048];

	for (uint32_t i = 0; i < diags->n; i++)
		if (diags->list[i].kind == kind && diags->list[i].line == line &&
		    strstr(diag_format(&diags->list[i], out, sizeof(out)), part) != NULL)
			return 1;
	return 0;
}

void rules_kit_refuse(const struct fault *faults, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct diags diags;
		char *text;

		diags_init(&diags);
		assert_true(asprintf(&text, "%s%s", RULES_HEAD, faults[i].text) > 0);
		assert_null(rules_read_text("t.conf", text, strlen(text), &diags));
		if (diags.n_errors != 1 ||
		    !rules_kit_has(&diags, DIAG_ERROR, faults[i].line, faults[i].part)) {
			print_error("%s\nexpected on line %u: %s\n", faults[i].text, faults[i].line,
				    faults[i].part);
			diags_print(&diags, stderr);
			fail();
		}
		diags_fini(&diags);
		free(text);
	}
}

static void remove_folder(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	if (system(command) != 0)
		fprintf(stderr, "%s stays\n", folder);
}

const char *rules_kit_write(const char *name, const char *text, size_t length)
{
	static char path[256];
	static int made;
	FILE *file;

	if (!made) {
		assert_non_null(mkdtemp(folder));
		atexit(remove_folder);
		made = 1;
	}
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
	return path;
}
