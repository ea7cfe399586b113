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
#include "tests/kit/tables.h"

enum { SETS = 60, ADDRESSES = 20000, MAX_ROWS = 300 };

struct row {
	uint8_t first[16], last[16]; // network order
	int version;
	char code[3];
};

// A rule file with country_by_address = `files`, read and compiled; errors are in `diags`.
static bool load(const char *files, struct kit_table *kit, struct diags *diags)
{
	char text[1024], why[160] = "";

	memset(kit, 0, sizeof(*kit));
	diags_init(diags);
	snprintf(text, sizeof(text), "%scountry_by_address = %s;\n", RULES_HEAD, files);
	if (rules_load(rules_kit_write("geo.conf", text, strlen(text)), &kit->image, &kit->rules, diags) != 0)
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

static uint16_t country_of(const struct table *table, const char *text)
{
	uint8_t bytes[16];
	int six = strchr(text, ':') != NULL;

	assert_int_equal(inet_pton(six ? AF_INET6 : AF_INET, text, bytes), 1);
	return table_find_address_country(table, six ? 6 : 4, bytes);
}

static void expect_country(const struct table *table, const char *text, const char *code)
{
	uint16_t country = country_of(table, text);

	if (country != (code != NULL ? weir_country_find(code) : WEIR_COUNTRY_NONE))
		fail_msg("%s is of country %u, not %s", text, country, code != NULL ? code : "none");
}

static void random_bytes(uint64_t *random, uint8_t *bytes, int version)
{
	static const uint8_t few[] = {0, 0xff, 1, 0x80, 0x20};

	for (int i = 0; i < (version == 4 ? 4 : 16); i++)
		bytes[i] = kit_random_below(random, 3) == 0 ? (uint8_t)kit_random(random) : few[kit_random_below(random, 5)];
}

// Near an end of a row of the same family: at it, one before, one behind, or anywhere.
static int near(uint64_t *random, const struct row *rows, unsigned n, uint8_t *bytes)
{
	const struct row *row = &rows[kit_random_below(random, n)];
	int size = row->version == 4 ? 4 : 16, step = (int)kit_random_below(random, 3) - 1;

	memcpy(bytes, kit_random_below(random, 2) == 0 ? row->first : row->last, 16);
	if (kit_random_below(random, 4) == 0)
		random_bytes(random, bytes, row->version);
	if (kit_random_below(random, 4) == 0)
		random_bytes(random, bytes + size / 2, row->version == 4 ? 4 : 4);
	for (int i = size - 1; i >= 0 && step != 0; i--) {
		int sum = bytes[i] + step;

		bytes[i] = (uint8_t)sum;
		step = sum < 0 ? -1 : sum > 255;
	}
	return row->version;
}

static void make_row(uint64_t *random, const struct row *rows, unsigned n, struct row *row)
{
	static const char *const codes[] = {"DE", "FR", "CH", "US", "??", "ZZ", "BR"};
	uint8_t swap[16];

	memset(row, 0, sizeof(*row));
	row->version = kit_random_below(random, 2) == 0 ? 4 : 6;
	random_bytes(random, row->first, row->version);
	if (n > 0 && kit_random_below(random, 2) == 0)
		row->version = near(random, rows, n, row->first);
	memcpy(row->last, row->first, 16);
	if (kit_random_below(random, 4) != 0) {
		int from = (int)kit_random_below(random, row->version == 4 ? 4 : 16);

		for (int i = from; i < (row->version == 4 ? 4 : 16); i++)
			row->last[i] = (uint8_t)kit_random(random);
	}
	if (memcmp(row->first, row->last, row->version == 4 ? 4 : 16) > 0) {
		memcpy(swap, row->first, 16);
		memcpy(row->first, row->last, 16);
		memcpy(row->last, swap, 16);
	}
	memcpy(row->code, codes[kit_random_below(random, 7)], 3);
}

// Writes rows as a file of the test's; a row a line.
static void write_rows(const char *name, const struct row *rows, unsigned n)
{
	char *text, first[64], last[64];
	size_t length;
	FILE *out = open_memstream(&text, &length);

	for (unsigned i = 0; i < n; i++) {
		int family = rows[i].version == 4 ? AF_INET : AF_INET6;

		fprintf(out, "%s,%s,%s\n", inet_ntop(family, rows[i].first, first, sizeof(first)),
			inet_ntop(family, rows[i].last, last, sizeof(last)), rows[i].code);
	}
	fclose(out);
	rules_kit_write(name, text, length);
	free(text);
}

// The oracle: the last row that holds the address. Its number, or -1.
static int scan(const struct row *rows, unsigned n, int version, const uint8_t *bytes)
{
	size_t size = version == 4 ? 4 : 16;

	for (int i = (int)n - 1; i >= 0; i--)
		if (rows[i].version == version && memcmp(rows[i].first, bytes, size) <= 0 &&
		    memcmp(bytes, rows[i].last, size) <= 0)
			return i;
	return -1;
}

static void compare(const struct table *table, const struct row *rows, unsigned n, uint64_t *random)
{
	struct geo_address address[GEO_BURST];
	uint16_t country[GEO_BURST];
	int expected[GEO_BURST];

	for (unsigned i = 0; i < GEO_BURST; i++) {
		uint8_t bytes[16];
		int version = near(random, rows, n, bytes), row = scan(rows, n, version, bytes);

		address[i] = geo_address_make((unsigned)version, bytes);
		expected[i] = row >= 0 && row < (int)n && rows[row].code[0] != '?' && rows[row].code[0] != 'Z' ? row : -1;
		assert_int_equal(table_find_address_country(table, (unsigned)version, bytes),
				 expected[i] < 0 ? WEIR_COUNTRY_NONE : weir_country_find(rows[expected[i]].code));
	}
	table_find_address_countries(table, address, GEO_BURST, country);
	for (unsigned i = 0; i < GEO_BURST; i++) {
		uint32_t row = table_find_address_row(table, &address[i]);

		assert_int_equal(country[i], expected[i] < 0 ? WEIR_COUNTRY_NONE : weir_country_find(rows[expected[i]].code));
		assert_int_equal(row, expected[i] < 0 ? TABLE_NONE : TABLE_GEO_ROW(0, expected[i] + 1));
	}
}

static void look_ups_find_what_a_scan_of_all_rows_finds(void **state)
{
	uint64_t random = kit_seed();
	static struct row rows[MAX_ROWS];

	for (unsigned set = 0; set < SETS; set++) {
		unsigned n = 1 + kit_random_below(&random, set < SETS / 2 ? 12 : MAX_ROWS);
		struct kit_table kit;
		struct diags diags;

		for (unsigned i = 0; i < n; i++)
			make_row(&random, rows, i, &rows[i]);
		write_rows("geo.csv", rows, n);
		assert_true(load("\"geo.csv\"", &kit, &diags));
		for (unsigned i = 0; i < ADDRESSES / GEO_BURST; i++)
			compare(&kit.table, rows, n, &random);
		unload(&kit, &diags);
	}
}

static void later_row_counts_where_rows_overlap(void **state)
{
	static const char text[] = "10.0.0.0,10.255.255.255,DE\n10.1.0.0,10.1.255.255,FR\n10.1.2.0,10.2.0.0,??\n"
				   "2001:db8::,2001:db8::ff,CH\n2001:db8::80,2001:db8::80,AT\n";
	static const char more[] = "10.0.0.0,10.0.0.0,BR\n";
	struct kit_table kit;
	struct diags diags;

	rules_kit_write("geo.csv", text, sizeof(text) - 1);
	rules_kit_write("more.csv", more, sizeof(more) - 1);
	assert_true(load("[ \"geo.csv\", \"more.csv\" ]", &kit, &diags));
	expect_country(&kit.table, "9.255.255.255", NULL);
	expect_country(&kit.table, "10.0.0.0", "BR");
	expect_country(&kit.table, "10.0.0.1", "DE");
	expect_country(&kit.table, "10.1.1.255", "FR");
	expect_country(&kit.table, "10.1.2.0", NULL);
	expect_country(&kit.table, "10.2.0.0", NULL);
	expect_country(&kit.table, "10.2.0.1", "DE");
	expect_country(&kit.table, "11.0.0.0", NULL);
	expect_country(&kit.table, "2001:db8::7f", "CH");
	expect_country(&kit.table, "2001:db8::80", "AT");
	expect_country(&kit.table, "2001:db8::81", "CH");
	expect_country(&kit.table, "2001:db8::100", NULL);
	assert_int_equal(diags.n_warnings, 2); // once a family, and not for what another file says
	assert_true(rules_kit_has(&diags, DIAG_WARNING, 2, "2 IPv4 ranges overlap earlier ones of the file"));
	assert_true(rules_kit_has(&diags, DIAG_WARNING, 5, "1 IPv6 ranges overlap earlier ones of the file"));
	unload(&kit, &diags);
}

static void whole_of_both_families_may_be_of_one_country(void **state)
{
	static const char text[] = "first,last,country\r\n0.0.0.0,255.255.255.255,DE\r\n"
				   "\"::\",ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,\"FR\"\r\n"
				   "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,CH";
	struct kit_table kit;
	struct diags diags;

	rules_kit_write("geo.csv", text, sizeof(text) - 1);
	assert_true(load("\"geo.csv\"", &kit, &diags));
	expect_country(&kit.table, "0.0.0.0", "DE");
	expect_country(&kit.table, "255.255.255.255", "DE");
	expect_country(&kit.table, "::", "FR");
	expect_country(&kit.table, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", "FR");
	expect_country(&kit.table, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "CH");
	unload(&kit, &diags);
}

static void table_without_data_finds_no_country(void **state)
{
	const struct kit_rules_shape shape = {.n_rules = 1, .n_pools = 1, .n_queues = 1};
	struct geo_address address[2] = {{.version = 4}, {.version = 6}};
	uint16_t country[2];
	struct kit_table kit;

	kit_table_open(&kit, &shape, 1);
	expect_country(&kit.table, "192.0.2.1", NULL);
	expect_country(&kit.table, "2001:db8::", NULL);
	table_find_address_countries(&kit.table, address, 2, country);
	assert_int_equal(country[0], WEIR_COUNTRY_NONE);
	assert_int_equal(country[1], WEIR_COUNTRY_NONE);
	assert_int_equal(table_find_address_row(&kit.table, &address[1]), TABLE_NONE);
	kit_table_close(&kit);
}

static void every_fault_of_a_csv_has_its_line(void **state)
{
	static const struct fault faults[] = {
		{"", 0, "the file is empty"},
		{"1.0.0.0,1.0.0.255\n", 1, "the row has 2 fields, not 3 (the columns are first,last,country)"},
		{"1.0.0.0,1.0.0.255,DE,Germany\n", 1, "the row has 4 fields, not 3"},
		{"1.0.0.0,1.0.0.255,DE\n\n1.0.1.9,1.0.1.0,DE\n", 3, "first 1.0.1.9 is behind last 1.0.1.0 (swap them?)"},
		{"2001:db8::2,2001:db8::1,DE\n", 1, "first 2001:db8::2 is behind last 2001:db8::1"},
		{"1.0.0.0,2001:db8::1,DE\n", 1, "are not of one IP version"},
		{"1.0.0.0,1.0.0.256,DE\n", 1, "\"1.0.0.256\" is no address"},
		{"16777216,16777471,DE\n", 1, "\"16777216\" is no address"},
		{"1.0.0.0/24,1.0.0.255,DE\n", 1, "\"1.0.0.0/24\" is no address"},
		{"1.0.0.0,1.0.0.255,de\n", 1, "\"de\" is no country code"},
		{"1.0.0.0,1.0.0.255,DEU\n", 1, "\"DEU\" is no country code"},
		{"1.0.0.0,1.0.0.255,?\n", 1, "\"?\" is no country code"},
		{"1.0.0.0,\"1.0.0.255,DE\n", 1, "a quote is opened and never closed"},
		{"first,last,country\nfirst,last,country\n", 2, "is no address"},
		{"\x1f\x8b\x08", 0, "the file is compressed (gunzip it)"},
	};

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct kit_table kit;
		struct diags diags;

		rules_kit_write("geo.csv", faults[i].text, strlen(faults[i].text));
		assert_false(load("\"geo.csv\"", &kit, &diags));
		if (!rules_kit_has(&diags, DIAG_ERROR, faults[i].line, faults[i].part) ||
		    strstr(diags.list[0].file, "geo.csv") == NULL) {
			diags_print(&diags, stderr);
			fail_msg("expected on line %u: %s", faults[i].line, faults[i].part);
		}
		unload(&kit, &diags);
	}
}

static void setting_that_names_no_file_is_an_error(void **state)
{
	static const struct fault faults[] = {
		{"country_by_address = \"none.csv\";", 2, "the file none.csv cannot be read: No such file or directory"},
		{"country_by_address = \"/\";", 2, "it is a folder, not a file"},
		{"country_by_address = 7;", 2, "country_by_address"},
		{"country_by_address = \"t.conf\";", 2, "the file t.conf is read already"},
	};

	rules_kit_refuse(faults, sizeof(faults) / sizeof(faults[0]));
}

static void code_that_iso_does_not_assign_is_a_warning_once_a_file(void **state)
{
	static const char text[] = "1.0.0.0,1.0.0.255,XK\n1.0.1.0,1.0.1.255,XK\n1.0.2.0,1.0.2.255,EU\n1.0.3.0,1.0.3.255,UK\n"
				   "1.0.4.0,1.0.4.255,-\n1.0.5.0,1.0.5.255,\n1.0.6.0,1.0.6.255,ZZ\n";
	struct kit_table kit;
	struct diags diags;

	rules_kit_write("geo.csv", text, sizeof(text) - 1);
	assert_true(load("\"geo.csv\"", &kit, &diags));
	assert_int_equal(diags.n_warnings, 3);
	assert_true(rules_kit_has(&diags, DIAG_WARNING, 1, "ISO 3166-1 does not assign the country code \"XK\""));
	assert_true(rules_kit_has(&diags, DIAG_WARNING, 3, "\"EU\""));
	assert_true(rules_kit_has(&diags, DIAG_WARNING, 4, "did you mean \"GB\"?"));
	expect_country(&kit.table, "1.0.1.7", "XK");
	expect_country(&kit.table, "1.0.2.7", "EU");
	expect_country(&kit.table, "1.0.4.7", NULL);
	expect_country(&kit.table, "1.0.5.7", NULL);
	expect_country(&kit.table, "1.0.6.7", NULL);
	unload(&kit, &diags);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(look_ups_find_what_a_scan_of_all_rows_finds),
		cmocka_unit_test(later_row_counts_where_rows_overlap),
		cmocka_unit_test(whole_of_both_families_may_be_of_one_country),
		cmocka_unit_test(table_without_data_finds_no_country),
		cmocka_unit_test(every_fault_of_a_csv_has_its_line),
		cmocka_unit_test(setting_that_names_no_file_is_an_error),
		cmocka_unit_test(code_that_iso_does_not_assign_is_a_warning_once_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
