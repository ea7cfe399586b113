// SPDX-License-Identifier: BSD-3-Clause
//
// weirctl rules check: reads, checks, compiles and proves a rule file, and prints the table's size.
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "controlplane/weirctl/load.h"
#include "controlplane/weirctl/weirctl.h"

static void print_size(const char *path, const struct loaded *loaded)
{
	const struct table_header *header = loaded->table.header;

	printf("%s: %" PRIu32 " tenants in %" PRIu64 " classes, %" PRIu32
	       " rules, %u country classes, %u small classes\n",
	       path, header->n_tenants, table_count(&loaded->table, TABLE_TENANT_CLASSES), header->n_rules,
	       header->n_country_classes, header->n_small_classes);
	printf("table: %" PRIu64 " cells, %" PRIu64 " steps over size, image of %zu bytes, CRC-32C %08" PRIx32 "\n",
	       table_count(&loaded->table, TABLE_CELLS), table_count(&loaded->table, TABLE_LEAVES), loaded->image.size,
	       header->crc);
	if (loaded->rules->enforce_residency)
		puts("residency: enforced, and holds for every cell of the table");
}

static json_t *size_json(const struct loaded *loaded)
{
	const struct table_header *header = loaded->table.header;
	char crc[9];

	snprintf(crc, sizeof(crc), "%08" PRIx32, header->crc);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:b}",
			 "tenants", (json_int_t)header->n_tenants,
			 "tenant_classes", (json_int_t)table_count(&loaded->table, TABLE_TENANT_CLASSES),
			 "rules", (json_int_t)header->n_rules,
			 "country_classes", (json_int_t)header->n_country_classes,
			 "small_classes", (json_int_t)header->n_small_classes,
			 "cells", (json_int_t)table_count(&loaded->table, TABLE_CELLS),
			 "leaves", (json_int_t)table_count(&loaded->table, TABLE_LEAVES),
			 "bytes", (json_int_t)loaded->image.size, "crc", crc,
			 "residency", (int)loaded->rules->enforce_residency);
}

static json_t *diags_json(const struct diags *diags)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < diags->n; i++) {
		const struct diag *diag = &diags->list[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:s, s:s?}",
						      "kind", diag->kind == DIAG_ERROR ? "error" : "warning",
						      "file", diag->file, "line", (json_int_t)diag->line,
						      "text", diag->text, "hint", diag->hint));
	}
	return list;
}

static int print_json(const char *path, const struct loaded *loaded, const struct diags *diags)
{
	json_t *object = json_pack("{s:s, s:I, s:I, s:o, s:o}", "file", path,
				   "errors", (json_int_t)diags->n_errors, "warnings", (json_int_t)diags->n_warnings,
				   "table", loaded->rules ? size_json(loaded) : json_null(),
				   "diagnostics", diags_json(diags));

	if (!object || json_dumpf(object, stdout, JSON_COMPACT) < 0) {
		json_decref(object);
		return failure(STATUS_ENVIRONMENT, "cannot print the result: out of memory, or a name is not UTF-8");
	}
	putchar('\n');
	json_decref(object);
	return STATUS_DONE;
}

int command_check(const struct command *command, const struct options *options, int n, char **words)
{
	const char *path = NULL;
	const struct argument arguments[] = {{"FILE", &path, true}, {0}};
	struct loaded loaded;
	struct diags diags;
	int status = arguments_parse(command, n, words, arguments), printed = STATUS_DONE;

	if (status != STATUS_DONE)
		return status;
	diags_init(&diags);
	status = loaded_open(&loaded, path, &diags);
	if (options->json)
		printed = print_json(path, &loaded, &diags);
	else if (status == STATUS_DONE)
		print_size(path, &loaded);
	loaded_close(&loaded);
	diags_fini(&diags);
	return status != STATUS_DONE ? status : printed;
}
