// SPDX-License-Identifier: BSD-3-Clause

// cmocka.h needs these three before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "rules/lookup_words.h"
#include "tests/kit/tables.h"

enum { MILLION = 1000000, TEXT = 300 };

// The oracle: every tenant, every domain.
static uint32_t scan_domains(const struct rule_set *rules, const char *bytes, size_t length)
{
	for (uint32_t i = 0; i < rules->n_tenants; i++)
		for (unsigned k = 0; k < rules->tenants[i].n_domains; k++)
			if (strlen(rules->tenants[i].domains[k]) == length &&
			    strncasecmp(rules->tenants[i].domains[k], bytes, length) == 0 &&
			    memchr(bytes, '\0', length) == NULL)
				return rules->tenants[i].id;
	return 0;
}

static uint32_t scan_names(const struct rule_set *rules, const char *bytes, size_t length)
{
	for (uint32_t i = 0; i < rules->n_tenants; i++)
		if (strlen(rules->tenants[i].name) == length && memcmp(rules->tenants[i].name, bytes, length) == 0)
			return rules->tenants[i].id;
	return 0;
}

// A domain or name of the rules, as it is, in other letters, or with one byte changed, added or gone.
static uint32_t make_text(const struct rule_set *rules, uint64_t *random, char *out)
{
	const struct tenant_def *tenant = &rules->tenants[kit_random_below(random, rules->n_tenants)];
	bool domain = tenant->n_domains > 0 && kit_random_below(random, 4) != 0;
	const char *text = domain ? tenant->domains[kit_random_below(random, tenant->n_domains)] : tenant->name;
	uint32_t length = (uint32_t)strlen(text), at = kit_random_below(random, length);

	memcpy(out, text, length);
	switch (kit_random_below(random, 6)) {
	case 0:
		for (uint32_t i = 0; i < length; i++)
			if (kit_random_below(random, 2) == 0)
				out[i] = (char)toupper(out[i]);
		break;
	case 1:
		out[at] = (char)(out[at] ^ 1 << kit_random_below(random, 8));
		break;
	case 2:
		out[length++] = (char)kit_random(random);
		break;
	case 3:
		length--;
		break;
	default:
		break;
	}
	return length;
}

// A look-up in its steps, with or without the second.
static uint32_t find_in_steps(const struct table *table, bool domain, const struct word *word, bool fetch)
{
	struct word_search search;

	table_begin_word(table, domain, word->bytes, word->length, &search);
	if (fetch)
		table_fetch_word(table, &search);
	return table_end_word(table, &search);
}

static void look_ups_find_what_a_scan_of_all_tenants_finds(void **state)
{
	uint64_t random = kit_seed();

	for (unsigned turn = 0; turn < 40; turn++) {
		const struct kit_rules_shape shape = {.n_rules = 3, .n_pools = 1, .n_queues = 1,
						      .n_tenants = 1 + kit_random_below(&random, turn < 20 ? 20 : 400)};
		static char text[WORD_BURST][TEXT];
		struct kit_table kit;

		kit_table_open(&kit, &shape, turn);
		for (unsigned round = 0; round < 20; round++) {
			struct word word[WORD_BURST];
			uint32_t domain[WORD_BURST], name[WORD_BURST];

			for (unsigned i = 0; i < WORD_BURST; i++)
				word[i] = (struct word){text[i], make_text(kit.rules, &random, text[i])};
			table_find_domains(&kit.table, word, WORD_BURST, domain);
			table_find_tenant_names(&kit.table, word, WORD_BURST, name);
			for (unsigned i = 0; i < WORD_BURST; i++) {
				assert_int_equal(domain[i], scan_domains(kit.rules, text[i], word[i].length));
				assert_int_equal(domain[i], table_find_domain(&kit.table, text[i], word[i].length));
				assert_int_equal(name[i], scan_names(kit.rules, text[i], word[i].length));
				assert_int_equal(name[i], table_find_tenant_name(&kit.table, text[i], word[i].length));
				for (unsigned fetch = 0; fetch < 2; fetch++) {
					assert_int_equal(domain[i], find_in_steps(&kit.table, true, &word[i], fetch));
					assert_int_equal(name[i], find_in_steps(&kit.table, false, &word[i], fetch));
				}
			}
		}
		kit_table_close(&kit);
	}
}

static uint32_t find_short_name(const struct table *table, const char *text, uint32_t length)
{
	struct word_search search;
	uint64_t name = 0;

	memcpy(&name, text, length);
	table_begin_short_name(table, text, length, name, &search);
	return table_end_word(table, &search);
}

static void a_short_name_given_as_a_word_is_found_as_its_bytes_are(void **state)
{
	const struct kit_rules_shape shape = {.n_rules = 1, .n_tenants = 8, .n_pools = 1, .n_queues = 1};
	static const char *const names[] = {"a", "ab", "abc", "abcd", "abcde", "abcdef", "abcdefg", "abcdefgh"};
	struct rule_set *rules = kit_rules_random(&shape, 1);
	struct kit_table kit;

	for (unsigned i = 0; i < 8; i++)
		rules->tenants[i].name = names[i];
	kit_table_compile(&kit, rules);
	for (uint32_t length = 1; length <= 8; length++) {
		char text[9] = "abcdefgh";

		assert_int_equal(find_short_name(&kit.table, text, length), rules->tenants[length - 1].id);
		assert_int_equal(table_find_tenant_name(&kit.table, text, length), rules->tenants[length - 1].id);
		for (uint32_t at = 0; at < length; at++) {
			text[at] ^= 0x20;
			assert_int_equal(find_short_name(&kit.table, text, length), 0);
			assert_int_equal(table_find_tenant_name(&kit.table, text, length), 0);
			text[at] ^= 0x20;
		}
	}
	assert_int_equal(find_short_name(&kit.table, "ab\0", 3), 0);
	kit_table_close(&kit);
}

static void another_word_with_the_tag_of_a_name_is_not_taken_for_it(void **state)
{
	const struct kit_rules_shape shape = {.n_rules = 1, .n_tenants = 1, .n_pools = 1, .n_queues = 1};
	struct rule_set *rules = kit_rules_random(&shape, 1);
	struct word_search search;
	struct kit_table kit;

	rules->tenants[0].name = "first-and-last";
	kit_table_compile(&kit, rules);
	for (unsigned turn = 0; turn < 4; turn++) {
		const char *bytes = turn < 2 ? "first-and-last" : "first-and-lost";

		table_begin_word(&kit.table, false, "first-and-last", 14, &search);
		search.bytes = bytes;
		search.first ^= turn & 1;
		assert_int_equal(table_end_word(&kit.table, &search), turn == 0 ? rules->tenants[0].id : 0);
		table_fetch_word(&kit.table, &search);
		assert_non_null(search.slot);
		assert_int_equal(table_end_word(&kit.table, &search), turn == 0 ? rules->tenants[0].id : 0);
	}
	kit_table_close(&kit);
}

static uint32_t find_domain(const struct kit_table *kit, const char *text)
{
	return table_find_domain(&kit->table, text, strlen(text));
}

static void only_ascii_letters_are_alike_in_either_case(void **state)
{
	const struct kit_rules_shape shape = {.n_rules = 1, .n_tenants = 2, .n_pools = 1, .n_queues = 1};
	struct rule_set *rules = kit_rules_random(&shape, 1);
	const char *domains[] = {"a-z.example", "0-9.example"};
	char text[] = "a-z.example";
	struct kit_table kit;

	rules->tenants[0].domains = domains;
	rules->tenants[0].n_domains = 2;
	rules->tenants[1].n_domains = 0;
	kit_table_compile(&kit, rules);
	assert_int_equal(find_domain(&kit, "A-Z.eXAMPLE"), rules->tenants[0].id);
	assert_int_equal(find_domain(&kit, "0-9.example"), rules->tenants[0].id);
	assert_int_equal(find_domain(&kit, "0-9.example."), 0);
	assert_int_equal(find_domain(&kit, "x.0-9.example"), 0);
	assert_int_equal(find_domain(&kit, "example"), 0);
	for (unsigned byte = 0; byte < 256; byte++)
		for (unsigned at = 0; at < sizeof(text) - 1; at++) {
			bool same = byte < 128 && tolower((int)byte) == "a-z.example"[at];

			text[at] = (char)byte;
			assert_int_equal(table_find_domain(&kit.table, text, sizeof(text) - 1), same ? rules->tenants[0].id : 0);
			text[at] = "a-z.example"[at];
		}
	kit_table_close(&kit);
}

static void any_length_may_be_asked_for(void **state)
{
	const struct kit_rules_shape shape = {.n_rules = 1, .n_tenants = 9, .n_pools = 1, .n_queues = 1};
	char *longest = malloc(WORD_DOMAIN_MAX + 1), *text = malloc(70000);
	const char *domains[] = {longest};
	struct rule_set *rules = kit_rules_random(&shape, 1);
	struct kit_table kit;

	memset(longest, 'a', WORD_DOMAIN_MAX);
	longest[WORD_DOMAIN_MAX] = '\0';
	memset(text, 'A', 70000);
	rules->tenants[4].domains = domains;
	rules->tenants[4].n_domains = 1;
	kit_table_compile(&kit, rules);
	for (size_t length = 0; length < 70000; length += length < 600 ? 1 : 997) {
		assert_int_equal(table_find_domain(&kit.table, text, length),
				 length == WORD_DOMAIN_MAX ? rules->tenants[4].id : 0);
		assert_int_equal(table_find_tenant_name(&kit.table, text, length), 0);
	}
	kit_table_close(&kit);
	free(longest);
	free(text);
}

static void a_table_without_tenants_finds_none(void **state)
{
	const struct kit_rules_shape shape = {.n_rules = 1, .n_pools = 1, .n_queues = 1};
	struct kit_table kit;

	kit_table_open(&kit, &shape, 1);
	assert_int_equal(find_domain(&kit, "a.example"), 0);
	assert_int_equal(table_find_tenant_name(&kit.table, "a", 1), 0);
	kit_table_close(&kit);
}

static void a_million_tenants_with_domains_are_found(void **state)
{
	const struct kit_rules_shape shape = {.n_rules = 10, .n_tenants = MILLION, .n_groups = 3, .n_pools = 1, .n_queues = 1};
	struct rule_set *rules = kit_rules_random(&shape, 1);
	char (*text)[24] = malloc(MILLION * sizeof(*text));
	const char **list = malloc(MILLION * sizeof(*list));
	struct kit_table kit;
	uint64_t words;

	for (uint32_t i = 0; i < MILLION; i++) {
		snprintf(text[i], sizeof(text[i]), "t%u.example", i);
		list[i] = text[i];
		rules->tenants[i].domains = &list[i];
		rules->tenants[i].n_domains = 1;
	}
	kit_table_compile(&kit, rules);
	for (uint32_t i = 0; i < MILLION; i++)
		assert_int_equal(find_domain(&kit, text[i]), rules->tenants[i].id);
	words = (table_count(&kit.table, TABLE_DOMAINS) + table_count(&kit.table, TABLE_NAMES)) * sizeof(struct word_bucket);
	print_message("%.1f MiB of image, of which %.1f MiB find domains and names, %.1f MiB are strings\n",
		      (double)kit.image.size / 1048576, (double)words / 1048576,
		      (double)table_count(&kit.table, TABLE_STRINGS) / 1048576);
	assert_in_range(words, 1, 80u * MILLION);
	kit_table_close(&kit);
	free(list);
	free(text);
}

static void a_key_is_the_word_with_zeros_behind_whatever_its_length(void **state)
{
	for (size_t length = 1; length <= WORD_DOMAIN_MAX; length++) {
		uint8_t *exact = malloc(length), padded[sizeof(((struct word_key *)0)->word)] = { 0 };
		struct word_key key;

		for (size_t i = 0; i < length; i++)
			padded[i] = exact[i] = (uint8_t)(i * 37 + length);
		word_key_init(&key, exact, length, false);
		assert_int_equal(key.length, length);
		assert_memory_equal(key.word, padded, (length + 7) / 8 * 8);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_the_word_with_zeros_behind_whatever_its_length),
		cmocka_unit_test(look_ups_find_what_a_scan_of_all_tenants_finds),
		cmocka_unit_test(a_short_name_given_as_a_word_is_found_as_its_bytes_are),
		cmocka_unit_test(another_word_with_the_tag_of_a_name_is_not_taken_for_it),
		cmocka_unit_test(only_ascii_letters_are_alike_in_either_case),
		cmocka_unit_test(any_length_may_be_asked_for),
		cmocka_unit_test(a_table_without_tenants_finds_none),
		cmocka_unit_test(a_million_tenants_with_domains_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
