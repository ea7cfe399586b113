// SPDX-License-Identifier: BSD-3-Clause
//
// Checks of a table image: domains and names. The strings and the tenants are checked before. Each pass goes over
// memory in the order in which it lies, with at most one step aside a word: a million tenants are checked at each load.

#include "rules/lookup.h"
#include "rules/lookup_words.h"
#include "rules/table_check.h"

struct words_check {
	struct table_check *check;
	const struct word_bucket *buckets;
	const char *what;
	uint32_t mask, longest, n;
};

static bool slot_is_empty(const struct word_slot *slot)
{
	return slot->tag == 0 && slot->string == 0 && slot->tenant == 0 && slot->length == 0 && slot->reserved == 0;
}

// Its string is in range; whether that ends behind `length` bytes is not looked at here.
static bool slot_good(const struct words_check *words, const struct word_slot *slot)
{
	return slot->length <= words->longest && slot->reserved == 0 && slot->string != 0 && slot->tenant != 0 &&
	       table_string_good(words->check->table, (uint64_t)slot->string + slot->length);
}

static int check_bucket(const struct words_check *words, uint32_t at, uint32_t *n)
{
	const struct word_slot *slot = words->buckets[at].slot;

	for (unsigned way = 0; way < TABLE_WORD_WAYS; way++) {
		if (slot[way].length == 0) {
			if (slot_is_empty(&slot[way]))
				continue;
			return table_refuse(words->check, "%s bucket %u: a way is empty in part", words->what, at);
		}
		if (way > 0 && slot[way - 1].length == 0)
			return table_refuse(words->check, "%s bucket %u: a gap before way %u", words->what, at,
					    way);
		if (!slot_good(words, &slot[way]))
			return table_refuse(words->check, "%s bucket %u: text out of range", words->what, at);
		++*n;
	}
	return 0;
}

static int check_buckets(const struct words_check *words)
{
	uint32_t n = 0;
	int err = 0;

	for (uint64_t at = 0; err == 0 && at <= words->mask; at++)
		err = check_bucket(words, (uint32_t)at, &n);
	if (err == 0 && n != words->n)
		err = table_refuse(words->check, "%u %ss, the header says %u", n, words->what, words->n);
	return err;
}

static unsigned count_word(const struct word_bucket *bucket, const struct table *table, const struct word_slot *slot)
{
	const char *text = table_string(table, slot->string);
	unsigned n = 0;

	for (unsigned way = 0; way < TABLE_WORD_WAYS; way++)
		n += bucket->slot[way].tag == slot->tag && bucket->slot[way].length == slot->length &&
		     memcmp(table_string(table, bucket->slot[way].string), text, slot->length) == 0;
	return n;
}

// Whether the domain, found in bucket `at`, is where a look-up finds it, and there only.
static bool domain_good(const struct table *t, const struct word_slot *slot, uint32_t at)
{
	const char *text = table_string(t, slot->string);
	uint32_t first, second;
	struct word_key key;
	bool first_full;
	unsigned found;

	word_key_init(&key, text, slot->length, true);
	if (word_tag(key.hash) != slot->tag || memcmp(key.word, text, slot->length) != 0)
		return false;
	if (text[slot->length] != '\0' || memchr(text, '\0', slot->length) != NULL)
		return false;
	first = word_bucket1(key.hash, t->domain_mask);
	second = word_bucket2(key.hash, t->domain_mask);
	first_full = t->domains[first].slot[TABLE_WORD_WAYS - 1].length != 0;
	if (at != first && !(at == second && first_full))
		return false;
	found = count_word(&t->domains[first], t, slot);
	if (first_full && second != first)
		found += count_word(&t->domains[second], t, slot);
	return found == 1;
}

static bool domains_good(const struct table *t, uint32_t at)
{
	const struct word_slot *slot = t->domains[at].slot;
	unsigned way = 0;

	while (way < TABLE_WORD_WAYS && (slot[way].length == 0 || domain_good(t, &slot[way], at)))
		way++;
	return way == TABLE_WORD_WAYS;
}

static int check_domains(struct table_check *check)
{
	const struct table *t = check->table;
	const struct words_check words = {.check = check, .buckets = t->domains, .what = "domain",
					  .mask = t->domain_mask, .longest = WORD_DOMAIN_MAX,
					  .n = t->header->n_domains};
	uint32_t at = 0;
	int err = check_buckets(&words);

	while (err == 0 && at <= t->domain_mask && domains_good(t, at))
		at++;
	if (err == 0 && at <= t->domain_mask)
		err = table_refuse(check, "domain bucket %u: a word is twice in the table or where none looks", at);
	return err;
}

// Every name of a tenant bucket leads to its tenant. As there are as many names as tenants, no other is there.
static int check_names_of(struct table_check *check, uint32_t at)
{
	const struct table *t = check->table;
	struct word word[TABLE_WAYS];
	uint32_t tenant[TABLE_WAYS];
	unsigned n = 0;

	for (unsigned way = 0; way < TABLE_WAYS && t->buckets[at].id[way] != 0; way++, n++) {
		const char *name = table_string(t, t->tenant_names[(size_t)at * TABLE_WAYS + way]);

		word[way] = (struct word){.bytes = name, .length = (uint32_t)strnlen(name, WEIR_NAME_MAX + 1)};
	}
	table_find_tenant_names(t, word, n, tenant);
	for (unsigned way = 0; way < n; way++)
		if (tenant[way] != t->buckets[at].id[way])
			return table_refuse(check, "tenant %u: its name does not lead to it", t->buckets[at].id[way]);
	return 0;
}

static int check_names(struct table_check *check)
{
	const struct table *t = check->table;
	const struct words_check words = {.check = check, .buckets = t->names, .what = "name", .mask = t->name_mask,
					  .longest = WEIR_NAME_MAX, .n = t->header->n_tenants};
	int err = check_buckets(&words);

	for (uint64_t at = 0; err == 0 && at <= t->bucket_mask; at++)
		err = check_names_of(check, (uint32_t)at);
	return err;
}

int table_check_words(struct table_check *check)
{
	int err = check_domains(check);

	return err != 0 ? err : check_names(check);
}
