// SPDX-License-Identifier: BSD-3-Clause
//
// Pools for tests. Needs cmocka: what goes wrong here fails the test.
#include "tests/kit/pools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "controlplane/image.h"
#include "rules/compile.h"
#include "tests/kit/folder.h"

static void on_change(void *argument)
{
	++*(unsigned *)argument;
}

struct pools *pools_kit_start(struct pools_kit *kit, const char *path)
{
	struct pools *pools = pools_create(kit->base, kit->gateway, path, on_change, &kit->changes);

	assert_non_null(pools);
	return pools;
}

struct table_map *pools_kit_compile(const struct pools_kit *kit, const char *pools)
{
	char file[700], text[4000], why[200];
	struct table_image image;
	struct table_map *map;
	struct diags diags;
	FILE *out;
	int fd;

	snprintf(file, sizeof(file), "%s/rules.conf", kit->folder);
	snprintf(text, sizeof(text), "version = 1; pools = ( %s ); default = { drop = \"x\"; };", pools);
	out = fopen(file, "w");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
	diags_init(&diags);
	if (rules_load(file, &image, NULL, &diags) != 0)
		diags_print(&diags, stderr);
	assert_int_equal(diags.n_errors, 0);
	fd = image_seal(image.data, image.size, false);
	assert_true(fd >= 0);
	map = table_map_open(fd, image.size, why, sizeof(why));
	assert_non_null(map);
	close(fd);
	table_image_fini(&image);
	diags_fini(&diags);
	return map;
}

void pools_kit_adopt(const struct pools_kit *kit, struct pools *pools, const char *text)
{
	struct table_map *map = pools_kit_compile(kit, text);

	assert_int_equal(pools_adopt(pools, map), 0);
	table_map_put(map);
}

void pools_kit_check(struct pools *pools, const struct table *table, const char *expected)
{
	struct routes_input input[16] = { 0 };
	char states[17] = "";
	uint64_t again;

	assert_int_equal(pools_evaluate(pools, table, input, &again), 0);
	for (uint64_t i = 0; i < table_count(table, TABLE_MEMBERS); i++)
		states[i] = "udrsne"[input[i].member.state]; // up, down, drained, standby, no next hop, ejected
	assert_string_equal(states, expected);
}

void pools_kit_open(struct pools_kit *kit)
{
	struct diags diags;
	char config[700];
	FILE *out;

	kit->changes = 0;
	kit->folder = folder_make();
	snprintf(kit->path, sizeof(kit->path), "%s/pools.json", kit->folder);
	snprintf(config, sizeof(config), "%s/gateway.conf", kit->folder);
	out = fopen(config, "w");
	assert_non_null(out);
	fputs("ports = ( { name = \"in0\"; device = \"net_null0\"; } );", out);
	fclose(out);
	diags_init(&diags);
	kit->gateway = gateway_read(config, true, &diags);
	diags_fini(&diags);
	kit->base = event_base_new();
	assert_true(kit->gateway && kit->base);
}

void pools_kit_close(struct pools_kit *kit)
{
	event_base_free(kit->base);
	gateway_destroy(kit->gateway);
	folder_remove(kit->folder);
}
