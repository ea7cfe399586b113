// SPDX-License-Identifier: BSD-3-Clause
#include "rules/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/abi/names.h"
#include "rules/address.h"
#include "rules/arena.h"
#include "rules/country.h"
#include "rules/index.h"
#include "rules/utf8.h"

static void addresses_are_those_of_inet_pton(void **state)
{
	uint8_t address[16];

	(void)state;
	assert_int_equal(address_parse("192.0.2.1", address), 4);
	assert_int_equal(address[3], 1);
	assert_int_equal(address[4], 0);
	assert_int_equal(address_parse("2001:db8::1", address), 6);
	assert_int_equal(address[15], 1);
	assert_int_equal(address_parse("192.0.2", address), 0);
	assert_int_equal(address_parse("", address), 0);
}

static void a_prefix_has_no_bits_behind_its_length(void **state)
{
	uint8_t address[16], length;
	char text[PREFIX_TEXT];

	(void)state;
	assert_int_equal(prefix_parse("10.1.2.3", address, &length), 4);
	assert_int_equal(length, 32);
	assert_int_equal(prefix_parse("0.0.0.0/0", address, &length), 4);
	assert_int_equal(prefix_parse("::/0", address, &length), 6);
	assert_int_equal(prefix_parse("10.1.2.128/25", address, &length), 4);
	assert_int_equal(prefix_parse("10.1.2.129/25", address, &length), -1);
	prefix_format(address, 4, length, text);
	assert_string_equal(text, "10.1.2.128/25");
	assert_int_equal(prefix_parse("2001:db8:ffff::/33", address, &length), -1);
	prefix_format(address, 6, length, text);
	assert_string_equal(text, "2001:db8:8000::/33");
	assert_int_equal(prefix_parse("10.0.0.0/", address, &length), 0);
	assert_int_equal(prefix_parse("10.0.0.0/+8", address, &length), 0);
	assert_int_equal(prefix_parse("10.0.0.0/8/8", address, &length), 0);
}

static void mac_addresses_have_six_bytes_and_one_separator(void **state)
{
	uint8_t mac[6];

	(void)state;
	assert_true(mac_parse("02:00:5e:10:aB:Ff", mac));
	assert_int_equal(mac[5], 0xff);
	assert_true(mac_parse("02-00-5e-10-ab-ff", mac));
	assert_false(mac_parse("", mac));
	assert_false(mac_parse("02", mac));
	assert_false(mac_parse("0200.5e10.abff", mac));
	assert_false(mac_parse("02:00:5e:10:ab:ff:", mac));
	assert_false(mac_parse("02:00:5e:10:ab: f", mac));
	assert_false(mac_parse("02x00x5ex10xabxff", mac));
}

static void utf8_is_that_of_rfc_3629(void **state)
{
	(void)state;
	assert_int_equal(utf8_size("a", 1), 1);
	assert_int_equal(utf8_size("\xc3\xa4", 2), 2);
	assert_int_equal(utf8_size("\xe2\x82\xac", 3), 3);
	assert_int_equal(utf8_size("\xf0\x9f\x98\x80", 4), 4);
	assert_int_equal(utf8_size("\xc3\xa4", 1), 0);
	assert_int_equal(utf8_size("\xc0\x80", 2), 0);
	assert_int_equal(utf8_size("\xe0\x80\x80", 3), 0);
	assert_int_equal(utf8_size("\xed\xa0\x80", 3), 0);
	assert_int_equal(utf8_size("\xf4\x90\x80\x80", 4), 0);
	assert_int_equal(utf8_size("\x80", 1), 0);
	assert_int_equal(utf8_size("\xff", 1), 0);
}

static void a_domain_is_kept_in_lower_case(void **state)
{
	char out[254], longest[64 * 4 + 1];

	(void)state;
	assert_null(domain_parse("MAIL.Example", 12, out));
	assert_string_equal(out, "mail.example");
	assert_null(domain_parse("localhost", 9, out));
	assert_null(domain_parse("3com.x--y", 9, out));
	memset(longest, 'a', sizeof(longest));
	assert_null(domain_parse(longest, 63, out));
	assert_non_null(domain_parse(longest, 64, out));
	for (int i = 63; i < 254; i += 64)
		longest[i] = '.';
	assert_null(domain_parse(longest, 253, out));
	assert_non_null(domain_parse(longest, 254, out));
}

static void the_249_codes_of_iso_3166_are_assigned(void **state)
{
	unsigned n = 0;

	(void)state;
	for (unsigned country = 0; country < WEIR_N_COUNTRIES; country++)
		n += country_is_assigned(country);
	assert_int_equal(n, 249);
	assert_true(country_is_assigned((unsigned)weir_country_find("DE")));
	assert_false(country_is_assigned((unsigned)weir_country_find("UK")));
	assert_false(country_is_assigned(WEIR_COUNTRY_ZZ));
	assert_false(country_is_assigned(WEIR_N_COUNTRIES));
}

static void a_slip_of_the_pen_is_near_and_another_name_is_not(void **state)
{
	(void)state;
	assert_int_equal(name_distance("acme", "acme"), 0);
	assert_int_equal(name_distance("acem", "acme"), 1);
	assert_int_equal(name_distance("amce-corp", "acme-corp"), 1);
	assert_int_equal(name_distance("emergancy", "emergency"), 1);
	assert_int_equal(name_distance("fraud", "front"), -1);
	assert_int_equal(name_distance("eu", "ue"), 1);
	assert_int_equal(name_distance("ab", "cd"), -1);
	assert_int_equal(name_distance("a", "b"), -1);
	assert_int_equal(name_distance("", "a"), -1);
}

static void an_index_finds_what_was_put_and_nothing_else(void **state)
{
	static char names[1000][8];
	struct name_index index = { 0 };
	struct id_index ids = { 0 };
	uint32_t value;

	(void)state;
	assert_false(name_index_find(&index, "n1", &value));
	assert_false(id_index_find(&ids, 5, &value));
	for (uint32_t i = 0; i < 1000; i++) {
		snprintf(names[i], sizeof(names[i]), "n%u", i);
		assert_int_equal(name_index_put(&index, names[i], i, &value), 0);
		assert_int_equal(id_index_put(&ids, i * 77777 + 1, i, &value), 0);
	}
	for (uint32_t i = 0; i < 1000; i++) {
		assert_true(name_index_find(&index, names[i], &value));
		assert_int_equal(value, i);
		assert_true(id_index_find(&ids, i * 77777 + 1, &value));
		assert_int_equal(value, i);
	}
	assert_int_equal(name_index_put(&index, "n7", 5, &value), 1);
	assert_int_equal(value, 7);
	assert_int_equal(id_index_put(&ids, 1, 5, &value), 1);
	assert_int_equal(value, 0);
	assert_false(name_index_find(&index, "n1000", &value));
	assert_false(id_index_find(&ids, 2, &value));
	assert_string_equal(name_index_nearest(&index, "n99x"), "n99");
	name_index_fini(&index);
	id_index_fini(&ids);
}

static void an_arena_gives_zeroed_memory_of_any_size(void **state)
{
	static const size_t sizes[] = { 0, 1, 7, 8, 100, 65536, 65537, 300000, 1 << 22 };
	struct arena *arena = arena_create();

	(void)state;
	for (unsigned round = 0; round < 20; round++)
		for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			char *data = arena_get(arena, sizes[i]);

			assert_non_null(data);
			assert_int_equal((uintptr_t)data % 8, 0);
			for (size_t k = 0; k < sizes[i]; k++)
				assert_int_equal(data[k], 0);
			memset(data, 0xff, sizes[i]);
			assert_string_equal(arena_string(arena, "abc", 3), "abc");
		}
	arena_destroy(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_those_of_inet_pton),
		cmocka_unit_test(a_prefix_has_no_bits_behind_its_length),
		cmocka_unit_test(mac_addresses_have_six_bytes_and_one_separator),
		cmocka_unit_test(utf8_is_that_of_rfc_3629),
		cmocka_unit_test(a_domain_is_kept_in_lower_case),
		cmocka_unit_test(the_249_codes_of_iso_3166_are_assigned),
		cmocka_unit_test(a_slip_of_the_pen_is_near_and_another_name_is_not),
		cmocka_unit_test(an_index_finds_what_was_put_and_nothing_else),
		cmocka_unit_test(an_arena_gives_zeroed_memory_of_any_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
