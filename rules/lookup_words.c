// SPDX-License-Identifier: BSD-3-Clause
//
// Tenants by domain and by name. table_open has checked every slot, so nothing of the table is checked here. A burst
// takes one step of every look-up before the next step of any: hash, bucket, string.

#include "rules/lookup_words.h"

struct words { // one of the two sections
	const struct word_bucket *buckets;
	const char *strings;
	uint32_t mask;
	uint32_t longest;
	bool lower;
};

static inline struct words domains_of(const struct table *table)
{
	return (struct words){.buckets = table->domains, .strings = table->strings, .mask = table->domain_mask,
			      .longest = WORD_DOMAIN_MAX, .lower = true};
}

static inline struct words names_of(const struct table *table)
{
	return (struct words){.buckets = table->names, .strings = table->strings, .mask = table->name_mask,
			      .longest = WEIR_NAME_MAX};
}

static inline bool length_good(const struct words *words, size_t length)
{
	return length != 0 && length <= words->longest;
}

static inline const struct word_slot *find_in(const struct words *words, uint32_t bucket, const struct word_key *key)
{
	const struct word_slot *slot = words->buckets[bucket].slot;
	uint32_t tag = word_tag(key->hash);

	for (unsigned way = 0; way < TABLE_WORD_WAYS; way++, slot++)
		if (slot->tag == tag && slot->length == key->length &&
		    memcmp(words->strings + slot->string, key->word, key->length) == 0)
			return slot;
	return NULL;
}

static inline uint32_t find_key(const struct words *words, const struct word_key *key)
{
	uint32_t first = word_bucket1(key->hash, words->mask);
	const struct word_slot *slot = find_in(words, first, key);

	if (slot == NULL && words->buckets[first].slot[TABLE_WORD_WAYS - 1].length != 0)
		slot = find_in(words, word_bucket2(key->hash, words->mask), key);
	return slot != NULL ? slot->tenant : 0;
}

static inline uint32_t find_word(const struct words *words, const void *bytes, size_t length)
{
	struct word_key key;

	if (!length_good(words, length))
		return 0;
	word_key_init(&key, bytes, length, words->lower);
	return find_key(words, &key);
}

// Fetches the string of each slot that has the tag; there is mostly one or none.
static inline void fetch_strings(const struct words *words, uint64_t hash)
{
	const struct word_slot *slot = words->buckets[word_bucket1(hash, words->mask)].slot;
	uint32_t tag = word_tag(hash);

	for (unsigned way = 0; way < TABLE_WORD_WAYS; way++)
		if (slot[way].tag == tag)
			__builtin_prefetch(words->strings + slot[way].string);
	if (slot[TABLE_WORD_WAYS - 1].length != 0)
		__builtin_prefetch(&words->buckets[word_bucket2(hash, words->mask)]);
}

static inline void find_words(const struct words *words, const struct word *word, unsigned n, uint32_t *tenant)
{
	uint64_t hash[WORD_BURST];
	struct word_key key;

	for (unsigned i = 0; i < n; i++) {
		hash[i] = 0;
		if (!length_good(words, word[i].length))
			continue;
		word_key_init(&key, word[i].bytes, word[i].length, words->lower);
		hash[i] = key.hash;
		__builtin_prefetch(&words->buckets[word_bucket1(key.hash, words->mask)]);
	}
	for (unsigned i = 0; i < n; i++)
		fetch_strings(words, hash[i]);
	for (unsigned i = 0; i < n; i++)
		tenant[i] = find_word(words, word[i].bytes, word[i].length);
}

uint32_t table_find_domain(const struct table *table, const void *bytes, size_t length)
{
	struct words words = domains_of(table);

	return find_word(&words, bytes, length);
}

uint32_t table_find_tenant_name(const struct table *table, const void *bytes, size_t length)
{
	struct words words = names_of(table);

	return find_word(&words, bytes, length);
}

void table_find_domains(const struct table *table, const struct word *word, unsigned n, uint32_t *tenant)
{
	struct words words = domains_of(table);

	find_words(&words, word, n, tenant);
}

void table_find_tenant_names(const struct table *table, const struct word *word, unsigned n, uint32_t *tenant)
{
	struct words words = names_of(table);

	find_words(&words, word, n, tenant);
}
