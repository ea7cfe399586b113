// SPDX-License-Identifier: BSD-3-Clause

// cmocka.h needs these three before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/compile.h"
#include "rules/lookup_geo.h"
#include "rules/read.h"
#include "tests/kit/faults.h"
#include "tests/kit/mmdb.h"
#include "tests/kit/rules.h"
#include "tests/kit/tables.h"

#ifdef WEIR_TEST_MAXMINDDB
#include <maxminddb.h>
#endif

enum { MAX_NETWORKS = 200, ADDRESSES = 3000 };

static bool load(const uint8_t *data, size_t size, struct kit_table *kit, struct diags *diags)
{
	static const char text[] = RULES_HEAD "country_by_address = \"geo.mmdb\";\n";
	char why[160] = "";

	memset(kit, 0, sizeof(*kit));
	diags_init(diags);
	rules_kit_write("geo.mmdb", (const char *)data, size);
	if (rules_load(rules_kit_write("geo.conf", text, sizeof(text) - 1), &kit->image, &kit->rules, diags) != 0)
		return false;
	if (table_open(&kit->table, kit->image.data, kit->image.size, why, sizeof(why)) != 0)
		fail_msg("does not open: %s", why);
	return true;
}

static void unload(struct kit_table *kit, struct diags *diags)
{
	table_image_fini(&kit->image);
	rules_destroy(kit->rules);
	diags_fini(diags);
}

static void make_network(uint64_t *random, struct kit_network *network)
{
	static const char codes[][3] = {"DE", "FR", "CH", "US", "", "BR"};

	memset(network, 0, sizeof(*network));
	network->version = kit_random_below(random, 2) == 0 ? 4 : 6;
	network->length = (uint8_t)(1 + kit_random_below(random, network->version == 4 ? 32 : 128));
	if (network->version == 6) // not where IPv4 is, nor where it is again
		network->length = (uint8_t)(network->length < 8 ? 8 : network->length);
	for (unsigned i = 0; i < (network->version == 4 ? 4 : 16); i++)
		network->address[i] = kit_random_below(random, 2) == 0 ? (uint8_t)kit_random(random) : 0x20;
	if (network->version == 6)
		network->address[0] = kit_random_below(random, 2) == 0 ? 0x2a : 0x26;
	for (unsigned bit = network->length; bit < (network->version == 4 ? 32 : 128); bit++)
		network->address[bit / 8] &= (uint8_t)~(0x80 >> (bit % 8));
	memcpy(network->country, codes[kit_random_below(random, 6)], 3);
}

static bool holds(const struct kit_network *network, unsigned version, const uint8_t *bytes)
{
	unsigned bit = 0;

	while (bit < network->length && !((network->address[bit / 8] ^ bytes[bit / 8]) & (0x80 >> (bit % 8))))
		bit++;
	return network->version == version && bit == network->length;
}

static uint16_t scan(const struct kit_network *network, unsigned n, unsigned version, const uint8_t *bytes)
{
	while (n-- > 0)
		if (holds(&network[n], version, bytes))
			return network[n].country[0] == '\0' ? WEIR_COUNTRY_NONE : (uint16_t)weir_country_find(network[n].country);
	return WEIR_COUNTRY_NONE;
}

static void make_address(uint64_t *random, const struct kit_network *network, unsigned n, unsigned *version, uint8_t *bytes)
{
	const struct kit_network *near = &network[kit_random_below(random, n)];

	*version = near->version;
	memcpy(bytes, near->address, 16);
	for (unsigned bit = near->length; bit < (near->version == 4 ? 32 : 128); bit++)
		bytes[bit / 8] |= (uint8_t)(kit_random(random) & (0x80 >> (bit % 8)));
	if (kit_random_below(random, 4) == 0)
		bytes[kit_random_below(random, near->version == 4 ? 4 : 16)] ^= (uint8_t)(1 << kit_random_below(random, 8));
}

#ifdef WEIR_TEST_MAXMINDDB
// What libmaxminddb says.
static uint16_t ask_library(const MMDB_s *mmdb, unsigned version, const uint8_t *bytes)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	struct sockaddr_in four = {.sin_family = AF_INET};
	MMDB_lookup_result_s result;
	MMDB_entry_data_s data;
	int err, found;

	memcpy(&six.sin6_addr, bytes, 16);
	memcpy(&four.sin_addr, bytes, 4);
	result = MMDB_lookup_sockaddr(mmdb, version == 4 ? (const struct sockaddr *)(const void *)&four :
							   (const struct sockaddr *)(const void *)&six, &err);
	assert_int_equal(err, MMDB_SUCCESS);
	if (!result.found_entry)
		return WEIR_COUNTRY_NONE;
	found = MMDB_get_value(&result.entry, &data, "country", "iso_code", NULL);
	if (found != MMDB_SUCCESS)
		found = MMDB_get_value(&result.entry, &data, "country_code", NULL);
	if (found != MMDB_SUCCESS || !data.has_data)
		return WEIR_COUNTRY_NONE;
	assert_int_equal(data.data_size, 2);
	return (uint16_t)weir_country_find(data.utf8_string);
}
#endif

static void compare(const struct table *table, const struct kit_network *network, unsigned n, uint64_t *random)
{
#ifdef WEIR_TEST_MAXMINDDB
	MMDB_s mmdb;

	assert_int_equal(MMDB_open(table_string(table, table->geo_files[0].path), MMDB_MODE_MMAP, &mmdb), MMDB_SUCCESS);
#endif
	for (unsigned i = 0; i < ADDRESSES; i++) {
		unsigned version;
		uint8_t bytes[16];
		uint16_t country;

		make_address(random, network, n, &version, bytes);
		country = table_find_address_country(table, version, bytes);
		assert_int_equal(country, scan(network, n, version, bytes));
#ifdef WEIR_TEST_MAXMINDDB
		assert_int_equal(country, ask_library(&mmdb, version, bytes));
#endif
	}
#ifdef WEIR_TEST_MAXMINDDB
	MMDB_close(&mmdb);
#endif
}

static void networks_of_every_kind_of_file_are_found(void **state)
{
	static struct kit_network network[MAX_NETWORKS];
	uint64_t random = kit_seed();

	for (unsigned turn = 0; turn < 36; turn++) {
		struct kit_mmdb shape = {.record_bits = 24 + turn % 3 * 4, .ip_version = turn / 3 % 2 == 0 ? 6 : 4,
					 .style = turn / 6 % 3};
		unsigned n = 1 + kit_random_below(&random, MAX_NETWORKS);
		struct kit_table kit;
		struct diags diags;
		uint8_t *data;
		size_t size;

		for (unsigned i = 0; i < n; i++)
			do
				make_network(&random, &network[i]);
			while (network[i].version > shape.ip_version);
		data = kit_mmdb_make(&shape, network, n, &size);
		if (!load(data, size, &kit, &diags)) {
			diags_print(&diags, stderr);
			fail_msg("turn %u is not read", turn);
		}
		compare(&kit.table, network, n, &random);
		unload(&kit, &diags);
		free(data);
	}
}

static void row_of_an_address_is_its_network(void **state)
{
	static const struct kit_network network[] = {{{10, 1}, 4, 16, "DE"}, {{0x2a, 1, 2, 3, 4}, 6, 40, "FR"}};
	const struct kit_mmdb shape = {.record_bits = 28, .ip_version = 6};
	const uint8_t four[] = {10, 1, 2, 3}, six[16] = {0x2a, 1, 2, 3, 4, 5, 6};
	struct geo_address address;
	struct kit_table kit;
	struct diags diags;
	uint8_t *data;
	size_t size;

	data = kit_mmdb_make(&shape, network, 2, &size);
	assert_true(load(data, size, &kit, &diags));
	assert_int_equal(kit.table.geo_files[0].kind, GEO_MMDB);
	address = geo_address_make(4, four);
	assert_int_equal(table_find_address_row(&kit.table, &address), TABLE_GEO_ROW(0, 16));
	address = geo_address_make(6, six);
	assert_int_equal(table_find_address_row(&kit.table, &address), TABLE_GEO_ROW(0, 40));
	unload(&kit, &diags);
	free(data);
}

static uint8_t *make_small(size_t *size)
{
	static const struct kit_network network[] = {{{10, 1}, 4, 16, "DE"}, {{0x2a, 1, 2, 3, 4}, 6, 40, "FR"}};
	const struct kit_mmdb shape = {.record_bits = 24, .ip_version = 6};

	return kit_mmdb_make(&shape, network, 2, size);
}

// Puts `to` in the place of `from`, of the same length, in a sound file, and expects the error.
static void expect_refusal(const char *from, const char *to, size_t length, const char *part)
{
	struct kit_table kit;
	struct diags diags;
	uint8_t *data, *at;
	size_t size;

	data = make_small(&size);
	at = memmem(data, size, from, length);
	assert_non_null(at);
	memcpy(at, to, length);
	assert_false(load(data, size, &kit, &diags));
	if (!rules_kit_has(&diags, DIAG_ERROR, 0, part)) {
		diags_print(&diags, stderr);
		fail_msg("expected: %s", part);
	}
	unload(&kit, &diags);
	free(data);
}

static void damaged_file_is_refused(void **state)
{
	expect_refusal("node_count", "nope_count", 10, "its metadata is damaged");
	expect_refusal("record_size\xa1\x18", "record_size\xa1\x19", 13, "what no version 2.0 of the format has");
	expect_refusal("major_version\xa1\x02", "major_version\xa1\x03", 15, "what no version 2.0 of the format has");
	expect_refusal("node_count\xc4\x00", "node_count\xc4\x01", 12, "its search tree is larger than the file");
	expect_refusal("\xab\xcd\xefMaxMind.com", "\xab\xcd\xefMaxMind.cow", 14, "this is no MaxMind DB");
	expect_refusal("iso_code\x42" "DE", "iso_code\x42" "de", 11, "a record is damaged, or its country is no country code");
	expect_refusal("iso_code\x42" "DE", "iso_code\x5d" "DE", 11, "a record is damaged");
	expect_refusal("\xe2Icontinent", "\xfdIcontinent", 11, "a record is damaged"); // a map without end
	expect_refusal("\x00\x00\x01\x00\x00", "\x00\x00\x00\x00\x00", 5, "its search tree is no tree"); // the root below itself
}

static void cut_or_spoilt_file_does_no_harm(void **state)
{
	uint64_t random = kit_seed();
	size_t size;
	uint8_t *data = make_small(&size), *copy = malloc(size);

	for (unsigned turn = 0; turn < 2000; turn++) {
		struct kit_table kit;
		struct diags diags;
		size_t length = turn < 300 ? size * turn / 300 : size;

		memcpy(copy, data, size);
		for (unsigned i = 0; turn >= 300 && i < 1 + turn % 5; i++)
			copy[kit_random_below(&random, (uint32_t)size)] = (uint8_t)kit_random(&random);
		(void)load(copy, length, &kit, &diags);
		unload(&kit, &diags);
	}
	free(copy);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(networks_of_every_kind_of_file_are_found),
		cmocka_unit_test(row_of_an_address_is_its_network),
		cmocka_unit_test(damaged_file_is_refused),
		cmocka_unit_test(cut_or_spoilt_file_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
