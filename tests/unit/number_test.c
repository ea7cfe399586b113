// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/decode/number.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/abi/names.h"
#include "dataplane/decode/number_table.h"

// Looks up a text in a buffer of exactly its size.
static struct number look_up(const char *text, struct number (*find)(const uint8_t *, size_t))
{
	size_t length = strlen(text);
	uint8_t *exact = malloc(length ? length : 1);
	struct number number;

	memcpy(exact, text, length);
	number = find(exact, length);
	free(exact);
	return number;
}

static void check(struct number number, const char *text, const char *country, enum number_rule rule, unsigned prefix)
{
	unsigned want = country ? (unsigned)weir_country_find(country) : WEIR_COUNTRY_NONE;

	if (number.country != want || number.rule != rule || number.prefix != prefix)
		fail_msg("%s: country %u, rule %s, prefix %u; not %u, %s, %u", text, number.country,
			 number_rule_name(number.rule), number.prefix, want, number_rule_name(rule), prefix);
}

static void check_number(const char *text, const char *country, enum number_rule rule, unsigned prefix)
{
	check(look_up(text, number_country), text, country, rule, prefix);
}

static void check_subscriber(const char *text, const char *country, enum number_rule rule, unsigned prefix)
{
	check(look_up(text, number_subscriber), text, country, rule, prefix);
}

static void a_calling_code_of_one_country_decides_by_itself(void **state)
{
	check_number("+4930123456", "DE", NUMBER_CODE, 2);
	check_number("+33612345678", "FR", NUMBER_CODE, 2);
	check_number("+8613812345678", "CN", NUMBER_CODE, 2);
	check_number("+42312", "LI", NUMBER_CODE, 3);
	check_number("+50012345", "FK", NUMBER_CODE, 3);
	check_number("+6421123456", "NZ", NUMBER_CODE, 2);
	check_number("+49", "DE", NUMBER_CODE, 2);
}

static void an_area_code_tells_the_countries_of_north_america_apart(void **state)
{
	check_number("+12125550100", "US", NUMBER_AREA, 4);
	check_number("+14165550100", "CA", NUMBER_AREA, 4);
	check_number("+17875550100", "PR", NUMBER_AREA, 4);
	check_number("+18765550100", "JM", NUMBER_AREA, 4);
	check_number("+12425550100", "BS", NUMBER_AREA, 4);
	check_number("+16715550100", "GU", NUMBER_AREA, 4);
}

static void an_area_code_that_several_countries_have_tells_none(void **state)
{
	check_number("+18335550100", NULL, NUMBER_SHARED, 4);
	check_number("+19005550100", NULL, NUMBER_SHARED, 4);
	check_number("+15005550100", NULL, NUMBER_SHARED, 4);
	check_number("+15555550100", NULL, NUMBER_UNLISTED, 4);
	check_number("+12", NULL, NUMBER_UNLISTED, 2);
	check_number("+121", NULL, NUMBER_UNLISTED, 3);
}

static void a_range_of_a_shared_calling_code_beats_its_main_country(void **state)
{
	check_number("+79161234567", "RU", NUMBER_MAIN, 1);
	check_number("+77011234567", "KZ", NUMBER_AREA, 2);
	check_number("+73311234567", "KZ", NUMBER_AREA, 3);
	check_number("+73111234567", "RU", NUMBER_MAIN, 1);
	check_number("+390612345678", "IT", NUMBER_MAIN, 2);
	check_number("+390669812345", "VA", NUMBER_AREA, 7);
	check_number("+442079460000", "GB", NUMBER_MAIN, 2);
	check_number("+441481256789", "GG", NUMBER_AREA, 6);
	check_number("+447781123456", "GG", NUMBER_AREA, 6);
	check_number("+441534456789", "JE", NUMBER_AREA, 6);
	check_number("+441624756789", "IM", NUMBER_AREA, 6);
	check_number("+447700900123", "GB", NUMBER_MAIN, 2);
	check_number("+4740612345", "NO", NUMBER_MAIN, 2);
	check_number("+4779123456", "SJ", NUMBER_AREA, 4);
	check_number("+61412345678", "AU", NUMBER_MAIN, 2);
	check_number("+61891641234", "CX", NUMBER_AREA, 7);
	check_number("+61891621234", "CC", NUMBER_AREA, 7);
	check_number("+212520123456", "MA", NUMBER_MAIN, 3);
	check_number("+212528812345", "EH", NUMBER_AREA, 7);
	check_number("+262262161234", "RE", NUMBER_MAIN, 3);
	check_number("+262639012345", "YT", NUMBER_AREA, 5);
	check_number("+35891234567", "FI", NUMBER_MAIN, 3);
	check_number("+358181234567", "AX", NUMBER_AREA, 5);
	check_number("+590690001234", "GP", NUMBER_MAIN, 3);
	check_number("+59994151234", "CW", NUMBER_MAIN, 3);
	check_number("+5997151234", "BQ", NUMBER_AREA, 4);
}

static void names_that_are_no_iso_codes_become_the_country_they_are_part_of_or_stay(void **state)
{
	check_number("+24762889", "SH", NUMBER_CODE, 3);
	check_number("+2908999", "SH", NUMBER_AREA, 4);
	check_number("+38343201234", "XK", NUMBER_CODE, 3);
}

static void a_calling_code_of_no_country_or_of_nobody_tells_none(void **state)
{
	check_number("+80012345678", NULL, NUMBER_WORLD, 3);
	check_number("+881612345678", NULL, NUMBER_WORLD, 3);
	check_number("+210123456", NULL, NUMBER_UNASSIGNED, 3);
	check_number("+0123456", NULL, NUMBER_UNASSIGNED, 1);
	check_number("+4", NULL, NUMBER_UNASSIGNED, 1);
	check_number("+42", NULL, NUMBER_UNASSIGNED, 2);
}

static void visual_separators_change_nothing(void **state)
{
	check_number("+1-212-555-0100", "US", NUMBER_AREA, 4);
	check_number("+(1).787-555..0100", "PR", NUMBER_AREA, 4);
	check_number("+-4-9-", "DE", NUMBER_CODE, 2);
}

static void what_is_no_global_number_has_no_country(void **state)
{
	static const char *const texts[] = {"", "+", "4930123456", "+()", "++49301", "+49 30 1", "+49301x", "0049301", "+49#1", "+49301;a",
					    "+49\xd9\xa3"};

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check_number(texts[i], NULL, NUMBER_INVALID, 0);
}

static void a_number_has_at_most_15_digits_and_64_characters(void **state)
{
	char text[NUMBER_TEXT_MAX + 2] = "";

	check_number("+493012345678901", "DE", NUMBER_CODE, 2);
	check_number("+4930123456789012", NULL, NUMBER_INVALID, 0);
	memset(text, '-', sizeof(text) - 1);
	memcpy(text, "+49", 3);
	check_number(text, NULL, NUMBER_INVALID, 0);
	text[NUMBER_TEXT_MAX] = '\0';
	check_number(text, "DE", NUMBER_CODE, 2);
}

// One more byte at each place of numbers of any length: many digits are looked at together.
static void a_byte_between_digits_counts_wherever_it_stands(void **state)
{
	static const char digits[] = "+49301234567890123";

	for (size_t length = 2; length < sizeof(digits); length++) {
		for (size_t place = 1; place <= length; place++) {
			for (unsigned byte = 1; byte < 256; byte++) {
				bool digit = byte >= '0' && byte <= '9', separator = strchr("-.()", (int)byte) != NULL;
				size_t n = length - 1 + digit;
				char text[sizeof(digits) + 1];
				struct number number, subscriber;

				memcpy(text, digits, place);
				text[place] = (char)byte;
				memcpy(text + place + 1, digits + place, length - place);
				text[length + 1] = '\0';
				number = look_up(text, number_country);
				subscriber = look_up(text, number_subscriber);
				if ((!digit && !separator) || n > NUMBER_DIGITS_MAX)
					n = 0;
				assert_int_equal(number.digits, n);
				assert_int_equal(number.rule == NUMBER_INVALID, n == 0);
				if (byte == ';')
					n = place - 1 > NUMBER_DIGITS_MAX ? 0 : place - 1;
				assert_int_equal(subscriber.digits, n);
			}
		}
	}
}

static void a_subscriber_is_a_number_with_parameters(void **state)
{
	check_subscriber("+4930123456", "DE", NUMBER_CODE, 2);
	check_subscriber("+1-787-555-0100;ext=12;isub=+49", "PR", NUMBER_AREA, 4);
	check_subscriber("+1-787-555-0100;phone-context=+49", "PR", NUMBER_AREA, 4);
	check_subscriber("", NULL, NUMBER_INVALID, 0);
	check_subscriber(";", NULL, NUMBER_INVALID, 0);
	check_subscriber("alice", NULL, NUMBER_INVALID, 0);
	check_subscriber("4930123456", NULL, NUMBER_INVALID, 0);
}

static void a_local_number_has_the_country_of_its_context(void **state)
{
	check_subscriber("863-1234;phone-context=+1-914-555", "US", NUMBER_AREA, 4);
	check_subscriber("7042;phone-context=example.com", NULL, NUMBER_INVALID, 0);
	check_subscriber("7042;ext=1;Phone-Context=+44;x", "GB", NUMBER_MAIN, 2);
	check_subscriber("7042;phone-context=+1", NULL, NUMBER_UNLISTED, 1);
	check_subscriber("7042;phone-context=", NULL, NUMBER_INVALID, 0);
	check_subscriber("7042;phone-context", NULL, NUMBER_INVALID, 0);
	check_subscriber("7042;;", NULL, NUMBER_INVALID, 0);
}

static void a_context_past_what_is_looked_at_is_not_seen(void **state)
{
	static const char context[] = ";phone-context=+49";
	char text[SUBSCRIBER_TEXT_MAX + 32];

	memset(text, '1', sizeof(text));
	memcpy(text + SUBSCRIBER_TEXT_MAX - strlen(context), context, sizeof(context));
	check_subscriber(text, "DE", NUMBER_CODE, 2);
	memset(text, '1', sizeof(text));
	memcpy(text + SUBSCRIBER_TEXT_MAX, context, sizeof(context));
	check_subscriber(text, NULL, NUMBER_INVALID, 0);
}

// Walks all of the table: what is behind the digits that decided changes nothing.
static void walk(unsigned row, unsigned depth, char *text)
{
	assert_true(row < number_n_rows && depth < NUMBER_DIGITS_MAX - 1);
	assert_true(number_rows[row][NUMBER_END] & NUMBER_LAST);
	for (unsigned digit = 0; digit < 10; digit++) {
		unsigned entry = number_rows[row][digit];
		struct number number;
		uint8_t decided;

		text[1 + depth] = (char)('0' + digit);
		text[2 + depth] = '\0';
		if (!(entry & NUMBER_LAST)) {
			walk(entry, depth + 1, text);
			continue;
		}
		number = look_up(text, number_country);
		decided = (uint8_t)(number.rule == NUMBER_MAIN ? number.code : depth + 1);
		assert_int_equal(number.prefix, decided);
		assert_int_equal(number.rule, number_entry_rule(entry));
		assert_true(number.country < WEIR_N_COUNTRIES || number_entry_country(entry) == NUMBER_NOBODY);
		for (unsigned i = 0; i < 10; i++) {
			struct number longer;

			text[2 + depth] = (char)('0' + i);
			text[3 + depth] = '\0';
			longer = look_up(text, number_country);
			assert_int_equal(longer.country, number.country);
			assert_int_equal(longer.rule, number.rule);
			assert_int_equal(longer.prefix, number.prefix);
		}
	}
}

static void every_walk_through_the_table_ends_and_holds_for_all_longer_numbers(void **state)
{
	char text[NUMBER_DIGITS_MAX + 4] = "+";

	walk(0, 0, text);
}

static void the_table_names_its_source_and_fits_in_the_first_level_cache(void **state)
{
	assert_int_equal(strncmp(number_source, "libphonenumber ", 15), 0);
	assert_int_equal(strlen(number_date), 10);
	assert_true(number_n_rows * sizeof(number_rows[0]) <= 16 * 1024);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_calling_code_of_one_country_decides_by_itself),
		cmocka_unit_test(an_area_code_tells_the_countries_of_north_america_apart),
		cmocka_unit_test(an_area_code_that_several_countries_have_tells_none),
		cmocka_unit_test(a_range_of_a_shared_calling_code_beats_its_main_country),
		cmocka_unit_test(names_that_are_no_iso_codes_become_the_country_they_are_part_of_or_stay),
		cmocka_unit_test(a_calling_code_of_no_country_or_of_nobody_tells_none),
		cmocka_unit_test(visual_separators_change_nothing),
		cmocka_unit_test(what_is_no_global_number_has_no_country),
		cmocka_unit_test(a_number_has_at_most_15_digits_and_64_characters),
		cmocka_unit_test(a_byte_between_digits_counts_wherever_it_stands),
		cmocka_unit_test(a_subscriber_is_a_number_with_parameters),
		cmocka_unit_test(a_local_number_has_the_country_of_its_context),
		cmocka_unit_test(a_context_past_what_is_looked_at_is_not_seen),
		cmocka_unit_test(every_walk_through_the_table_ends_and_holds_for_all_longer_numbers),
		cmocka_unit_test(the_table_names_its_source_and_fits_in_the_first_level_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
