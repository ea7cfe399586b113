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

// The first eight bytes of a string of the table, zeros behind its end. What stands before a string is the table's too,
// so that a short one is read by one load that ends where it does, whatever its length.
static inline uint64_t string_first(const char *string, size_t length)
{
	uint64_t word;

	if (length >= sizeof(word)) {
		memcpy(&word, string, sizeof(word));
		return word;
	}
	memcpy(&word, string + length - sizeof(word), sizeof(word));
	return word >> 8 * (sizeof(word) - length);
}

static inline bool is_word(const struct words *words, const struct word_slot *slot, const struct word_search *search)
{
	const char *string = words->strings + slot->string;
	size_t length = search->length;
	uint64_t difference;

	if (slot->length != length)
		return false;
	difference = search->first ^ string_first(string, length);
	for (size_t i = 1; i * 8 < length; i++)
		difference |= word_part(search->bytes, length, i, words->lower) ^ word_part(string, length, i, false);
	return difference == 0;
}

// A bit for each slot of a bucket that has the tag. They are compared together: which of them it is cannot be foreseen.
static inline uint32_t tagged(const struct word_slot *slot, uint32_t tag)
{
	static_assert(TABLE_WORD_WAYS == 4, "each way is named");
	return (uint32_t)(slot[0].tag == tag) | (uint32_t)(slot[1].tag == tag) << 1 |
	       (uint32_t)(slot[2].tag == tag) << 2 | (uint32_t)(slot[3].tag == tag) << 3;
}

static inline const struct word_slot *find_in(const struct words *words, uint32_t bucket,
					      const struct word_search *search)
{
	const struct word_slot *slot = words->buckets[bucket].slot;

	for (uint32_t ways = tagged(slot, word_tag(search->hash)); ways != 0; ways &= ways - 1) {
		const struct word_slot *found = &slot[__builtin_ctz(ways)];

		if (is_word(words, found, search))
			return found;
	}
	return NULL;
}

static inline void begin(const struct words *words, const void *bytes, size_t length, struct word_search *search)
{
	uint64_t hash;

	*search = (struct word_search){.bytes = bytes, .domain = words->lower};
	if (!length_good(words, length))
		return;
	search->length = (uint32_t)length;
	search->first = word_part(bytes, length, 0, words->lower);
	hash = word_hash_next(word_hash_begin(length), search->first);
	for (size_t i = 1; i * 8 < length; i++)
		hash = word_hash_next(hash, word_part(bytes, length, i, words->lower));
	search->hash = word_hash_end(hash);
	__builtin_prefetch(&words->buckets[word_bucket1(search->hash, words->mask)]);
}

// Fetches the string of the first slot that has the tag, which is mostly the one, or else the second bucket.
static inline void fetch(const struct words *words, struct word_search *search)
{
	const struct word_slot *slot = words->buckets[word_bucket1(search->hash, words->mask)].slot;
	uint32_t ways = tagged(slot, word_tag(search->hash));

	if (ways != 0) {
		search->slot = &slot[__builtin_ctz(ways)];
		__builtin_prefetch(words->strings + search->slot->string);
	} else if (slot[TABLE_WORD_WAYS - 1].length != 0) {
		__builtin_prefetch(&words->buckets[word_bucket2(search->hash, words->mask)]);
	}
}

static inline uint32_t end(const struct words *words, const struct word_search *search)
{
	uint32_t first = word_bucket1(search->hash, words->mask);
	const struct word_slot *slot;

	if (search->length == 0)
		return 0;
	if (search->slot && is_word(words, search->slot, search))
		return search->slot->tenant;
	slot = find_in(words, first, search);
	if (slot == NULL && words->buckets[first].slot[TABLE_WORD_WAYS - 1].length != 0)
		slot = find_in(words, word_bucket2(search->hash, words->mask), search);
	return slot != NULL ? slot->tenant : 0;
}

static inline uint32_t find_word(const struct words *words, const void *bytes, size_t length)
{
	struct word_search search;

	begin(words, bytes, length, &search);
	return end(words, &search);
}

static inline void find_words(const struct words *words, const struct word *word, unsigned n, uint32_t *tenant)
{
	struct word_search search[WORD_BURST];

	for (unsigned i = 0; i < n; i++)
		begin(words, word[i].bytes, word[i].length, &search[i]);
	for (unsigned i = 0; i < n; i++)
		fetch(words, &search[i]);
	for (unsigned i = 0; i < n; i++)
		tenant[i] = end(words, &search[i]);
}

static inline struct words words_of(const struct table *table, bool domain)
{
	return domain ? domains_of(table) : names_of(table);
}

void table_begin_word(const struct table *table, bool domain, const void *bytes, size_t length,
		      struct word_search *search)
{
	const struct words words = words_of(table, domain);

	begin(&words, bytes, length, search);
}

void table_fetch_word(const struct table *table, struct word_search *search)
{
	const struct words words = words_of(table, search->domain);

	fetch(&words, search);
}

uint32_t table_end_word(const struct table *table, const struct word_search *search)
{
	const struct words words = words_of(table, search->domain);

	return end(&words, search);
}

uint32_t table_find_domain(const struct table *table, const void *bytes, size_t length)
{
	const struct words words = domains_of(table);

	return find_word(&words, bytes, length);
}

uint32_t table_find_tenant_name(const struct table *table, const void *bytes, size_t length)
{
	const struct words words = names_of(table);

	return find_word(&words, bytes, length);
}

void table_find_domains(const struct table *table, const struct word *word, unsigned n, uint32_t *tenant)
{
	const struct words words = domains_of(table);

	find_words(&words, word, n, tenant);
}

void table_find_tenant_names(const struct table *table, const struct word *word, unsigned n, uint32_t *tenant)
{
	const struct words words = names_of(table);

	find_words(&words, word, n, tenant);
}
